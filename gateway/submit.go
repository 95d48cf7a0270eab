package gateway

import (
	"time"

	"packhorse/link"
)

// How many items one neighbour is asked to take at a time. An emergency and what was submitted before
// always count as fitting.
const window = 16

// wanted is what should be submitted to one neighbour.
type wanted struct {
	items []link.Item
	count int
	kept  []*entry // what it was asked to take before, by priority and age; those passed by are among the items
}

func (w *wanted) add(p *peer, it link.Item) {
	if !p.sub[it.Digest] && w.count >= window && it.Priority != link.Emergency {
		return
	}
	w.items = append(w.items, it)
	w.count++
}

// room tells whether a parcel fits the window behind all that goes before it.
func (w *wanted) room(x *entry) bool {
	n := w.count
	for _, k := range w.kept {
		if compareEntries(k, x) < 0 {
			n++
		}
	}
	return n < window || x.Priority == link.Emergency
}

// pump makes the submits fit the routes: what now goes another way is withdrawn, what has a way is
// submitted.
func (c *Core) pump(now time.Time) {
	if c.member == nil {
		return
	}
	c.tellExits(now)
	c.advertise(now)
	c.chore(now)
	c.relineMoved()
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
			if x := c.queue.byDigest[it.Digest]; x != nil {
				x.offers++
			}
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
