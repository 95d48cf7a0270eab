// Package session is the Awala channel session protocol (RS-003): CMS EnvelopedData
// over ECDH P-256 keys that change with every message. Pure.
package session

import (
	"crypto/ecdh"
	"io"
)

// PublicKey is a session key as its peer sees it.
type PublicKey struct {
	ID  []byte // 8 octets
	Key *ecdh.PublicKey
}

// PrivateKey is our half of a session key.
type PrivateKey struct {
	ID  []byte
	Key *ecdh.PrivateKey
}

// NewKey makes a session key pair.
func NewKey(rand io.Reader) (PrivateKey, error) { panic("session: not built yet") }

// Seal encrypts to the peer's session key and returns our fresh key, which must be stored:
// the answer will be encrypted to it.
func Seal(plain []byte, to PublicKey, rand io.Reader) (payload []byte, fresh PrivateKey, err error) {
	panic("session: not built yet")
}

// RecipientKeyID says which private key opens the payload.
func RecipientKeyID(payload []byte) ([]byte, error) { panic("session: not built yet") }

// Open decrypts and returns the peer's new session key.
func Open(payload []byte, key PrivateKey) (plain []byte, peer PublicKey, err error) {
	panic("session: not built yet")
}
