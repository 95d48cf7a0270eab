package node

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/discovery"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
)

// UplinkConfig names the Internet gateways of a private gateway.
type UplinkConfig struct {
	Gateways []string // Awala addresses, the preferred first; none: no connection to the Internet
	DoH      string   // resolver; empty: discovery.DefaultDoH
	Fixed    []discovery.Fixed
}

// UplinkHealth is how one Internet gateway is doing.
type UplinkHealth struct {
	Address    string
	Registered bool
	Live       bool      // parcels come and go
	Since      time.Time // of Live; zero when it is not
	Problem    string    // what was wrong last, until it is well; empty: nothing
	Fix        string
}

// uplinkOwner is what the runner needs of the gateway. Safe for concurrent use.
type uplinkOwner interface {
	Uplinks(ctx context.Context) ([]gateway.UplinkInfo, error)
	MayRegister(ctx context.Context) error
	Signer(ctx context.Context, address string) (poweb.Signer, error)
	Registered(ctx context.Context, address string, pnr []byte) error
	Live(ctx context.Context, address string, live bool)
	FromInternet(ctx context.Context, parcel []byte) error
	Outbound(ctx context.Context) (outbox, error)
}

// outbox is a subscription to what waits for the Internet. One call at a time.
type outbox interface {
	// Next waits for a parcel.
	Next(ctx context.Context) (key string, parcel []byte, err error)
	Ack(ctx context.Context, key string) error
	Drop(ctx context.Context, key, why string) error
	// Keep lets others have it.
	Keep(ctx context.Context, key string) error
	Close()
}

// finder looks hosts up. *discovery.Resolver is one.
type finder interface {
	Lookup(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error)
}

// uplinks keeps this gateway registered with its Internet gateways and connected to one of them: the first that works.
type uplinks struct {
	gateways []string
	owner    uplinkOwner
	finder   finder
	key      *rsa.PrivateKey
	log      *slog.Logger
	dial     func(ctx context.Context, network, address string) (net.Conn, error) // nil: the network's
	jitter   func(time.Duration) time.Duration

	wake   chan struct{}            // a registration came
	anew   map[string]chan struct{} // asks for a registration that is not due
	may    map[string]chan struct{} // registrations became possible
	mu     sync.Mutex               // guards what follows
	health map[string]*UplinkHealth
	tried  map[string]int  // lookups, to go on with the next host when one failed
	known  map[string]bool // whether it is registered was found out, or tried
}

func newUplinks(gateways []string, owner uplinkOwner, f finder, key *rsa.PrivateKey, log *slog.Logger) *uplinks {
	u := &uplinks{owner: owner, finder: f, key: key, log: log, jitter: spread, wake: make(chan struct{}, 1),
		anew: map[string]chan struct{}{}, may: map[string]chan struct{}{}, health: map[string]*UplinkHealth{}, tried: map[string]int{}, known: map[string]bool{}}
	for _, a := range gateways {
		a = strings.ToLower(strings.TrimSuffix(a, "."))
		if u.health[a] == nil {
			u.gateways = append(u.gateways, a)
			u.health[a], u.anew[a], u.may[a] = &UplinkHealth{Address: a}, make(chan struct{}, 1), make(chan struct{}, 1)
		}
	}
	return u
}

// spread makes a pause up to a fifth longer, so that many gateways do not come back in the same moment.
func spread(d time.Duration) time.Duration { return d + rand.N(d/5+1) }

// run works until ctx ends.
func (u *uplinks) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, a := range u.gateways {
		wg.Go(func() { u.keepRegistered(ctx, a) })
	}
	wg.Go(func() { u.keepConnected(ctx) })
	wg.Wait()
}

// client is for the host whose turn it is. Close it.
func (u *uplinks) client(ctx context.Context, address string) (*poweb.Client, error) {
	targets, err := u.finder.Lookup(ctx, discovery.PoWeb, address)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	t := targets[u.tried[address]%len(targets)]
	u.mu.Unlock()
	return poweb.NewClient(poweb.ClientOptions{URL: t.URL(), TLS: t.TLS(), Dial: u.dial})
}

// failed remembers a problem, and takes the next host next time.
func (u *uplinks) failed(address string, err error) {
	u.mu.Lock()
	u.tried[address]++
	u.mu.Unlock()
	u.complain(address, err)
}

// complain tells people of a problem.
func (u *uplinks) complain(address string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	h := u.health[address]
	what, fix := explainUplink(err)
	if h.Problem != what {
		u.log.Warn("Internet gateway", "address", address, "problem", what, "fix", fix)
	}
	h.Problem, h.Fix = what, fix
}

