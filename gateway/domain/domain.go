// Package domain is who belongs together: a gateway's identity with its bound keys, the
// domain's keys, membership records, admission and adverts, as pure functions and state.
//
// A gateway has one name among ours, its Ed25519 key. The domain's membership record binds to it the X25519
// static of its links and the hash of its RSA key, by which Awala's certificates know it. The domain has
// an Ed25519 key for our records and an RSA key for Awala's certificates; each signs the other.
//
// All integers are big-endian, all dates are Unix seconds in four octets. Every Ed25519 signature here covers
//
//	"packhorse " || what it is for || 0x00 || domain id (16 octets) || the octets before the signature
//
// so that none can stand for another or in another domain.
package domain

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"time"

	"packhorse/link"
)

// Errors that callers branch on.
var (
	// ErrRevoked: the domain's owner took this gateway out.
	ErrRevoked = errors.New("domain: this gateway was revoked by the domain's owner")
	// ErrDates: a record is out of date by our clock.
	ErrDates = errors.New("domain: the membership record is not valid at this time: check the clock, or have the owner renew it")
	// ErrUnknown: nobody showed a membership record of this gateway.
	ErrUnknown = errors.New("domain: no membership record of this gateway is known")
	// ErrSignature: something signed does not verify under the key it names.
	ErrSignature = errors.New("domain: the signature is wrong")
)

// What the Ed25519 signatures are for.
const (
	forCross    = "domain keys 1"
	forRecord   = "membership record 1"
	forJoin     = "join request 1"
	forRevoked  = "domain advert 1"
	forNode     = "node advert 1"
	forReceipt  = "receipt 1"
	forDispatch = "dispatch 1"
)

// idSize is the octets of a domain id.
const idSize = 16

// IDOf is the id of a domain: the first half of SHA-256 over its Ed25519 key.
func IDOf(key ed25519.PublicKey) (id [idSize]byte) {
	h := sha256.Sum256(key)
	copy(id[:], h[:])
	return id
}

// covered is what a signature for a purpose covers.
func covered(purpose string, domain [idSize]byte, body []byte) []byte {
	b := append(append([]byte("packhorse "), purpose...), 0)
	return append(append(b, domain[:]...), body...)
}

// appendSigned appends the signature of all of b.
func appendSigned(b []byte, key ed25519.PrivateKey, purpose string, domain [idSize]byte) []byte {
	return append(b, ed25519.Sign(key, covered(purpose, domain, b))...)
}

// verifySigned checks what appendSigned made.
func verifySigned(raw []byte, key ed25519.PublicKey, purpose string, domain [idSize]byte) bool {
	n := len(raw) - ed25519.SignatureSize
	return n >= 0 && len(key) == ed25519.PublicKeySize &&
		ed25519.Verify(key, covered(purpose, domain, raw[:n]), raw[n:])
}

// peerID turns a public key into the name it is.
func peerID(key ed25519.PublicKey) (id link.PeerID) {
	copy(id[:], key)
	return id
}

// seconds cuts a date to what four octets can hold.
func seconds(t time.Time) time.Time {
	const last = 1<<32 - 1
	return time.Unix(min(max(t.Unix(), 0), last), 0).UTC()
}
