package port

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"

	"packhorse/link"
)

// certificate is the gateway's own Ed25519 key in the form DTLS wants (RFC 8410).
// It has no name and never expires: who may speak is membership's business, and
// boards without a clock must be able to read it.
func certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "packhorse"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 section 4.1.2.5: no expiry
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

var errCertificate = errors.New("port: the other side shows no gateway certificate")

// peerID is the key in a certificate of a gateway. Possession of the key is
// proved by the DTLS handshake, not here.
func peerID(chain [][]byte) (link.PeerID, error) {
	if len(chain) != 1 {
		return link.PeerID{}, errCertificate
	}
	c, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return link.PeerID{}, errCertificate
	}
	key, ok := c.PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != len(link.PeerID{}) {
		return link.PeerID{}, errCertificate
	}
	return link.PeerID(key), nil
}
