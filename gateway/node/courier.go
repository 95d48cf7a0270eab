package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/discovery"
)

// Courier configures what a gateway does as a courier. The zero value carries nothing.
type Courier struct {
	// Listen is the TCP address where phones and laptops bring and fetch cargo. Empty: off.
	Listen string
	// AnyAddress takes connections from everywhere. Otherwise only local networks are listened to.
	AnyAddress bool
	// Internet takes cargo that waits here to its Internet gateways, found as Config.Uplinks says.
	Internet bool

	// Waits are its pauses. nil: those that suit what others ship; tests take shorter ones.
	Waits *Waits
}

// Waits are the pauses of couriers, in which servers make ready what answers (RS-008).
type Waits struct {
	Visit  time.Duration // of a private gateway, between collection and delivery
	Gather time.Duration // of a courier, before a trip: who left a CCA delivers after it, and that goes first
	Trip   time.Duration // of a courier, between delivery and collection
	Retry  time.Duration // after a trip that failed, twice as long after each more; not 0
	Most   time.Duration // of Retry
}

var courierWaits = Waits{Visit: 5 * time.Second, Gather: 15 * time.Second, Trip: 10 * time.Second, Retry: 30 * time.Second, Most: 10 * time.Minute}

// courier carries cargo. Its methods are safe for concurrent use.
type courier struct {
	core   core
	cfg    Courier
	waits  Waits
	find   func(context.Context) (netip.AddrPort, error) // a courier on this network
	way    func(context.Context) (gateway.CargoWay, error)
	say    func(text string) // progress, for people
	lookup func(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error)
	server net.Listener // nil: none

	syncing sync.Mutex
	mu      sync.Mutex // guards what follows
	last    admin.CourierState
}

func (n *Node) newCourier() (*courier, error) {
	c := &courier{core: n, cfg: n.cfg.Courier, waits: courierWaits, find: cogrpc.Find, way: n.cargoWay, lookup: n.lookup,
		say: func(text string) { n.events.send(admin.Event{Type: "courier", Text: text}) }}
	if c.cfg.Waits != nil {
		c.waits = *c.cfg.Waits
	}
	if c.cfg.Listen == "" {
		return c, nil
	}
	l, err := net.Listen("tcp", c.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("node: courier: %w", err)
	}
	c.server = l
	return c, nil
}

// lookup finds hosts as the configuration in force says.
func (n *Node) lookup(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error) {
	n.mu.Lock()
	u := n.cfg.Uplinks
	n.mu.Unlock()
	r, err := u.resolver()
	if err != nil {
		return nil, err
	}
	return r.Lookup(ctx, s, name)
}

// CourierAddr is the address where cargo is taken from phones and laptops, empty when it is not.
func (n *Node) CourierAddr() string {
	if n.courier.server == nil {
		return ""
	}
	return n.courier.server.Addr().String()
}

// serve takes and hands out cargo until ctx ends.
func (c *courier) serve(ctx context.Context) error {
	id, err := cogrpc.NewIdentity(time.Now)
	if err != nil {
		return err
	}
	o := cogrpc.Options{Role: cogrpc.Courier, TLS: id.Config(), Allow: cogrpc.Local}
	if c.cfg.AnyAddress {
		o.Allow = nil
	}
	s := cogrpc.NewServer(courierBackend{c.core}, o)
	done := make(chan error, 1)
	go func() { done <- s.Serve(c.server) }()
	select {
	case err = <-done:
		return err
	case <-ctx.Done():
	}
	s.Stop(stopGrace)
	return <-done
}

// note keeps what `packhorse courier status` tells.
func (c *courier) note(f func(*admin.CourierState)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.last)
}

// pause waits unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	sleep(ctx, d, nil)
	return ctx.Err()
}

var errNoHost = errors.New("it has no host for couriers")
