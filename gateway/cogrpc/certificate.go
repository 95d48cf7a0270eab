package cogrpc

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	tlsKeyBits    = 2048
	validBefore   = 2 * time.Hour // clocks of clients may be behind
	validFor      = 24 * time.Hour
	renewLeft     = validFor / 3
	maxAddresses  = 64 // of this machine with a certificate each
	serialNumbers = 1 << 62
)

// Identity is the TLS side of a courier on the local network: a certificate for each of its addresses, issued by
// its own key when somebody connects there and renewed while the server runs. The JavaScript client checks
// that the certificate has the address that it called; nobody checks who issued it. Safe for concurrent use.
type Identity struct {
	key crypto.Signer
	now func() time.Time

	mu   sync.Mutex
	made map[netip.Addr]*tls.Certificate
}

// NewIdentity makes a key of its own, which takes seconds on a small board. It is not that of the gateway: what
// that signs is believed all over the domain, and a TLS server signs what strangers choose. now is the wall clock.
func NewIdentity(now func() time.Time) (*Identity, error) {
	key, err := rsa.GenerateKey(rand.Reader, tlsKeyBits)
	if err != nil {
		return nil, fmt.Errorf("cogrpc: key for TLS: %w", err)
	}
	return newIdentity(key, now), nil
}

func newIdentity(key crypto.Signer, now func() time.Time) *Identity {
	return &Identity{key: key, now: now, made: map[netip.Addr]*tls.Certificate{}}
}

// Config is the server's side of TLS.
func (i *Identity) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return i.certificate(addrOf(h.Conn.LocalAddr()))
		}}
}

// certificate is the one for an address of ours.
func (i *Identity) certificate(a netip.Addr) (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	if c := i.made[a]; c != nil && now.After(c.Leaf.NotBefore) && c.Leaf.NotAfter.Sub(now) > renewLeft {
		return c, nil
	}
	c, err := issue(i.key, a, now)
	if err != nil {
		return nil, err
	}
	if len(i.made) >= maxAddresses {
		clear(i.made)
	}
	i.made[a] = c
	return c, nil
}

// issue makes a self-issued certificate. It is marked as an authority because clients pin it as one.
func issue(key crypto.Signer, a netip.Addr, now time.Time) (*tls.Certificate, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(serialNumbers))
	if err != nil {
		return nil, fmt.Errorf("cogrpc: certificate: %w", err)
	}
	t := &x509.Certificate{SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: a.String()},
		IPAddresses: []net.IP{a.AsSlice()}, NotBefore: now.Add(-validBefore), NotAfter: now.Add(validFor - validBefore),
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cogrpc: certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("cogrpc: certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
