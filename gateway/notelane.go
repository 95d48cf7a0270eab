package gateway

import (
	"maps"
	"slices"
	"time"

	"packhorse/link"
	"packhorse/store/queue"
)

// noteLane is the line of a note: all in it have the same next hop. The zero one holds what waits for the disk.
type noteLane struct {
	to    link.PeerID // gateway, zero: none but the way back
	back  link.PeerID // where the parcel of a receipt came from, zero: not known
	from  link.PeerID
	avoid avoided
}

// noteStay is that a note rests.
type noteStay struct {
	until time.Time
	back  bool // because its way leads back to whom it came from
}

func (n *note) id() queue.ID { return queue.ID(n.digest) }

// laneOf is where a note waits now.
func (c *Core) laneOf(n *note) noteLane {
	if n.raising {
		return noteLane{}
	}
	l := noteLane{from: n.from, avoid: c.avoided(n.digest)}
	if n.to != c.self {
		l.to = n.to
	}
	if x := c.queue.bySum[n.receipt.Parcel]; n.kind == ItemReceipt && x != nil {
		l.back = x.From
	}
	return l
}

// noteHop finds the way of a note: towards its gateway, or else back along the way of its parcel.
func (c *Core) noteHop(l noteLane) (hop link.PeerID, ok bool) {
	if l.to != (link.PeerID{}) {
		if hop, _, ok = c.hopTo(l.to, l.avoid.has, l.from); ok {
			return hop, true
		}
	}
	if l.back != (link.PeerID{}) {
		_, ok = c.usable(l.back, l.avoid.has, l.from)
	}
	return l.back, ok
}

// rest is until when a note stays here that goes on to a neighbour; back tells that another neighbour could have it
// now. Zero: it may go.
func (n *note) rest(now time.Time, hop link.PeerID) (until time.Time, back bool) {
	if at := n.since.Add(noteRest(n.hands)); !n.since.IsZero() && at.After(now) {
		return at, false
	}
	return resting(now, hop, n.from, n.since), true
}

// wantNotes keeps with each neighbour the notes that it was asked to take and that still go that way, and fills
// its window with others.
func (c *Core) wantNotes(now time.Time, want map[link.PeerID]*wanted) {
	c.keepNotes(now, want)
	open := c.findNoteWays()
	c.endNoteRests(now)
	var picks []*note
	c.notes.Walk(c.clock.steady(now), slices.Values(open), func(it queue.Item[noteLane]) queue.Step {
		n, hop := c.notes.byDigest[link.Digest(it.ID)], c.notes.ways[it.Line]
		if at, back := n.rest(now, hop); !at.IsZero() {
			c.notes.rests[n.digest] = noteStay{at, back}
			return queue.Next
		}
		if want[hop].count >= window {
			return queue.Pass
		}
		picks = append(picks, n)
		want[hop].add(c.peers[hop], c.itemOfNote(now, n))
		return queue.Next
	})
	for _, n := range picks {
		c.notes.Take(n.id(), queue.Forever)
	}
	for d, r := range c.notes.rests {
		c.notes.Take(queue.ID(d), c.clock.steady(now).Add(r.until.Sub(now)))
	}
}

func (c *Core) itemOfNote(now time.Time, n *note) link.Item {
	return link.Item{Digest: n.digest, Kind: n.kind, Priority: link.Message, Size: len(n.body),
		Lifetime: c.lifetime(now, n.expires), Cost: nextHands(n.hands)}
}

// keepNotes lets those wait again that should go to another neighbour now, or to none.
func (c *Core) keepNotes(now time.Time, want map[link.PeerID]*wanted) {
	for _, p := range c.neighbours() {
		for _, d := range sortedDigests(p.sub) {
			n := c.notes.byDigest[d]
			if n == nil {
				continue
			}
			hop, ok := c.noteHop(c.laneOf(n))
			if at, _ := n.rest(now, hop); ok && hop == p.id && at.IsZero() && !n.raising {
				want[hop].add(p, c.itemOfNote(now, n))
			} else {
				c.notes.Release(n.id())
			}
		}
	}
}

func (c *Core) findNoteWays() (open []noteLane) {
	c.notes.ways = make(map[noteLane]link.PeerID, len(c.notes.ways))
	for l := range c.notes.Lines() {
		if hop, ok := c.noteHop(l.Name); ok {
			c.notes.ways[l.Name] = hop
			open = append(open, l.Name)
		}
	}
	return open
}

// endNoteRests lets go of what need not rest any more.
func (c *Core) endNoteRests(now time.Time) {
	maps.DeleteFunc(c.notes.rests, func(d link.Digest, r noteStay) bool {
		n := c.notes.byDigest[d]
		over := n == nil || !r.until.After(now) || r.back && c.notes.ways[c.laneOf(n)] != n.from
		if over {
			c.notes.Release(queue.ID(d))
		}
		return over
	})
}

// relane puts a note where it waits now, and lets it go if it rests.
func (c *Core) relane(n *note) {
	c.notes.Move(n.id(), c.laneOf(n))
	if !c.submitted(n.digest) {
		delete(c.notes.rests, n.digest)
		c.notes.Release(n.id())
	}
}

// submitted tells whether any neighbour was asked to take an item.
func (c *Core) submitted(d link.Digest) bool {
	for _, p := range c.peers {
		if p.sub[d] {
			return true
		}
	}
	return false
}
