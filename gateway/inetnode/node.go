// Package inetnode is the real-time shell of the Internet gateway role: it owns an inet.Core and joins it to PoWeb, CogRPC
// and PoHTTP servers, to a client for other Internet nodes, and to the store and the secrets of the gateway that it runs
// beside. One goroutine calls the core; everything else sends it functions (package shell).
package inetnode

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/discovery"
	"packhorse/gateway/inet"
	"packhorse/gateway/pki"
	"packhorse/gateway/pohttp"
	"packhorse/gateway/shell"
	"packhorse/store"
)

// Config makes a Node. Address, Store and Lookup are required, and a certificate unless Plain is set.
type Config struct {
	Address string // domain name of this Internet gateway
	// Addresses to listen on; empty: off. PoWeb and PoHTTP may be the same.
	PoWeb, CogRPC, PoHTTP string
	// Certificate and Key are PEM files for TLS, read again when they change.
	Certificate, Key string
	// Plain serves without TLS, on loopback addresses alone: for a proxy that has it.
	Plain   bool
	Store   *store.Store
	Secrets store.Secrets
	Lookup  Lookup             // of other Internet nodes
	Clock   func() pki.Quality // asked every minute; nil: pki.ClockNTP
	Log     *slog.Logger       // nil: discards
	Limits  inet.Limits
	Allow   []pki.NodeID // private gateways that may register and use it; empty: everybody
}

// Lookup finds the hosts of an Awala address.
type Lookup func(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error)

// Lookup calls f.
func (f Lookup) Lookup(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error) {
	return f(ctx, s, name)
}

// Node is a running Internet gateway. Its methods are safe for concurrent use.
type Node struct {
	cfg     Config
	log     *slog.Logger
	owner   *shell.Owner
	disk    *shell.Disk
	core    *inet.Core // the owner's alone
	client  *pohttp.Client
	certs   *certificates // nil: plain
	servers []server
	subs    atomic.Uint64
	clock   atomic.Uint32
	anchors atomic.Pointer[[]*pki.Certificate]
}

// clockPeriod is how often the quality of the clock is asked for.
const clockPeriod = time.Minute

// Open makes the keys that are missing, reads the records and binds the addresses. Nothing is served before Run.
func Open(cfg Config) (*Node, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = func() pki.Quality { return pki.ClockNTP }
	}
	key, err := loadKey(cfg.Secrets)
	if err != nil {
		return nil, err
	}
	records, err := readRecords(cfg)
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, log: cfg.Log, owner: shell.NewOwner(), client: pohttp.NewClient(cfg.Lookup, 0)}
	n.clock.Store(uint32(cfg.Clock()))
	n.disk = shell.NewDisk(cfg.Store.Apply, n.persisted)
	if n.core, err = inet.New(inet.Config{Address: cfg.Address, Key: key, Clock: cfg.Clock(), Rand: rand.Reader, Limits: cfg.Limits, Allow: cfg.Allow}, records); err != nil {
		return nil, err
	}
	n.prepare(time.Now())
	if !cfg.Plain {
		if n.certs, err = loadCertificates(cfg.Certificate, cfg.Key, cfg.Log); err != nil {
			return nil, err
		}
	}
	return n, n.listen()
}

// prepare makes certificate and session key, so that whoever calls first can register.
func (n *Node) prepare(now time.Time) {
	n.core.HandleTimeout(now)
	for e, ok := n.core.PollEvent(); ok; e, ok = n.core.PollEvent() {
		switch e := e.(type) {
		case inet.Persist:
			n.core.HandleEvent(now, inet.Persisted{Seq: e.Seq, Err: n.cfg.Store.Apply(e.Ops...)})
		case inet.Notice:
			n.tellPeople(e)
		}
	}
	n.noteAnchors()
}

// tellPeople writes a notice to the log.
func (n *Node) tellPeople(e inet.Notice) {
	level := slog.LevelInfo
	if e.Warn {
		level = slog.LevelWarn
	}
	n.log.Log(context.Background(), level, "Internet gateway: "+e.Text)
}

