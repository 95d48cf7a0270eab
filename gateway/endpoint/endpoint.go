// Package endpoint is an Awala endpoint in Go: keys, contacts, sealing and opening
// parcels. The gateway's built-in endpoint and the CLI are built on it. Pure: the
// caller keeps the state and persists it before it sends. Not safe for concurrent use.
//
// The order of things, from nothing to an answer:
//
//	we                                   they
//	New, certificate from our gateway    the same
//	PublicCard          -- card -->      Authorise(card)
//	ParseContact, AddContact  <-- connection parameters --
//	Seal                -- parcel -->    Open
//
// and the same the other way round for the answer. Session keys change with every parcel: each one
// carries the key that the answer shall be sealed to.
package endpoint

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

// Endpoint is one endpoint's state. Marshal and Unmarshal keep all of it but Key, which belongs
// into a secret of its own; what Marshal writes holds session keys, so it is secret too.
type Endpoint struct {
	Key         crypto.Signer      // RSA identity key
	Certificate *pki.Certificate   // issued by its gateway
	Chain       []*pki.Certificate // gateway (and domain) certificates above it
	Sessions    []StoredKey        // own private session keys, newest last
	Contacts    []Contact
}

// StoredKey is a private session key bound to a peer, or unbound (Peer empty).
type StoredKey struct {
	session.PrivateKey
	Peer   pki.NodeID
	number uint64 // rises from key to key
}

// Contact is all a sender needs to write to someone: RS-000's connection parameters and
// the delivery authorisation.
type Contact struct {
	Name            string // local, what `packhorse send NAME` looks up
	ID              pki.NodeID
	SPKI            []byte
	InternetAddress string
	PDA             *pki.Certificate // subject: our key; nil until they authorised us
	Chain           []*pki.Certificate
	Session         session.PublicKey
	number          uint64    // rises from contact to contact
	SessionAt       time.Time // creation date of the message it came with; zero: from the parameters
}

// MaxContacts bounds the contacts of one endpoint.
const MaxContacts = 1024

// New makes an endpoint with a fresh RSA-2048 key and one unbound session key; certificate
// comes later. Session keys come from rand, the RSA key from the system's own source.
func New(rand io.Reader) (*Endpoint, error) {
	key, err := rsa.GenerateKey(rand, pki.MinKeyBits)
	if err != nil {
		return nil, fmt.Errorf("endpoint: making an identity key: %w", err)
	}
	return FromKey(key, rand)
}

// FromKey makes an endpoint of an identity key that exists.
func FromKey(key crypto.Signer, rand io.Reader) (*Endpoint, error) {
	if _, err := pki.EncodeSPKI(key.Public()); err != nil {
		return nil, err
	}
	k, err := session.NewKey(rand)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{Key: key}
	e.addSession(StoredKey{PrivateKey: k})
	return e, nil
}

// Card is what someone needs to authorise an endpoint.
type Card struct {
	ID   pki.NodeID
	SPKI []byte // DER SubjectPublicKeyInfo; the id follows from it
}

// PublicCard is our card.
func (e *Endpoint) PublicCard() Card {
	if e.Key == nil {
		return Card{}
	}
	spki, err := pki.EncodeSPKI(e.Key.Public())
	if err != nil {
		return Card{}
	}
	return Card{ID: pki.IDOf(spki), SPKI: spki}
}

// ID is the endpoint's address. It is empty without a usable key.
func (e *Endpoint) ID() pki.NodeID { return e.PublicCard().ID }

// Contact finds a contact by id.
func (e *Endpoint) Contact(id pki.NodeID) (Contact, bool) {
	if c := e.contact(id); c != nil {
		return *c, true
	}
	return Contact{}, false
}

func (e *Endpoint) contact(id pki.NodeID) *Contact {
	for i := range e.Contacts {
		if e.Contacts[i].ID == id {
			return &e.Contacts[i]
		}
	}
	return nil
}

// AddContact adds or replaces by id. The name must be free, the authorisation must be for our key.
// The session key of a contact that is replaced changes too, and still only a later message changes it again.
func (e *Endpoint) AddContact(c Contact) error {
	if pki.IDOf(c.SPKI) != c.ID {
		return errors.New("endpoint: the contact's id is not that of its key")
	}
	if c.PDA != nil && c.PDA.ID != e.ID() {
		return fmt.Errorf("endpoint: %q authorises another endpoint (%s), not this one; export it for our card", c.Name, c.PDA.ID)
	}
	for i := range e.Contacts {
		if have := &e.Contacts[i]; have.Name == c.Name && have.ID != c.ID {
			return fmt.Errorf("endpoint: there is another contact named %q; choose another name", c.Name)
		}
	}
	if have := e.contact(c.ID); have != nil {
		if have.SessionAt.After(c.SessionAt) {
			c.SessionAt = have.SessionAt
		}
		c.number = have.number
		*have = c
		return nil
	}
	if len(e.Contacts) >= MaxContacts {
		return fmt.Errorf("endpoint: there are %d contacts, no room for more", MaxContacts)
	}
	e.addContact(c)
	return nil
}

// addContact puts a contact last.
func (e *Endpoint) addContact(c Contact) {
	c.number = 1
	if n := len(e.Contacts); n > 0 {
		c.number = e.Contacts[n-1].number + 1
	}
	e.Contacts = append(e.Contacts, c)
}
