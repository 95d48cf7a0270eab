package domain

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// JoinRequest is what a joiner sends inside the pairing session, and a member later to have its membership
// renewed: its public keys, and its built-in endpoint's SPKI.
//
// The Ed25519 and the RSA key sign it. The X25519 key need not: claiming the static of another gateway gains
// nothing, because every handshake of a link proves the private key and its prologue names both gateways by
// their Ed25519 keys. The session hides the request from others; knowing a code or an invite is what admits.
//
//	  1  version, 1
//	1+n  name
//	 32  Ed25519 key
//	 32  X25519 static
//	2+k  RSA SPKI
//	2+e  SPKI of the built-in endpoint, empty when there is none
//	2+s  RSASSA-PSS signature over the text below
//	 64  Ed25519 signature
//
// The RSA signature covers "packhorse join request 1", 0x00, 16 zeros for the domain not yet known, and
// the octets before it.
type JoinRequest struct {
	Name     string
	Sign     ed25519.PublicKey
	Static   [32]byte
	RSA      []byte // DER SPKI
	Endpoint []byte // DER SPKI of the built-in endpoint
	Raw      []byte
}

const (
	joinVersion = 1
	// MaxJoinRequest bounds a request with the largest keys allowed, in octets.
	MaxJoinRequest = 8 << 10
)

// noDomain stands where a joiner knows no domain yet.
var noDomain [idSize]byte

// NewJoinRequest makes a request signed with the Ed25519 and the RSA key it names.
func NewJoinRequest(i *Identity, endpointSPKI []byte, rand io.Reader) ([]byte, error) {
	if err := CheckName(i.Name); err != nil {
		return nil, err
	}
	spki, err := pki.EncodeSPKI(i.RSA.Public())
	if err != nil {
		return nil, err
	}
	id, static := i.ID(), i.StaticPublic()
	b := append8([]byte{joinVersion}, []byte(i.Name))
	b = append(append(b, id[:]...), static[:]...)
	b = append16(append16(b, spki), endpointSPKI)
	sig, err := pki.SignPSS(i.RSA, covered(forJoin, noDomain, b), rand)
	if err != nil {
		return nil, err
	}
	return appendSigned(append16(b, sig), i.Sign, forJoin, noDomain), nil
}

// ParseJoinRequest reads and verifies one. The result keeps nothing of raw.
func ParseJoinRequest(raw []byte) (JoinRequest, error) {
	if len(raw) > MaxJoinRequest {
		return JoinRequest{}, errors.New("domain: the join request is too large")
	}
	raw = append([]byte(nil), raw...)
	r := reader{b: raw}
	if v := r.u8(); v != joinVersion && !r.bad {
		return JoinRequest{}, fmt.Errorf("domain: the join request has version %d, this program reads %d: update the older side", v, joinVersion)
	}
	j := JoinRequest{Name: string(r.bytes8()), Sign: r.take(ed25519.PublicKeySize), Raw: raw}
	copy(j.Static[:], r.take(32))
	j.RSA, j.Endpoint = r.bytes16(), r.bytes16()
	signed := raw[:len(raw)-len(r.b)]
	sig := r.bytes16()
	r.take(ed25519.SignatureSize)
	if r.done() != nil {
		return JoinRequest{}, errors.New("domain: malformed join request")
	}
	if err := CheckName(j.Name); err != nil {
		return JoinRequest{}, err
	}
	return j, j.verify(signed, sig)
}

// verify checks the cheap signature before the costly one.
func (j JoinRequest) verify(signed, sig []byte) error {
	if !verifySigned(j.Raw, j.Sign, forJoin, noDomain) {
		return ErrSignature
	}
	key, err := pki.ParseSPKI(j.RSA)
	if err != nil {
		return err
	}
	if pki.VerifyPSS(key, covered(forJoin, noDomain, signed), sig) != nil {
		return ErrSignature
	}
	if len(j.Endpoint) > 0 {
		_, err = pki.ParseSPKI(j.Endpoint)
	}
	return err
}

// ID is the name of the gateway that asks.
func (j JoinRequest) ID() link.PeerID { return peerID(j.Sign) }
