// Package cpace turns a short code that two people share into a strong key, so that who listens learns
// nothing and who takes part gets one guess a run: CPace in its initiator-responder setting with the cipher
// suite CPACE-RISTR255-SHA512 (draft-irtf-cfrg-cpace-21, sections 7 and 8.3) on ristretto255 (RFC 9496).
//
// The key is not yet confirmed: a peer with another code ends with another key and no error. Confirm it by
// using it (as a pre-shared key of a handshake) before anything depends on it.
package cpace

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"io"

	"github.com/gtank/ristretto255"
)

// Role is the place of a party in the run; the two sides must differ.
type Role uint8

const (
	Initiator Role = 1 // party A: sends its share first
	Responder Role = 2 // party B
)

// Sizes in octets.
const (
	ShareSize = 32 // what travels, each way
	KeySize   = 64 // the intermediate session key, ISK
)

// ErrShare tells that the peer's share is no share: the draft demands that the run ends here. It says
// nothing about the code.
var ErrShare = errors.New("cpace: the peer's share is invalid: end this pairing and start a new one")

// State is one run of one party, good for one Finish. Not safe for concurrent use.
type State struct {
	role     Role
	sid      []byte
	ada, adb []byte
	secret   *ristretto255.Scalar
	share    [ShareSize]byte
}

// New starts a run. sid must be the same on both sides and fresh for each run (both parties' nonces);
// channelID names both parties, in one order, and is the same on both sides. It takes 32 octets of rand for
// the secret scalar. The arguments are copied.
func New(role Role, password, sid, channelID []byte, rand io.Reader) (*State, error) {
	if role != Initiator && role != Responder {
		return nil, fmt.Errorf("cpace: role %d is neither initiator nor responder", role)
	}
	secret, err := sampleScalar(rand)
	if err != nil {
		return nil, err
	}
	s := &State{role: role, sid: append([]byte(nil), sid...), secret: secret}
	g := generator(password, channelID, sid)
	ristretto255.NewElement().ScalarMult(secret, g).Encode(s.share[:0])
	return s, nil
}

// Bind adds the associated data of the initiator (ADa) and of the responder (ADb): public octets that
// both sides must have alike for the keys to be alike. Call it before Finish, or not at all: both are then empty.
func (s *State) Bind(ada, adb []byte) {
	s.ada = append([]byte(nil), ada...)
	s.adb = append([]byte(nil), adb...)
}

// Message is the share to send to the peer.
func (s *State) Message() [ShareSize]byte { return s.share }

// Copy is the same run once more, for when several shares claim to be the peer's and only one is. Each Finish of a
// copy is one guess of the password for whoever made its share, so a caller bounds their number.
func (s *State) Copy() *State {
	c := *s
	if s.secret != nil {
		c.secret = ristretto255.NewScalar().Add(s.secret, ristretto255.NewScalar())
	}
	return &c
}

// Finish takes the peer's share and returns the key. It wipes the secret: another call fails. The error is
// ErrShare for an encoding that is invalid, for the identity element and for our own share sent back.
func (s *State) Finish(peer []byte) (isk [KeySize]byte, err error) {
	secret := s.secret
	if secret == nil {
		return isk, errors.New("cpace: this run is over: start a new one")
	}
	s.secret = nil
	defer secret.Zero()
	if string(peer) == string(s.share[:]) {
		return isk, ErrShare
	}
	k, err := agree(secret, peer)
	if err != nil {
		return isk, err
	}
	ya, yb := s.share[:], peer
	if s.role == Responder {
		ya, yb = peer, s.share[:]
	}
	in := appendLV(nil, []byte(dsiISK), s.sid, k)
	return sha512.Sum512(appendLV(in, ya, s.ada, yb, s.adb)), nil
}

// agree is scalar_mult_vfy: the encoded product, or ErrShare where the draft wants the run to end.
func agree(secret *ristretto255.Scalar, peer []byte) ([]byte, error) {
	y := ristretto255.NewElement()
	if y.Decode(peer) != nil {
		return nil, ErrShare
	}
	k := ristretto255.NewElement().ScalarMult(secret, y)
	if k.Equal(ristretto255.NewElement()) == 1 {
		return nil, ErrShare
	}
	return k.Encode(nil), nil
}

// sampleScalar clears the bits above 252 of 32 random octets, as section 8.3 recommends: the value is then
// below the group order and its distance from uniform is negligible. Zero is refused.
func sampleScalar(rand io.Reader) (*ristretto255.Scalar, error) {
	var b [32]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return nil, fmt.Errorf("cpace: no random octets: %w", err)
	}
	b[31] &= 0x0f
	s := ristretto255.NewScalar()
	if err := s.Decode(b[:]); err != nil || s.Equal(ristretto255.NewScalar()) == 1 {
		return nil, errors.New("cpace: the random source is broken: it gave zero")
	}
	return s, nil
}
