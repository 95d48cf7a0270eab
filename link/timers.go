package link

import "time"

// timer collects the earliest of many times; zero times do not count.
type timer struct{ at time.Time }

func (t *timer) add(at time.Time) {
	if !at.IsZero() && (t.at.IsZero() || at.Before(t.at)) {
		t.at = at
	}
}

// PollTimeout is the next time HandleTimeout wants to be called. After
// HandleTimeout(now) it lies after now, or there is none.
func (c *Core) PollTimeout() (time.Time, bool) {
	var t timer
	for _, p := range c.ports {
		if !c.domain.none() {
			t.add(p.beacon.next())
		}
		t.add(p.hush)
		t.add(p.hearing)
		p.tuner.timers(&t, p)
		t.add(p.openAfter)
		t.add(p.clearing.begin)
		t.add(p.clearing.quiet)
		for _, pa := range p.paths {
			pa.timers(&t)
		}
	}
	for _, p := range c.peers {
		t.add(p.until)
		for _, o := range p.active() {
			if o.waiting {
				t.add(o.deadline())
			} else {
				t.add(c.heldUntil(o))
			}
		}
	}
	for _, re := range c.order {
		t.add(re.saveAt())
	}
	c.pairing.timers(&t)
	return t.at, !t.at.IsZero()
}

func (pa *path) timers(t *timer) {
	if op := pa.opening; op != nil && !op.due {
		t.add(op.at)
	}
	for _, te := range pa.tentative {
		t.add(te.at)
	}
	if pa.previous != nil {
		t.add(pa.prevUntil)
	}
	if pa.current != nil {
		t.add(pa.heard.Add(pa.patience()))
	}
}

// HandleTimeout is called at or after PollTimeout's time.
func (c *Core) HandleTimeout(now time.Time) {
	c.now = now
	for _, p := range c.ports {
		c.beaconTimeout(p)
		c.tunerTimeout(p)
		if !p.hush.After(now) {
			p.hush = time.Time{}
		}
		if !p.openAfter.After(now) {
			p.openAfter = time.Time{}
		}
		if !p.hearing.After(now) {
			p.hearing = time.Time{}
		}
		p.clearTimeout(now)
		for _, pa := range append([]*path(nil), p.paths...) {
			c.pathTimeout(pa)
		}
	}
	for _, p := range append([]*peer(nil), c.peers...) {
		if !p.until.IsZero() && !p.until.After(now) {
			c.removePeer(p, "pairing ended")
			continue
		}
		for _, o := range append([]*outgoing(nil), p.active()...) {
			if o.waiting && !o.deadline().After(now) {
				c.unanswered(o)
			}
		}
	}
	for _, re := range c.order {
		if at := re.saveAt(); !at.IsZero() && !at.After(now) {
			c.save(re, re.dirty)
		}
	}
	c.pairingTimeout()
	c.loadBodies()
}

func (c *Core) pathTimeout(pa *path) {
	c.openingTimeout(pa)
	c.tentativeTimeout(pa)
	if pa.previous != nil && !pa.prevUntil.After(c.now) {
		c.forget(pa.previous)
		pa.previous = nil
	}
	if pa.current == nil || pa.heard.Add(pa.patience()).After(c.now) {
		return
	}
	if pa.peer.pairing {
		c.removePeer(pa.peer, "not heard any more")
		return
	}
	c.closePath(pa, "not heard any more")
}
