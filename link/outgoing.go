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
	directFrames    = 8
	maxFailed       = 3
	unsureLimit     = 6
	unsureElsewhere = 3 // where another port of the peer is up
	maxBackoff      = 10
	patientTries    = 3 // a question is repeated as quickly as chance loss deserves, then ever more rarely
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
	vain    int // tries while nobody else was heard
	delays  int

	want     []uint8   // symbols to send, by block
	next     []uint8   // index of the next one
	left     int       // sum of want
	need     []uint8   // what the peer lacked at its last word, by block
	gave     []uint8   // and what was sent since
	lastOf   int       // the block of the frame that asked last
	again    bool      // a frame of data is to ask again
	cursor   int       // block being sent
	upto     int       // blocks sent at least once
	missing  int       // symbols the peer lacked at its last word
	sent     int       // symbols sent since
	given    int       // symbols sent at all
	whole    bool      // it went in one frame
	ignored  int       // questions in a row without an answer
	asking   time.Time // the first of them, and
	talk     int       // peer.talk then
	forgets  int       // times that the peer did not know the stream
	complete int       // accounts in a row that lacked nothing, since
	filled   time.Time
	burst    int  // frames left in this burst
	checked  bool // it ended with a question for a sign of life, whose answer is sealed with
	check    [wire.NonceSize]byte
	served   uint64
	fair     share

	group member

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
	if c.shuns(p) {
		c.emit(Refused{Peer: p.id, Digest: e.Item.Digest, Reason: ReasonBusy})
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
	o.joinRunning()
	c.urgentSubmit(o)
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
	o.leave()
	if o.sess != nil {
		delete(o.sess.out, o.stream)
	}
	if o.path != nil && o.path.port.served == o {
		o.path.port.served = nil
	}
	if o.path != nil && o.path.port.going == o {
		o.path.port.going = nil
	}
	o.sess, o.state, o.waiting, o.tries, o.direct = nil, outQueued, false, 0, false
	o.want, o.next, o.left, o.burst, o.upto, o.sent, o.checked = nil, nil, 0, 0, 0, 0, false
	o.forgets, o.complete = 0, 0
	o.again = false
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

// pushes reports whether the body fits a control frame of the path.
func (c *Core) pushes(o *outgoing) bool {
	return !o.item.Ask && o.item.Size <= o.path.port.mostPushed() && o.peer.failed < maxFailed
}

// mostPushed is the largest body that fits a control frame.
func (p *port) mostPushed() int { return p.mtu - wire.ControlOverhead - wire.PushHead }

// unasked reports whether the data may follow the offer at once.
func (c *Core) unasked(o *outgoing) bool {
	per := o.path.perFrame(o.lay)
	return !o.item.Ask && o.peer.failed < maxFailed && o.missing == 0 && o.lay.blocks == 1 && (o.lay.n+per-1)/per <= directFrames && !c.wouldMove(o)
}

// perFrame is how many symbols fit a data frame.
func (pa *path) perFrame(l layout) int {
	overhead := wire.DataOverhead
	if pa.port.medium != Radio {
		overhead = wire.DataFullOverhead
	}
	return max(1, min((pa.port.mtu-overhead)/l.sym, maxData))
}
