package bundle

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// memory is what the writer's own notes are sealed with: a key that no other gateway has.
func (s *Sealer) memory() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s.Static[:], s.Domain[:], "packhorse bundle manifest", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("bundle: keys: %w", err)
	}
	return chacha20poly1305.NewX(key)
}

// Named lists what we noted of a bundle of ours; ok is false for one of another gateway.
func (s *Sealer) Named(h Header) (named []Digest, ok bool) {
	aead, err := s.memory()
	if err != nil {
		return nil, false
	}
	b, err := aead.Open(nil, h.raw[28:52], h.raw[fixedHead:], h.raw[:fixedHead])
	if err != nil {
		return nil, false
	}
	for ; len(b) > 0; b = b[digestSize:] {
		named = append(named, Digest(b[:digestSize]))
	}
	return named, true
}
