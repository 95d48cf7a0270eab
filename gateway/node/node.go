// Package node is the real-time shell of a gateway: it owns the gateway.Core, the store and the
// transports, and joins them to sockets and the wall clock.
//
//	transports --frames--> +-------+ --batches, loads--> store goroutine
//	PoWeb, admin --asks--> | owner | <--done, values----
//	timers --------------> +-------+ --answers, frames, notices--> whoever waits
//
// One goroutine, the owner, calls the core; everything else sends it functions.
package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/discovery"
	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/gateway/shell"
	"packhorse/link"
	"packhorse/link/port"
	"packhorse/store"
)

// Config makes a Node. Only StateDir is required.
type Config struct {
	StateDir string // made with mode 0700 when missing
	Name     string // of a new gateway; empty: the host's name
	Region   string // set by configuration: `up` cannot change it then
	Version  string // for status
	// PoWeb is the address apps connect to; it must be a loopback address. Empty: none.
	PoWeb string
	// Admin is the listener of the local API, closed by Run; nil: none.
	Admin net.Listener
	// Transports makes the transports, without starting anything. It is called when Run begins, when
	// the region changes and after Reload; as long as Info.Region is empty it must leave out
	// whatever may only transmit under a region's rules: every radio. nil: none.
	Transports func(Info) ([]port.Transport, error)
	// Radios names the radios among them, for status to say which ones wait for a region.
	Radios []string
	// Clock tells how far the wall clock can be trusted; it is asked every minute. nil: ClockNTP.
	Clock func() pki.Quality
	// ClockKept takes Clock at its word: the host keeps the time. Otherwise it is held against what this
	// gateway knew of the time before. A nil Clock is kept.
	ClockKept bool
	Log       *slog.Logger // nil: discards
	Store     store.Options
	// Vault is the opened vault of an encrypted state directory; nil: nothing is encrypted.
	Vault  *store.Vault
	Limits gateway.Limits
	// Courier is what this gateway does for others' cargo; the zero value: nothing.
	Courier Courier
	// Files names the files of the configuration, for backups; nil: none.
	Files func() []string
	// Reload reads the configuration again, for who asks by the API; nil: it cannot be.
	Reload func(ctx context.Context) (admin.Reloaded, error)
	// Supply tells the voltage of the battery, 0 where it is not known, and what is wrong with it. nil: no battery is
	// measured. Safe for concurrent use.
	Supply func() (volts float64, problems []admin.Problem)
	// Beside makes a role that runs as long as Run; nil: none.
	Beside func(Shared) (Role, error)

	// Uplinks are the Internet gateways to register with; none: no connection to the Internet.
	Uplinks UplinkConfig

	// dialUplink connects to Internet gateways; nil: the network's.
	dialUplink func(ctx context.Context, network, address string) (net.Conn, error)

	apply func(*store.Store, ...store.Op) error // of batches; tests hold it back here; nil is the real one
}

// Shared is what a role has in common with the gateway that it runs beside. All of it is safe for concurrent use.
type Shared struct {
	Store   *store.Store
	Secrets store.Secrets
	// Lookup finds hosts as the configuration in force says.
	Lookup func(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error)
}

// Role is something that runs beside the gateway.
type Role interface {
	// Run serves until ctx ends. When it fails, the gateway stops.
	Run(ctx context.Context) error
	// Status completes the status of the gateway.
	Status(ctx context.Context, s *admin.Status)
}

// Info is what a transport may need to know of the gateway it works for.
type Info struct {
	ID     link.PeerID
	Name   string
	Region string
	// Key is the gateway's Ed25519 key, for certificates bound to it (DTLS).
	Key ed25519.PrivateKey
	// Allowed tells whether a gateway is a member of our domain now. Safe for concurrent use.
	Allowed func(link.PeerID) bool
	// Clock tells how far the wall clock is trusted now. Safe for concurrent use.
	Clock func() pki.Quality
}

// Node is a running gateway. Its methods are safe for concurrent use.
type Node struct {
	cfg      Config
	log      *slog.Logger
	store    *store.Store
	secrets  store.Secrets
	poweb    net.Listener
	courier  *courier
	start    time.Time
	identity *domain.Identity // its keys never change; its name may

	owner    *shell.Owner
	core     *gateway.Core // the owner's alone
	ports    map[link.Port]*handle
	lastPort link.Port
	// registrable: the core takes registrations. The owner's alone.
	registrable bool

	disk      *shell.Disk
	subs      atomic.Uint64
	clock     atomic.Uint32 // pki.Quality, as the core judges it
	events    hub
	mu        sync.Mutex // guards what follows
	plan      plan
	role      Role // nil: none
	health    map[string]port.Health
	stickRuns []stickRun // the latest cargo for sticks
	running   *transports
	runCtx    context.Context // of Run
	portNames map[link.Port]string
	uplinks   *uplinks // nil: none
	// endUplinks stops them and waits.
	endUplinks func()
	regionMu   sync.Mutex // one change of plan at a time; guards stopped
	stopped    bool       // Run has ended: no transport starts any more
}

