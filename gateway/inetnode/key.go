package inetnode

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"packhorse/gateway"
	"packhorse/gateway/pki"
	"packhorse/store"
)

// loadKey reads the identity key, or makes it.
func loadKey(s store.Secrets) (*rsa.PrivateKey, error) {
	b, err := s.Read(gateway.SecretInternet)
	if errors.Is(err, store.ErrNotFound) {
		return newKey(s)
	}
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(b)
	key, ok := k.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("inetnode: %s is damaged: restore it from a backup", gateway.SecretInternet)
	}
	return key, nil
}

func newKey(s store.Secrets) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, pki.MinKeyBits)
	if err != nil {
		return nil, fmt.Errorf("inetnode: making the identity key: %w", err)
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("inetnode: identity key: %w", err)
	}
	return key, s.Write(gateway.SecretInternet, b)
}
