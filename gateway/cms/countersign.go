package cms

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"packhorse/gateway/pki"
)

// MaxCountersignature bounds a detached signature in octets: certificate and signature of the
// largest keys fit three times.
const MaxCountersignature = 16 << 10

// Countersign signs octets for a purpose, detached: the parcel one delivers, or the nonce of a
// collection (RS-016). Only the signer's certificate is attached.
func Countersign(p pki.Purpose, octets []byte, signer *pki.Certificate, key crypto.Signer, rand io.Reader) ([]byte, error) {
	return SignDetached(p.Plaintext(octets), signer, key, rand)
}

// Countersignature is one whose signer is known to be trusted; that it signed is for Verify to say.
type Countersignature struct {
	Signer *pki.Certificate

	signed *SignedData
}

// VerifyCountersignature verifies what Countersign made and returns the signer's certificate. It
// must be as JudgeCountersigner says.
func VerifyCountersignature(p pki.Purpose, signature, octets []byte, anchors []*pki.Certificate, now time.Time, q pki.Quality) (*pki.Certificate, error) {
	c, err := JudgeCountersigner(signature, anchors, now, q)
	if err != nil {
		return nil, err
	}
	if err := c.Verify(p, octets); err != nil {
		return nil, err
	}
	return c.Signer, nil
}

// JudgeCountersigner looks at what a countersignature says of its signer, before the octets are there: the certificate
// must be in date and have been issued directly by an anchor that is in date; certificates in between are not accepted.
// It refers to the octets of the signature.
func JudgeCountersigner(signature []byte, anchors []*pki.Certificate, now time.Time, q pki.Quality) (*Countersignature, error) {
	if len(signature) > MaxCountersignature {
		return nil, fmt.Errorf("cms: countersignature of %d octets is larger than %d", len(signature), MaxCountersignature)
	}
	s, err := ParseSignedData(signature)
	if err != nil {
		return nil, err
	}
	path, err := pki.Path(s.Signer, nil, anchors, now, q)
	if err != nil {
		return nil, err
	}
	if len(path) != 2 {
		return nil, errors.New("cms: countersigner is a trust anchor itself")
	}
	return &Countersignature{Signer: s.Signer, signed: s}, nil
}

// Verify tells that the signer signed these octets for the purpose. Errors: ErrSignature.
func (c *Countersignature) Verify(p pki.Purpose, octets []byte) error {
	return c.signed.Verify(p.Plaintext(octets))
}
