package cms

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
)

// MaxCertificates is how many certificates a SignedData may carry: the signer's and as many as
// a path may choose from.
const MaxCertificates = 1 + pki.MaxCandidates

// SignedData is a parsed SignedData with its signer. It refers to the parsed octets.
type SignedData struct {
	Content  []byte // nil when detached
	Detached bool
	Signer   *pki.Certificate
	Others   []*pki.Certificate // attached besides the signer's, as they came

	digestHash crypto.Hash
	pssHash    crypto.Hash
	attrs      []byte // signedAttrs as they came, [0] IMPLICIT
	digest     []byte // messageDigest
	signature  []byte
}

// ParseSignedData reads a ContentInfo with SignedData. It verifies nothing but the form. Attached
// certificates that are outside of the pki profile are passed over, unless the signer's is one.
func ParseSignedData(b []byte) (*SignedData, error) {
	content, err := ContentInfo(b, oidSignedData)
	if err != nil {
		return nil, err
	}
	r := content.Reader()
	version, err := r.Take(ber.Integer).Uint()
	if err == nil && (version < 1 || version > 5) {
		err = fmt.Errorf("cms: SignedData version %d", version)
	}
	if err != nil {
		return nil, errors.Join(r.Err(), err)
	}
	r.Take(ber.Set) // digestAlgorithms: a hint for one-pass readers
	s := &SignedData{}
	if err := s.readContent(r.Enter(ber.Sequence)); err != nil {
		return nil, err
	}
	certificates, _ := r.Maybe(ber.Context(0))
	r.Maybe(ber.Context(1)) // revocation lists play no part in Awala
	infos := r.Enter(ber.Set)
	if err := r.End(); err != nil {
		return nil, err
	}
	info := infos.Enter(ber.Sequence)
	if err := infos.End(); err != nil {
		return nil, fmt.Errorf("cms: want exactly one SignerInfo: %w", err)
	}
	sid, err := s.readSignerInfo(info)
	if err != nil {
		return nil, err
	}
	return s, s.readCertificates(certificates, sid)
}

// readContent reads EncapsulatedContentInfo.
func (s *SignedData) readContent(r *ber.Reader) error {
	typ := r.Take(ber.ObjectIdentifier)
	explicit, attached := r.Maybe(ber.Context(0))
	if err := r.End(); err != nil {
		return err
	}
	if string(typ.Content) != oidData {
		return fmt.Errorf("cms: signed content has type %x, want data", typ.Content)
	}
	if s.Detached = !attached; s.Detached {
		return nil
	}
	e := explicit.Reader()
	octets := e.Take(ber.OctetString)
	if err := e.End(); err != nil {
		return err
	}
	var err error
	s.Content, err = octets.Octets()
	return err
}

// signerID is issuerAndSerialNumber.
type signerID struct {
	issuer []byte
	serial []byte
}

func (id signerID) matches(c *pki.Certificate) bool {
	return bytes.Equal(id.issuer, c.X509.RawIssuer) &&
		new(big.Int).SetBytes(id.serial).Cmp(c.X509.SerialNumber) == 0
}

func readSignerID(r *ber.Reader) (signerID, error) {
	id := signerID{issuer: r.Take(ber.Sequence).Raw, serial: r.Take(ber.Integer).Content}
	if err := r.End(); err != nil {
		return id, err
	}
	if len(id.serial) == 0 || len(id.serial) > 32 || id.serial[0] >= 0x80 {
		return id, errors.New("cms: serial number is not a positive integer of at most 32 octets")
	}
	return id, nil
}

func (s *SignedData) readSignerInfo(r *ber.Reader) (signerID, error) {
	version, err := r.Take(ber.Integer).Uint()
	if r.Err() == nil && (err != nil || version != 1) {
		return signerID{}, errors.New("cms: signer is not named by issuer and serial number")
	}
	id, err := readSignerID(r.Enter(ber.Sequence))
	if err != nil {
		return id, err
	}
	digest, err := TakeAlgorithm(r, ber.Sequence)
	if err != nil {
		return id, err
	}
	attrs := r.Take(ber.Context(0))
	signing, err := TakeAlgorithm(r, ber.Sequence)
	if err != nil {
		return id, err
	}
	signature := r.Take(ber.OctetString)
	r.Maybe(ber.Context(1)) // unsignedAttrs
	if err := r.End(); err != nil {
		return id, err
	}
	if s.signature, err = signature.Octets(); err != nil {
		return id, err
	}
	if s.digestHash, err = hashOf(digest); err != nil {
		return id, err
	}
	if s.pssHash, err = pssHash(signing); err != nil {
		return id, err
	}
	return id, s.readAttributes(attrs)
}

// readCertificates finds the signer's certificate among the attached ones.
func (s *SignedData) readCertificates(set ber.Element, id signerID) error {
	if set.Raw == nil {
		return errors.New("cms: no certificates are attached")
	}
	var passed error
	r := set.Reader()
	for n := 0; !r.Empty(); n++ {
		e, _ := r.Next()
		if n == MaxCertificates {
			return fmt.Errorf("cms: more than %d certificates are attached", MaxCertificates)
		}
		c, err := pki.Parse(e.Raw)
		switch {
		case err != nil:
			passed = err
		case s.Signer == nil && id.matches(c):
			s.Signer = c
		case id.matches(c) && !c.Equal(s.Signer):
			return errors.New("cms: two attached certificates could be the signer's")
		default:
			s.Others = append(s.Others, c)
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	if s.Signer == nil {
		return errors.Join(errors.New("cms: the signer's certificate is not attached"), passed)
	}
	return nil
}

// ErrSignature is the answer of Verify to a signature or digest that is wrong.
var ErrSignature = errors.New("cms: signature is wrong")

// Verify checks digest and signature with the signer's key; it says nothing about who the signer
// is. detached is the signed content when s.Detached, else it must be nil.
func (s *SignedData) Verify(detached []byte) error {
	content := s.Content
	if s.Detached {
		content = detached
	} else if detached != nil {
		return errors.New("cms: content is attached, and was given too")
	}
	h := s.digestHash.New()
	h.Write(content)
	if !bytes.Equal(h.Sum(nil), s.digest) {
		return ErrSignature
	}
	h = s.pssHash.New()
	h.Write([]byte{idSet}) // the signature is over the attributes as SET OF, not as [0] (RFC 5652 section 5.4)
	h.Write(s.attrs[1:])
	opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	if rsa.VerifyPSS(s.Signer.Key(), s.pssHash, h.Sum(nil), s.signature, opts) != nil {
		return ErrSignature
	}
	return nil
}
