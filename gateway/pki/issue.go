package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

var (
	oidCommonName       = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidAuthorityKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
)

const (
	// MaxPathLen is the deepest path length constraint of the profile (RS-002).
	MaxPathLen = 2

	serialSize = 8
)

// Template says what to issue. Names, key ids, serial and constraints follow the profile.
type Template struct {
	Subject             crypto.PublicKey
	Issuer              *Certificate // nil: self-issued
	IssuerKey           crypto.Signer
	NotBefore, NotAfter time.Time // NotAfter is clipped to the issuer's
	CA                  bool
	PathLen             int // always written, also 0
	RateLimit           *RateLimit
	Rand                io.Reader
}

// Issue makes a certificate. Dates lose their fraction of a second. Serial and signature
// salt come from t.Rand. The issuer's dates are not judged.
func Issue(t Template) (*Certificate, error) {
	if t.Rand == nil || t.IssuerKey == nil {
		return nil, errors.New("pki: a certificate template needs Rand and IssuerKey")
	}
	x, err := t.fields()
	if err != nil {
		return nil, err
	}
	parent := x
	if t.Issuer != nil {
		parent = t.Issuer.X509
	}
	der, err := x509.CreateCertificate(t.Rand, x, parent, t.Subject, t.IssuerKey)
	if err != nil {
		return nil, fmt.Errorf("pki: issuing a certificate: %w", err)
	}
	return Parse(der)
}

// fields checks the template and fills what crypto/x509 wants to know.
func (t *Template) fields() (*x509.Certificate, error) {
	spki, err := EncodeSPKI(t.Subject)
	if err != nil {
		return nil, err
	}
	id := IDOf(spki)
	issuer := id
	if t.Issuer != nil {
		issuer = t.Issuer.ID
		if !isCA(t.Issuer.X509) {
			return nil, fmt.Errorf("pki: %s may not issue certificates", issuer)
		}
	}
	from, until, err := t.validity()
	if err != nil {
		return nil, err
	}
	if t.PathLen < 0 || t.PathLen > MaxPathLen {
		return nil, fmt.Errorf("pki: path length %d, want 0 to %d", t.PathLen, MaxPathLen)
	}
	serial, err := newSerial(t.Rand)
	if err != nil {
		return nil, err
	}
	name, err := encodeName(id)
	if err != nil {
		return nil, err
	}
	ext, err := encodeExtensions(t.CA, t.PathLen, issuer, id)
	if err != nil {
		return nil, err
	}
	if t.RateLimit != nil {
		rate, err := t.RateLimit.extension()
		if err != nil {
			return nil, err
		}
		ext = append(ext, rate)
	}
	return &x509.Certificate{
		SignatureAlgorithm: x509.SHA256WithRSAPSS,
		SerialNumber:       serial,
		RawSubject:         name,
		NotBefore:          from,
		NotAfter:           until,
		ExtraExtensions:    ext,
	}, nil
}

// validity rounds and clips the dates.
func (t *Template) validity() (from, until time.Time, err error) {
	from, until = t.NotBefore.UTC().Truncate(time.Second), t.NotAfter.UTC().Truncate(time.Second)
	if t.Issuer != nil && until.After(t.Issuer.X509.NotAfter) {
		until = t.Issuer.X509.NotAfter
	}
	if until.Before(from) {
		err = fmt.Errorf("pki: certificate would end (%v) before it starts (%v)", until, from)
	}
	return from, until, err
}

// newSerial reads a serial number that always takes 8 octets and is positive.
func newSerial(r io.Reader) (*big.Int, error) {
	var b [serialSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, fmt.Errorf("pki: drawing a serial number: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b[:]), nil
}
