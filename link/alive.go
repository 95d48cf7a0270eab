package link

import "packhorse/link/wire"

// While next to nothing is lost, a burst asks now and then for a sign of life. So a receiver that lost its
// keys has few frames wasted on it, measured by the whole body, and gets a word in.
const (
	aliveEvery = 8    // frames, at least
	aliveShare = 6    // and such a part of the body,
	aliveMost  = 36   // but so many at most
	aliveLoss  = 0.02 // above it the signs themselves get lost, and accounts come often enough
)

// checks reports whether a burst to this path pauses for signs of life.
func (pa *path) checks() bool { return pa.port.shared() && pa.loss < aliveLoss && !pa.port.heard }

// aliveAfter is how many frames of a transfer go without a sign of life: one fewer at first, and for the last few none is asked.
func (o *outgoing) aliveAfter() int {
	per := o.path.perFrame(o.lay)
	after, left := aliveEvery, (o.left+per-1)/per
	if !o.path.elsewhere() {
		after = min(max(after, o.lay.n/per/aliveShare), aliveMost)
	}
	switch {
	case left <= after+after/4:
		return left
	case o.upto == 0:
		return after - 1
	}
	return after
}

// alive answers a frame that asks for a sign of life, unless we have more to say: that goes with a whole word.
func (c *Core) alive(st *inStream, h wire.Data, octets int) bool {
	if st.state != inOpen || st.reply || c.wants(st.sess.path) {
		return false
	}
	s := st.sess
	f := wire.Alive{Heard: uint8(min(st.run, 255))}
	b := wire.AppendAliveHeader(nil, f.Heard)
	st.run = 0
	c.enqueue(s.path.port, s.sendData.seal(b, f.Nonce(h.AliveNonce(octets)), nil, b, wire.ShortTag))
	s.frames++
	return true
}

// wants reports whether something of ours waits to go to the peer, or owes it a word.
func (c *Core) wants(pa *path) bool {
	for _, o := range pa.peer.active() {
		if o.path == pa && c.action(o) != doNothing {
			return true
		}
	}
	return pa.speaker() != nil
}

// handleAlive lets a burst go on.
func (c *Core) handleAlive(p *port, b []byte, m Meta) {
	f, err := wire.ParseAlive(b)
	if err != nil {
		c.drop(DropMalformed)
		return
	}
	waits := false
	for _, pa := range p.paths {
		for _, o := range pa.peer.active() {
			if o.path != pa || o.state != outPolled || !o.checked {
				continue
			}
			waits = true
			if _, ok := o.sess.recvData.open(f.Nonce(o.check), b[wire.AliveHeader:], b[:wire.AliveHeader], wire.ShortTag); ok {
				c.lives(o, int(f.Heard), m)
				return
			}
		}
	}
	if waits {
		c.drop(DropForged)
	} else {
		c.drop(DropNotOurs)
	}
}

// lives takes up a burst whose receiver lives.
func (c *Core) lives(o *outgoing, frames int, m Meta) {
	o.checked = false
	c.replied(o)
	o.heard(frames)
	o.state, o.path.port.going = outSending, o
	c.progress(o)
	c.hear(o.path, m)
}

// heard takes that so many frames arrived since the last word, whichever they were.
func (o *outgoing) heard(frames int) {
	per := o.path.perFrame(o.lay)
	got := min(frames*per, o.sent, o.missing)
	o.path.learnLoss(max(1, o.sent), got, per)
	o.missing, o.sent = o.missing-got, 0
}

// breakIn makes a beacon due when someone talks to keys that we do not have and stops to hear an answer:
// it may be a neighbour that does not know yet that we started anew.
func (c *Core) breakIn(p *port) {
	fresh := c.now.Sub(p.beacon.last) < 2*p.turn(wire.BeaconSize)
	if p.shared() && c.now.Sub(p.since) < breakInFor && !fresh && c.missing() && p.breakIns.take(c.now) {
		p.beacon.due, p.hearing = true, c.now
	}
}

// missing reports whether a member has no session with us.
func (c *Core) missing() bool {
	for _, q := range c.peers {
		if !q.pairing && !q.up() {
			return true
		}
	}
	return false
}