func readRecords(cfg Config) (out []gateway.Record, err error) {
	for _, kind := range inet.BootKinds() {
		err = errors.Join(err, cfg.Store.Each(kind, func(key string, value []byte) error {
			out = append(out, gateway.Record{Kind: kind, Key: key, Value: value})
			return nil
		}, func(err error) { cfg.Log.Warn("a record is damaged and passed over", "kind", kind, "error", err) }))
	}
	return out, err
}

// Run serves until ctx ends or a server fails. Call it once.
func (n *Node) Run(ctx context.Context) error {
	owner, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { n.own(owner) })
	wg.Go(n.disk.Run)
	err := n.serve(ctx)
	stop()
	n.disk.Close()
	wg.Wait()
	n.client.Close()
	return err
}

// own is the owner: the only goroutine that touches the core.
func (n *Node) own(ctx context.Context) {
	defer n.owner.End()
	timer := time.NewTimer(0)
	defer timer.Stop()
	clock := time.NewTicker(clockPeriod)
	defer clock.Stop()
	for {
		n.carryOut()
		n.arm(timer)
		select {
		case <-ctx.Done():
			return
		case f := <-n.owner.Inbox():
			f(time.Now())
		case <-timer.C:
			n.core.HandleTimeout(time.Now())
		case <-clock.C:
			q := n.cfg.Clock()
			n.clock.Store(uint32(q))
			n.core.HandleEvent(time.Now(), inet.Clock{Quality: q})
		}
	}
}

func (n *Node) arm(t *time.Timer) {
	if at, ok := n.core.PollTimeout(); ok {
		t.Reset(time.Until(at))
	}
}

// carryOut does what the core asks for.
func (n *Node) carryOut() {
	for e, ok := n.core.PollEvent(); ok; e, ok = n.core.PollEvent() {
		switch e := e.(type) {
		case inet.Persist:
			n.disk.Persist(shell.Batch{Seq: e.Seq, Ops: e.Ops})
		case inet.Load:
			n.disk.Call(func() { n.load(e) })
		case inet.Answer:
			n.owner.Answer(uint64(e.Token), e.Value, e.Err)
		case inet.Notice:
			n.tellPeople(e)
		}
	}
	n.noteAnchors()
}

// noteAnchors keeps for the servers what countersignatures are verified by.
func (n *Node) noteAnchors() {
	a := n.core.Anchors()
	n.anchors.Store(&a)
}

func (n *Node) persisted(seqs []uint64, err error) {
	n.owner.Post(context.Background(), func(now time.Time) {
		for _, seq := range seqs {
			n.core.HandleEvent(now, inet.Persisted{Seq: seq, Err: err})
		}
	})
}

func (n *Node) load(l inet.Load) {
	v, err := n.cfg.Store.Get(l.Kind, l.Key)
	n.owner.Post(context.Background(), func(now time.Time) {
		n.core.HandleEvent(now, inet.Loaded{Kind: l.Kind, Key: l.Key, Value: v, Err: err})
	})
}

// tell passes an event that has no answer.
func (n *Node) tell(ctx context.Context, e inet.Event) error {
	return n.owner.Post(ctx, func(now time.Time) { n.core.HandleEvent(now, e) })
}

// ask passes a request and waits for its answer.
func (n *Node) ask(ctx context.Context, request func(inet.Token) inet.Event) (any, error) {
	return n.owner.Ask(ctx, func(now time.Time, t uint64) { n.core.HandleEvent(now, request(inet.Token(t))) },
		func(now time.Time, t uint64) { n.core.HandleEvent(now, inet.Forget{Token: inet.Token(t)}) })
}

// listen binds the addresses.
func (n *Node) listen() error {
	for _, s := range n.plan() {
		l, err := n.bind(s.address)
		if err != nil {
			n.unbind()
			return fmt.Errorf("inetnode: %s: %w", s.name, err)
		}
		s.listener = l
		n.servers = append(n.servers, s)
	}
	return nil
}

func (n *Node) unbind() {
	for _, s := range n.servers {
		s.listener.Close()
	}
}

func (n *Node) bind(address string) (net.Listener, error) {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if n.cfg.Plain && !a.IP.IsLoopback() {
		return nil, fmt.Errorf("%q is open to the network and would be served without TLS: use 127.0.0.1, or a certificate", address)
	}
	return net.ListenTCP("tcp", a)
}
