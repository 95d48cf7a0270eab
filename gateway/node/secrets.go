package node

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"packhorse/gateway"
	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/store"
)

// loadSecrets reads the gateway's keys and makes those that every gateway has.
func (n *Node) loadSecrets() (gateway.Config, error) {
	cc := gateway.Config{Rand: rand.Reader, Clock: n.cfg.Clock(), ClockKept: n.cfg.ClockKept, Limits: n.cfg.Limits}
	var err error
	ahead := n.endpointAhead()
	if cc.Identity, err = n.loadIdentity(); err != nil {
		return cc, err
	}
	n.identity = cc.Identity
	if cc.Endpoint, err = n.loadEndpoint(ahead); err != nil {
		return cc, err
	}
	if b, err := n.readSecret(gateway.SecretMembership); err != nil {
		return cc, err
	} else if b != nil {
		if cc.Membership, err = domain.UnmarshalMembership(b); err != nil {
			return cc, err
		}
	}
	if b, err := n.readSecret(gateway.SecretOwner); err != nil {
		return cc, err
	} else if b != nil {
		if cc.Owner, err = domain.UnmarshalOwner(b); err != nil {
			return cc, err
		}
	}
	n.checkOwner(&cc)
	return cc, nil
}

// checkOwner leaves out the keys of a domain whose membership never became durable: `up` makes another, or
// the gateway joined another since.
func (n *Node) checkOwner(cc *gateway.Config) {
	switch {
	case cc.Owner == nil:
	case cc.Membership == nil:
		cc.Owner = nil
	case cc.Owner.Info().ID != cc.Membership.Domain.ID:
		cc.Owner = nil
		n.log.Warn("owner.key is of another domain than the membership and is left out", "domain", cc.Membership.Domain.Name,
			"fix", "to admit others here, restore that domain's owner.key from a backup")
	}
}

// readSecret returns nil when there is none.
func (n *Node) readSecret(name string) ([]byte, error) {
	b, err := n.secrets.Read(name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

func (n *Node) writeSecret(name string, b []byte) error {
	return n.secrets.Write(name, b)
}

func (n *Node) loadIdentity() (*domain.Identity, error) {
	b, err := n.readSecret(gateway.SecretIdentity)
	if err != nil {
		return nil, err
	}
	if b != nil {
		return domain.UnmarshalIdentity(b)
	}
	name := n.cfg.Name
	if name == "" {
		name = hostName()
	}
	n.log.Info("making this gateway's keys", "name", name)
	id, err := domain.NewIdentity(name, rand.Reader)
	if err != nil {
		return nil, err
	}
	return id, n.writeSecret(gateway.SecretIdentity, id.Marshal())
}

// hostName is the machine's name as far as it can be a gateway's.
func hostName() string {
	h, _ := os.Hostname()
	var b strings.Builder
	for _, r := range strings.ToLower(h) {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			b.WriteRune(r)
		}
	}
	name := strings.Trim(b.String()[:min(b.Len(), domain.MaxName)], "-")
	if domain.CheckName(name) != nil {
		return "packhorse"
	}
	return name
}

// madeEndpoint is what became of making one.
type madeEndpoint struct {
	*endpoint.Endpoint
	err error
}

// endpointAhead begins to make an endpoint where there is none yet, beside the gateway's own keys: an RSA key takes a small
// board more than a second.
func (n *Node) endpointAhead() <-chan madeEndpoint {
	if b, err := n.readSecret(gateway.SecretEndpoint); b != nil || err != nil {
		return nil
	}
	made := make(chan madeEndpoint, 1)
	go func() {
		e, err := endpoint.New(rand.Reader)
		made <- madeEndpoint{e, err}
	}()
	return made
}

// loadEndpoint keeps the built-in endpoint's identity key once; its state is in the store.
func (n *Node) loadEndpoint(ahead <-chan madeEndpoint) (*endpoint.Endpoint, error) {
	if ahead != nil {
		return n.keepEndpoint(<-ahead)
	}
	b, err := n.readSecret(gateway.SecretEndpoint)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(b)
	key, ok := k.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("node: %s is damaged: restore it from a backup", gateway.SecretEndpoint)
	}
	return endpoint.FromKey(key, rand.Reader)
}

func (n *Node) keepEndpoint(made madeEndpoint) (*endpoint.Endpoint, error) {
	if made.err != nil {
		return nil, made.err
	}
	b, err := x509.MarshalPKCS8PrivateKey(made.Key)
	if err != nil {
		return nil, fmt.Errorf("node: built-in endpoint: %w", err)
	}
	return made.Endpoint, n.writeSecret(gateway.SecretEndpoint, b)
}
