// Package registration is how an endpoint becomes a gateway's own: Awala's PNRA, PNRR and PNR (RS-016; called
// Private Node Registration Authorization, Request and Registration), read, written and checked. Pure.
//
// An endpoint countersigns the gateway's authorization without looking into it. What is in it is therefore up to
// the gateway, and here it names the gateway and a sequence: the countersignature is then the endpoint's own
// word, provable to everybody, that it is at this gateway since this sequence.
package registration

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// Claim is the gatewayData of an authorization:
//
//	offset  size  what
//	     0    32  SHA-256 of the endpoint's SPKI
//	    32    32  the gateway's id, its Ed25519 key
//	    64     8  sequence, big-endian
type Claim struct {
	Digest   [32]byte
	Gateway  link.PeerID
	Sequence uint64
}

const (
	claimSize = 32 + 32 + 8
	dateTime  = "20060102150405" // DATE-TIME without separators, UTC

	sequenceShift = 16
	maxAhead      = 24 * time.Hour
)

// NextSequence is the sequence for an endpoint whose highest known one is known (0: none). It follows the clock,
// so that a gateway that never heard of the endpoint's last one still comes after it: seconds since 1970
// in the upper 48 bits. Without a clock it is the next number.
func NextSequence(known uint64, now time.Time, q pki.Quality) uint64 {
	var next uint64
	if q != pki.ClockNone {
		next = uint64(max(now.Unix(), 0)) << sequenceShift
	}
	if known >= next && known+1 > known {
		return known + 1
	}
	return max(known, next)
}

// Ahead tells that a sequence lies more than a day in the future: refuse it, or the gateway that chose it keeps
// the endpoint for ever. Without a clock nobody can tell and the answer is false.
func Ahead(sequence uint64, now time.Time, q pki.Quality) bool {
	return q != pki.ClockNone && sequence>>sequenceShift > uint64(max(now.Add(maxAhead).Unix(), 0))
}

func (c Claim) append(b []byte) []byte {
	b = append(append(b, c.Digest[:]...), c.Gateway[:]...)
	return binary.BigEndian.AppendUint64(b, c.Sequence)
}

// Authorization is a verified PNRA:
//
//	SEQUENCE { [0] expiry DATE-TIME, [1] gatewayData OCTET STRING, [2] signature OCTET STRING }
//
// The signature is Ed25519 under the gateway's id, over SEQUENCE { [0] OID ...58708.0.2.0, [1] expiry, [2]
// gatewayData }. RS-016 leaves its check to the gateway that made it, so any scheme will do there; this one lets
// everybody check it who knows the gateway's id, and is 192 octets shorter than RSA on the air.
type Authorization struct {
	Claim
	Expiry time.Time
	Raw    []byte
}

// maxAuthorization bounds the octets of a PNRA.
const maxAuthorization = 256

// Authorize signs a claim.
func Authorize(c Claim, expiry time.Time, key ed25519.PrivateKey) Authorization {
	when, data := []byte(expiry.UTC().Format(dateTime)), c.append(nil)
	sig := ed25519.Sign(key, pki.RegistrationAuthorization.Plaintext(when, data))
	return Authorization{Claim: c, Expiry: expiry.UTC().Truncate(time.Second), Raw: sequence(when, data, sig)}
}

// ParseAuthorization reads a PNRA and verifies it under the gateway that it names. It keeps raw. Expiry is
// judged by the Desk. Errors are *Error.
func ParseAuthorization(raw []byte) (Authorization, error) {
	if len(raw) > maxAuthorization {
		return Authorization{}, refuse(Malformed, "the authorization has %d octets, at most %d are possible", len(raw), maxAuthorization)
	}
	f, ok := exactly(raw, 3)
	if !ok || len(f[1]) != claimSize {
		return Authorization{}, refuse(Malformed, "the authorization is not one of a Packhorse gateway")
	}
	expiry, err := time.Parse(dateTime, string(f[0]))
	if err != nil {
		return Authorization{}, refuse(Malformed, "the authorization's expiry is no date")
	}
	a := Authorization{Expiry: expiry, Raw: raw}
	copy(a.Digest[:], f[1])
	copy(a.Gateway[:], f[1][32:])
	a.Sequence = binary.BigEndian.Uint64(f[1][64:])
	if !ed25519.Verify(a.Gateway[:], pki.RegistrationAuthorization.Plaintext(f[0], f[1]), f[2]) {
		return Authorization{}, refuse(BadSignature, "the authorization's signature is wrong")
	}
	return a, nil
}

// Reason is why a registration is refused.
type Reason uint8

const (
	Malformed    Reason = iota + 1
	BadSignature        // of the authorization or of the countersignature
	OtherKey            // the authorization was made for another key
	Expired             // too late, used before, or not of this gateway
)

// Error carries a Reason and what exactly was wrong, in words.
type Error struct {
	Reason Reason
	Detail string
}

func (e *Error) Error() string { return "registration: " + e.Detail }

func refuse(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// sequence writes SEQUENCE { [0] parts[0], [1] parts[1], ... }, all primitive and implicit.
func sequence(parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i, p := range parts {
			b.AddASN1(asn1.Tag(i).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(p) })
		}
	})
	return b.BytesOrPanic() // never: lengths below 2^32 always fit
}

// fields reads what sequence writes: n parts, and gives what follows them.
func fields(raw []byte, n int) (out [][]byte, rest cryptobyte.String, ok bool) {
	in := cryptobyte.String(raw)
	var body cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !in.Empty() {
		return nil, nil, false
	}
	for i := range n {
		var part cryptobyte.String
		if !body.ReadASN1(&part, asn1.Tag(i).ContextSpecific()) {
			return nil, nil, false
		}
		out = append(out, part)
	}
	return out, body, true
}

// exactly reads n parts with nothing behind them.
func exactly(raw []byte, n int) ([][]byte, bool) {
	out, rest, ok := fields(raw, n)
	return out, ok && rest.Empty()
}
