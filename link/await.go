package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// unanswered is called when an answer did not come in time.
func (c *Core) unanswered(o *outgoing) {
	p := o.path.port
	if p.elsewhere(o.path) {
		o.waiting = false // it is asked again where it can be heard
		return
	}
	if heard := p.heldUntil(); heard.After(c.now) && o.delays < o.mostDelays() {
		o.delays++ // the air was not free for an answer
		o.base = heard
		return
	}
	if c.ignores(o) {
		return
	}
	if o.delays == 0 {
		o.vain++
	}
	o.waiting, o.delays, o.asked, o.group.called = false, 0, true, false
	o.tries++
	if p.rate == 0 {
		c.doubt(o.path, o.mark)
	}
	c.askWithData(o)
}

// doubt counts a question without an answer. One frame asks for many transfers, and bursts that ended together share
// a question: it is counted once, or the loss of two frames would make a neighbour silent that only has much to get.
func (c *Core) doubt(pa *path, question uint64) {
	if pa.doubted == question {
		return
	}
	pa.doubted = question
	if pa.unsure++; pa.unsure%deafAfter == 0 {
		c.greet(pa, 0)
	}
	if pa.unsure >= pa.doubts() {
		c.silence(pa)
	}
}

// doubts is how many questions in a row may stay without an answer before transfers go elsewhere. They can
// only be spared when there is another way to the peer.
func (pa *path) doubts() int {
	if pa.elsewhere() {
		return unsureElsewhere
	}
	return unsureLimit
}

// elsewhere reports whether another path to the peer works.
func (pa *path) elsewhere() bool {
	return slices.ContainsFunc(pa.peer.paths, func(q *path) bool { return q != pa && q.works() })
}

// works reports whether transfers may take the path.
func (pa *path) works() bool { return pa.current != nil && !pa.silent && !pa.stale }

// silence moves the transfers of a path elsewhere until the peer is heard on it.
func (c *Core) silence(pa *path) {
	if !pa.silent {
		pa.silent = true
		c.reroute(pa.peer)
	}
}

// movedHere learns from an offer of what the peer was sending us on another port: if that has been
// quiet since, the peer found no answer there, and neither would we.
func (c *Core) movedHere(st *inStream) {
	for _, pa := range st.peer().paths {
		if pa == st.sess.path || !pa.works() || c.now.Sub(pa.heard) < 2*pa.port.turn(pa.port.mtu) {
			continue
		}
		for _, q := range pa.current.in {
			if q.item.Digest == st.item.Digest && !q.finished() {
				c.silence(pa)
				break
			}
		}
	}
}

// wake lets transfers that have backed off ask again, because the peer was heard.
func (c *Core) wake(pa *path) {
	for _, o := range pa.peer.active() {
		if o.path == pa && o.waiting && o.tries > 1 {
			o.waiting, o.tries = false, 1
		}
	}
}

// await starts the wait for an answer to what was just handed to the port.
func (c *Core) await(o *outgoing) {
	pa := o.path
	p := pa.port
	medium := p.turn(wire.ControlOverhead + 24)
	wait := pa.delay.answer(medium)
	if pa.current.unproven() {
		wait *= 2 // our first frame under new keys may wait long for the channel, and so may theirs
	}
	o.waiting, o.covered, o.asked = true, false, o.tries > 0
	o.base, o.mark, o.extra = p.clear, p.handed, 0
	o.wait = min(wait<<max(0, min(o.tries, maxBackoff)-patientTries), max(wait, p.beacon.slowest))
	if p.shared() {
		if o.tries > 1 { // whoever we collide with shall not ask again when we do
			late := c.jitter(p.turn(wire.ControlOverhead))
			wait, o.wait = wait+late, o.wait+late
		}
		p.hush = o.base.Add(wait)
	}
}

// replied ends the wait and learns from it.
func (c *Core) replied(o *outgoing) {
	if o.waiting && !o.asked {
		o.path.delay.learn(c.now.Sub(o.base))
	}
	o.waiting, o.tries, o.vain, o.delays, o.ignored = false, 0, 0, 0, 0
	c.ignoredBy(o.path)
	c.quiet(o.path)
}

// quiet ends the silence kept for an answer of this path.
func (c *Core) quiet(pa *path) {
	pa.port.hush = pa.port.rollCall()
	c.leaveGap(pa.port)
}

// progress tells at most once a second, and at the end.
func (c *Core) progress(o *outgoing) {
	done := o.lay.n - o.missing
	if done < o.lay.n && c.now.Sub(o.told) < time.Second {
		return
	}
	o.told = c.now
	c.emit(Progress{Peer: o.peer.id, Digest: o.item.Digest, Port: o.path.port.id, Out: true, Done: done, Total: o.lay.n})
}
