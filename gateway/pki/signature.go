package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"packhorse/gateway/cms/ber"
)

// Purpose says what a detached or bare signature is for, so that one can never stand for another. Each has
// an object identifier below 1.3.6.1.4.1.58708.0 (RS-018).
type Purpose uint8

const (
	// Bare RSASSA-PSS signatures of node registration, made with SignPSS.
	RegistrationAuthorization    Purpose = iota // .2.0: a gateway's PNRA
	RegistrationCountersignature                // .2.1: the node's word in the PNRR

	// Detached SignedData signatures, made with cms.Countersign.
	ParcelDelivery   // .3.0: the node that posts a parcel
	ParcelCollection // .3.1: the nonce of the collection handshake
)

// oidSize is the encoded length of the purposes' object identifiers.
const oidSize = 11

// oid is the content octets of the purpose's object identifier.
func (p Purpose) oid() [oidSize]byte {
	arc := [...][2]byte{{2, 0}, {2, 1}, {3, 0}, {3, 1}}[p]
	return [oidSize]byte{0x2b, 6, 1, 4, 1, 0x83, 0xca, 0x54, 0, arc[0], arc[1]}
}

// Plaintext is the octets that a signature for this purpose covers:
//
//	SEQUENCE { [0] OBJECT IDENTIFIER, [1] fields[0], [2] fields[1] ... }
//
// with implicit tags, each field given as its content octets. At most 29 fields.
func (p Purpose) Plaintext(fields ...[]byte) []byte {
	oid := p.oid()
	parts := []ber.Pieces{ber.Bytes(0x80, oid[:])}
	for i, f := range fields {
		parts = append(parts, ber.Bytes(0x81+byte(i), f))
	}
	return ber.Encode(0x30, parts...).Join()
}

// SignPSS signs with RSASSA-PSS, SHA-256 and 32 octets of salt from rand, without any CMS around.
func SignPSS(key crypto.Signer, plaintext []byte, rand io.Reader) ([]byte, error) {
	d := sha256.Sum256(plaintext)
	sig, err := key.Sign(rand, d[:], &rsa.PSSOptions{SaltLength: sha256.Size, Hash: crypto.SHA256})
	if err != nil {
		return nil, fmt.Errorf("pki: signing: %w", err)
	}
	return sig, nil
}

// VerifyPSS verifies what SignPSS made.
func VerifyPSS(key *rsa.PublicKey, plaintext, sig []byte) error {
	d := sha256.Sum256(plaintext)
	if rsa.VerifyPSS(key, crypto.SHA256, d[:], sig, &rsa.PSSOptions{SaltLength: sha256.Size}) != nil {
		return errors.New("pki: signature is wrong")
	}
	return nil
}
