// Package domain is who belongs together: a gateway's identity with its bound keys, the
// domain's keys, membership records, admission and adverts, as pure functions and state.
package domain

import (
	"crypto/ed25519"
	"crypto/rsa"
	"io"
	"time"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// Identity is a gateway's three private keys, bound together by its membership record.
type Identity struct {
	Name   string
	Sign   ed25519.PrivateKey
	Static [32]byte // X25519 private
	RSA    *rsa.PrivateKey
}

// NewIdentity makes the keys.
func NewIdentity(name string, rand io.Reader) (*Identity, error) { panic("domain: not built yet") }

// ID is the gateway's name among ours.
func (i *Identity) ID() link.PeerID { panic("domain: not built yet") }

// Marshal encodes the secret; the caller writes it to a file of mode 0600.
func (i *Identity) Marshal() []byte { panic("domain: not built yet") }

// UnmarshalIdentity reads Marshal.
func UnmarshalIdentity(b []byte) (*Identity, error) { panic("domain: not built yet") }

// Owner is a domain's private side: used only to create, admit and revoke.
type Owner struct {
	Name  string
	Sign  ed25519.PrivateKey
	RSA   *rsa.PrivateKey
	Cert  *pki.Certificate // the domain's self-issued CA certificate, pathLen 2
	Key   [32]byte         // pre-shared key of the epoch
	Epoch uint32
}

// NewOwner creates a domain; its certificate is valid from now.
func NewOwner(name string, now time.Time, rand io.Reader) (*Owner, error) {
	panic("domain: not built yet")
}

// Marshal encodes the secret. UnmarshalOwner reads it.
func (o *Owner) Marshal() []byte              { panic("domain: not built yet") }
func UnmarshalOwner(b []byte) (*Owner, error) { panic("domain: not built yet") }

// Info is a domain's public side and the pre-shared key: what every member holds.
type Info struct {
	Name    string
	ID      [16]byte // hash of Sign
	Sign    ed25519.PublicKey
	Cert    *pki.Certificate
	Key     [32]byte
	Epoch   uint32
	Address string // <name>.<16 base32 characters>.internal
}

// Info derives the public side.
func (o *Owner) Info() Info { panic("domain: not built yet") }

// Record is a signed membership record, at most 200 octets encoded: it binds the gateway's Ed25519 key, its
// X25519 static, the SHA-256 of its RSA SPKI and its name, for a time and an epoch.
type Record struct {
	ID        link.PeerID
	Static    [32]byte
	RSAHash   [32]byte
	Name      string // at most 24 octets
	Epoch     uint32
	NotBefore time.Time
	NotAfter  time.Time
	Raw       []byte
}

// ParseRecord reads and verifies a record under the domain's key. Dates are judged by the caller.
func ParseRecord(raw []byte, d Info) (Record, error) { panic("domain: not built yet") }

// Membership is what admission gives a gateway.
type Membership struct {
	Domain Info
	Record Record
	Cert   *pki.Certificate // gateway certificate issued by the domain: cA, pathLen 1, 30 days
}

// Marshal and UnmarshalMembership keep it (it holds the pre-shared key: a secret).
func (m *Membership) Marshal() []byte                   { panic("domain: not built yet") }
func UnmarshalMembership(b []byte) (*Membership, error) { panic("domain: not built yet") }

// JoinRequest is what a joiner sends inside the pairing session: its public keys, signed by each of them,
// and its built-in endpoint's SPKI.
type JoinRequest struct {
	Name     string
	Sign     ed25519.PublicKey
	Static   [32]byte
	RSA      []byte // DER SPKI
	Endpoint []byte // DER SPKI of the built-in endpoint
	Raw      []byte
}

// NewJoinRequest signs a request with every key it names.
func NewJoinRequest(i *Identity, endpointSPKI []byte, rand io.Reader) ([]byte, error) {
	panic("domain: not built yet")
}

// ParseJoinRequest reads and verifies one.
func ParseJoinRequest(raw []byte) (JoinRequest, error) { panic("domain: not built yet") }

// Admit issues the membership for a verified request.
func (o *Owner) Admit(r JoinRequest, now time.Time, rand io.Reader) (*Membership, error) {
	panic("domain: not built yet")
}