// Open reads the state directory, makes what is missing in it, and binds PoWeb. Nothing is sent or
// accepted before Run.
func Open(cfg Config) (*Node, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock, cfg.ClockKept = func() pki.Quality { return pki.ClockNTP }, true
	}
	if cfg.apply == nil {
		cfg.apply = (*store.Store).Apply
	}
	if cfg.StateDir == "" {
		return nil, errors.New("node: no state directory: give --state DIR")
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("node: state directory: %w", err)
	}
	secrets, err := cfg.unseal()
	if err != nil {
		return nil, err
	}
	s, err := store.Open(filepath.Join(cfg.StateDir, "store"), cfg.Store)
	if errors.Is(err, store.ErrSealed) {
		return nil, fmt.Errorf("%w: %s, for %w; restore it from a copy, without it nothing here can be read", store.ErrNoVault, filepath.Join(cfg.StateDir, VaultFile), err)
	}
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, log: cfg.Log, store: s, secrets: secrets, start: time.Now(), owner: shell.NewOwner(), ports: map[link.Port]*handle{},
		health: map[string]port.Health{}, portNames: map[link.Port]string{}}
	n.disk = n.newDisk()
	if err := n.boot(); err != nil {
		s.Close()
		return nil, err
	}
	return n, nil
}

// boot makes the core from secrets and records.
func (n *Node) boot() error {
	cc, err := n.loadSecrets()
	if err != nil {
		return err
	}
	records, err := n.readRecords()
	if err != nil {
		return err
	}
	if n.core, err = gateway.New(cc, records); err != nil {
		return err
	}
	n.setClock(time.Now())
	if n.plan, err = n.planOf(n.cfg); err != nil {
		return err
	}
	return n.bind()
}

// bind takes the addresses that others call, and opens the role beside.
func (n *Node) bind() (err error) {
	if n.cfg.PoWeb != "" {
		if n.poweb, err = listenLoopback(n.cfg.PoWeb); err != nil {
			return err
		}
	}
	n.courier, err = n.newCourier()
	if err == nil && n.cfg.Beside != nil {
		n.role, err = n.cfg.Beside(Shared{n.store, n.secrets, n.lookup})
	}
	if err != nil && n.poweb != nil {
		n.poweb.Close()
	}
	return err
}

// readRecords reads what the core needs to begin.
func (n *Node) readRecords() ([]gateway.Record, error) {
	var out []gateway.Record
	for _, kind := range gateway.BootKinds() {
		err := n.store.Each(kind, func(key string, value []byte) error {
			out = append(out, gateway.Record{Kind: kind, Key: key, Value: value})
			return nil
		}, func(err error) { n.log.Warn("a record is damaged and passed over", "kind", kind, "error", err) })
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// listenLoopback binds an address that only this machine reaches: PoWeb has no other guard.
func listenLoopback(addr string) (net.Listener, error) {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("node: PoWeb address %q: %w", addr, err)
	}
	if !a.IP.IsLoopback() {
		return nil, fmt.Errorf("node: PoWeb address %q is open to the network: use 127.0.0.1", addr)
	}
	l, err := net.ListenTCP("tcp", a)
	if err != nil {
		return nil, fmt.Errorf("node: PoWeb: %w", err)
	}
	return l, nil
}

// PoWebAddr is the address PoWeb listens on, empty when it does not.
func (n *Node) PoWebAddr() string {
	if n.poweb == nil {
		return ""
	}
	return n.poweb.Addr().String()
}

// Name is what the gateway is called.
func (n *Node) Name(ctx context.Context) string {
	s, _ := n.snapshot(ctx)
	return s.Name
}

// Alive asks the owner for a sign of life and waits for it until ctx ends. Everything that the gateway does goes through the owner.
func (n *Node) Alive(ctx context.Context) bool {
	return n.look(ctx, func(time.Time, *gateway.Core) {}) == nil
}

// Links counts the radios and other links to gateways that are configured and may run, and those of them that work. Both
// are 0 before Run has begun to serve, and while no region is set where there are only radios.
func (n *Node) Links() (running, working int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running == nil {
		return 0, 0
	}
	for _, name := range n.running.names {
		if n.health[name].OK {
			working++
		}
	}
	return n.running.count, working
}

// Run serves until ctx ends, then stops everything and closes the store. Call it once.
func (n *Node) Run(ctx context.Context) error {
	owner, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { n.own(owner) })
	wg.Go(n.disk.Run)
	err := n.serve(ctx)
	n.regionMu.Lock()
	n.stopped = true
	n.stopTransports()
	n.stopUplinks()
	n.regionMu.Unlock()
	stop()
	n.disk.Close()
	wg.Wait()
	return errors.Join(err, n.store.Close())
}
