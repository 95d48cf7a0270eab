package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
)

// NodeID is "0" and the lower-case hex SHA-256 of a DER SubjectPublicKeyInfo.
type NodeID string

// NodeIDSize is the length of a NodeID in characters.
const NodeIDSize = 1 + 2*sha256.Size

// Limits of RSA identity keys in bits. Larger ones only serve to keep a small board busy.
const (
	MinKeyBits = 2048
	MaxKeyBits = 8192
)

// IDOf derives the id of a DER SubjectPublicKeyInfo.
func IDOf(spki []byte) NodeID {
	d := sha256.Sum256(spki)
	return idOfDigest(d[:])
}

// Digest returns the 32 octets that the id spells. ok is false when id is not a node id.
func (id NodeID) Digest() (d [32]byte, ok bool) {
	if !id.Valid() {
		return d, false
	}
	_, err := hex.Decode(d[:], []byte(id[1:]))
	return d, err == nil
}

// Valid says whether id has the form of a node id.
func (id NodeID) Valid() bool {
	if len(id) != NodeIDSize || id[0] != '0' {
		return false
	}
	for i := 1; i < len(id); i++ {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func idOfDigest(d []byte) NodeID { return NodeID("0" + hex.EncodeToString(d)) }

// EncodeSPKI encodes an RSA public key as DER SubjectPublicKeyInfo with the algorithm
// rsaEncryption and NULL parameters, whatever padding the key is used with: node ids depend on it.
func EncodeSPKI(key crypto.PublicKey) ([]byte, error) {
	k, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("pki: %T is not an RSA public key", key)
	}
	if n := k.N.BitLen(); n < MinKeyBits || n > MaxKeyBits {
		return nil, fmt.Errorf("pki: RSA key of %d bits, want %d to %d", n, MinKeyBits, MaxKeyBits)
	}
	b, err := x509.MarshalPKIXPublicKey(k)
	if err != nil {
		return nil, fmt.Errorf("pki: encoding a public key: %w", err)
	}
	return b, nil
}

// ParseSPKI reads an identity key. It accepts only what EncodeSPKI writes, so that a key has one id.
func ParseSPKI(der []byte) (*rsa.PublicKey, error) {
	if len(der) > MaxKeyBits/8+64 {
		return nil, fmt.Errorf("pki: public key of %d octets is too large", len(der))
	}
	k, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("pki: malformed public key: %w", err)
	}
	b, err := EncodeSPKI(k)
	if err != nil {
		return nil, err
	}
	if string(b) != string(der) {
		return nil, errors.New("pki: public key is not in its canonical encoding")
	}
	return k.(*rsa.PublicKey), nil
}
