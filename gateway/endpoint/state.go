package endpoint

import (
	"crypto"
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

// stateVersion is the version of what Marshal writes, in DER with universal tags:
//
//	SEQUENCE {
//	    INTEGER 1,
//	    OCTET STRING certificate, empty without one,
//	    SEQUENCE OF Certificate chain,
//	    SEQUENCE OF SEQUENCE { id, scalar, peer },
//	    SEQUENCE OF SEQUENCE { name, SPKI, address, PDA, SEQUENCE OF Certificate, session id, session SPKI, date } }
//
// Everything without a type is an OCTET STRING; the date is Unix seconds in 8 octets, or empty.
const stateVersion = 1

// Marshal encodes the state without the identity key, in a versioned format. It holds the session
// keys: keep it as a secret.
func (e *Endpoint) Marshal() ([]byte, error) {
	var sessions, contacts []ber.Pieces
	for _, k := range e.Sessions {
		sessions = append(sessions, ber.Encode(0x30, octets(k.ID), octets(k.Key.Bytes()), octets([]byte(k.Peer))))
	}
	for i := range e.Contacts {
		contacts = append(contacts, e.Contacts[i].encode())
	}
	return ber.Encode(0x30,
		ber.Bytes(0x02, []byte{stateVersion}),
		encodeCertificate(e.Certificate),
		encodeChain(e.Chain),
		ber.Encode(0x30, sessions...),
		ber.Encode(0x30, contacts...),
	).Join(), nil
}

func octets(b []byte) ber.Pieces { return ber.Bytes(0x04, b) }

func encodeCertificate(c *pki.Certificate) ber.Pieces {
	if c == nil {
		return octets(nil)
	}
	return octets(c.Raw())
}

func encodeChain(chain []*pki.Certificate) ber.Pieces {
	var list ber.Pieces
	for _, c := range chain {
		list = append(list, c.Raw())
	}
	return ber.Encode(0x30, list)
}

func (c *Contact) encode() ber.Pieces {
	var key, date []byte
	if c.Session.Key != nil {
		key = session.EncodePublicKey(c.Session.Key)
	}
	if !c.SessionAt.IsZero() {
		date = binary.BigEndian.AppendUint64(nil, uint64(c.SessionAt.Unix()))
	}
	return ber.Encode(0x30, octets([]byte(c.Name)), octets(c.SPKI), octets([]byte(c.InternetAddress)),
		encodeCertificate(c.PDA), encodeChain(c.Chain), octets(c.Session.ID), octets(key), octets(date))
}

// Unmarshal reads Marshal. key is the identity key that was kept apart; it must be the one of the
// certificate, if there is a certificate. The endpoint refers to b.
func Unmarshal(b []byte, key crypto.Signer) (*Endpoint, error) {
	e := &Endpoint{Key: key}
	if err := e.unmarshal(b); err != nil {
		return nil, fmt.Errorf("endpoint: stored state is damaged: %w", err)
	}
	if e.Certificate != nil && e.Certificate.ID != e.ID() {
		return nil, fmt.Errorf("endpoint: the identity key is that of %s, the stored certificate that of %s", e.ID(), e.Certificate.ID)
	}
	return e, nil
}

func (e *Endpoint) unmarshal(b []byte) error {
	doc, err := ber.Parse(b)
	if err != nil {
		return err
	}
	r := doc.Reader()
	if v, err := r.Take(ber.Integer).Uint(); r.Err() == nil && (err != nil || v != stateVersion) {
		return fmt.Errorf("unknown version; want %d", stateVersion)
	}
	s := state{}
	e.Certificate = s.certificate(r)
	e.Chain = s.chain(r)
	sessions, contacts := r.Enter(ber.Sequence), r.Enter(ber.Sequence)
	for !sessions.Empty() && s.err == nil {
		e.Sessions = append(e.Sessions, s.session(sessions.Enter(ber.Sequence)))
	}
	for !contacts.Empty() && s.err == nil {
		e.Contacts = append(e.Contacts, s.contact(contacts.Enter(ber.Sequence)))
	}
	return errors.Join(s.err, r.End(), sessions.End(), contacts.End())
}

// state reads the parts and keeps the first error.
type state struct{ err error }

func (s *state) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *state) octets(r *ber.Reader) []byte { return r.Take(ber.OctetString).Content }

func (s *state) certificate(r *ber.Reader) *pki.Certificate {
	b := s.octets(r)
	if len(b) == 0 {
		return nil
	}
	c, err := pki.Parse(b)
	s.keep(err)
	return c
}

func (s *state) chain(r *ber.Reader) []*pki.Certificate {
	var chain []*pki.Certificate
	list := r.Enter(ber.Sequence)
	for !list.Empty() {
		c, err := pki.Parse(list.Take(ber.Sequence).Raw)
		s.keep(err)
		chain = append(chain, c)
	}
	s.keep(list.End())
	return chain
}

func (s *state) session(r *ber.Reader) StoredKey {
	id, scalar, peer := s.octets(r), s.octets(r), s.octets(r)
	s.keep(r.End())
	k, err := ecdh.P256().NewPrivateKey(scalar)
	s.keep(err)
	return StoredKey{PrivateKey: session.PrivateKey{ID: id, Key: k}, Peer: pki.NodeID(peer)}
}

func (s *state) contact(r *ber.Reader) Contact {
	c := Contact{Name: string(s.octets(r)), SPKI: s.octets(r), InternetAddress: string(s.octets(r))}
	c.PDA, c.Chain = s.certificate(r), s.chain(r)
	id, key, date := s.octets(r), s.octets(r), s.octets(r)
	s.keep(r.End())
	c.ID, c.Session.ID = pki.IDOf(c.SPKI), id
	if len(key) > 0 {
		var err error
		c.Session.Key, err = session.ParsePublicKey(key)
		s.keep(err)
	}
	if len(date) == 8 {
		c.SessionAt = time.Unix(int64(binary.BigEndian.Uint64(date)), 0).UTC()
	}
	return c
}
