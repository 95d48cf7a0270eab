package domain

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"packhorse/gateway/pki"
)

// Info is a domain's public side and the pre-shared key: what every member holds.
type Info struct {
	Name    string
	ID      [16]byte // hash of Sign
	Sign    ed25519.PublicKey
	Cert    *pki.Certificate
	Key     [32]byte
	Epoch   uint32
	Address string // <name>.<16 base32 characters>.internal
	Cross   Cross
}

// Cross joins the two keys of a domain: whoever holds one of them cannot borrow the name of the other.
type Cross struct {
	Sign []byte // Ed25519 over the name and the RSA SPKI
	RSA  []byte // RSASSA-PSS over the name and the Ed25519 key
}

func crossText(name string, id [idSize]byte, key []byte) []byte {
	return covered(forCross, id, append(append8(nil, []byte(name)), key...))
}

func newCross(name string, sign ed25519.PrivateKey, rsaKey *rsa.PrivateKey, spki []byte, rand io.Reader) (Cross, error) {
	pub := sign.Public().(ed25519.PublicKey)
	id := IDOf(pub)
	byRSA, err := pki.SignPSS(rsaKey, crossText(name, id, pub), rand)
	if err != nil {
		return Cross{}, err
	}
	return Cross{Sign: ed25519.Sign(sign, crossText(name, id, spki)), RSA: byRSA}, nil
}

// verify checks both signatures and that the certificate is the domain's own.
func (d Info) verify() error {
	if !ed25519.Verify(d.Sign, crossText(d.Name, d.ID, d.Cert.SPKI()), d.Cross.Sign) {
		return errors.New("domain: the domain's Ed25519 key does not vouch for its RSA key: do not join")
	}
	if pki.VerifyPSS(d.Cert.Key(), crossText(d.Name, d.ID, d.Sign), d.Cross.RSA) != nil {
		return errors.New("domain: the domain's RSA key does not vouch for its Ed25519 key: do not join")
	}
	if err := d.Cert.IssuedBy(d.Cert); err != nil {
		return fmt.Errorf("domain: the domain's certificate is not its own: %w", err)
	}
	return nil
}

// appendTo encodes everything that cannot be derived:
//
//	1+n  name
//	 32  Ed25519 key
//	  4  epoch of the pre-shared key
//	 32  pre-shared key
//	 64  Cross.Sign
//	2+s  Cross.RSA
//	2+c  certificate
func (d Info) appendTo(b []byte) []byte {
	b = append(append8(b, []byte(d.Name)), d.Sign...)
	b = binary.BigEndian.AppendUint32(b, d.Epoch)
	b = append(append(b, d.Key[:]...), d.Cross.Sign...)
	return append16(append16(b, d.Cross.RSA), d.Cert.Raw())
}

// readInfo parses and verifies appendTo.
func readInfo(r *reader) (Info, error) {
	d := Info{Name: string(r.bytes8())}
	d.Sign = append(d.Sign, r.take(ed25519.PublicKeySize)...)
	d.Epoch = r.u32()
	copy(d.Key[:], r.take(32))
	d.Cross.Sign = append([]byte(nil), r.take(ed25519.SignatureSize)...)
	d.Cross.RSA = append([]byte(nil), r.bytes16()...)
	der := append([]byte(nil), r.bytes16()...)
	if r.bad {
		return Info{}, errShort
	}
	if err := CheckName(d.Name); err != nil {
		return Info{}, err
	}
	var err error
	if d.Cert, err = pki.Parse(der); err != nil {
		return Info{}, err
	}
	d.ID = IDOf(d.Sign)
	d.Address = AddressOf(d.Name, d.ID)
	return d, d.verify()
}

// String names the domain and hides its pre-shared key.
func (d Info) String() string { return "domain " + d.Name + " (key hidden)" }

// Format hides the pre-shared key from every verb of fmt.
func (d Info) Format(f fmt.State, _ rune) { io.WriteString(f, d.String()) }
