// Package session is the Awala channel session protocol (RS-003): CMS EnvelopedData
// over ECDH P-256 keys that change with every message. Pure.
//
//	ContentInfo ::= SEQUENCE { id-envelopedData, [0] SEQUENCE {
//	    INTEGER 2,
//	    SET { [1] {                                     exactly one KeyAgreeRecipientInfo
//	        INTEGER 3,
//	        [0] { [1] { id-ecPublicKey prime256v1, BIT STRING point } },
//	        [1] OCTET STRING ukm,                       optional
//	        { dhSinglePass-stdDH-kdf, key wrap },
//	        { { [0] { OCTET STRING recipient key id }, OCTET STRING wrapped key } } } },
//	    { id-data, AES-CBC with IV, [0] ciphertext },
//	    [1] { attribute 1.3.6.1.4.1.58708.0.1.0: OCTET STRING originator key id } } }
//
// Read: the key derivation with SHA-256, SHA-384 or SHA-512, key wrap and content encryption with AES-128,
// 192 or 256, with and without ukm, any BER framing. Key transport by RSA is refused.
//
// Written, in DER: SHA-256, AES-128 for both, as Awala's JVM library does, and 8 octets of ukm, because the
// JavaScript library takes a ukm that is absent for an empty one and then derives another key. That
// library reads it, and it takes 62 octets less on the air than what it writes itself.
package session

import (
	"bytes"
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"

	"packhorse/gateway/cms/ber"
)

const (
	// MaxPlaintext is how many octets Seal takes (the largest cargo, RS-001).
	MaxPlaintext = 8_322_048
	// keyIDSize is the length of the key ids that are made here, in octets.
	keyIDSize = 8
	ukmSize   = 8
	// MaxKeyID is how long the key ids of others may be, in octets.
	MaxKeyID = 64
)

// ErrDecrypt says that a payload does not open with this key: it is the only answer to
// whatever goes wrong after parsing, so that nobody learns from it what did.
var ErrDecrypt = errors.New("session: the payload does not open with this key")

// PublicKey is a session key as its peer sees it.
type PublicKey struct {
	ID  []byte // 8 octets when made here, at most MaxKeyID
	Key *ecdh.PublicKey
}

// PrivateKey is our half of a session key.
type PrivateKey struct {
	ID  []byte
	Key *ecdh.PrivateKey
}

// Public is the half to give away.
func (k PrivateKey) Public() PublicKey { return PublicKey{ID: k.ID, Key: k.Key.PublicKey()} }

// NewKey makes a session key pair from 40 octets of rand, more in one of 2^32 cases.
func NewKey(rand io.Reader) (PrivateKey, error) {
	id := make([]byte, keyIDSize)
	if _, err := io.ReadFull(rand, id); err != nil {
		return PrivateKey{}, fmt.Errorf("session: drawing a key id: %w", err)
	}
	var scalar [32]byte
	for range 8 {
		if _, err := io.ReadFull(rand, scalar[:]); err != nil {
			return PrivateKey{}, fmt.Errorf("session: drawing a key: %w", err)
		}
		if k, err := ecdh.P256().NewPrivateKey(scalar[:]); err == nil {
			return PrivateKey{ID: id, Key: k}, nil
		}
	}
	return PrivateKey{}, errors.New("session: the random source does not give a P-256 key")
}

// Seal encrypts to the peer's session key and returns our fresh key, which must be stored:
// the answer will be encrypted to it.
func Seal(plain []byte, to PublicKey, rand io.Reader) (payload []byte, fresh PrivateKey, err error) {
	if len(plain) > MaxPlaintext {
		return nil, fresh, fmt.Errorf("session: %d octets to encrypt, at most %d are allowed", len(plain), MaxPlaintext)
	}
	if fresh, err = NewKey(rand); err != nil {
		return nil, fresh, err
	}
	var drawn struct {
		cek, iv [16]byte
		ukm     [ukmSize]byte
	}
	for _, b := range [][]byte{drawn.cek[:], drawn.iv[:], drawn.ukm[:]} {
		if _, err := io.ReadFull(rand, b); err != nil {
			return nil, fresh, fmt.Errorf("session: drawing a content key: %w", err)
		}
	}
	z, err := fresh.Key.ECDH(to.Key)
	if err != nil {
		return nil, fresh, fmt.Errorf("session: the peer's key is not usable: %w", err)
	}
	kek := writeProfile.deriveKEK(z, drawn.ukm[:], false)
	wrapped, err := wrapKey(kek, drawn.cek[:])
	if err != nil {
		return nil, fresh, err
	}
	e := envelope{recipient: to.ID, wrapped: wrapped, originator: fresh.Public(), ukm: drawn.ukm[:], iv: drawn.iv[:]}
	e.ciphertext = encryptCBC(drawn.cek[:], drawn.iv[:], plain)
	return e.encode().Join(), fresh, nil
}

// RecipientKeyID says which private key opens the payload. The slice refers to payload.
func RecipientKeyID(payload []byte) ([]byte, error) {
	e, err := parseEnvelope(payload)
	if err != nil {
		return nil, err
	}
	return e.recipient, nil
}

// Open decrypts and returns the peer's new session key, whose id is a copy. The caller judges first
// whether this key may be used with this sender.
func Open(payload []byte, key PrivateKey) (plain []byte, peer PublicKey, err error) {
	e, err := parseEnvelope(payload)
	if err != nil {
		return nil, PublicKey{}, err
	}
	if !bytes.Equal(e.recipient, key.ID) {
		return nil, PublicKey{}, fmt.Errorf("session: the payload is for key %x, not for %x", e.recipient, key.ID)
	}
	z, err := key.Key.ECDH(e.originator.Key)
	if err != nil {
		return nil, PublicKey{}, ErrDecrypt
	}
	cek, ok := e.unwrap(z)
	if !ok {
		return nil, PublicKey{}, ErrDecrypt
	}
	if plain, ok = decryptCBC(cek, e.iv, e.ciphertext); !ok {
		return nil, PublicKey{}, ErrDecrypt
	}
	peer = PublicKey{ID: bytes.Clone(e.originator.ID), Key: e.originator.Key}
	return plain, peer, nil
}

// unwrap finds the content key. Senders disagree on whether the derivation names the key wrap
// with NULL parameters or without any, and whether a ukm that is absent counts as empty, so all are tried.
func (e *envelope) unwrap(z []byte) ([]byte, bool) {
	ukms := [][]byte{e.ukm}
	if e.ukm == nil {
		ukms = append(ukms, []byte{})
	}
	for _, ukm := range ukms {
		for _, null := range []bool{false, true} {
			cek, ok := unwrapKey(e.profile.deriveKEK(z, ukm, null), e.wrapped)
			if ok && len(cek) == e.profile.contentKeySize {
				return cek, true
			}
		}
	}
	return nil, false
}

// ParsePublicKey reads a DER SubjectPublicKeyInfo on P-256.
func ParsePublicKey(spki []byte) (*ecdh.PublicKey, error) {
	e, err := ber.Parse(spki)
	if err != nil {
		return nil, err
	}
	return readPoint(e.Reader())
}

// EncodePublicKey writes a DER SubjectPublicKeyInfo.
func EncodePublicKey(k *ecdh.PublicKey) []byte { return ber.Encode(0x30, encodePoint(k)...).Join() }
