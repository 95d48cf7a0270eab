package gateway

import (
	"slices"
	"time"

	"packhorse/link"
	"packhorse/store/queue"
)

// wantParcels keeps with each neighbour what is there already and still goes that way, and fills its window with
// what waits, by priority and age.
func (c *Core) wantParcels(now time.Time, want map[link.PeerID]*wanted) {
	c.lookForStrays(now)
	c.keepSubmitted(now, want)
	open := c.findWays()
	c.endRests(now)
	var picks []*entry
	var rests []rest
	c.queue.Walk(c.clock.steady(now), slices.Values(open), func(it queue.Item[lane]) queue.Step {
		x, hop := c.queue.byID[it.ID], c.queue.ways[it.Line]
		if at := c.resting(now, x, hop); !at.IsZero() {
			rests = append(rests, rest{x, at})
			return queue.Next
		}
		if !want[hop].room(x) {
			return queue.Pass
		}
		c.payAir(now, x)
		x.next = hop
		picks = append(picks, x)
		want[hop].add(c.peers[hop], c.itemOf(now, x))
		return queue.Next
	})
	for _, x := range picks {
		c.queue.Take(x.id, queue.Forever)
	}
	for _, r := range rests {
		c.queue.Take(r.x.id, c.clock.steady(now).Add(r.until.Sub(now)))
	}
	c.queue.rests = append(c.queue.rests, rests...)
	for _, w := range want {
		for _, x := range w.kept {
			w.items = append(w.items, c.itemOf(now, x))
		}
	}
}

func (c *Core) itemOf(now time.Time, x *entry) link.Item {
	return link.Item{Digest: x.Digest, Kind: x.kind(), Priority: x.Priority, Size: x.BodySize,
		Lifetime: c.lifetime(now, x.Expires), Cost: nextHands(x.Hands)}
}

// keepSubmitted finds what neighbours were asked to take and should still be. The rest waits again.
func (c *Core) keepSubmitted(now time.Time, want map[link.PeerID]*wanted) {
	for _, p := range c.neighbours() {
		for _, d := range sortedDigests(p.sub) {
			x := c.queue.byDigest[d]
			if x == nil {
				continue
			}
			hop, ok := c.nextHop(c.lineOf(x), x.next)
			if ok && hop == p.id && c.resting(now, x, hop).IsZero() {
				want[hop].kept = append(want[hop].kept, x)
				continue
			}
			c.free(x)
		}
		slices.SortFunc(want[p.id].kept, compareEntries)
	}
}

// free lets a parcel wait again that was with a neighbour.
func (c *Core) free(x *entry) {
	x.next = link.PeerID{}
	c.queue.Release(x.id)
	c.restock = c.restock || x.leaves()
}

// findWays looks up the next hop of each line, and tells which lines have one.
func (c *Core) findWays() (open []lane) {
	old := c.queue.ways
	c.queue.ways = make(map[lane]link.PeerID, len(old))
	for l := range c.queue.Lines() {
		if hop, ok := c.nextHop(l.Name, old[l.Name]); ok {
			c.queue.ways[l.Name] = hop
			open = append(open, l.Name)
		}
	}
	return open
}

// endRests lets go of what rests for the sake of a way that is not its way any more, and forgets whose time is over.
func (c *Core) endRests(now time.Time) {
	c.queue.rests = slices.DeleteFunc(c.queue.rests, func(r rest) bool {
		if !r.until.After(now) {
			return true
		}
		if hop, ok := c.queue.ways[c.lineOf(r.x)]; ok && !c.resting(now, r.x, hop).IsZero() {
			return false
		}
		c.queue.Release(r.x.id)
		return true
	})
}

// nextRest is when a parcel or note has rested long enough; zero when none rests.
func (c *Core) nextRest() time.Time {
	at := c.queue.NextWake()
	if note := c.notes.NextWake(); at.IsZero() || !note.IsZero() && note.Before(at) {
		at = note
	}
	if at.IsZero() {
		return at
	}
	return c.clock.back(at)
}

// wakeRests lets move on what has rested.
func (c *Core) wakeRests(now time.Time) {
	if c.queue.Wake(c.clock.steady(now))+c.notes.Wake(c.clock.steady(now)) > 0 {
		c.dirty = true
	}
}

// wayOf is the neighbour that a parcel goes to, as far as there is one now.
func (c *Core) wayOf(now time.Time, x *entry) link.PeerID {
	if x.next != (link.PeerID{}) {
		return x.next
	}
	hop := c.queue.ways[c.lineOf(x)]
	if !c.resting(now, x, hop).IsZero() {
		return link.PeerID{}
	}
	return hop
}
