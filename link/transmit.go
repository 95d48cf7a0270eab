package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// action is what a transfer would do next if it had the port.
type action uint8

const (
	doNothing action = iota
	doOffer
	doPush
	doPoll
	doData
)

func (c *Core) action(o *outgoing) action {
	if o.waiting || c.mute(o) {
		return doNothing
	}
	ready := c.bodies[o.item.Digest].data != nil
	switch o.state {
	case outQueued, outOffered:
		push := c.pushes(o)
		if (push || c.unasked(o) && o.state == outQueued) && !ready {
			return doNothing
		}
		if push {
			return doPush
		}
		return doOffer
	case outSending:
		if !ready {
			return doNothing
		}
		if o.group.cast != nil {
			return c.castAction(o)
		}
		if o.left > 0 && (o.burst > 0 || !c.wouldMove(o)) {
			return doData
		}
	case outPolled:
		if c.calledAgain(o) {
			return doNothing
		}
	}
	if o.unheard() && ready {
		return doOffer
	}
	return doPoll
}

// mute reports whether nothing can be said to the transfer's peer now.
func (c *Core) mute(o *outgoing) bool {
	pa := o.path
	if pa == nil || pa.current == nil || pa.stale || pa.port.elsewhere(pa) || pa.port.rate != 0 && o.group.cast != nil {
		return true
	}
	if o.sess == nil && pa.current.streams >= maxStreams {
		return true // no name is left under these keys: a new session is on its way
	}
	if len(pa.tentative) > 0 && pa.tentative[len(pa.tentative)-1].tries == 0 {
		return true // the peer is about to confirm new keys: it may have lost the old
	}
	if c.kept(o) {
		return true // what the law leaves is kept for what is more urgent
	}
	return pa.opening != nil && pa.unsure >= deafAfter // whether these keys are still good is being found out
}

// PollTransmit appends the next frame for the port to buf. Call it when the
// port can take a frame, until it answers false.
func (c *Core) PollTransmit(now time.Time, id Port, buf []byte) ([]byte, bool) {
	c.now = now
	p := c.port(id)
	if p == nil || p.tuning {
		return buf, false
	}
	start := len(buf)
	out, ok := c.append(p, c.nextUrgent(p), buf)
	if !ok && !p.held(now) {
		out, ok = c.append(p, c.next(p), buf)
	}
	if ok {
		c.stats.FramesOut++
		c.stats.OctetsOut += uint64(len(out) - start)
	}
	return out, ok
}

// speaker is the path's session that has to say something at once.
func (pa *path) speaker() *session {
	s := pa.current
	if s != nil && (pa.confirm || pa.moves.due || s.bye || len(s.owed) > 0 || len(s.cancels) > 0) {
		return s
	}
	if s = pa.previous; s != nil && len(s.owed) > 0 {
		return s
	}
	return nil
}

// transferFrame serves a transfer.
func (c *Core) transferFrame(o *outgoing, buf []byte) ([]byte, bool) {
	if c.action(o) != doData {
		return c.controlFrame(o.path.current, buf, true)
	}
	p, start := o.path.port, len(buf)
	buf, ok := c.appendData(o, buf)
	if !ok {
		o.left = 0
		return buf, false
	}
	p.served, p.going, p.carried = o, nil, c.now
	p.sent(c.now, len(buf)-start)
	p.charge(o, p.airtime(len(buf)-start))
	p.spoke()
	if o.state == outPolled {
		c.burstEnded(o)
	}
	return buf, true
}

// burstEnded starts the wait for the answer to the burst, for all that ended with it.
func (c *Core) burstEnded(o *outgoing) {
	p := o.path.port
	if o.group.cast != nil {
		c.castEnded(o.group.cast)
		return
	}
	c.clock++
	o.served = c.clock
	if p.served == o {
		p.served = nil
	}
	c.await(o)
	if c.another(o) {
		p.hush = time.Time{}
		o.extra = burstAir
		return
	}
	for _, q := range o.peer.active() {
		if q.path == o.path && q.state == outPolled && q.waiting && q != o && q.tries == 0 && q.group.cast == nil {
			q.base, q.mark, q.covered, q.extra = o.base, o.mark, false, 0
		}
	}
}

