package uplink

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

// Record is a part of the book's state under its key, which has at most 80 octets; those of session.Ring are part of
// it. Keep values as secrets. Each is DER with universal tags; without a type it is an OCTET STRING:
//
//	gateway/HASH  SEQUENCE { INTEGER 1, own node id, address, certificate, SEQUENCE OF OCTET STRING ours }
//	issuer/HASH   SEQUENCE { INTEGER 1, own node id, certificate }
//	key/ID        of session.Ring
//	peer/ID       of session.Ring
//
// HASH is the first half of the SHA-256 of the address, or of the certificate, in hex.
type Record = session.Record

// Skipped is a record that Load left out.
type Skipped = session.Skipped

const (
	recordVersion = 1

	gatewayPrefix = "gateway/"
	issuerPrefix  = "issuer/"
)

// Load reads the records of an empty book, in any order. Damaged ones, those of another identity key and those of
// newer versions of the program are left out and told; they stay in the store.
func (b *Book) Load(records []Record) []Skipped {
	skipped := b.ring.Load(records)
	for _, r := range records {
		var err error
		switch kind, _, _ := strings.Cut(r.Key, "/"); kind + "/" {
		case gatewayPrefix:
			err = b.loadGateway(r)
		case issuerPrefix:
			err = b.loadIssuer(r)
		}
		if err != nil {
			skipped = append(skipped, Skipped{Key: r.Key, Err: fmt.Errorf("uplink: stored %s cannot be read: %w", r.Key, err)})
		}
	}
	return skipped
}

func gatewayKey(address string) string { return gatewayPrefix + hash([]byte(address)) }

func issuerKey(c *pki.Certificate) string { return issuerPrefix + hash(c.Raw()) }

func hash(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:16])
}

func (b *Book) gatewayRecord(g *gateway) Record {
	var ours ber.Pieces
	for _, c := range g.ours {
		ours = append(ours, octets(c.Raw())...)
	}
	return Record{Key: gatewayKey(g.address), Value: b.record(octets([]byte(g.address)), octets(g.certificate.Raw()), ber.Encode(0x30, ours))}
}

func (b *Book) issuerRecord(c *pki.Certificate) Record {
	return Record{Key: issuerKey(c), Value: b.record(octets(c.Raw()))}
}

func (b *Book) record(parts ...ber.Pieces) []byte {
	head := []ber.Pieces{ber.Bytes(0x02, []byte{recordVersion}), octets([]byte(b.id))}
	return ber.Encode(0x30, append(head, parts...)...).Join()
}

func octets(v []byte) ber.Pieces { return ber.Bytes(0x04, v) }

func (b *Book) loadGateway(rec Record) error {
	r, err := b.enter(rec.Value)
	if err != nil {
		return err
	}
	g := &gateway{address: string(r.Take(ber.OctetString).Content)}
	g.certificate, err = takeCertificate(r)
	list := r.Enter(ber.Sequence)
	for !list.Empty() && err == nil {
		var c *pki.Certificate
		c, err = takeCertificate(list)
		g.ours = append(g.ours, c)
	}
	if err := errors.Join(err, r.End(), list.End()); err != nil {
		return err
	}
	if rec.Key != gatewayKey(g.address) || len(g.ours) == 0 {
		return errors.New("it is under the key of another, or without a certificate")
	}
	b.gateways[g.address] = g
	return nil
}

func (b *Book) loadIssuer(rec Record) error {
	r, err := b.enter(rec.Value)
	if err != nil {
		return err
	}
	c, err := takeCertificate(r)
	if err := errors.Join(err, r.End()); err != nil {
		return err
	}
	if rec.Key != issuerKey(c) || c.ID != b.id {
		return errors.New("it is under the key of another")
	}
	b.addIssuer(c)
	return nil
}

// addIssuer keeps the list of issuers in order: who ends last comes first.
func (b *Book) addIssuer(c *pki.Certificate) {
	b.issuers = append(b.issuers, c)
	slices.SortStableFunc(b.issuers, func(x, y *pki.Certificate) int { return y.X509.NotAfter.Compare(x.X509.NotAfter) })
}

// enter reads the version and whose the record is.
func (b *Book) enter(value []byte) (*ber.Reader, error) {
	doc, err := ber.Parse(value)
	if err != nil {
		return nil, err
	}
	r := doc.Reader()
	version, err := r.Take(ber.Integer).Uint()
	if err != nil {
		return nil, err
	}
	if version != recordVersion {
		return nil, fmt.Errorf("it has version %d; this program reads %d: update the program", version, recordVersion)
	}
	if own := r.Take(ber.OctetString).Content; string(own) != string(b.id) {
		return nil, fmt.Errorf("it belongs to gateway %.65q, this is %s", own, b.id)
	}
	return r, nil
}

func takeCertificate(r *ber.Reader) (*pki.Certificate, error) {
	b := r.Take(ber.OctetString).Content
	if r.Err() != nil {
		return nil, r.Err()
	}
	return pki.Parse(b)
}
