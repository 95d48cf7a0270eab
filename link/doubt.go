package link

import (
	"slices"
	"time"
)

// Neighbours who fail. Loss alone is no failure: a transfer fails by what a neighbour says, or by its
// silence about one thing while it talks about others. Items that came to nothing in a row make a neighbour doubtful.

const (
	doubtful      = 3 // failures in a row
	longestShun   = 24 * time.Hour
	insatiable    = 3  // times the body that a neighbour may ask for, beside what loss explains,
	insatiableMin = 64 // and so many symbols
	explained     = 0.8
	ignored       = 64 // questions about one item in a row without an answer: at half of all frames lost, once in 10^8,
	forgetful     = 16 // times that a stream is not known to who was offered it
	talkative     = 16 // and so many words on other things meanwhile
)

// doubt is what a peer's items came to.
type doubt struct {
	failed    int    // in a row
	suspected int    // custody that came to nothing, in a row, says the gateway
	times     int    // it was shunned, since it was last good
	custody   bool   // for the latter
	tried     Digest // what it took custody of since
	until     time.Time
}

// failedBy notes that an item came to nothing by a peer's own fault.
func (c *Core) failedBy(id PeerID) {
	p := c.peer(id)
	if p == nil || p.pairing {
		return
	}
	if p.doubt.failed++; p.doubt.failed >= doubtful || p.doubt.times > 0 {
		c.shun(p, false)
	}
}

// suspect takes the gateway's word that a peer's custody came to nothing.
func (c *Core) suspect(e Suspect) {
	p := c.peer(e.Peer)
	if p == nil || p.pairing || p.doubt.times > 0 && p.doubt.tried != e.Digest {
		return // it is of what is past
	}
	if p.doubt.suspected++; p.doubt.suspected >= doubtful || p.doubt.times > 0 {
		c.shun(p, true)
	}
}

// vouched takes the gateway's word that a peer's custody came to something.
func (c *Core) vouched(id PeerID) {
	if p := c.peer(id); p != nil {
		if p.doubt.suspected = 0; p.doubt.custody {
			p.doubt = doubt{}
		}
	}
}

// shun begins nothing with a peer for a while, each time for twice as long.
func (c *Core) shun(p *peer, custody bool) {
	d := &p.doubt
	d.failed, d.suspected, d.custody, d.tried = 0, 0, custody, Digest{}
	d.times++
	c.shunFor(p)
}

func (c *Core) shunFor(p *peer) {
	p.doubt.until = c.now.Add(p.shunTime())
	c.emit(Shunned{Peer: p.id, Until: p.doubt.until})
	for _, o := range slices.Clone(p.outs) {
		c.giveUp(o)
	}
}

// shunTime is the longest pause between a live peer's beacons, or what a long burst takes, and doubles.
func (p *peer) shunTime() time.Duration {
	first := 2 * time.Minute
	for _, pa := range p.paths {
		first = max(first, pa.port.beacon.slowest, burstFrames*pa.port.airtime(pa.port.mtu))
	}
	return min(first<<min(p.doubt.times-1, 10), longestShun)
}

// shuns reports whether nothing may be begun with a peer now. After its time one item is tried.
func (c *Core) shuns(p *peer) bool {
	return c.now.Before(p.doubt.until) || p.doubt.times > 0 && len(p.outs) > 0
}

// giveUp refuses a transfer as if the peer were busy.
func (c *Core) giveUp(o *outgoing) {
	p, d := o.peer, o.item.Digest
	c.withdraw(Withdraw{Peer: p.id, Digest: d})
	c.emit(Refused{Peer: p.id, Digest: d, Reason: ReasonBusy})
}

// completed notes custody. What came whole in one frame, was there before or came from elsewhere shows nothing.
func (c *Core) completed(o *outgoing, had bool) {
	d := &o.peer.doubt
	switch {
	case had || o.given < o.lay.n:
	case d.times > 0 && d.custody:
		d.tried = o.item.Digest
		c.shunFor(o.peer) // whether its custody is worth more now is for the gateway to say
	default:
		*d = doubt{suspected: d.suspected}
	}
}

// early reports whether the peer has custody although we did not send it as many symbols as it needs: it had them from
// elsewhere, or it lies.
func (o *outgoing) early() bool { return !o.whole && o.given < o.lay.n }

// asksTooMuch ends a transfer that the peer goes on asking for beyond reason.
func (c *Core) asksTooMuch(o *outgoing) bool {
	loss := 0.0
	if o.path != nil {
		loss = min(o.path.loss, explained)
	}
	if o.given < insatiableMin+int(insatiable*float64(o.lay.n)/(1-loss)) {
		return false
	}
	c.failed(o)
	return true
}

// forgetsTooMuch ends a transfer whose stream the peer does not know again and again: since it knows the stream from each offer
// that it answered, it cannot lose it so often.
func (c *Core) forgetsTooMuch(o *outgoing) bool {
	if o.forgets++; o.forgets <= forgetful {
		return false
	}
	c.failed(o)
	return true
}

// keepsTooLong ends a transfer of which the peer says that it lacks nothing, and never takes custody. Its disk may be slow, and
// other neighbours' false symbols may have to be found out first.
func (c *Core) keepsTooLong(o *outgoing) bool {
	if o.complete == 0 {
		o.filled = c.now
	}
	if o.complete++; o.complete <= ignored || c.now.Sub(o.filled) < o.path.patience() {
		return false
	}
	c.failed(o)
	return true
}

// failed gives a transfer up by the peer's fault.
func (c *Core) failed(o *outgoing) {
	c.giveUp(o)
	c.failedBy(o.peer.id)
}

// ignores ends a transfer about which the peer keeps silent.
func (c *Core) ignores(o *outgoing) bool {
	if o.ignored == 0 {
		o.talk, o.asking = o.peer.talk, c.now
	}
	if o.ignored++; o.ignored < ignored || c.now.Sub(o.asking) < o.path.patience() {
		return false
	}
	id, talks := o.peer.id, o.peer.talk-o.talk >= talkative
	c.giveUp(o)
	if talks {
		c.failedBy(id)
	}
	return true
}
