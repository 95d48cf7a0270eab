package link

import (
	"bytes"
	"crypto/ecdh"
	"io"
	"sync"

	"github.com/flynn/noise"
)

// A test plays thousands of handshakes in one process, and both ends of each compute the same: without a memory of it key
// agreement is half of what the trials cost.

func init() {
	suite = noise.NewCipherSuite(&agreement{DHFunc: noise.DH25519}, noise.CipherChaChaPoly, noise.HashBLAKE2s)
}

// agreement is X25519 that remembers.
type agreement struct {
	noise.DHFunc
	mu     sync.Mutex
	keys   map[[32]byte]*ecdh.PrivateKey
	shared map[[64]byte][]byte // by both public keys
}

// remembered bounds both tables; what is older is computed again.
const remembered = 4096

// GenerateKeypair draws a key as noise.DH25519 does.
func (a *agreement) GenerateKeypair(rng io.Reader) (noise.DHKey, error) {
	private := make([]byte, 32)
	if _, err := io.ReadFull(rng, private); err != nil {
		return noise.DHKey{}, err
	}
	k, err := a.key(private)
	if err != nil {
		return noise.DHKey{}, err
	}
	return noise.DHKey{Private: private, Public: k.PublicKey().Bytes()}, nil
}

// key is a private key with its public one.
func (a *agreement) key(private []byte) (*ecdh.PrivateKey, error) {
	a.mu.Lock()
	k := a.keys[[32]byte(private)]
	a.mu.Unlock()
	if k != nil {
		return k, nil
	}
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.keys) >= remembered || a.keys == nil {
		a.keys = map[[32]byte]*ecdh.PrivateKey{}
	}
	a.keys[[32]byte(private)] = k
	return k, nil
}

// DH answers what either end computes.
func (a *agreement) DH(private, public []byte) ([]byte, error) {
	k, err := a.key(private)
	if err != nil {
		return nil, err
	}
	both := pair64(k.PublicKey().Bytes(), public)
	a.mu.Lock()
	s := a.shared[both]
	a.mu.Unlock()
	if s != nil {
		return bytes.Clone(s), nil
	}
	p, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	if s, err = k.ECDH(p); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.shared) >= remembered || a.shared == nil {
		a.shared = map[[64]byte][]byte{}
	}
	a.shared[both] = bytes.Clone(s)
	return s, nil
}

// pair64 names two public keys in one order.
func pair64(x, y []byte) (both [64]byte) {
	if string(x) > string(y) {
		x, y = y, x
	}
	copy(both[:], x)
	copy(both[32:], y)
	return both
}
