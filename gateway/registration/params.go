package registration

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/gateway/session"
)

// EncodeConnectionParams writes what an Internet gateway tells private gateways about itself (RS-000):
//
//	NodeConnectionParams ::= SEQUENCE { [0] Internet address VisibleString, [1] SPKI OCTET STRING, [2] SessionKey }
//	SessionKey           ::= SEQUENCE { [0] id OCTET STRING, [1] SPKI OCTET STRING }
//
// with implicit tags.
func EncodeConnectionParams(address string, spki []byte, key session.PublicKey) []byte {
	return ber.Encode(0x30, ber.Bytes(0x80, []byte(address)), ber.Bytes(0x81, spki), encodeSessionKey(2, key)).Join()
}

// encodeSessionKey writes a SessionKey under [n].
func encodeSessionKey(n byte, k session.PublicKey) ber.Pieces {
	return ber.Encode(0xa0+n, ber.Bytes(0x80, k.ID), ber.Bytes(0x81, session.EncodePublicKey(k.Key)))
}

// parseSessionKey reads a SessionKey under [n] that nothing follows; nil when nothing is there at all.
func parseSessionKey(n uint8, in cryptobyte.String) (*session.PublicKey, error) {
	if in.Empty() {
		return nil, nil
	}
	var body, id, spki cryptobyte.String
	if !in.ReadASN1(&body, asn1.Tag(n).ContextSpecific().Constructed()) || !in.Empty() ||
		!body.ReadASN1(&id, asn1.Tag(0).ContextSpecific()) || !body.ReadASN1(&spki, asn1.Tag(1).ContextSpecific()) || !body.Empty() {
		return nil, errors.New("it is malformed")
	}
	if len(id) == 0 || len(id) > session.MaxKeyID {
		return nil, errors.New("its id is empty or too long")
	}
	key, err := session.ParsePublicKey(spki)
	if err != nil {
		return nil, err
	}
	return &session.PublicKey{ID: id, Key: key}, nil
}

// ConnectionParams are NodeConnectionParams that were read.
type ConnectionParams struct {
	Address string
	SPKI    []byte // DER of an RSA key
	Session session.PublicKey
}

// ParseConnectionParams reads what EncodeConnectionParams writes. Errors are *Error. It keeps raw.
func ParseConnectionParams(raw []byte) (ConnectionParams, error) {
	f, extra, ok := fields(raw, 2)
	if !ok || len(raw) > maxResult || !ramf.ValidAddress(string(f[0])) {
		return ConnectionParams{}, refuse(Malformed, "the connection parameters are malformed")
	}
	if _, err := pki.ParseSPKI(f[1]); err != nil {
		return ConnectionParams{}, refuse(Malformed, "the identity key: %v", err)
	}
	key, err := parseSessionKey(2, extra)
	if err != nil || key == nil {
		return ConnectionParams{}, refuse(Malformed, "the session key is missing or malformed")
	}
	return ConnectionParams{Address: string(f[0]), SPKI: f[1], Session: *key}, nil
}
