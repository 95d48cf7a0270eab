package app

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"

	"packhorse/gateway/pki"
	"packhorse/store"
)

// makeKey makes the identity key, durable when it returns: the endpoint is what this key is.
func makeKey(secrets store.Secrets) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, pki.MinKeyBits)
	if err != nil {
		return nil, err
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, storeError(secrets.Write(secretKey, b))
}

func decodeKey(b []byte) (*rsa.PrivateKey, error) {
	k, err := x509.ParsePKCS8PrivateKey(b)
	key, ok := k.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, &Error{Reason: Disk, Message: secretKey + " is damaged", Fix: "restore it from a copy; without it this endpoint is lost, and a new directory makes another one", Err: err}
	}
	return key, nil
}
