package node

import (
	"context"

	"packhorse/gateway"
)

// core is what couriers need of a gateway; Node is one. Safe for concurrent use.
type core interface {
	ask(ctx context.Context, request func(gateway.Token) gateway.Event) (any, error)
	tell(ctx context.Context, e gateway.Event) error
	newSub() uint64
}

var _ core = (*Node)(nil)

func (n *Node) newSub() uint64 { return n.subs.Add(1) }

// carry gives the core a cargo or a CCA that somebody brought, or that was fetched with the CCA under a key.
func carry(ctx context.Context, c core, raw []byte, fetched string) (gateway.CargoTaken, error) {
	v, err := c.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Carry{Token: t, Raw: raw, For: fetched} })
	taken, _ := v.(gateway.CargoTaken)
	return taken, err
}

// line is a subscription to what waits.
type line struct {
	core core
	sub  uint64
}

// waitingUp opens a line to what waits for the Internet.
func waitingUp(ctx context.Context, c core, what gateway.Outbound) (*line, error) {
	l := &line{c, c.newSub()}
	return l, c.tell(ctx, gateway.CollectUp{Sub: l.sub, What: what})
}

// next is what comes next, nil when nothing waits and wait is false.
func (l *line) next(ctx context.Context, wait bool) (*gateway.Collected, error) {
	v, err := l.core.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Next{Token: t, Sub: l.sub, Wait: wait} })
	c, _ := v.(*gateway.Collected)
	return c, err
}

// ack tells that it is where it was to go. What somebody else has is let go of whether or not we are stopping.
func (l *line) ack(ctx context.Context, key string) error {
	_, err := l.core.ask(context.WithoutCancel(ctx), func(t gateway.Token) gateway.Event {
		return gateway.Ack{Token: t, Sub: l.sub, Key: key}
	})
	return err
}

// drop tells that it is not wanted there.
func (l *line) drop(ctx context.Context, key, why string) error {
	_, err := l.core.ask(context.WithoutCancel(ctx), func(t gateway.Token) gateway.Event {
		return gateway.Drop{Token: t, Sub: l.sub, Key: key, Why: why}
	})
	return err
}

// close gives back what was neither acknowledged nor dropped.
func (l *line) close() { l.core.tell(context.Background(), gateway.CloseCollect{Sub: l.sub}) }
