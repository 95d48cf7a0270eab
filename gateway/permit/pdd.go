package permit

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
)

// Limits of a PDD. The most serial numbers of 8 octets and a chain of four take about 16 KiB.
const (
	MaxPDD     = 32 << 10 // octets
	MaxSerials = 1024
	maxSerial  = 32 // octets of one
)

// header is that of a PDD. RS-018 gives it no type; 0x52 is ours.
const header = "Awala\x52\x00"

// PDD is a parcel delivery deauthorisation (RS-018): an endpoint takes PDAs back.
//
//	offset  size  field
//	0       5     "Awala"
//	5       1     type: 0x52, which only Packhorse uses
//	6       1     version: 0
//	7             CMS SignedData (BER), the chain of the signer attached, over
//
//	SEQUENCE {
//	    recipientAddress VisibleString,        the endpoint's id
//	    pdaSerialNumbers SET OF INTEGER,       empty: all PDAs of that endpoint
//	    expiryDateUtc    DATE-TIME }           14 digits YYYYMMDDHHMMSS
//
// all tags universal. It is signed by the endpoint or by its private gateway, which attaches the
// certificate that it issued to the endpoint.
type PDD struct {
	Recipient pki.NodeID
	Serials   []*big.Int // positive, at most MaxSerials; none: all that the endpoint ever issues, until Expires
	Expires   time.Time  // whole seconds: the end of the last PDA that is taken back
	Signer    *pki.Certificate
	Chain     []*pki.Certificate // attached

}

const (
	tagVisible  ber.Tag = 26
	tagDateTime ber.Tag = 33

	dateLayout = "20060102150405"
)

// Sign encodes and signs a PDD with the key of p.Signer; p.Chain is attached. Salt comes from rand.
func Sign(p PDD, key crypto.Signer, rand io.Reader) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	signed, err := cms.Sign(p.encode(), p.Signer, p.Chain, key, rand)
	if err != nil {
		return nil, err
	}
	b := append(ber.Pieces{[]byte(header)}, signed...).Join()
	if len(b) > MaxPDD {
		return nil, fmt.Errorf("%w: %d octets, at most %d are possible", ErrDenial, len(b), MaxPDD)
	}
	return b, nil
}

func (p *PDD) check() error {
	switch {
	case !p.Recipient.Valid():
		return fmt.Errorf("%w: %.80q is not the id of a private endpoint", ErrDenial, string(p.Recipient))
	case len(p.Serials) > MaxSerials:
		return fmt.Errorf("%w: %d serial numbers, at most %d are possible", ErrDenial, len(p.Serials), MaxSerials)
	case p.Expires.Year() < 1970 || p.Expires.Year() > 9999:
		return fmt.Errorf("%w: it expires in the year %d", ErrDenial, p.Expires.Year())
	}
	for _, s := range p.Serials {
		if s.Sign() <= 0 || s.BitLen() > 8*maxSerial-1 {
			return fmt.Errorf("%w: a serial number is not positive or has more than %d octets", ErrDenial, maxSerial)
		}
	}
	return nil
}

func (p *PDD) encode() []byte {
	var set ber.Pieces
	for _, s := range p.Serials {
		digits := append(make([]byte, 1, 1+maxSerial), s.Bytes()...)
		if digits[1] < 0x80 {
			digits = digits[1:]
		}
		set = append(set, ber.Bytes(0x02, digits).Join())
	}
	slices.SortFunc(set, bytes.Compare) // as DER wants of a SET OF
	date := append([]byte{0x1f, byte(tagDateTime), byte(len(dateLayout))}, p.Expires.UTC().Format(dateLayout)...)
	return ber.Encode(0x30, ber.Bytes(byte(tagVisible), []byte(p.Recipient)), ber.Encode(0x31, set), ber.Pieces{date}).Join()
}

// Parse reads a PDD and verifies its signature, not who the signer is. It keeps b: do not change it
// afterwards. Errors are ErrDenial.
func Parse(b []byte) (*PDD, error) {
	if len(b) > MaxPDD || !bytes.HasPrefix(b, []byte(header)) {
		return nil, fmt.Errorf("%w: it is longer than %d octets or does not begin as one", ErrDenial, MaxPDD)
	}
	signed, err := cms.ParseSignedData(b[len(header):])
	if err == nil && signed.Detached {
		err = errors.New("the signed content is not attached")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDenial, err)
	}
	p := &PDD{Signer: signed.Signer, Chain: signed.Others}
	if err := p.read(signed.Content); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDenial, err)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := signed.Verify(nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDenial, err)
	}
	return p, nil
}

func (p *PDD) read(b []byte) error {
	e, err := ber.Parse(b)
	if err != nil {
		return err
	}
	if e.Tag != ber.Sequence {
		return fmt.Errorf("found %v, want a SEQUENCE", e.Tag)
	}
	r := e.Reader()
	to, set, date := r.Take(tagVisible), r.Enter(ber.Set), r.Take(tagDateTime)
	if err := r.End(); err != nil {
		return err
	}
	if to.Constructed || date.Constructed {
		return errors.New("a field is in pieces")
	}
	p.Recipient = pki.NodeID(to.Content)
	if p.Expires, err = time.Parse(dateLayout, string(date.Content)); err != nil || len(date.Content) != len(dateLayout) {
		return errors.New("its expiry is not 14 digits of a date")
	}
	return p.readSerials(set)
}

func (p *PDD) readSerials(set *ber.Reader) error {
	for !set.Empty() {
		n := set.Take(ber.Integer)
		if set.Err() != nil {
			break
		}
		if len(p.Serials) == MaxSerials {
			return fmt.Errorf("more than %d serial numbers", MaxSerials)
		}
		if n.Constructed || len(n.Content) == 0 || len(n.Content) > maxSerial || n.Content[0] >= 0x80 {
			return errors.New("a serial number is not positive or too long")
		}
		p.Serials = append(p.Serials, new(big.Int).SetBytes(n.Content))
	}
	return set.End()
}

// Verify says whether the signer may take PDAs of the recipient back: it is that endpoint or issued its attached
// certificate, and PDAs under that certificate would be trusted. So neither who has a PDA nor an endpoint, which can
// certify any key, speaks for others. Errors are ErrDenial.
func (p *PDD) Verify(t pki.Terms, anchors []*pki.Certificate) error {
	certs := append([]*pki.Certificate{p.Signer}, p.Chain[:min(len(p.Chain), pki.MaxCandidates-1)]...)
	why := errors.New("its signer is neither the endpoint nor its gateway")
	for _, c := range certs {
		if c.ID != p.Recipient {
			continue
		}
		path, err := t.Path(c, certs, anchors)
		switch {
		case err != nil:
			why = err
		case authorises(path) && (c == p.Signer || path[1].ID == p.Signer.ID):
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrDenial, why)
}

// authorises tells whether one more certificate, issued by the first of a path, would be trusted.
func authorises(path []*pki.Certificate) bool {
	for i, c := range path {
		if !c.X509.IsCA || c.X509.MaxPathLen >= 0 && c.X509.MaxPathLen < i {
			return false
		}
	}
	return len(path) > 1
}
