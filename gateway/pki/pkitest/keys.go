// Package pkitest has RSA keys and certificates for tests, made once per process.
package pkitest

import (
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"sync"
	"testing"
	"time"

	"packhorse/gateway/pki"
)

// Now is the virtual time of tests: all certificates made here are valid a day before and after.
var Now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

var (
	mu   sync.Mutex
	keys = map[string]*rsa.PrivateKey{}
)

// Key returns the 2048-bit key of a name, the same one on every call.
func Key(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if k := keys[name]; k != nil {
		return k
	}
	k, err := rsa.GenerateKey(rand.Reader, pki.MinKeyBits)
	if err != nil {
		t.Fatal(err)
	}
	keys[name] = k
	return k
}

// Issue issues a certificate to the key of subject; nil issuer means self-issued by that key.
func Issue(t testing.TB, subject string, issuer *pki.Certificate, issuerName string, ca bool, pathLen int) *pki.Certificate {
	t.Helper()
	if issuer == nil {
		issuerName = subject
	}
	c, err := pki.Issue(pki.Template{
		Subject: Key(t, subject).Public(), Issuer: issuer, IssuerKey: Key(t, issuerName),
		NotBefore: Now.Add(-24 * time.Hour), NotAfter: Now.Add(24 * time.Hour),
		CA: ca, PathLen: pathLen, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Chain is Awala's chain of delivery authorisation: the PDA below the recipient's endpoint
// certificate, its gateway and the root.
type Chain struct {
	Root, Gateway, Endpoint, PDA *pki.Certificate
}

// NewChain issues a chain for the keys named root, gateway, endpoint and sender.
func NewChain(t testing.TB) Chain {
	t.Helper()
	var c Chain
	c.Root = Issue(t, "root", nil, "", true, 2)
	c.Gateway = Issue(t, "gateway", c.Root, "root", true, 1)
	c.Endpoint = Issue(t, "endpoint", c.Gateway, "gateway", true, 0)
	c.PDA = Issue(t, "sender", c.Endpoint, "endpoint", false, 0)
	return c
}

// Corrupt returns b with the octet at i (from the end when negative) inverted.
func Corrupt(b []byte, i int) []byte {
	c := append([]byte(nil), b...)
	if i < 0 {
		i += len(c)
	}
	c[i] ^= 0xff
	return c
}

// Small is an RSA public key that the profile refuses as too short.
func Small() *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), 1023)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}
