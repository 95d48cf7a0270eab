// Package pki is Awala's certificate profile (RS-002, RS-018): node ids, issuing,
// parsing and path building. Pure.
//
// A certificate binds a node id to an RSA key of 2048 to 8192 bits:
//
//	signature        RSASSA-PSS, SHA-256, MGF1-SHA-256, 32 octets of salt
//	serialNumber     8 random octets, positive
//	issuer, subject  one RDN: CN = node id as BMPString; issuer octets copied from its subject
//	validity         UTCTime, whole seconds, notAfter not beyond the issuer's
//	basicConstraints critical, pathLenConstraint always present
//	authorityKeyId   SHA-256 of the issuer's SPKI, also when self-issued
//	subjectKeyId     SHA-256 of the subject's SPKI
//	rate limit       optional, in delivery authorisations: see RateLimit
//
// SHA-384 and SHA-512 signatures are read as well. PKCS#1 v1.5 and SHA-1 are refused.
// crypto/x509 parses; its Verify is not used, because Awala's trust anchors need not be
// self-issued and its delivery authorisations carry a path length without being a CA.
package pki

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// MaxCertificateSize bounds the DER of one certificate in octets. One with 2048-bit keys takes
// about 1,100, one with 8192-bit keys about 2,700.
const MaxCertificateSize = 16 << 10

// Quality is how far the wall clock can be trusted.
type Quality uint8

const (
	ClockNone Quality = iota // never set: dates cannot be judged, only marked
	ClockNeighbour
	ClockNTP
	ClockGPS
	ClockRTC
)

// Certificate is a parsed certificate with its id. Immutable.
type Certificate struct {
	X509   *x509.Certificate
	ID     NodeID // of the subject key
	Issuer NodeID // from authorityKeyIdentifier; empty when absent
	// RateLimit is what a delivery authorisation allows; nil: any number of parcels.
	RateLimit *RateLimit
}

// Parse reads one DER certificate and refuses what could never be part of a trusted path: other
// versions than 3, other keys than RSA of 2048 to 8192 bits, other signatures than RSASSA-PSS with SHA-2,
// unknown critical extensions, a rate limit that cannot be read. It verifies no signature and no date. It keeps der: do not change it afterwards.
func Parse(der []byte) (*Certificate, error) {
	if len(der) > MaxCertificateSize {
		return nil, fmt.Errorf("pki: certificate of %d octets is larger than %d", len(der), MaxCertificateSize)
	}
	x, err := parseX509(der)
	if err != nil {
		return nil, fmt.Errorf("pki: malformed certificate: %w", err)
	}
	if err := checkProfile(x); err != nil {
		return nil, err
	}
	rate, err := readRateLimit(x)
	if err != nil {
		return nil, err
	}
	c := &Certificate{X509: x, ID: IDOf(x.RawSubjectPublicKeyInfo), RateLimit: rate}
	if len(x.AuthorityKeyId) > 0 {
		c.Issuer = idOfDigest(x.AuthorityKeyId)
	}
	return c, nil
}

// Key is the subject's public key.
func (c *Certificate) Key() *rsa.PublicKey { return c.X509.PublicKey.(*rsa.PublicKey) }

// SPKI is the DER SubjectPublicKeyInfo. Do not change it.
func (c *Certificate) SPKI() []byte { return c.X509.RawSubjectPublicKeyInfo }

// Raw is the certificate's DER. Do not change it.
func (c *Certificate) Raw() []byte { return c.X509.Raw }

// Equal compares the encodings.
func (c *Certificate) Equal(o *Certificate) bool { return bytes.Equal(c.X509.Raw, o.X509.Raw) }

// Valid says whether now lies within the validity period, both ends included. With q =
// ClockNone nobody can tell and the answer is true.
func (c *Certificate) Valid(now time.Time, q Quality) bool {
	return Terms{Now: now, Quality: q}.Valid(c)
}

// checkProfile refuses certificates outside of what this package documents.
func checkProfile(x *x509.Certificate) error {
	if x.Version != 3 {
		return fmt.Errorf("pki: certificate is X.509 version %d, want 3", x.Version)
	}
	switch x.SignatureAlgorithm {
	case x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
	default:
		return fmt.Errorf("pki: certificate is signed with %v, want RSASSA-PSS and SHA-2", x.SignatureAlgorithm)
	}
	key, ok := x.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("pki: certificate is for a key of type %v, want RSA", x.PublicKeyAlgorithm)
	}
	spki, err := EncodeSPKI(key)
	if err != nil {
		return err
	}
	if !bytes.Equal(spki, x.RawSubjectPublicKeyInfo) {
		return errors.New("pki: public key is not in its canonical encoding")
	}
	for _, e := range x.Extensions {
		if e.Critical && !e.Id.Equal(oidBasicConstraints) && !e.Id.Equal(oidKeyUsage) {
			return fmt.Errorf("pki: unknown critical extension %v", e.Id)
		}
	}
	return nil
}
