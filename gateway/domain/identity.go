package domain

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// Identity is a gateway's three private keys, bound together by its membership record.
type Identity struct {
	Name   string
	Sign   ed25519.PrivateKey
	Static [32]byte // X25519 private
	RSA    *rsa.PrivateKey
}

const identityVersion = 1

// NewIdentity makes the keys. The Ed25519 and X25519 keys come from 64 octets of rand; crypto/rsa draws
// from the system itself. On a Pi Zero the RSA key takes seconds.
func NewIdentity(name string, rand io.Reader) (*Identity, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	i := &Identity{Name: name}
	var err error
	if i.Sign, err = newSignKey(rand); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(rand, i.Static[:]); err != nil {
		return nil, fmt.Errorf("domain: no random octets for keys: %w", err)
	}
	if i.RSA, err = rsa.GenerateKey(rand, pki.MinKeyBits); err != nil {
		return nil, fmt.Errorf("domain: making an RSA key: %w", err)
	}
	return i, nil
}

func newSignKey(rand io.Reader) (ed25519.PrivateKey, error) {
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return nil, fmt.Errorf("domain: no random octets for keys: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed[:]), nil
}

// ID is the gateway's name among ours.
func (i *Identity) ID() link.PeerID { return peerID(i.Sign.Public().(ed25519.PublicKey)) }

// StaticPublic is the X25519 public key of the gateway's links.
func (i *Identity) StaticPublic() (pub [32]byte) {
	k, err := ecdh.X25519().NewPrivateKey(i.Static[:])
	if err != nil {
		return pub // never: every 32 octets are an X25519 key
	}
	copy(pub[:], k.PublicKey().Bytes())
	return pub
}

// Marshal encodes the secret; the caller writes it to a file of mode 0600.
//
//	0     1  version, 1
//	1   1+n  name
//	   32    Ed25519 seed
//	   32    X25519 private key
//	   2+k   RSA private key (PKCS #1)
func (i *Identity) Marshal() []byte {
	b := append8([]byte{identityVersion}, []byte(i.Name))
	b = append(append(b, i.Sign.Seed()...), i.Static[:]...)
	return append16(b, x509.MarshalPKCS1PrivateKey(i.RSA))
}

// UnmarshalIdentity reads Marshal.
func UnmarshalIdentity(b []byte) (*Identity, error) {
	r := reader{b: b}
	if v := r.u8(); v != identityVersion && !r.bad {
		return nil, fmt.Errorf("domain: the identity has version %d, this program reads %d: update the program", v, identityVersion)
	}
	i := &Identity{Name: string(r.bytes8())}
	i.Sign = ed25519.NewKeyFromSeed(r.take(ed25519.SeedSize))
	copy(i.Static[:], r.take(32))
	key := r.bytes16()
	if r.done() != nil || CheckName(i.Name) != nil {
		return nil, errors.New("domain: the identity is damaged: restore it from a backup")
	}
	var err error
	if i.RSA, err = parseRSA(key); err != nil {
		return nil, err
	}
	return i, nil
}

func parseRSA(der []byte) (*rsa.PrivateKey, error) {
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("domain: the RSA key is damaged: restore it from a backup: %w", err)
	}
	if _, err := pki.EncodeSPKI(key.Public()); err != nil {
		return nil, err
	}
	return key, nil
}

// String names the gateway and hides its keys.
func (i *Identity) String() string {
	if i == nil {
		return "no gateway"
	}
	return "gateway " + i.Name + " (keys hidden)"
}

// Format hides the keys from every verb of fmt.
func (i *Identity) Format(f fmt.State, _ rune) { io.WriteString(f, i.String()) }
