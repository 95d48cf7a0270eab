package endpoint

import (
	"errors"
	"fmt"
	"io"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/gateway/session"
)

// Seal makes a parcel for a contact: service message type and content, encrypted and signed. The
// endpoint's state has changed: persist it before the parcel leaves. On an error nothing has changed.
func (e *Endpoint) Seal(to pki.NodeID, id, typ string, content []byte, created time.Time, ttl time.Duration, rand io.Reader) ([]byte, error) {
	c := e.contact(to)
	if c == nil {
		return nil, fmt.Errorf("endpoint: %s is not a contact; add it first", to)
	}
	if c.PDA == nil || c.Session.Key == nil {
		return nil, fmt.Errorf("endpoint: %q has not authorised us yet; give them our card and add what they export", c.Name)
	}
	plain, err := encodeService(typ, content)
	if err != nil {
		return nil, err
	}
	payload, fresh, err := session.Seal(plain, c.Session, rand)
	if err != nil {
		return nil, err
	}
	b, err := ramf.Sign(&ramf.Message{
		Type: ramf.Parcel, Recipient: c.ID, InternetAddress: c.InternetAddress, ID: id,
		Created: created, TTL: ttl, Payload: payload, Sender: c.PDA, Chain: c.Chain,
	}, e.Key, rand)
	if err != nil {
		return nil, err
	}
	e.keepSession(fresh, c.ID)
	return b, nil
}

// Opened is a parcel's content.
type Opened struct {
	Sender  pki.NodeID
	ID      string
	Type    string
	Content []byte
	Created time.Time
}

// Open decrypts a parcel for us; state changes (the peer's new session key): persist it. The
// parcel must be signed by someone whom we authorised; its dates were the gateway's to judge.
func (e *Endpoint) Open(parcel []byte) (Opened, error) {
	if e.Certificate == nil {
		return Opened{}, errors.New("endpoint: not registered with a gateway, nobody can be authorised to write")
	}
	m, err := ramf.Parse(parcel)
	if err != nil {
		return Opened{}, err
	}
	if m.Type != ramf.Parcel || m.Recipient != e.ID() {
		return Opened{}, fmt.Errorf("endpoint: this is a %v for %.80s, not a parcel for us", m.Type, m.Recipient)
	}
	if _, err := m.Check([]*pki.Certificate{e.Certificate}, time.Time{}, pki.ClockNone); err != nil {
		return Opened{}, err
	}
	keyID, err := session.RecipientKeyID(m.Payload)
	if err != nil {
		return Opened{}, err
	}
	key, err := e.session(keyID, m.Sender.ID)
	if err != nil {
		return Opened{}, err
	}
	plain, peer, err := session.Open(m.Payload, key)
	if err != nil {
		return Opened{}, err
	}
	typ, content, err := parseService(plain)
	if err != nil {
		return Opened{}, err
	}
	e.learnSession(m.Sender.ID, peer, m.Created)
	return Opened{Sender: m.Sender.ID, ID: m.ID, Type: typ, Content: content, Created: m.Created}, nil
}

// learnSession takes the peer's new key, unless a later message brought one before.
func (e *Endpoint) learnSession(from pki.NodeID, k session.PublicKey, created time.Time) {
	if c := e.contact(from); c != nil && created.After(c.SessionAt) {
		c.Session, c.SessionAt = k, created
	}
}
