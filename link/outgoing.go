package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// outState is how far an outgoing transfer has come under its session.
type outState uint8

const (
	outQueued  outState = iota // not offered under this session
	outOffered                 // offered or pushed
	outSending                 // symbols are wanted
	outPolled                  // a burst has ended
)

// Limits of what goes without asking first, and how patient questions are.
const (
	directFrames = 8
	maxFailed    = 3
	unsureLimit  = 6
	maxBackoff   = 10
	patientTries = 3 // a question is repeated as quickly as chance loss deserves, then ever more rarely
)

// outgoing is one item on its way to one peer.
type outgoing struct {
	peer *peer
	item Item
	lay  layout
	seq  uint64 // of Submit

	path   *path
	sess   *session // under which stream names the item; nil: none yet
	stream uint16
	state  outState
	direct bool // the data follows the offer

	waiting bool // for an answer
	base    time.Time
	wait    time.Duration
	extra   time.Duration // for another burst, whose end also asks for this one
	mark    uint64        // port.handed after the question
	covered bool          // PortClear has spoken since
	asked   bool          // the question of this wait was repeated
	tries   int
	delays  int

	want    []uint8 // symbols to send, by block
	next    []uint8 // index of the next one
	left    int     // sum of want
	cursor  int     // block being sent
	upto    int     // blocks sent at least once
	missing int     // symbols the peer lacked at its last word
	sent    int     // symbols sent since
	burst   int     // frames left in this burst
	served  uint64

	told time.Time // of Progress
}

func (o *outgoing) deadline() time.Time { return o.base.Add(o.wait + o.extra) }

// active is the head of the queue: what may be under way at once.
func (p *peer) active() []*outgoing { return p.outs[:min(len(p.outs), maxActive)] }

func (p *peer) out(d Digest) *outgoing {
	for _, o := range p.outs {
		if o.item.Digest == d {
			return o
		}
	}
	return nil
}

func (c *Core) submit(e Submit) {
	p := c.peer(e.Peer)
	if p == nil || !p.up() {
		return // PeerDown is on its way, or was told
	}
	if o := p.out(e.Item.Digest); o != nil {
		return
	}
	if e.Item.Size < 1 || e.Item.Size > MaxItem || len(p.outs) >= maxQueue {
		reason := ReasonMalformed
		if len(p.outs) >= maxQueue {
			reason = ReasonBusy
			c.drop(DropFull)
		}
		c.emit(Refused{Peer: p.id, Digest: e.Item.Digest, Reason: reason})
		return
	}
	c.submits++
	o := &outgoing{peer: p, item: e.Item, seq: c.submits, lay: layoutOf(e.Item.Size)}
	at, _ := slices.BinarySearchFunc(p.outs, o, func(a, b *outgoing) int {
		if a.item.Priority != b.item.Priority {
			return int(a.item.Priority) - int(b.item.Priority)
		}
		return int(int64(a.seq - b.seq))
	})
	p.outs = slices.Insert(p.outs, at, o)
	c.use(o.item.Digest)
	o.path = c.choose(o)
}

func (c *Core) withdraw(e Withdraw) {
	p := c.peer(e.Peer)
	if p == nil {
		return
	}
	if o := p.out(e.Digest); o != nil {
		if o.sess != nil && o.state != outQueued && len(o.sess.cancels) < maxInStreams {
			o.sess.cancels = append(o.sess.cancels, o.stream)
		}
		c.finish(o)
	}
}

// finish takes a transfer off the queue.
func (c *Core) finish(o *outgoing) {
	o.unbind()
	o.peer.outs = slices.DeleteFunc(o.peer.outs, func(q *outgoing) bool { return q == o })
	c.unuse(o.item.Digest)
}

func (c *Core) forgetOuts(p *peer) {
	for len(p.outs) > 0 {
		c.finish(p.outs[len(p.outs)-1])
	}
}

// unbind makes the transfer start over under whatever session comes next. What the
// peer holds already it will say.
func (o *outgoing) unbind() {
	if o.sess != nil {
		delete(o.sess.out, o.stream)
	}
	if o.path != nil && o.path.port.served == o {
		o.path.port.served = nil
	}
	o.sess, o.state, o.waiting, o.tries, o.direct = nil, outQueued, false, 0, false
	o.want, o.next, o.left, o.burst, o.upto, o.sent = nil, nil, 0, 0, 0, 0
}

// leavePath unbinds every transfer of a path whose session changed or ended.
func (c *Core) leavePath(pa *path) {
	for _, o := range pa.peer.outs {
		if o.path == pa {
			o.unbind()
			o.path = nil
		}
	}
	for _, o := range pa.peer.outs {
		if o.path == nil {
			o.path = c.choose(o)
		}
	}
}

// bind gives the transfer a stream under the path's session.
func (o *outgoing) bind() {
	if o.sess == nil {
		o.sess = o.path.current
		o.stream = o.sess.openStream(o)
	}
}

// body is a submitted body in memory, or on its way there.
type body struct {
	data  []byte
	asked bool
	users int
}

