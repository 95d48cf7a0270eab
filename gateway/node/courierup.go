package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/discovery"
)

// carryUp takes cargo and CCAs to their Internet gateways as soon as they are here, until ctx ends.
func (c *courier) carryUp(ctx context.Context) {
	for wait := c.waits.retry; ctx.Err() == nil; {
		went, err := c.wander(ctx)
		c.note(func(s *admin.CourierState) { s.Problem = problemOf(ctx, err) })
		if went {
			wait = c.waits.retry
		}
		if pause(ctx, wait) == nil {
			wait = min(2*wait, c.waits.most)
		}
	}
}

func problemOf(ctx context.Context, err error) string {
	if err == nil || ctx.Err() != nil {
		return ""
	}
	return "cargo was not taken to the Internet: " + err.Error()
}

// wander makes trips until one fails; went tells that one did not.
func (c *courier) wander(ctx context.Context) (went bool, err error) {
	l, err := waitingUp(ctx, c.core, gateway.UpCargo)
	if err != nil {
		return false, err
	}
	defer l.close()
	for {
		first, err := l.next(ctx, true)
		if err != nil || first == nil {
			return went, err
		}
		if err := pause(ctx, c.waits.gather); err != nil {
			return went, err
		}
		t := &trip{core: c.core, line: l, dial: c.dialUp, pause: c.waits.trip, ahead: first}
		err = t.run(ctx)
		c.wentUp(t.tripCounts)
		if err != nil {
			return went, err
		}
		went = true
	}
}

// wentUp tells what a trip came to.
func (c *courier) wentUp(n tripCounts) {
	if n == (tripCounts{}) {
		return
	}
	c.note(func(s *admin.CourierState) {
		s.Delivered += n.delivered
		s.Collected += n.collected
		s.Internet = time.Now().UTC()
	})
	c.say(fmt.Sprintf("took %d cargo to the Internet, fetched %d", n.delivered, n.collected))
}

// dialUp makes a client of the Internet gateway at an Awala address: of the first of its hosts, which
// are in a drawn order, so that the next trip tries another.
func (c *courier) dialUp(ctx context.Context, address string) (*cogrpc.Client, error) {
	targets, err := c.lookup(ctx, discovery.CogRPC, address)
	if err == nil && len(targets) == 0 {
		err = errNoHost
	}
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", address, errors.Join(err, ctx.Err()))
	}
	return cogrpc.DialGateway(targets[0].Address, targets[0].TLS())
}
