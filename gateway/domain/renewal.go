package domain

import (
	"errors"
	"time"

	"packhorse/gateway/pki"
)

const (
	renewalVersion = 1
	// RenewBefore is how long before the end of a record it is time to have it renewed.
	RenewBefore = 10 * 24 * time.Hour
)

// Due tells that a record should be renewed by now, or is past its end.
func (r Record) Due(now time.Time) bool { return !now.Before(r.NotAfter.Add(-RenewBefore)) }

// Renewal is what changes of a membership when the owner renews it. It is no secret. On the air:
//
//	 1  version, 1
//	1+r membership record
//	2+c gateway certificate (DER)
func (m *Membership) Renewal() []byte {
	return append16(append8([]byte{renewalVersion}, m.Record.Raw), m.Cert.Raw())
}

// Renewed is this membership with the record and the certificate of a renewal, verified. They must be the same
// gateway's, and the record must be later than ours. Dates are judged by the caller.
func (m *Membership) Renewed(raw []byte) (*Membership, error) {
	r := &reader{b: append([]byte(nil), raw...)}
	version := r.u8()
	rec, der := r.bytes8(), r.bytes16()
	if r.done() != nil || version != renewalVersion {
		return nil, errors.New("domain: malformed renewal")
	}
	n := &Membership{Domain: m.Domain}
	var err error
	if n.Record, err = ParseRecord(rec, m.Domain); err != nil {
		return nil, err
	}
	if n.Cert, err = pki.Parse(der); err != nil {
		return nil, err
	}
	if n.Record.ID != m.Record.ID || n.Record.RSAHash != m.Record.RSAHash || n.Record.Static != m.Record.Static || n.Record.Name != m.Record.Name {
		return nil, errors.New("domain: the renewal is for another gateway")
	}
	if !n.Record.newerThan(m.Record) {
		return nil, errors.New("domain: the renewal is not later than what we have")
	}
	return n, n.verifyCert()
}
