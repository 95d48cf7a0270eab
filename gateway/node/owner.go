package node

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/pki"
)

// clockPeriod is how often the quality of the clock and the room in the store are asked for.
const clockPeriod = time.Minute

var errStopped = errors.New("node: the gateway is stopping")

// own is the owner: the only goroutine that touches the core, the ports and the waiting requests.
func (n *Node) own(ctx context.Context) {
	defer close(n.done)
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
			n.dropWaiting()
			return
		case f := <-n.inbox:
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
	case gateway.Persist, gateway.Load:
		n.disk.add(e)
	case gateway.Answer:
		if ch := n.waiting[e.Token]; ch != nil {
			delete(n.waiting, e.Token)
			ch <- e
		}
	case gateway.Tune:
		if p := n.ports[e.Port]; p != nil {
			p.tune(e.Rate)
		}
	default:
		n.publish(e)
	}
}

// post gives the owner something to do.
func (n *Node) post(ctx context.Context, f func(now time.Time)) error {
	select {
	case n.inbox <- f:
		return nil
	case <-n.done:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell passes an event that has no answer.
func (n *Node) tell(ctx context.Context, e gateway.Event) error {
	return n.post(ctx, func(now time.Time) { n.core.HandleEvent(now, e) })
}

// look runs f with the core and waits for it.
func (n *Node) look(ctx context.Context, f func(now time.Time, c *gateway.Core)) error {
	done := make(chan struct{})
	err := n.post(ctx, func(now time.Time) { f(now, n.core); close(done) })
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-n.done:
		return errStopped
	}
}

// ask passes a request and waits for its answer.
func (n *Node) ask(ctx context.Context, request func(gateway.Token) gateway.Event) (any, error) {
	t := gateway.Token(n.tokens.Add(1))
	ch := make(chan gateway.Answer, 1)
	err := n.post(ctx, func(now time.Time) {
		n.waiting[t] = ch
		n.core.HandleEvent(now, request(t))
	})
	if err != nil {
		return nil, err
	}
	select {
	case a := <-ch:
		return a.Value, a.Err
	case <-n.done:
		return nil, errStopped
	case <-ctx.Done():
		n.post(context.WithoutCancel(ctx), func(now time.Time) {
			delete(n.waiting, t)
			n.core.HandleEvent(now, gateway.Forget{Token: t})
		})
		return nil, ctx.Err()
	}
}

// dropWaiting lets nobody wait for an owner that is gone.
func (n *Node) dropWaiting() {
	for _, t := range slices.Sorted(maps.Keys(n.waiting)) {
		n.waiting[t] <- gateway.Answer{Token: t, Err: errStopped}
	}
	clear(n.waiting)
}
