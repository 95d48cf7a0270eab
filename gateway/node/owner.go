package node

import (
	"context"
	"maps"
	"slices"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/pki"
)

// clockPeriod is how often the quality of the clock and the room in the store are asked for.
const clockPeriod = time.Minute

// own is the owner: the only goroutine that touches the core, the ports and the waiting requests.
func (n *Node) own(ctx context.Context) {
	defer n.owner.End()
	timer := time.NewTimer(0)
	defer timer.Stop()
	clock := time.NewTicker(clockPeriod)
	defer clock.Stop()
	n.setClock(time.Now())
	n.setRoom(time.Now())
	for {
		n.carryOut(time.Now())
		n.arm(timer)
		select {
		case <-ctx.Done():
			return
		case f := <-n.owner.Inbox():
			f(time.Now())
		case <-timer.C:
			n.core.HandleTimeout(time.Now())
		case <-clock.C:
			n.setClock(time.Now())
			n.setRoom(time.Now())
		}
	}
}

func (n *Node) setClock(now time.Time) {
	n.core.HandleEvent(now, gateway.Clock{Quality: n.cfg.Clock()})
	n.noteClock()
}

func (n *Node) setRoom(now time.Time) {
	n.core.HandleEvent(now, gateway.Room{Bytes: n.store.Room()})
}

// noteClock keeps for others how the core judges the clock.
func (n *Node) noteClock() {
	q, _ := n.core.Clock()
	n.clock.Store(uint32(q))
}

// noteUplinks tells the uplinks when registrations become possible.
func (n *Node) noteUplinks() {
	was := n.registrable
	if n.registrable = n.core.MayRegister() == nil; was || !n.registrable {
		return
	}
	n.mu.Lock()
	u := n.uplinks
	n.mu.Unlock()
	if u != nil {
		u.mayRegister()
	}
}

func (n *Node) clockQuality() pki.Quality { return pki.Quality(n.clock.Load()) }

func (n *Node) arm(t *time.Timer) {
	at, ok := n.core.PollTimeout()
	if !ok {
		t.Stop()
		return
	}
	t.Reset(time.Until(at))
}

// carryOut does what the core asks for, and hands frames to the ports that wait for one.
func (n *Node) carryOut(now time.Time) {
	n.noteClock()
	n.noteUplinks()
	for again := true; again; {
		for e, ok := n.core.PollEvent(); ok; e, ok = n.core.PollEvent() {
			n.carry(e)
		}
		again = false
		for _, id := range slices.Sorted(maps.Keys(n.ports)) {
			again = n.ports[id].feed(now, n.core) || again
		}
	}
}

func (n *Node) carry(e gateway.Event) {
	switch e := e.(type) {
	case gateway.Persist:
		n.persist(e)
	case gateway.Load:
		n.disk.Call(func() { n.load(e) })
	case gateway.Answer:
		n.owner.Answer(uint64(e.Token), e.Value, e.Err)
	case gateway.Tune:
		if p := n.ports[e.Port]; p != nil {
			p.tune(e.Rate)
		}
	default:
		n.publish(e)
	}
}

// post gives the owner something to do.
func (n *Node) post(ctx context.Context, f func(now time.Time)) error { return n.owner.Post(ctx, f) }

// tell passes an event that has no answer.
func (n *Node) tell(ctx context.Context, e gateway.Event) error {
	return n.post(ctx, func(now time.Time) { n.core.HandleEvent(now, e) })
}

// look runs f with the core and waits for it.
func (n *Node) look(ctx context.Context, f func(now time.Time, c *gateway.Core)) error {
	return n.owner.Look(ctx, func(now time.Time) { f(now, n.core) })
}

// ask passes a request and waits for its answer.
func (n *Node) ask(ctx context.Context, request func(gateway.Token) gateway.Event) (any, error) {
	return n.owner.Ask(ctx, func(now time.Time, t uint64) { n.core.HandleEvent(now, request(gateway.Token(t))) },
		func(now time.Time, t uint64) { n.core.HandleEvent(now, gateway.Forget{Token: gateway.Token(t)}) })
}
