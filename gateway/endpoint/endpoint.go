// Package endpoint is an Awala endpoint in Go: keys, contacts, sealing and opening
// parcels. The gateway's built-in endpoint and the CLI are built on it. Pure: the
// caller keeps the state and persists it before it sends.
package endpoint

import (
	"crypto"
	"io"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

// Endpoint is one endpoint's state. Marshal/Unmarshal keep it; it holds secrets.
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
	Peer pki.NodeID
}

// Contact is all a sender needs to write to someone: RS-000's connection parameters and
// the delivery authorisation. Encoded it is PrivateEndpointConnParams (awala-wire).
type Contact struct {
	Name            string // local, what `packhorse send NAME` looks up
	ID              pki.NodeID
	SPKI            []byte
	InternetAddress string
	PDA             *pki.Certificate // subject: our key; nil until they authorised us
	Chain           []*pki.Certificate
	Session         session.PublicKey
	SessionAt       time.Time // creation date of the message it came with
}

// New makes an endpoint with a fresh RSA-2048 key and one unbound session key; certificate comes later.
func New(rand io.Reader) (*Endpoint, error) { panic("endpoint: not built yet") }

// ID is the endpoint's address.
func (e *Endpoint) ID() pki.NodeID { panic("endpoint: not built yet") }

// Authorise issues a PDA to a sender's public key (DER SPKI) and returns the connection
// parameters to hand over, with a session key bound to that sender.
func (e *Endpoint) Authorise(senderSPKI []byte, internetAddress string, from, until time.Time, rand io.Reader) ([]byte, error) {
	panic("endpoint: not built yet")
}

// ParseContact reads the octets of Authorise.
func ParseContact(name string, b []byte) (Contact, error) { panic("endpoint: not built yet") }

// AddContact adds or replaces by id.
func (e *Endpoint) AddContact(c Contact) error { panic("endpoint: not built yet") }

// Seal makes a parcel for a contact: service message type and content, encrypted and signed. The
// endpoint's state has changed: persist it before the parcel leaves.
func (e *Endpoint) Seal(to pki.NodeID, id, typ string, content []byte, created time.Time, ttl time.Duration, rand io.Reader) ([]byte, error) {
	panic("endpoint: not built yet")
}

// Opened is a parcel's content.
type Opened struct {
	Sender  pki.NodeID
	ID      string
	Type    string
	Content []byte
	Created time.Time
}

// Open decrypts a parcel for us; state changes (the peer's new session key): persist it.
func (e *Endpoint) Open(parcel []byte) (Opened, error) { panic("endpoint: not built yet") }

// Marshal encodes the whole state, secrets included, in a versioned format.
func (e *Endpoint) Marshal() ([]byte, error) { panic("endpoint: not built yet") }

// Unmarshal reads Marshal.
func Unmarshal(b []byte) (*Endpoint, error) { panic("endpoint: not built yet") }
