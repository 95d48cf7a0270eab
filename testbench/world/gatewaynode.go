package world

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/link/access"
	"packhorse/store"
)

// Keys are a gateway's slow RSA keys, made once and used in many worlds.
type Keys struct {
	Identity *domain.Identity
	Endpoint crypto.Signer
}

// GatewayNode is a node with a whole gateway: core and store, on a directory of its own.
type GatewayNode struct {
	*Node
	Core    *gateway.Core // nil while stopped
	Store   *store.Store
	Letters []gateway.Letter          // that arrived in this life
	Parcels map[string]gateway.Parcel // last notice of each, over all lives
	Notices []string
	// Delivered counts, by key of the letter, how often a letter became durable. More
	// than once for a key would be a delivery too many.
	Delivered map[string]int
	// Watch sees every event that the core has for its shell, when it comes; nil watches nothing.
	Watch func(gateway.Event)

	dir     string
	keys    Keys
	token   gateway.Token
	waiting map[gateway.Token]func(gateway.Answer)
	disk    []gateway.Event // Persist and Load, in order; the first is under way
}

// Gateway makes a gateway that has its state in dir, gives it a radio when it is to have one, and starts it.
func (w *World) Gateway(name, dir string, keys Keys, radio bool) (*GatewayNode, error) {
	n := &GatewayNode{Node: w.addNode(name), dir: dir, keys: keys, Parcels: map[string]gateway.Parcel{}, Delivered: map[string]int{}}
	if radio {
		n.Radio()
	}
	return n, n.Start()
}

// Start opens the store, rebuilds the core from it and runs it, as the product does at boot.
func (n *GatewayNode) Start() error {
	s, err := store.Open(filepath.Join(n.dir, "store"), store.Options{Reserve: -1, MaxBytes: n.w.StoreBytes})
	if err != nil {
		return err
	}
	n.Store = s
	core, err := n.boot()
	if err != nil {
		return errors.Join(fmt.Errorf("world: %s: %w", n.Name, err), s.Close())
	}
	n.Core, n.Letters, n.disk, n.waiting = core, nil, nil, map[gateway.Token]func(gateway.Answer){}
	n.start(gatewayShell{n})
	n.tellRoom()
	return nil
}

// roomPeriod is how often the shell tells how much room the store has, besides after each batch.
const roomPeriod = time.Minute

func (n *GatewayNode) tellRoom() {
	n.Core.HandleEvent(n.w.now, gateway.Room{Bytes: n.Store.Room()})
	n.later(roomPeriod, n.tellRoom)
}

// boot reads what the disk holds.
func (n *GatewayNode) boot() (*gateway.Core, error) {
	cfg := gateway.Config{Name: n.Name, Identity: n.keys.Identity, Clock: pki.ClockNTP, ClockKept: true, Rand: n.w.Rand(fmt.Sprintf("%s life %d", n.Name, n.life))}
	var err error
	if cfg.Endpoint, err = endpoint.FromKey(n.keys.Endpoint, cfg.Rand); err != nil {
		return nil, err
	}
	if cfg.Membership, err = secret(n.dir, gateway.SecretMembership, domain.UnmarshalMembership); err != nil {
		return nil, err
	}
	if cfg.Owner, err = secret(n.dir, gateway.SecretOwner, domain.UnmarshalOwner); err != nil {
		return nil, err
	}
	var records []gateway.Record
	for _, kind := range gateway.BootKinds() {
		var spoiled error
		err := n.Store.Each(kind, func(key string, value []byte) error {
			records = append(records, gateway.Record{Kind: kind, Key: key, Value: value})
			return nil
		}, func(err error) { spoiled = err })
		if err = errors.Join(err, spoiled); err != nil {
			return nil, err
		}
	}
	return gateway.New(cfg, records)
}

// secret reads a file of gateway.Secret; nil when there is none.
func secret[T any](dir, name string, read func([]byte) (*T, error)) (*T, error) {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return read(b)
}

// Stop ends the node as a kill does: what was being written to the store may be on disk or
// not, by chance; what waited behind it is not.
func (n *GatewayNode) Stop() {
	if len(n.disk) > 0 && n.w.Rand(fmt.Sprintf("%s death %d", n.Name, n.life)).Uint64()%2 == 0 {
		if p, ok := n.disk[0].(gateway.Persist); ok {
			_ = n.persist(p)
		}
	}
	n.Store.Abandon()
	n.stop()
	n.Core, n.Store = nil, nil
}

// Close ends the node in order, at the end of a test.
func (n *GatewayNode) Close() error {
	if n.Store == nil {
		return nil
	}
	n.stop()
	return n.Store.Close()
}

// Ask makes a request of the core; answer may be nil.
func (n *GatewayNode) Ask(request func(gateway.Token) gateway.Event, answer func(gateway.Answer)) {
	n.token++
	if answer != nil {
		n.waiting[n.token] = answer
	}
	n.Core.HandleEvent(n.w.now, request(n.token))
	n.settle()
}

