package node

import (
	"context"
	"time"

	"packhorse/gateway"
	"packhorse/link/access"
	"packhorse/link/port"
)

var _ port.Picker = (*handle)(nil)

// ready answers an Await.
type ready struct {
	class access.Class
	err   error
}

// Await waits until the core has a frame for this port, and leaves it there.
func (p *handle) Await(ctx context.Context) (access.Class, error) {
	ch := make(chan ready, 1)
	if err := p.n.post(ctx, func(time.Time) { p.ready = ch }); err != nil {
		return 0, err
	}
	r, err := answer(ctx, p, ch)
	if err != nil {
		return 0, err
	}
	return r.class, r.err
}

// Take takes the frame that is now the most urgent, or nil when none waits any more.
func (p *handle) Take(ctx context.Context) ([]byte, error) {
	ch := make(chan []byte, 1)
	take := func(now time.Time) {
		b, _ := p.n.core.PollTransmit(now, p.id, nil)
		ch <- b
	}
	if err := p.n.post(ctx, take); err != nil {
		return nil, err
	}
	return answer(ctx, p, ch)
}

// tell answers an Await when there is something to answer.
func (p *handle) tell(now time.Time, c *gateway.Core) {
	if p.ready == nil {
		return
	}
	r := ready{}
	if len(p.tunes) > 0 {
		r.err = port.ErrTune
	} else if class, ok := c.Waiting(now, p.id); ok {
		r.class = class
	} else {
		return
	}
	p.ready <- r
	p.ready = nil
}
