package world

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
)

// Estate is the slow part of a domain: the RSA keys of its owner and of some gateways.
type Estate struct {
	Owner *domain.Owner
	Keys  []Keys
}

// NewEstate makes the keys of a domain and n gateways.
func NewEstate(name string, n int) (*Estate, error) {
	e := &Estate{}
	var err error
	if e.Owner, err = domain.NewOwner(name, Epoch, rand.Reader); err != nil {
		return nil, err
	}
	for range n {
		id, err := domain.NewIdentity("gateway", rand.Reader)
		if err != nil {
			return nil, err
		}
		ep, err := endpoint.New(rand.Reader)
		if err != nil {
			return nil, err
		}
		e.Keys = append(e.Keys, Keys{Identity: id, Endpoint: ep.Key})
	}
	return e, nil
}

// Boot starts gateways with radios, each on its directory under dir: new ones, or those of an earlier world.
func (w *World) Boot(e *Estate, dir string, names ...string) ([]*GatewayNode, error) {
	var nodes []*GatewayNode
	for i, name := range names {
		keys := e.Keys[i]
		id := *keys.Identity
		id.Name = name
		keys.Identity = &id
		n, err := w.Gateway(name, filepath.Join(dir, name), keys, true)
		if err != nil {
			return nodes, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// Gateways boots new gateways and pairs them: the first owns the domain and admits the others one by
// one, by invite. All must hear the first meanwhile.
func (w *World) Gateways(e *Estate, dir string, names ...string) ([]*GatewayNode, error) {
	nodes, err := w.Boot(e, dir, names...)
	if err != nil {
		return nodes, err
	}
	if _, err := nodes[0].Do(time.Minute, func(t gateway.Token) gateway.Event { return gateway.Up{Token: t, Owner: e.Owner} }); err != nil {
		return nodes, err
	}
	for _, n := range nodes[1:] {
		if err := nodes[0].Admit(n); err != nil {
			return nodes, fmt.Errorf("world: pairing %s with %s: %w", nodes[0].Name, n.Name, err)
		}
	}
	return nodes, nil
}

// Admit pairs two gateways by invite, and waits until both can write to the other.
func (n *GatewayNode) Admit(other *GatewayNode) error {
	offer, err := n.Do(time.Minute, func(t gateway.Token) gateway.Event { return gateway.OpenPairing{Token: t} })
	if err != nil {
		return err
	}
	invite := offer.(gateway.PairOffer).Invite
	if _, err := other.Do(20*time.Minute, func(t gateway.Token) gateway.Event { return gateway.JoinPairing{Token: t, Text: invite} }); err != nil {
		return err
	}
	both := func() bool { return n.Knows(other.Name) && other.Knows(n.Name) }
	if !n.w.Run(20*time.Minute, both) {
		return fmt.Errorf("contacts were not exchanged: %v, %v", n.Core.Contacts(), other.Core.Contacts())
	}
	return nil
}

// Knows tells whether this gateway can write to a contact of that name.
func (n *GatewayNode) Knows(name string) bool {
	for _, c := range n.Core.Contacts() {
		if c == name {
			return true
		}
	}
	return false
}

// Send writes a letter and waits until it is durable.
func (n *GatewayNode) Send(to string, content []byte) (gateway.Parcel, error) {
	v, err := n.Do(time.Minute, func(t gateway.Token) gateway.Event {
		return gateway.Send{Token: t, To: to, Type: "application/octet-stream", Priority: 1, Content: content}
	})
	p, _ := v.(gateway.Parcel)
	return p, err
}

// Read returns the content of a letter.
func (n *GatewayNode) Read(id string) ([]byte, error) {
	v, err := n.Do(time.Minute, func(t gateway.Token) gateway.Event { return gateway.ReadLetter{Token: t, ID: id} })
	l, _ := v.(gateway.Letter)
	return l.Content, err
}
