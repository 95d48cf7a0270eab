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
	for wait := c.waits.Retry; ctx.Err() == nil; {
		tried, went, err := c.wander(ctx, wait)
		c.note(func(s *admin.CourierState) { s.Problem = problemOf(ctx, err) })
		if went {
			wait = c.waits.Retry
		}
		if tried || pause(ctx, wait) == nil {
			wait = min(2*wait, c.waits.Most)
		}
	}
}

func problemOf(ctx context.Context, err error) string {
	if err == nil || ctx.Err() != nil {
		return ""
	}
	return "cargo was not taken to the Internet: " + err.Error()
}

// wander makes trips until it is time to try again what failed, retry after it did: that waits in its line meanwhile, and
// nothing that comes waits for it. tried tells that there was a trip, went that one took all.
func (c *courier) wander(ctx context.Context, retry time.Duration) (tried, went bool, failed error) {
	l, err := waitingUp(ctx, c.core, gateway.UpCargo)
	if err != nil {
		return false, false, err
	}
	defer l.close()
	patient, end := context.WithCancel(ctx)
	defer end()
	for {
		first, err := l.next(patient, true)
		if patient.Err() != nil {
			return tried, went, failed
		}
		if err != nil || first == nil {
			return false, went, err
		}
		if err := pause(ctx, c.waits.Gather); err != nil {
			return tried, went, err
		}
		t := &trip{core: c.core, line: l, dial: c.dialUp, pause: c.waits.Trip, ahead: first}
		err = t.run(ctx)
		c.wentUp(t.tripCounts)
		if err != nil && failed == nil {
			failed = err
			defer time.AfterFunc(retry, end).Stop()
			c.note(func(s *admin.CourierState) { s.Problem = problemOf(ctx, err) })
		} else if err == nil && failed == nil {
			c.note(func(s *admin.CourierState) { s.Problem = "" })
		}
		tried, went = true, went || err == nil
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
