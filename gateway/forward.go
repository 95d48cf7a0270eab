package gateway

import (
	"time"

	"packhorse/link"
	"packhorse/store"
)

// How many items one neighbour is asked to take at a time. An emergency and what was submitted before
// always count as fitting.
const window = 16

// wanted is what should be submitted to one neighbour.
type wanted struct {
	items []link.Item
	count int
}

func (w *wanted) add(p *peer, it link.Item) {
	if !p.sub[it.Digest] && w.count >= window && it.Priority != link.Emergency {
		return
	}
	w.items = append(w.items, it)
	w.count++
}

// pump makes the submits fit the routes: what now goes another way is withdrawn, what has a way is
// submitted.
func (c *Core) pump(now time.Time) {
	if c.member == nil {
		return
	}
	c.advertise(now)
	c.chore(now)
	peers := c.neighbours()
	want := make(map[link.PeerID]*wanted, len(peers))
	for _, p := range peers {
		want[p.id] = &wanted{}
		c.wantAdverts(now, p, want[p.id])
	}
	c.wantNotes(now, want)
	c.wantParcels(now, want)
	for _, p := range peers {
		c.submit(now, p, want[p.id])
	}
}

func (c *Core) wantParcels(now time.Time, want map[link.PeerID]*wanted) {
	for _, x := range c.queue.waiting() {
		if x.fresh || x.busy || !x.forwardable() {
			continue
		}
		hop, ok := c.nextHop(x)
		if !ok {
			x.next = link.PeerID{}
			continue
		}
		if at := resting(now, hop, x.From, x.Since); !at.IsZero() {
			x.next = link.PeerID{}
			c.wakeAt(at)
			continue
		}
		x.next = hop
		want[hop].add(c.peers[hop], link.Item{Digest: x.Digest, Kind: ItemParcel, Priority: x.Priority,
			Size: x.BodySize, Lifetime: c.lifetime(now, x.Expires), Cost: nextHands(x.Hands)})
	}
}

// submit turns what is wanted of one neighbour into Submit and Withdraw.
func (c *Core) submit(now time.Time, p *peer, w *wanted) {
	keep := make(map[link.Digest]bool, len(w.items))
	for _, it := range w.items {
		keep[it.Digest] = true
	}
	for _, d := range sortedDigests(p.sub) {
		if !keep[d] {
			delete(p.sub, d)
			c.link.HandleEvent(now, link.Withdraw{Peer: p.id, Digest: d})
		}
	}
	for _, it := range w.items {
		if !p.sub[it.Digest] {
			p.sub[it.Digest] = true
			c.link.HandleEvent(now, link.Submit{Peer: p.id, Item: it})
		}
	}
}

// lifetime is what is left of a parcel, as far as we can tell.
func (c *Core) lifetime(now, expires time.Time) time.Duration {
	if !c.clockTrusted() {
		return maxItemLifetime
	}
	return min(max(expires.Sub(now), time.Minute), maxItemLifetime)
}

// nextHop finds the neighbour that brings a parcel nearer. A way once taken is kept until it
// breaks or another costs less than half.
func (c *Core) nextHop(x *entry) (link.PeerID, bool) {
	gw, ok := c.gatewayOf(x.Recipient)
	if !ok || gw == c.self {
		return link.PeerID{}, false
	}
	best, cost, ok := c.hopTo(gw, x.Digest, x.From)
	if !ok || x.next == best || (x.next == link.PeerID{}) {
		return best, ok
	}
	old, oldCost, still := c.routes.Next(gw, func(id link.PeerID) (uint16, bool) {
		if id != x.next {
			return 0, false
		}
		return c.usable(id, x.Digest, x.From)
	})
	if x.next == gw {
		old = gw
		oldCost, still = c.usable(gw, x.Digest, x.From)
	}
	if still && oldCost/2 <= cost {
		return old, true
	}
	return best, true
}

