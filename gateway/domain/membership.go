package domain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// Membership is what admission gives a gateway.
type Membership struct {
	Domain Info
	Record Record
	Cert   *pki.Certificate // gateway certificate issued by the domain: cA, pathLen 1, 30 days
}

const membershipVersion = 1

// Admit issues the membership for a verified request: record and certificate are valid from 90 minutes before
// now for 30 days. A gateway that was revoked is admitted anew: its old records stay refused.
func (o *Owner) Admit(r JoinRequest, now time.Time, rand io.Reader) (*Membership, error) {
	if err := CheckName(r.Name); err != nil {
		return nil, err
	}
	key, err := pki.ParseSPKI(r.RSA)
	if err != nil {
		return nil, err
	}
	from, until := now.Add(-backdate), now.Add(gatewayDays*24*time.Hour)
	cert, err := pki.Issue(pki.Template{
		Subject: key, Issuer: o.Cert, IssuerKey: o.RSA, CA: true, PathLen: 1, Rand: rand,
		NotBefore: from, NotAfter: until,
	})
	if err != nil {
		return nil, err
	}
	rec := o.signRecord(Record{
		ID: r.ID(), Static: r.Static, RSAHash: sha256.Sum256(r.RSA), Name: r.Name,
		Epoch: o.CurrentEpoch(), NotBefore: from, NotAfter: until,
	})
	return &Membership{Domain: o.Info(), Record: rec, Cert: cert}, nil
}

// Renew issues the membership anew for a gateway that still is a member: old is its record as the owner
// parsed it, at any age, r its fresh request. Name and static key may change; the Ed25519 and the RSA key may
// not. The answer holds the newest pre-shared key: send it only inside a session with that gateway.
func (o *Owner) Renew(old Record, r JoinRequest, now time.Time, rand io.Reader) (*Membership, error) {
	if r.ID() != old.ID || sha256.Sum256(r.RSA) != old.RSAHash {
		return nil, errors.New("domain: the request names other keys than the record: pair the gateway again")
	}
	if revoked(o.Revoked, old) {
		return nil, ErrRevoked
	}
	return o.Admit(r, now, rand)
}

// Link is what this membership gives to a link core.
func (m *Membership) Link() link.Domain {
	return link.Domain{ID: m.Domain.ID, Epoch: m.Domain.Epoch, Key: m.Domain.Key, Record: m.Record.Raw}
}

// Marshal keeps it. It holds the pre-shared key: a secret.
//
//	  1  version, 1
//	  i  the domain: see Info.appendTo
//	1+r  record
//	2+c  gateway certificate
func (m *Membership) Marshal() []byte {
	b := append8(m.Domain.appendTo([]byte{membershipVersion}), m.Record.Raw)
	return append16(b, m.Cert.Raw())
}

// UnmarshalMembership reads Marshal and verifies that everything in it belongs together: the domain's keys,
// the record and the certificate under them. Dates are judged by the caller.
func UnmarshalMembership(b []byte) (*Membership, error) {
	r := &reader{b: b}
	if v := r.u8(); v != membershipVersion && !r.bad {
		return nil, fmt.Errorf("domain: the membership has version %d, this program reads %d: update the older side", v, membershipVersion)
	}
	d, err := readInfo(r)
	if err != nil {
		return nil, fmt.Errorf("domain: the membership's domain: %w", err)
	}
	m := &Membership{Domain: d}
	rec, der := r.bytes8(), append([]byte(nil), r.bytes16()...)
	if r.done() != nil {
		return nil, errors.New("domain: malformed membership: pair again")
	}
	if m.Record, err = ParseRecord(rec, d); err != nil {
		return nil, err
	}
	if m.Cert, err = pki.Parse(der); err != nil {
		return nil, err
	}
	return m, m.verifyCert()
}

func (m *Membership) verifyCert() error {
	if sha256.Sum256(m.Cert.SPKI()) != m.Record.RSAHash {
		return errors.New("domain: the membership's certificate is for another key than its record: pair again")
	}
	return m.Cert.IssuedBy(m.Domain.Cert)
}

// Fits says whether the membership is that of this identity.
func (m *Membership) Fits(i *Identity) bool {
	return m.Record.ID == i.ID() && m.Record.Static == i.StaticPublic() && i.RSA.PublicKey.Equal(m.Cert.Key())
}

// String names gateway and domain and hides the pre-shared key.
func (m *Membership) String() string {
	if m == nil {
		return "no membership"
	}
	return "membership of " + m.Record.Name + " in " + m.Domain.String()
}

// Format hides the pre-shared key from every verb of fmt.
func (m *Membership) Format(f fmt.State, _ rune) { io.WriteString(f, m.String()) }
