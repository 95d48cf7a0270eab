package gateway

import (
	"crypto/ed25519"
	"testing"

	"packhorse/gateway/domain"
)

func edKey(seed [32]byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(seed[:]) }

var owners = map[string]*domain.Owner{}

// ownerOf makes the keys of a domain once per process.
func ownerOf(t testing.TB, name string) *domain.Owner {
	if owners[name] == nil {
		o, err := domain.NewOwner(name, epoch, seeded(9, name))
		if err != nil {
			t.Fatal(err)
		}
		owners[name] = o
	}
	o := *owners[name]
	return &o
}