// hopTo is the cheapest neighbour towards a gateway. An item goes back to where it came from only when the routes
// lead nowhere else, not when others merely do not take it now.
func (c *Core) hopTo(gw link.PeerID, d link.Digest, from link.PeerID) (link.PeerID, uint16, bool) {
	via, cost, ok := c.wayTo(gw, d, from)
	if ok || from == (link.PeerID{}) {
		return via, cost, ok
	}
	if via, cost, ahead := c.wayTo(gw, link.Digest{}, from); ahead {
		return via, cost, false
	}
	return c.wayTo(gw, d, link.PeerID{})
}

// wayTo is the cheapest neighbour towards a gateway but for one.
func (c *Core) wayTo(gw link.PeerID, d link.Digest, from link.PeerID) (link.PeerID, uint16, bool) {
	via, cost, ok := c.routes.Next(gw, func(id link.PeerID) (uint16, bool) { return c.usable(id, d, from) })
	if direct, up := c.usable(gw, d, from); up && (!ok || direct <= cost) {
		return gw, direct, true
	}
	return via, cost, ok
}

// usable tells whether an item may go to a neighbour now, and at what cost.
func (c *Core) usable(id link.PeerID, d link.Digest, from link.PeerID) (uint16, bool) {
	p := c.peers[id]
	if p == nil || p.pairing || id == from {
		return 0, false
	}
	if _, held := p.hold[d]; held {
		return 0, false
	}
	return c.hopCost(p), true
}

// change makes a changed record durable, then takes it over. It does nothing while another change is
// on its way, and tells so.
func (c *Core) change(x *entry, mutate func(*parcelRecord), extra []store.Op, done batchDone) bool {
	if x.busy {
		return false
	}
	x.busy = true
	r := x.parcelRecord
	mutate(&r)
	ops := []store.Op{r.put()}
	if x.Held && !r.Held {
		ops = append(ops, x.dropBody())
	}
	c.persist(batch{ops: append(ops, extra...)}, func(now time.Time, err error) {
		x.busy, c.dirty = false, true
		if err == nil {
			c.queue.replace(x, r)
			c.emit(ParcelChanged{Parcel: c.parcelView(now, x)})
		}
		done(now, err)
	})
	return true
}

// carried: the next hop has custody. The origin keeps the body until the receipt.
func (c *Core) carried(now time.Time, x *entry, by link.PeerID) {
	if x.State != Saved || x.Local {
		return
	}
	c.change(x, func(r *parcelRecord) {
		r.State, r.By, r.Since = Carried, by, now
		r.Held = r.Origin
	}, nil, ignoreResult)
}

// turnedAway notes that a neighbour does not take a parcel. Its word is not signed, so it ends nothing: the
// neighbour is left alone with this parcel for ever longer while other ways are tried. What ends a parcel is
// a receipt of the recipient's gateway, or its age.
func (c *Core) turnedAway(now time.Time, p *peer, x *entry, r link.Reason) {
	x.last, x.lastBy, x.done, x.total = r, p.id, 0, 0
	if r != link.ReasonUnauthorised && r != link.ReasonMalformed {
		return
	}
	if x.denied == nil {
		x.denied = map[link.PeerID]int{}
	}
	p.holdBack(x.Digest, now.Add(min(holdDenied<<(2*x.denied[p.id]), maxDenied)))
	x.denied[p.id] = min(x.denied[p.id]+1, maxDoublings)
}

// reasonText is a reason in words.
func reasonText(r link.Reason) string {
	switch r {
	case link.ReasonFull:
		return "it has no room"
	case link.ReasonUnauthorised:
		return "the recipient did not authorise it, or a signature is wrong"
	case link.ReasonExpired:
		return "it is too old"
	case link.ReasonMalformed:
		return "it is malformed"
	case link.ReasonLoop:
		return "it had it before"
	case link.ReasonPolicy:
		return "it does not take such parcels"
	case link.ReasonBusy:
		return "later"
	}
	return "no reason"
}
