package link

import (
	"slices"
	"time"
)

// The memory for unfinished bodies is shared: one peer has at most a part of it, and what it offers makes others
// lose nothing that they still send or that a restart gave back.
const (
	peerPartial  = maxPartial / 4 // bodies of one peer
	smallPartial = maxPartial / 8 // places kept for bodies that come whole,
	smallShare   = 64             // and such a part of the memory
	abandonAfter = 10 * time.Minute
	resumedFor   = 24 * time.Hour // so long what a restart gave back waits for a sender
	growthSteps  = 64             // a body is not abandoned as long as it grows by such a part of itself,
	mostOfAStep  = maxData        // or so many symbols
	resumedShare = 2              // such a part of the memory is for what a restart gave back
)

// makeRoom makes room for a body of a peer, zero for the disk; small ones come whole.
func (c *Core) makeRoom(cost int, from PeerID, small bool) bool {
	memory, places := c.cfg.MaxReassembly, maxPartial
	if !small {
		memory, places = memory-memory/smallShare, places-smallPartial
	}
	for !c.within(cost, from, small) {
		if !c.evict(func(re *reassembly) bool { return re.onlyOf(from) && from != PeerID{} }) {
			return false
		}
	}
	for c.memory+cost > memory || len(c.order) >= places {
		if !c.evict(func(re *reassembly) bool { return re.onlyOf(from) && from != PeerID{} }) && !c.evict(c.ofTheGreediest(from)) {
			return false
		}
	}
	return true
}

// within reports whether one more body leaves a peer within its share: a part of the places, and half of the memory
// unless the body is its only one, or small.
func (c *Core) within(cost int, from PeerID, small bool) bool {
	memory, places := c.held(from)
	if (from == PeerID{}) {
		return places == 0 || memory+cost <= c.cfg.MaxReassembly/resumedShare && places < maxPartial/resumedShare
	}
	return places < peerPartial && (small || places == 0 || memory+cost <= c.cfg.MaxReassembly/2)
}

// held is what a peer's bodies take.
func (c *Core) held(from PeerID) (memory, places int) {
	for _, re := range c.order {
		if re.brought == from {
			memory, places = memory+re.cost, places+1
		}
	}
	return memory, places
}

// evict gives up the oldest abandoned body of a kind.
func (c *Core) evict(kind func(*reassembly) bool) bool {
	i := slices.IndexFunc(c.order, func(re *reassembly) bool { return c.abandoned(re) && kind(re) })
	if i < 0 {
		return false
	}
	re := c.order[i]
	for _, st := range slices.Clone(re.streams) {
		st.end(inRefused, ReasonBusy)
	}
	c.discard(re)
	return true
}

// ofTheGreediest are the bodies of the peer whose abandoned ones take most, the one that asks included.
func (c *Core) ofTheGreediest(from PeerID) func(*reassembly) bool {
	var who PeerID
	most := -1
	for _, re := range c.order {
		if !c.abandoned(re) {
			continue
		}
		if memory, _ := c.held(re.brought); memory > most {
			who, most = re.brought, memory
		}
	}
	return func(re *reassembly) bool { return re.brought == who }
}

// abandoned reports whether a body has no sender, or one that has not sent for long. What a restart gave back waits
// for its sender longer.
func (c *Core) abandoned(re *reassembly) bool {
	still := c.now.Sub(re.touched)
	switch {
	case re.storing:
		return false
	case re.resumed:
		return still > resumedFor
	}
	return len(re.streams) == 0 || still > abandonAfter
}

// onlyOf reports whether nobody but the peer gave anything of the body.
func (re *reassembly) onlyOf(id PeerID) bool {
	return !re.resumed && re.brought == id && !slices.ContainsFunc(re.sources, func(from source) bool { return from.peer != id })
}

// grew notes that a body grows, when it did so by a step: single symbols, ever so rarely, do not keep it.
func (re *reassembly) grew(now time.Time) {
	if re.got-re.grown >= min(max(1, re.lay.n/growthSteps), mostOfAStep) || re.whole() {
		re.touched, re.grown = now, re.got
	}
}