// note changes what is known of an Internet gateway that answers.
func (u *uplinks) note(address string, change func(h *UplinkHealth)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change(u.health[address])
}

// registered notes whether an Internet gateway can be connected to.
func (u *uplinks) registered(address string, yes bool) {
	was := false
	u.note(address, func(h *UplinkHealth) { was, h.Registered = h.Registered, yes })
	if yes && !was {
		nudge(u.wake)
	}
}

// settled notes that a second choice need not wait for this Internet gateway's registration any more.
func (u *uplinks) settled(address string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.known[address] && len(u.may[address]) == 0 {
		u.known[address] = true
		nudge(u.wake)
	}
}

// mayRegister has those that wait for a domain or a clock look again, and a second choice wait for the first.
func (u *uplinks) mayRegister() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, a := range u.gateways {
		u.known[a] = u.known[a] && u.health[a].Registered
		nudge(u.may[a])
	}
}

// nudge wakes who sleeps on a channel of one place.
func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// states is how each is doing, the preferred first.
func (u *uplinks) states() (out []UplinkHealth) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, a := range u.gateways {
		out = append(out, *u.health[a])
	}
	return out
}

// explainUplink says in words what is wrong and what helps.
func explainUplink(err error) (what, fix string) {
	var d *discovery.Error
	var c *poweb.ClientError
	var g *gateway.Error
	switch {
	case errors.As(err, &d):
		return plain(d), d.Fix()
	case errors.As(err, &g):
		return g.Message, g.Fix
	case errors.As(err, &c) && c.Unauthorised():
		return plain(c), "it is asked to register us anew; if that does not help, ask who runs it"
	case errors.As(err, &c) && c.Status == 0:
		return plain(c), "check the Internet connection; it is tried again by itself"
	}
	return plain(err), "it is tried again by itself; if it stays, ask who runs that Internet gateway"
}

// sleep waits, or until something wakes it; false when ctx ended.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// refusedForGood tells a parcel that will never be taken.
func refusedForGood(err error) bool {
	var r *ramf.Error
	return errors.As(err, &r)
}

// takenLater tells of a parcel that there is no room or no time for now.
func takenLater(err error) bool {
	var g *gateway.Error
	return errors.As(err, &g) && (g.Code == "quota" || g.Code == "not_yet")
}

// resolver is the one that a configuration describes.
func (c UplinkConfig) resolver() (*discovery.Resolver, error) {
	return discovery.New(discovery.Options{DoH: c.DoH, Fixed: c.Fixed})
}

// runUplinks puts the Internet gateways of a configuration in the place of those in force. The caller holds regionMu
// and is not the owner.
func (n *Node) runUplinks(c UplinkConfig, f finder) {
	n.stopUplinks()
	n.mu.Lock()
	n.cfg.Uplinks = c
	ctx := n.runCtx
	n.mu.Unlock()
	if ctx == nil || n.post(ctx, func(time.Time) { n.core.PreferUplinks(c.Gateways...) }) != nil || len(c.Gateways) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	u := newUplinks(c.Gateways, nodeUplinks{n}, f, n.identity.RSA, n.log)
	u.dial = n.cfg.dialUplink
	done := make(chan struct{})
	go func() { defer close(done); u.run(ctx) }()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.uplinks, n.endUplinks = u, func() { cancel(); <-done }
}

// startUplinks connects to the Internet gateways of the configuration, for the first time.
func (n *Node) startUplinks() error {
	n.regionMu.Lock()
	defer n.regionMu.Unlock()
	f, err := n.cfg.Uplinks.resolver()
	if err == nil {
		n.runUplinks(n.cfg.Uplinks, f)
	}
	return err
}

func (n *Node) stopUplinks() {
	n.mu.Lock()
	end := n.endUplinks
	n.uplinks, n.endUplinks = nil, nil
	n.mu.Unlock()
	if end != nil {
		end()
	}
}

// Uplinks tells how the Internet gateways of the configuration are doing, the preferred first.
func (n *Node) Uplinks() []UplinkHealth {
	n.mu.Lock()
	u := n.uplinks
	n.mu.Unlock()
	if u == nil {
		return nil
	}
	return u.states()
}

// uplinkProblems is what keeps parcels from the Internet. The mesh goes on without it.
func (n *Node) uplinkProblems() (list []admin.Problem) {
	for _, h := range n.Uplinks() {
		if h.Problem != "" {
			list = append(list, admin.Problem{Level: "warn", What: "Internet gateway " + h.Address + ": " + h.Problem, Fix: cmp.Or(h.Fix, "wait")})
		}
	}
	return list
}
