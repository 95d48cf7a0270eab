package link

import (
	"crypto/cipher"
	"crypto/subtle"

	"golang.org/x/crypto/chacha20poly1305"

	"packhorse/link/wire"
)

// sealer is ChaCha20-Poly1305 (RFC 8439) under one key with explicit nonces, where a
// tag may be cut short. Only the first octets of the tag are compared then: a guess
// at t octets succeeds once in 2^8t.
type sealer struct {
	aead    cipher.AEAD
	nonce   [wire.NonceSize]byte // kept here so that it need not be allocated
	scratch []byte
}

func newSealer(key []byte) (*sealer, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	return &sealer{aead: aead}, nil
}

// seal appends the sealed plain octets and the first tag octets of the tag. head is
// authenticated with them. plain may be what follows dst in the same array.
func (s *sealer) seal(dst []byte, nonce [wire.NonceSize]byte, plain, head []byte, tag int) []byte {
	s.nonce = nonce
	n := len(dst) + len(plain)
	return s.aead.Seal(dst, s.nonce[:], plain, head)[:n+tag]
}

// open returns the plain octets in a buffer that the next call reuses.
func (s *sealer) open(nonce [wire.NonceSize]byte, sealed, head []byte, tag int) ([]byte, bool) {
	s.nonce = nonce
	if len(sealed) < tag {
		return nil, false
	}
	if tag == wire.TagSize {
		plain, err := s.aead.Open(s.scratch[:0], s.nonce[:], sealed, head)
		if err != nil {
			return nil, false
		}
		s.scratch = plain[:0]
		return plain, true
	}
	return s.openShort(sealed, head, tag)
}

// openShort decrypts by encrypting, as ChaCha20 is a stream cipher, then seals the
// result again and compares what there is of the tag.
func (s *sealer) openShort(sealed, head []byte, tag int) ([]byte, bool) {
	n := len(sealed) - tag
	if need := 2 * (n + wire.TagSize); cap(s.scratch) < need {
		s.scratch = make([]byte, 0, need)
	}
	half := n + wire.TagSize
	plain := s.aead.Seal(s.scratch[:0:half], s.nonce[:], sealed[:n], nil)[:n]
	again := s.aead.Seal(s.scratch[half:half], s.nonce[:], plain, head)
	if subtle.ConstantTimeCompare(again[n:n+tag], sealed[n:]) != 1 {
		return nil, false
	}
	return plain, true
}
