package scenario

import (
	"crypto/rand"
	"sync"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/testbench/world"
)

// Keyring makes RSA keys, the slow part of a gateway, and keeps them for the next run. The zero
// value is usable. Safe for concurrent use.
type Keyring struct {
	mu     sync.Mutex
	nodes  []world.Keys
	owners map[string]*domain.Owner
}

// node is the keys of the i-th gateway under its name of this run.
func (k *Keyring) node(i int, name string) (world.Keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.nodes) <= i {
		id, err := domain.NewIdentity("gateway", rand.Reader)
		if err != nil {
			return world.Keys{}, err
		}
		ep, err := endpoint.New(rand.Reader)
		if err != nil {
			return world.Keys{}, err
		}
		k.nodes = append(k.nodes, world.Keys{Identity: id, Endpoint: ep.Key})
	}
	keys, id := k.nodes[i], *k.nodes[i].Identity
	id.Name, keys.Identity = name, &id
	return keys, nil
}

// owner is a domain of that name.
func (k *Keyring) owner(name string) (*domain.Owner, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o := k.owners[name]; o != nil {
		return o, nil
	}
	o, err := domain.NewOwner(name, world.Epoch, rand.Reader)
	if err != nil {
		return nil, err
	}
	if k.owners == nil {
		k.owners = map[string]*domain.Owner{}
	}
	k.owners[name] = o
	return o, nil
}