// Do makes a request and lets time pass until the answer is there.
func (n *GatewayNode) Do(limit time.Duration, request func(gateway.Token) gateway.Event) (any, error) {
	var got *gateway.Answer
	n.Ask(request, func(a gateway.Answer) { got = &a })
	if !n.w.Run(limit, func() bool { return got != nil }) {
		return nil, fmt.Errorf("world: %s: no answer to %T within %v", n.Name, request(0), limit)
	}
	return got.Value, got.Err
}

// gatewayShell does for the core what the product's shell does.
type gatewayShell struct{ *GatewayNode }

func (s gatewayShell) HandleFrame(now time.Time, p link.Port, b []byte, m link.Meta) {
	s.Core.HandleFrame(now, p, b, m)
}
func (s gatewayShell) HandleTimeout(now time.Time) { s.Core.HandleTimeout(now) }
func (s gatewayShell) PollTransmit(now time.Time, p link.Port, buf []byte) ([]byte, bool) {
	return s.Core.PollTransmit(now, p, buf)
}
func (s gatewayShell) Waiting(now time.Time, p link.Port) (access.Class, bool) {
	return s.Core.Waiting(now, p)
}
func (s gatewayShell) PollTimeout() (time.Time, bool) { return s.Core.PollTimeout() }
func (s gatewayShell) portEvent(now time.Time, e link.Event) {
	s.Core.HandleEvent(now, gateway.FromPort{Event: e})
}

func (s gatewayShell) carryOut(now time.Time) {
	for e, ok := s.Core.PollEvent(); ok; e, ok = s.Core.PollEvent() {
		s.event(e)
	}
}

func (s gatewayShell) event(e gateway.Event) {
	if s.Watch != nil {
		s.Watch(e)
	}
	switch e := e.(type) {
	case gateway.Persist, gateway.Load:
		s.disk = append(s.disk, e)
		if len(s.disk) == 1 {
			s.nextOnDisk()
		}
	case gateway.Tune:
		s.ports[e.Port-1].(*radioPort).tune(e.Rate)
	case gateway.Answer:
		if answer := s.waiting[e.Token]; answer != nil {
			delete(s.waiting, e.Token)
			answer(e)
		}
	case gateway.ParcelChanged:
		s.w.Tracef("%s: parcel %s %v %s", s.Name, e.Parcel.ID, e.Parcel.State, e.Parcel.Why)
		s.Parcels[e.Parcel.ID] = e.Parcel
	case gateway.LetterArrived:
		s.w.Tracef("%s: letter from %s, %d octets", s.Name, e.Letter.From, e.Letter.Size)
		s.Letters = append(s.Letters, e.Letter)
	case gateway.PeerChanged:
		s.w.Tracef("%s: peer %s on %d ports", s.Name, e.Peer.Name, len(e.Peer.Ports))
	case gateway.Notice:
		s.w.Tracef("%s: %s", s.Name, e.Text)
		s.Notices = append(s.Notices, e.Text)
	}
}

// nextOnDisk carries out the oldest request to the store when its time has passed.
func (n *GatewayNode) nextOnDisk() {
	switch e := n.disk[0].(type) {
	case gateway.Persist:
		n.onDisk(diskTime, func() gateway.Event { return gateway.Persisted{Seq: e.Seq, Err: n.persist(e)} })
	case gateway.Load:
		n.onDisk(readTime, func() gateway.Event {
			v, err := n.Store.Get(e.Kind, e.Key)
			return gateway.Loaded{Kind: e.Kind, Key: e.Key, Value: v, Err: err}
		})
	}
}

// readTime is how long a record takes to be read.
const readTime = 2 * time.Millisecond

func (n *GatewayNode) onDisk(d time.Duration, do func() gateway.Event) {
	n.later(d, func() {
		result := do()
		n.disk = n.disk[1:]
		n.Core.HandleEvent(n.w.now, result)
		if _, ok := result.(gateway.Persisted); ok {
			n.Core.HandleEvent(n.w.now, gateway.Room{Bytes: n.Store.Room()})
		}
		if len(n.disk) > 0 {
			n.nextOnDisk()
		}
	})
}

func (n *GatewayNode) persist(p gateway.Persist) error {
	if len(p.Ops) > 0 {
		if err := n.Store.Apply(p.Ops...); err != nil {
			return err
		}
	}
	for _, s := range p.Secrets {
		if err := (store.Secrets{Dir: n.dir}).Write(s.Name, s.Value); err != nil {
			return err
		}
	}
	for _, op := range p.Ops {
		if op.Kind == gateway.KindLetterBody && !op.Delete {
			n.Delivered[op.Key]++
		}
	}
	return nil
}

// Hears tells whether this gateway has a session with a neighbour of that name.
func (n *GatewayNode) Hears(name string) bool {
	if n.Core == nil {
		return false
	}
	for _, p := range n.Core.Snapshot(n.w.now).Peers {
		if p.Name == name && len(p.Ports) > 0 {
			return true
		}
	}
	return false
}
