package gateway

import (
	"packhorse/link"
)

// nextHop finds the neighbour that brings a line nearer. A way once taken is kept until it breaks or another
// costs less than half.
func (c *Core) nextHop(l lane, old link.PeerID) (link.PeerID, bool) {
	gw, ok := l.gw, l.kind == toGateway || l.kind == toEither
	if c.goesUp(l) {
		gw, ok = c.exitFor(l)
	}
	if !ok {
		return link.PeerID{}, false
	}
	best, cost, ok := c.hopTo(gw, l.avoid.has, l.from)
	if !ok || old == best || (old == link.PeerID{}) {
		return best, ok
	}
	_, oldCost, still := c.routes.Next(gw, func(id link.PeerID) (uint16, bool) {
		if id != old {
			return 0, false
		}
		return c.usable(id, l.avoid.has, l.from)
	})
	if old == gw {
		oldCost, still = c.usable(gw, l.avoid.has, l.from)
	}
	if still && oldCost/2 <= cost {
		return old, true
	}
	return best, true
}

// avoiding tells of a neighbour whether something may not be offered to it now.
type avoiding func(link.PeerID) bool

func avoidNobody(link.PeerID) bool { return false }

// heldBack avoids those that turned an item away.
func (c *Core) heldBack(d link.Digest) avoiding {
	return func(id link.PeerID) bool {
		_, held := c.peers[id].hold[d]
		return held
	}
}

// hopTo is the cheapest neighbour towards a gateway. An item goes back to where it came from only when the routes
// lead nowhere else, not when others merely do not take it now.
func (c *Core) hopTo(gw link.PeerID, avoid avoiding, from link.PeerID) (link.PeerID, uint16, bool) {
	via, cost, ok := c.wayTo(gw, avoid, from)
	if ok || from == (link.PeerID{}) {
		return via, cost, ok
	}
	if via, cost, ahead := c.wayTo(gw, avoidNobody, from); ahead {
		return via, cost, false
	}
	return c.wayTo(gw, avoid, link.PeerID{})
}

// wayTo is the cheapest neighbour towards a gateway but for one.
func (c *Core) wayTo(gw link.PeerID, avoid avoiding, from link.PeerID) (link.PeerID, uint16, bool) {
	via, cost, ok := c.routes.Next(gw, func(id link.PeerID) (uint16, bool) { return c.usable(id, avoid, from) })
	if direct, up := c.usable(gw, avoid, from); up && (!ok || direct <= cost) {
		return gw, direct, true
	}
	return via, cost, ok
}

// usable tells whether something may go to a neighbour now, and at what cost. One that turned away as much as we
// note is left alone: what is not noted would be offered to it without end.
func (c *Core) usable(id link.PeerID, avoid avoiding, from link.PeerID) (uint16, bool) {
	p := c.peers[id]
	if p == nil || p.pairing || id == from || avoid(id) || !p.shunned.IsZero() || len(p.hold) >= maxHolds {
		return 0, false
	}
	return c.hopCost(p), true
}
