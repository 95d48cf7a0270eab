// Package pki is Awala's certificate profile (RS-002, RS-018): node ids, issuing,
// parsing and path building. Pure.
package pki

import (
	"crypto"
	"crypto/x509"
	"io"
	"time"
)

// NodeID is "0" and the lower-case hex SHA-256 of a DER SubjectPublicKeyInfo.
type NodeID string

// IDOf derives the id of a DER SubjectPublicKeyInfo.
func IDOf(spki []byte) NodeID { panic("pki: not built yet") }

// Quality is how far the wall clock can be trusted.
type Quality uint8

const (
	ClockNone Quality = iota // never set: dates cannot be judged, only marked
	ClockNeighbour
	ClockNTP
	ClockGPS
	ClockRTC
)

// Certificate is a parsed certificate with its id. Immutable.
type Certificate struct {
	X509   *x509.Certificate
	ID     NodeID // of the subject key
	Issuer NodeID // from authorityKeyIdentifier; empty when absent
}

// Parse reads one DER certificate.
func Parse(der []byte) (*Certificate, error) { panic("pki: not built yet") }

// Template says what to issue. Names, key ids, serial and constraints follow the profile.
type Template struct {
	Subject             crypto.PublicKey
	Issuer              *Certificate // nil: self-issued
	IssuerKey           crypto.Signer
	NotBefore, NotAfter time.Time // NotAfter is clipped to the issuer's
	CA                  bool
	PathLen             int // always written, also 0
	Rand                io.Reader
}

// Issue makes a certificate.
func Issue(t Template) (*Certificate, error) { panic("pki: not built yet") }

// Path returns [leaf, issuer, ..., anchor], every link verified: signature, dates (only
// judged when q is better than ClockNone), cA, path length. Candidates come in any order.
func Path(leaf *Certificate, candidates, anchors []*Certificate, now time.Time, q Quality) ([]*Certificate, error) {
	panic("pki: not built yet")
}
