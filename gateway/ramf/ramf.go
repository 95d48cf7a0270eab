// Package ramf reads, checks and writes Awala's signed messages (RS-001). Pure.
//
//	offset  size  field
//	0       5     "Awala"
//	5       1     type: 0x50 parcel, 0x43 cargo, 0x44 CCA
//	6       1     version: 0
//	7             CMS SignedData (BER) over
//
//	SEQUENCE {
//	    [0] SEQUENCE { [0] recipient id, [1] Internet address OPTIONAL },
//	    [1] message id,
//	    [2] creation date, 14 digits YYYYMMDDHHMMSS in UTC,
//	    [3] INTEGER time to live in seconds,
//	    [4] OCTET STRING payload }
//
// all tags implicit. Where the specification and the libraries in use differ, the limits here
// are those of the libraries.
package ramf

import (
	"fmt"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/pki"
)

// Type is the concrete message type octet.
type Type byte

const (
	Parcel Type = 0x50
	Cargo  Type = 0x43
	CCA    Type = 0x44
)

// String names the type in a message to a person.
func (t Type) String() string {
	switch t {
	case Parcel:
		return "parcel"
	case Cargo:
		return "cargo"
	case CCA:
		return "cargo collection authorisation"
	}
	return fmt.Sprintf("message of type 0x%02x", byte(t))
}

// Limits, in octets or characters unless it says otherwise. The libraries disagree by one on the payload;
// this is the smaller value, which all of them read.
const (
	MaxMessage   = 9 << 20
	MaxParcel    = 8_322_038 // also of any other item in a cargo
	MaxPayload   = 1<<23 - 1
	MaxPlaintext = 8_322_048 // before encryption
	MaxID        = 64
	MaxRecipient = 1024
	MaxAddress   = 1024
	MaxTTL       = 15_552_000 * time.Second // 180 days

	headerSize = 7
	magic      = "Awala"
	version    = 0
)

// Message is a parsed RAMF message. Raw is the received octets, never re-encoded. The other
// slices refer to Raw where they can: whoever changes it changes them.
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

	signed *cms.SignedData
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

// String is the reason in one or two words, for counters.
func (r Refusal) String() string {
	names := [...]string{"valid", "malformed", "too big", "bad signature", "not yet valid", "expired",
		"sender expired", "no path", "not authorised", "wrong type"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("refusal %d", uint8(r))
}

// Error carries a Refusal and what exactly was wrong, in words.
type Error struct {
	Refusal Refusal
	Detail  string
}

func (e *Error) Error() string { return "ramf: " + e.Detail }

func refuse(r Refusal, format string, args ...any) error {
	return &Error{Refusal: r, Detail: fmt.Sprintf(format, args...)}
}
