package poweb

import (
	"fmt"

	"packhorse/gateway/cms/ber"
)

// Messages of the collection WebSocket (RS-016):
//
//	HandshakeChallenge ::= SEQUENCE { [0] nonce OCTET STRING }                     server, binary
//	HandshakeResponse  ::= SEQUENCE { [0] SEQUENCE OF signature OCTET STRING }     client, binary
//	ParcelDelivery     ::= SEQUENCE { [0] delivery id VisibleString,
//	                                  [1] parcel OCTET STRING }                    server, binary
//	acknowledgement    the delivery id alone                                       client, text or binary
//
// Tags are implicit.
const (
	// nonceSize is the length of a challenge's nonce in octets.
	nonceSize = 16
	// maxNodes is how many endpoints may share a connection.
	maxNodes = 16
	// maxHandshake bounds a HandshakeResponse in octets. A signature with a 2048-bit key
	// takes about 2,000.
	maxHandshake = 64 << 10
	// MaxDelivery bounds a ParcelDelivery in octets.
	MaxDelivery = MaxParcel + 256

	maxChallenge  = 1 << 10
	maxDeliveryID = 64
)

// appendChallenge appends a HandshakeChallenge.
func appendChallenge(dst, nonce []byte) []byte {
	return append(dst, ber.Encode(0x30, ber.Bytes(0x80, nonce)).Join()...)
}

// parseChallenge returns the nonce. It may point into b.
func parseChallenge(b []byte) (nonce []byte, err error) {
	r, err := body(b, maxChallenge)
	if err != nil {
		return nil, err
	}
	return octets(r, 0, r.End)
}

// appendResponse appends a HandshakeResponse.
func appendResponse(dst []byte, signatures [][]byte) []byte {
	parts := make([]ber.Pieces, len(signatures))
	for i, s := range signatures {
		parts[i] = ber.Bytes(0x04, s)
	}
	return append(dst, ber.Encode(0x30, ber.Encode(0xa0, parts...)).Join()...)
}

// parseResponse returns the signatures, at most maxNodes. They may point into b.
func parseResponse(b []byte) (signatures [][]byte, err error) {
	r, err := body(b, maxHandshake)
	if err != nil {
		return nil, err
	}
	list := r.Enter(ber.Context(0))
	for !list.Empty() {
		s, err := list.Take(ber.OctetString).Octets()
		if err != nil {
			return nil, err
		}
		if len(signatures) == maxNodes {
			return nil, fmt.Errorf("poweb: more than %d signatures", maxNodes)
		}
		signatures = append(signatures, s)
	}
	if err := list.End(); err != nil {
		return nil, err
	}
	return signatures, r.End()
}

// appendDelivery appends a ParcelDelivery.
func appendDelivery(dst []byte, id string, parcel []byte) []byte {
	return append(dst, ber.Encode(0x30, ber.Bytes(0x80, []byte(id)), ber.Bytes(0x81, parcel)).Join()...)
}

// parseDelivery returns the delivery id and the parcel, which may point into b.
func parseDelivery(b []byte) (id string, parcel []byte, err error) {
	r, err := body(b, MaxDelivery)
	if err != nil {
		return "", nil, err
	}
	name, err := octets(r, 0, r.Err)
	if err != nil {
		return "", nil, err
	}
	if len(name) > maxDeliveryID {
		return "", nil, fmt.Errorf("poweb: delivery id of %d octets", len(name))
	}
	parcel, err = octets(r, 1, r.End)
	return string(name), parcel, err
}

func body(b []byte, limit int) (*ber.Reader, error) {
	if len(b) > limit {
		return nil, fmt.Errorf("poweb: message of %d octets, at most %d are possible", len(b), limit)
	}
	e, err := ber.Parse(b)
	if err != nil {
		return nil, err
	}
	if e.Tag != ber.Sequence {
		return nil, fmt.Errorf("poweb: %v where a SEQUENCE belongs", e.Tag)
	}
	return e.Reader(), nil
}

// octets reads the next field as a string and then asks whether all went well.
func octets(r *ber.Reader, n uint32, done func() error) ([]byte, error) {
	e := r.Take(ber.Context(n))
	if err := done(); err != nil {
		return nil, err
	}
	return e.Octets()
}
