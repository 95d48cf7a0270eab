package node

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/shell"
	"packhorse/link"
	"packhorse/link/port"
)

// handle is one open port. want is the owner's.
type handle struct {
	n         *Node
	id        link.Port // the owner's
	transport string
	closed    chan struct{}
	once      sync.Once
	want      chan []byte // of a Next that waits, nil when none; a nil frame stands for ErrTune
	ready     chan ready  // of an Await, nil when none waits
	tunes     chan int    // the setting that is wanted, at most one
}

var _ port.Handle = (*handle)(nil)

// Frame passes a received frame to the core.
func (p *handle) Frame(b []byte, m link.Meta) {
	frame := slices.Clone(b)
	p.post(func(now time.Time) { p.n.core.HandleFrame(now, p.id, frame, m) })
}

// Next waits until the core has a frame for this port.
func (p *handle) Next(ctx context.Context) ([]byte, error) {
	ch := make(chan []byte, 1)
	if err := p.n.post(ctx, func(time.Time) { p.want = ch }); err != nil {
		return nil, err
	}
	b, err := answer(ctx, p, ch)
	switch {
	case ctx.Err() != nil && err != nil:
		p.abandon(ctx, ch)
	case err == nil && b == nil:
		err = port.ErrTune
	}
	return b, err
}

// answer waits for what the owner was asked.
func answer[T any](ctx context.Context, p *handle, ch <-chan T) (v T, err error) {
	select {
	case v = <-ch:
	case <-p.closed:
		err = net.ErrClosed
	case <-p.n.owner.Done():
		err = shell.ErrStopped
	case <-ctx.Done():
		err = ctx.Err()
	}
	return v, err
}

// abandon takes back a Next. A frame that came meanwhile is lost as on the air.
func (p *handle) abandon(ctx context.Context, ch chan []byte) {
	p.n.post(context.WithoutCancel(ctx), func(time.Time) {
		if p.want == ch {
			p.want = nil
		}
	})
}

// feed gives a waiting Next its frame, when the core has one.
func (p *handle) feed(now time.Time, c *gateway.Core) bool {
	p.tell(now, c)
	if p.want == nil {
		return false
	}
	if len(p.tunes) > 0 {
		p.want <- nil
		p.want = nil
		return false
	}
	b, ok := c.PollTransmit(now, p.id, nil)
	if !ok {
		return false
	}
	p.want <- b
	p.want = nil
	return true
}

// tune asks the transport for another setting. The last word counts. Only the owner calls it.
func (p *handle) tune(rate int) {
	select {
	case <-p.tunes:
	default:
	}
	p.tunes <- rate
}

// Tunes holds the setting that the core wants.
func (p *handle) Tunes() <-chan int { return p.tunes }

// Tuned tells the core which setting is in force.
func (p *handle) Tuned(rate int, failed bool) {
	p.post(func(now time.Time) {
		p.n.core.HandleEvent(now, gateway.FromPort{Event: link.Tuned{Port: p.id, Rate: rate, Failed: failed}})
	})
}

// Budget tells the core what the law leaves.
func (p *handle) Budget(b link.PortBudget) {
	p.post(func(now time.Time) {
		b.Port = p.id
		p.n.core.HandleEvent(now, gateway.FromPort{Event: b})
	})
}

// Clear tells the core when the port will be silent again.
func (p *handle) Clear(at time.Time) {
	p.post(func(now time.Time) {
		p.n.core.HandleEvent(now, gateway.FromPort{Event: link.PortClear{Port: p.id, At: at}})
	})
}

// Close takes the port down; Next then fails.
func (p *handle) Close() {
	p.once.Do(func() {
		p.post(func(now time.Time) {
			delete(p.n.ports, p.id)
			p.n.namePort(p.id, "")
			p.n.core.HandleEvent(now, gateway.FromPort{Event: link.PortDown{Port: p.id}})
		})
		close(p.closed)
	})
}

// post gives the owner something to do for this port, unless it is closed.
func (p *handle) post(f func(now time.Time)) {
	select {
	case <-p.closed:
	default:
		p.n.post(context.Background(), f)
	}
}