func (c *Core) use(d Digest) {
	b := c.bodies[d]
	if b == nil {
		b = &body{}
		c.bodies[d] = b
	}
	b.users++
}

func (c *Core) unuse(d Digest) {
	b := c.bodies[d]
	if b == nil {
		return
	}
	if b.users--; b.users > 0 {
		return
	}
	delete(c.bodies, d)
	if b.asked {
		c.emit(Unload{Digest: d})
	}
}

func (c *Core) loaded(e Loaded) {
	b := c.bodies[e.Digest]
	if b == nil {
		return
	}
	if e.Body == nil {
		c.withdrawAll(e.Digest, ReasonNone)
		return
	}
	if !c.genuine(e) {
		c.drop(DropBadBody)
		c.withdrawAll(e.Digest, ReasonMalformed)
		return
	}
	b.data = e.Body
}

// genuine checks that the body is the one that was submitted. A disk that gave other
// octets the second time would make us seal two plaintexts under one nonce.
func (c *Core) genuine(e Loaded) bool {
	for _, p := range c.peers {
		if o := p.out(e.Digest); o != nil {
			return len(e.Body) == o.item.Size && DigestOf(o.item.Kind, e.Body) == e.Digest
		}
	}
	return false
}

// withdrawAll ends every transfer of a body; with a reason the gateway is told.
func (c *Core) withdrawAll(d Digest, r Reason) {
	for _, p := range c.peers {
		if p.out(d) == nil {
			continue
		}
		c.withdraw(Withdraw{Peer: p.id, Digest: d})
		if r != ReasonNone {
			c.emit(Refused{Peer: p.id, Digest: d, Reason: r})
		}
	}
}

// loadBodies asks for the bodies that the heads of the queues need next.
func (c *Core) loadBodies() {
	for _, p := range c.peers {
		large := 0
		for _, o := range p.active() {
			if pa := o.path; pa != nil && pa.current != nil && pa.current.worn(c.now) {
				c.greet(pa, c.jitter(pa.port.turn(wire.Handshake1Size)))
			}
			small := o.state == outQueued && o.path != nil && (c.pushes(o) || c.unasked(o))
			if !small && o.state != outSending && o.state != outPolled {
				continue
			}
			if !small {
				large++
			}
			if b := c.bodies[o.item.Digest]; !b.asked && large <= 2 {
				b.asked = true
				c.emit(Load{Digest: o.item.Digest})
			}
		}
	}
}

// pushes reports whether the body fits a control frame of the path.
func (c *Core) pushes(o *outgoing) bool {
	return o.item.Size <= o.path.port.mtu-wire.ControlOverhead-wire.PushHead && o.peer.failed < maxFailed
}

// unasked reports whether the data may follow the offer at once.
func (c *Core) unasked(o *outgoing) bool {
	per := o.path.perFrame(o.lay)
	return o.peer.failed < maxFailed && o.missing == 0 && o.lay.blocks == 1 && (o.lay.n+per-1)/per <= directFrames
}

// perFrame is how many symbols fit a data frame.
func (pa *path) perFrame(l layout) int {
	overhead := wire.DataOverhead
	if pa.port.medium != Radio {
		overhead = wire.DataFullOverhead
	}
	return max(1, min((pa.port.mtu-overhead)/l.sym, maxData))
}

// unanswered is called when an answer did not come in time.
func (c *Core) unanswered(o *outgoing) {
	p := o.path.port
	if p.hearing.After(c.now) && o.delays < maxBackoff {
		o.delays++ // the air was not free for an answer
		o.base = p.hearing
		return
	}
	o.waiting, o.delays, o.asked = false, 0, true
	o.tries++
	pa := o.path
	if pa.unsure++; pa.unsure%deafAfter == 0 {
		c.greet(pa, 0)
	}
	if pa.unsure >= unsureLimit && !pa.silent {
		pa.silent = true
		c.reroute(pa.peer)
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
	wait := pa.delay.wait(medium)
	o.waiting, o.covered, o.asked = true, false, o.tries > 0
	o.base, o.mark, o.extra = p.clear, p.handed, 0
	o.wait = min(wait<<max(0, min(o.tries, maxBackoff)-patientTries), max(wait, p.beacon.slowest))
	if p.shared() {
		p.hush = o.base.Add(wait)
	}
}

// replied ends the wait and learns from it.
func (c *Core) replied(o *outgoing) {
	if o.waiting && !o.asked {
		o.path.delay.learn(c.now.Sub(o.base))
	}
	o.waiting, o.tries, o.delays = false, 0, 0
	c.quiet(o.path)
}

// quiet ends the silence kept for an answer of this path.
func (c *Core) quiet(pa *path) { pa.port.hush = time.Time{} }

// progress tells at most once a second, and at the end.
func (c *Core) progress(o *outgoing) {
	done := o.lay.n - o.missing
	if done < o.lay.n && c.now.Sub(o.told) < time.Second {
		return
	}
	o.told = c.now
	c.emit(Progress{Peer: o.peer.id, Digest: o.item.Digest, Port: o.path.port.id, Out: true, Done: done, Total: o.lay.n})
}
