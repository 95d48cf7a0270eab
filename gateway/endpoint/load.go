package endpoint

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdh"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

// ErrNewer says that a record was written by a newer version of the program: it must stay as it is.
var ErrNewer = errors.New("a newer version of the program wrote it: update the program")

// unknown is the error of a version that is not read here.
func unknown(v, newest uint64) error {
	if v > newest {
		return ErrNewer
	}
	return fmt.Errorf("unknown version; want %d", newest)
}

// Skipped is a record that Unmarshal left out.
type Skipped struct {
	Key string
	Err error
}

// Unmarshal reads what Marshal wrote, also in version 1. key is the identity key that was kept apart; it must be the
// one of the certificate, if there is a certificate. The endpoint refers to the values. A damaged part is left
// out and told in skipped; without a sound state, or with another key, there is no endpoint.
func Unmarshal(records []Record, key crypto.Signer) (e *Endpoint, skipped []Skipped, err error) {
	e = &Endpoint{Key: key}
	channels := map[pki.NodeID]Contact{}
	at := slices.IndexFunc(records, func(r Record) bool { return r.Key == stateKey })
	if at < 0 {
		return nil, nil, errors.New("endpoint: stored state is damaged: it has no head")
	}
	whole, err := e.readState(records[at].Value)
	if err != nil {
		return nil, nil, fmt.Errorf("endpoint: stored state cannot be read: %w", err)
	}
	if whole {
		records = nil
	}
	for _, r := range records {
		if err := e.readPart(r, channels); err != nil {
			skipped = append(skipped, Skipped{r.Key, fmt.Errorf("endpoint: stored %s cannot be read: %w", r.Key, err)})
		}
	}
	e.arrange(channels)
	if e.Certificate != nil && e.Certificate.ID != e.ID() {
		return nil, nil, fmt.Errorf("endpoint: the identity key is that of %s, the stored certificate that of %s", e.ID(), e.Certificate.ID)
	}
	return e, skipped, nil
}

// arrange puts things in the order in which they came, and channels to their contacts.
func (e *Endpoint) arrange(channels map[pki.NodeID]Contact) {
	slices.SortStableFunc(e.Sessions, func(a, b StoredKey) int { return cmp.Compare(a.number, b.number) })
	slices.SortStableFunc(e.Contacts, func(a, b Contact) int { return cmp.Compare(a.number, b.number) })
	for i := range e.Contacts {
		if ch, ok := channels[e.Contacts[i].ID]; ok {
			e.Contacts[i].Session, e.Contacts[i].SessionAt = ch.Session, ch.SessionAt
		}
	}
}

// readState tells whether it was of version 1, which has it all.
func (e *Endpoint) readState(b []byte) (whole bool, err error) {
	doc, err := ber.Parse(b)
	if err != nil {
		return false, err
	}
	r, s := doc.Reader(), state{}
	v := s.version(r)
	if s.err == nil && v != stateVersion && v != wholeVersion {
		return false, unknown(v, stateVersion)
	}
	e.Certificate = s.certificate(r)
	e.Chain = s.chain(r)
	if v == stateVersion {
		return false, errors.Join(s.err, r.End())
	}
	return true, e.readWhole(r, &s)
}

// readWhole reads what version 1 holds besides the certificates.
func (e *Endpoint) readWhole(r *ber.Reader, s *state) error {
	sessions, contacts := r.Enter(ber.Sequence), r.Enter(ber.Sequence)
	for !sessions.Empty() && s.err == nil {
		in := sessions.Enter(ber.Sequence)
		e.addSession(s.session(in))
		s.keep(in.End())
	}
	for !contacts.Empty() && s.err == nil {
		in := contacts.Enter(ber.Sequence)
		c := s.contact(in)
		s.channel(in, &c)
		s.keep(in.End())
		e.addContact(c)
	}
	return errors.Join(s.err, r.End(), sessions.End(), contacts.End())
}

// readPart reads a record other than that of the state.
func (e *Endpoint) readPart(rec Record, channels map[pki.NodeID]Contact) error {
	kind, id, _ := strings.Cut(rec.Key, "/")
	if rec.Key == stateKey {
		return nil
	}
	doc, err := ber.Parse(rec.Value)
	if err != nil {
		return err
	}
	r, s := doc.Reader(), state{}
	if v := s.version(r); s.err == nil && v != partVersion {
		return unknown(v, partVersion)
	}
	switch kind + "/" {
	case sessionPrefix:
		n, k := s.number(r), s.session(r)
		if k.number = n; s.end(r, hex.EncodeToString(k.ID) == id) {
			e.Sessions = append(e.Sessions, k)
		}
	case contactPrefix:
		n, c := s.number(r), s.contact(r)
		if c.number = n; s.end(r, string(c.ID) == id) {
			e.Contacts = append(e.Contacts, c)
		}
	case channelPrefix:
		var c Contact
		if s.channel(r, &c); s.end(r, true) {
			channels[pki.NodeID(id)] = c
		}
	default:
		return errors.New("it is of no kind that we know")
	}
	return s.err
}

// state reads the parts and keeps the first error.
type state struct{ err error }

func (s *state) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// end tells whether all was well. A record under a key that is not its own is not.
func (s *state) end(r *ber.Reader, own bool) bool {
	if s.keep(r.End()); !own {
		s.keep(errors.New("it is under the key of another"))
	}
	return s.err == nil
}

func (s *state) version(r *ber.Reader) uint64 {
	v, err := r.Take(ber.Integer).Uint()
	if r.Err() == nil {
		s.keep(err)
	}
	return uint64(v)
}

func (s *state) octets(r *ber.Reader) []byte { return r.Take(ber.OctetString).Content }

func (s *state) number(r *ber.Reader) uint64 {
	b := s.octets(r)
	if len(b) != 8 {
		s.keep(errors.New("a number has not 8 octets"))
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

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
	k, err := ecdh.P256().NewPrivateKey(bytes.Clone(scalar))
	s.keep(err)
	return StoredKey{PrivateKey: session.PrivateKey{ID: id, Key: k}, Peer: pki.NodeID(peer)}
}

func (s *state) contact(r *ber.Reader) Contact {
	c := Contact{Name: string(s.octets(r)), SPKI: s.octets(r), InternetAddress: string(s.octets(r))}
	c.PDA, c.Chain = s.certificate(r), s.chain(r)
	c.ID = pki.IDOf(c.SPKI)
	return c
}

func (s *state) channel(r *ber.Reader, c *Contact) {
	id, key, date := s.octets(r), s.octets(r), s.octets(r)
	c.Session.ID = id
	if len(key) > 0 {
		var err error
		c.Session.Key, err = session.ParsePublicKey(key)
		s.keep(err)
	}
	if len(date) == 8 {
		c.SessionAt = time.Unix(int64(binary.BigEndian.Uint64(date)), 0).UTC()
	}
}
