package domain

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"packhorse/gateway/pki"
)

// Owner is a domain's private side: used only to create, admit, renew and revoke.
type Owner struct {
	Name    string
	Sign    ed25519.PrivateKey
	RSA     *rsa.PrivateKey
	Cert    *pki.Certificate // the domain's self-issued CA certificate, pathLen 2
	Key     [32]byte         // pre-shared key of the epoch
	Epoch   uint32           // of the pre-shared key
	Cross   Cross
	Revoked []Revocation // sorted by gateway, at most MaxRevoked
}

const (
	ownerVersion = 1
	// Validity of what a domain issues. A domain's own certificate is long-lived because its key may be far
	// away and offline; a gateway's is short, so that a lost gateway fades out even where no revocation arrives.
	ownerDays   = 3650
	gatewayDays = 30
	// backdate covers for clocks that differ.
	backdate = 90 * time.Minute
)

// NewOwner creates a domain; its certificate is valid from 90 minutes before now, for ten years. It takes 64
// octets of rand for keys, and more to sign; crypto/rsa draws its key from the system itself.
func NewOwner(name string, now time.Time, rand io.Reader) (*Owner, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	o := &Owner{Name: name, Epoch: 1}
	var err error
	if o.Sign, err = newSignKey(rand); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(rand, o.Key[:]); err != nil {
		return nil, fmt.Errorf("domain: no random octets for keys: %w", err)
	}
	if o.RSA, err = rsa.GenerateKey(rand, pki.MinKeyBits); err != nil {
		return nil, fmt.Errorf("domain: making an RSA key: %w", err)
	}
	o.Cert, err = pki.Issue(pki.Template{
		Subject: o.RSA.Public(), IssuerKey: o.RSA, CA: true, PathLen: 2, Rand: rand,
		NotBefore: now.Add(-backdate), NotAfter: now.Add(ownerDays * 24 * time.Hour),
	})
	if err != nil {
		return nil, err
	}
	o.Cross, err = newCross(name, o.Sign, o.RSA, o.Cert.SPKI(), rand)
	return o, err
}

// Info derives the public side.
func (o *Owner) Info() Info {
	pub := o.Sign.Public().(ed25519.PublicKey)
	id := IDOf(pub)
	return Info{Name: o.Name, ID: id, Sign: pub, Cert: o.Cert, Key: o.Key, Epoch: o.Epoch,
		Address: AddressOf(o.Name, id), Cross: o.Cross}
}

// Marshal encodes the secret; the caller writes it to a file of mode 0600, or away from the gateway.
//
//	  1  version, 1
//	  i  public side and pre-shared key, as in a membership
//	 32  Ed25519 seed
//	2+k  RSA private key (PKCS #1)
//	  2  r, number of revocations
//	20r  revocations, as in a DomainAdvert
func (o *Owner) Marshal() []byte {
	b := o.Info().appendTo([]byte{ownerVersion})
	b = append16(append(b, o.Sign.Seed()...), x509.MarshalPKCS1PrivateKey(o.RSA))
	return appendRevocations(b, o.Revoked)
}

// UnmarshalOwner reads Marshal and checks that the keys belong together.
func UnmarshalOwner(b []byte) (*Owner, error) {
	r := &reader{b: b}
	if v := r.u8(); v != ownerVersion && !r.bad {
		return nil, fmt.Errorf("domain: the domain key has version %d, this program reads %d: update the program", v, ownerVersion)
	}
	d, err := readInfo(r)
	if err != nil {
		return nil, fmt.Errorf("domain: the domain key is damaged: restore it from a backup: %w", err)
	}
	o := &Owner{Name: d.Name, Cert: d.Cert, Key: d.Key, Epoch: d.Epoch, Cross: d.Cross}
	o.Sign = ed25519.NewKeyFromSeed(r.take(ed25519.SeedSize))
	key := r.bytes16()
	o.Revoked = readRevocations(r)
	if r.done() != nil {
		return nil, errors.New("domain: the domain key is damaged: restore it from a backup")
	}
	if o.RSA, err = parseRSA(key); err != nil {
		return nil, err
	}
	if !o.RSA.PublicKey.Equal(o.Cert.Key()) || !d.Sign.Equal(o.Sign.Public()) {
		return nil, errors.New("domain: the domain key is damaged: its halves do not fit: restore it from a backup")
	}
	return o, nil
}

// String names the domain and hides its keys.
func (o *Owner) String() string {
	if o == nil {
		return "no domain"
	}
	return "owner of domain " + o.Name + " (keys hidden)"
}

// Format hides the keys from every verb of fmt.
func (o *Owner) Format(f fmt.State, _ rune) { io.WriteString(f, o.String()) }
