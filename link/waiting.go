package link

import (
	"time"

	"packhorse/link/access"
	"packhorse/link/wire"
)

// Waiting tells whether PollTransmit would give a frame now, and how that gets to the medium. A port whose
// medium access is ours asks before it contends, so that what is most urgent is chosen when it has won.
func (c *Core) Waiting(now time.Time, id Port) (access.Class, bool) {
	c.now = now
	p := c.port(id)
	if p == nil || p.tuning {
		return access.Normal, false
	}
	if class, ok := c.urgentClass(p); ok {
		return class, true
	}
	if p.heldUntil().After(now) && p.engaged() {
		return access.Normal, false
	}
	if len(p.raw) > 0 {
		return rawClass(p.raw[0]), true
	}
	if p.rate != 0 {
		return c.awayClass(p)
	}
	if c.clears(p) != nil {
		return access.Reply, true
	}
	for _, pa := range p.paths {
		if s := pa.speaker(); s != nil {
			return access.Reply, true
		}
	}
	if p.hush.After(now) {
		return access.Normal, false
	}
	if p.beacon.due && !c.domain.none() && !p.hearing.After(now) || p.greets(c.now) || c.joinDue(p) {
		return access.Normal, true
	}
	return c.transferClass(p)
}

// rawClass tells answers from what goes out unasked.
func rawClass(b []byte) access.Class {
	switch wire.TypeOf(b) {
	case wire.TypeQuery, wire.TypeRecord, wire.TypeHandshake1, wire.TypePAKE1, wire.TypePairing1:
		return access.Normal
	}
	return access.Reply
}

// greets tells whether an opening is to be sent.
func (p *port) greets(now time.Time) bool {
	for _, pa := range p.paths {
		if pa.opening != nil && pa.opening.due && !p.openAfter.After(now) {
			return true
		}
	}
	return false
}

func (c *Core) joinDue(p *port) bool {
	for _, r := range c.pairing.join.runs {
		if r.port == p && r.due {
			return true
		}
	}
	return false
}

// transferClass is that of the most urgent transfer.
func (c *Core) transferClass(p *port) (access.Class, bool) {
	switch o := c.mostUrgent(p); {
	case o == nil:
		return access.Normal, false
	case c.action(o) == doData && (p.served == o || p.going == o):
		return access.Follow, true
	case o.item.Priority == Emergency:
		return access.Emergency, true
	default:
		return access.Normal, true
	}
}