// mostUrgent goes by priority, then the burst under way, then who had less airtime.
func (c *Core) mostUrgent(p *port) *outgoing {
	var best *outgoing
	for _, pa := range p.paths {
		if pa.current == nil {
			continue
		}
		for _, o := range pa.peer.active() {
			if o.path == pa && c.action(o) != doNothing && (best == nil || p.before(o, best)) {
				best = o
			}
		}
	}
	return best
}

func (p *port) before(a, b *outgoing) bool {
	if a.item.Priority != b.item.Priority {
		return a.item.Priority < b.item.Priority
	}
	if (p.served == a) != (p.served == b) {
		return p.served == a
	}
	if by := p.byAirtime(a, b); by != 0 {
		return by < 0
	}
	if a.served != b.served {
		return a.served < b.served
	}
	return a.seq < b.seq
}

// controlFrame seals what the session owes, and with asks also its transfers' questions.
func (c *Core) controlFrame(s *session, buf []byte, asks bool) ([]byte, bool) {
	pa := s.path
	p := pa.port
	start := len(buf)
	limit := start + p.mtu - wire.TagSize
	buf = wire.AppendControl(buf, wire.Control{To: s.remote, Counter: uint16(s.counter)})
	body := len(buf)
	c.grants = false
	buf = c.appendOwed(s, buf, limit)
	buf = c.appendUrgent(s, buf, limit)
	c.said = c.said[:0]
	if asks && s == pa.current {
		buf = c.appendQuestions(pa, buf, limit)
	}
	if buf = c.appendMove(s, buf, limit); len(buf) == body && !pa.confirm {
		return buf[:start], false // nothing fits: better silent than empty for ever
	}
	buf = c.appendAhead(buf, limit)
	buf = s.sendControl.seal(buf[:body], wire.ControlNonce(s.counter), buf[body:], buf[start:body], wire.TagSize)
	s.counter++
	s.frames++
	pa.confirm = false
	p.sent(c.now, len(buf)-start)
	if len(c.said) > 0 {
		pa.fair.charge(&p.fair, p.quantum(), p.airtime(len(buf)-start))
	}
	if !slices.ContainsFunc(c.said, func(o *outgoing) bool { return o.tries > 0 }) {
		p.spoke()
	}
	for _, o := range c.said {
		c.asked(o)
	}
	if c.grants {
		p.granted()
	}
	c.moveSaid(pa)
	return buf, true
}

// appendQuestions appends offers, pushes and polls of the path's transfers.
func (c *Core) appendQuestions(pa *path, buf []byte, limit int) []byte {
	for _, o := range pa.peer.active() {
		do := c.action(o)
		if o.path != pa || do == doNothing || do == doData {
			continue
		}
		o.bind()
		c.question(o, do)
		n := len(buf)
		if buf = o.invite(wire.AppendMessage(buf, &c.reply)); len(buf) > limit {
			return buf[:n]
		}
		c.said = append(c.said, o)
	}
	return buf
}

// question fills in the message.
func (c *Core) question(o *outgoing, do action) {
	m := &c.reply
	*m = wire.Message{Kind: wire.KindPoll, Needs: m.Needs[:0], Stream: o.stream, Upto: uint16(o.upto),
		ItemKind: o.item.Kind, Priority: uint8(o.item.Priority), Lifetime: minutes(o.item.Lifetime), Cost: o.item.Cost}
	if o.vain >= clearTries {
		m.Flags = wire.FlagVain
	}
	switch do {
	case doPush:
		o.whole = true
		m.Kind, m.Body = wire.KindPush, c.bodies[o.item.Digest].data
	case doOffer:
		c.enlist(o)
		m.Kind, m.Digest, m.Size = wire.KindOffer, o.item.Digest, uint32(o.item.Size)
		if o.unheard() {
			return
		}
		if o.direct = o.state == outQueued && c.unasked(o) && o.mayFollow(); o.direct {
			m.Flags |= wire.FlagFollows
		}
	}
}

// asked notes that the transfer's question was handed out.
func (c *Core) asked(o *outgoing) {
	if o.direct && o.state == outQueued {
		if o.group.cast != nil {
			o.missing = 0
			c.plan(o, 0, nil)
		}
		o.state = outSending
		o.castAsked()
		return
	}
	o.castAsked()
	if o.state == outQueued {
		o.state = outOffered
	}
	if o.state == outSending {
		o.state = outPolled
	}
	c.await(o)
}

// minutes is a lifetime on the air, rounded up.
func minutes(d time.Duration) uint32 {
	return uint32(min((max(d, 0)+time.Minute-1)/time.Minute, 1<<31))
}
