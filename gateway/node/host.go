package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"packhorse/gateway"
	"packhorse/link"
	"packhorse/link/port"
	"packhorse/store"
)

// transports are the transports of one region, running.
type transports struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	count  int
	names  []string
}

// startTransports runs the transports of the plan in force, for the first time.
func (n *Node) startTransports() error {
	n.regionMu.Lock()
	defer n.regionMu.Unlock()
	n.mu.Lock()
	p := n.plan
	n.mu.Unlock()
	list, err := n.prepare(p)
	if err != nil {
		return err
	}
	n.runPlan(p, list)
	return nil
}

// prepare makes the transports of a plan and starts nothing.
func (n *Node) prepare(p plan) ([]port.Transport, error) {
	if p.transports == nil {
		return nil, nil
	}
	return p.transports(n.info(p.region))
}

// runPlan puts a plan and its transports in the place of those in force. The caller holds regionMu
// and is not the owner.
func (n *Node) runPlan(p plan, list []port.Transport) {
	n.stopTransports()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plan = p; n.runCtx == nil {
		return
	}
	ctx, cancel := context.WithCancel(n.runCtx)
	t := &transports{cancel: cancel, count: len(list)}
	for _, tr := range list {
		t.names = append(t.names, tr.Name())
	}
	for _, tr := range list {
		t.wg.Go(func() { n.runTransport(ctx, tr) })
	}
	n.running = t
}

func (n *Node) runTransport(ctx context.Context, t port.Transport) {
	h := &host{n: n, name: t.Name()}
	if err := t.Run(ctx, h); err != nil && ctx.Err() == nil {
		n.log.Error("transport ended", "transport", t.Name(), "error", err)
		h.Health(port.Health{Transport: t.Name(), Problem: err.Error(), Fix: "see the log, then restart packhorse"})
	}
}

func (n *Node) stopTransports() {
	n.mu.Lock()
	t := n.running
	n.running = nil
	clear(n.health)
	n.mu.Unlock()
	if t != nil {
		t.cancel()
		t.wg.Wait()
	}
}

// host is a transport's view of the node.
type host struct {
	n    *Node
	name string
}

var _ port.Host = (*host)(nil)

// Health keeps what a transport says of itself and tells the core when its ports may not send.
func (h *host) Health(v port.Health) {
	v.Transport = h.name
	n := h.n
	n.mu.Lock()
	old := n.health[h.name]
	n.health[h.name] = v
	n.mu.Unlock()
	if old.Problem != v.Problem || old.OK != v.OK {
		n.transportChanged(v)
	}
	if !old.BlockedUntil.Equal(v.BlockedUntil) {
		n.post(context.Background(), func(now time.Time) { n.portsBlocked(now, h.name, v.BlockedUntil) })
	}
}

func (n *Node) transportChanged(v port.Health) {
	switch {
	case v.OK && v.Problem == "":
		n.log.Info("transport works", "transport", v.Transport)
	case v.OK:
		n.log.Warn("transport works with a problem", "transport", v.Transport, "problem", v.Problem, "fix", v.Fix)
	default:
		n.log.Warn("transport does not work", "transport", v.Transport, "problem", v.Problem, "fix", v.Fix)
	}
	n.events.send(radioEvent(v))
}

func (n *Node) portsBlocked(now time.Time, transport string, until time.Time) {
	for _, p := range n.ports {
		if p.transport == transport {
			n.core.HandleEvent(now, gateway.PortBlocked{Port: p.id, Until: until})
		}
	}
}

// LoadState answers nil when nothing was saved.
func (h *host) LoadState(name string) ([]byte, error) {
	b, err := h.n.store.Get(gateway.KindTransport, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

// LeftBehind looks for what transports of other names have saved.
func (h *host) LeftBehind() (all [][]byte, err error) {
	h.n.mu.Lock()
	var have []string
	if h.n.running != nil {
		have = h.n.running.names
	}
	h.n.mu.Unlock()
	var bad error
	err = h.n.store.Each(gateway.KindTransport, func(name string, b []byte) error {
		if !slices.Contains(have, name) {
			all = append(all, slices.Clone(b))
		}
		return nil
	}, func(e error) { bad = e })
	return all, errors.Join(err, bad)
}

func (h *host) SaveState(name string, b []byte) error {
	return h.n.store.Apply(store.Op{Kind: gateway.KindTransport, Key: name, Value: b})
}

// Open gives a transport's new port a number and tells the core.
func (h *host) Open(up link.PortUp) port.Handle {
	p := &handle{n: h.n, transport: h.name, closed: make(chan struct{}), tunes: make(chan int, 1)}
	h.n.post(context.Background(), func(now time.Time) {
		p.id = h.n.freePort()
		up.Port = p.id
		h.n.ports[p.id] = p
		h.n.namePort(p.id, h.name)
		h.n.core.HandleEvent(now, gateway.FromPort{Event: up})
	})
	return p
}

// namePort remembers which transport is behind a port; an empty name forgets it.
func (n *Node) namePort(id link.Port, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name == "" {
		delete(n.portNames, id)
		return
	}
	n.portNames[id] = name
}

// freePort is the lowest number above all in use, so that a number is not used again at once.
func (n *Node) freePort() link.Port {
	for {
		n.lastPort++
		if _, taken := n.ports[n.lastPort]; !taken && n.lastPort != 0 {
			return n.lastPort
		}
	}
}
