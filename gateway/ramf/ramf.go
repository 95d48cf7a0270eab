// Package ramf reads, checks and writes Awala's signed messages (RS-001). Pure.
package ramf

import (
	"crypto"
	"io"
	"time"

	"packhorse/gateway/pki"
)

// Type is the concrete message type octet.
type Type byte

const (
	Parcel Type = 0x50
	Cargo  Type = 0x43
	CCA    Type = 0x44
)

// Message is a parsed RAMF message. Raw is the received octets, never re-encoded.
type Message struct {
	Type            Type
	Recipient       pki.NodeID
	InternetAddress string // of the recipient; empty when absent
	ID              string // at most 64 characters, hostile: never a path
	Created         time.Time
	TTL             time.Duration
	Payload         []byte
	Sender          *pki.Certificate
	Chain           []*pki.Certificate // attached, without the sender's
	Raw             []byte
}

// Expires is Created + TTL.
func (m *Message) Expires() time.Time { return m.Created.Add(m.TTL) }

// Refusal is the typed reason why a message is not valid.
type Refusal uint8

const (
	Malformed Refusal = iota + 1
	TooBig
	BadSignature
	NotYetValid
	Expired
	SenderExpired // the sender's certificate is out of date
	NoPath        // no trusted path
	NotAuthorised // path[1] is not the recipient
	WrongType
)

// Error carries a Refusal and what exactly was wrong, in words.
type Error struct {
	Refusal Refusal
	Detail  string
}

func (e *Error) Error() string { return "ramf: " + e.Detail }

// Parse reads and bounds a message without checking its signature.
func Parse(b []byte) (*Message, error) { panic("ramf: not built yet") }

// VerifySignature checks the signature by the sender certificate in the message.
func (m *Message) VerifySignature() error { panic("ramf: not built yet") }

// Check verifies signature, dates and, when anchors are given, that a path from the sender to
// an anchor exists with path[1] = recipient; it returns that path. With q = ClockNone dates are
// not judged. Errors are *Error.
func (m *Message) Check(anchors []*pki.Certificate, now time.Time, q pki.Quality) ([]*pki.Certificate, error) {
	panic("ramf: not built yet")
}

// Sign encodes and signs a message with the key of m.Sender; m.Chain is attached. Sets nothing in m.
func Sign(m *Message, key crypto.Signer, rand io.Reader) ([]byte, error) {
	panic("ramf: not built yet")
}
