package link

import (
	"packhorse/link/wire"
)

func (c *Core) handleControl(p *port, b []byte, m Meta) {
	if wire.IsAlive(b) {
		c.handleAlive(p, b, m)
		return
	}
	h, sealed, err := wire.ParseControl(b)
	if err != nil {
		c.drop(DropMalformed)
		return
	}
	s := c.sessions[h.To]
	if s == nil || s.path.port != p {
		c.drop(DropNoSession)
		c.breakIn(p)
		c.otherTalk(p)
		return
	}
	plain, ok := c.openControl(s, h, b[:wire.ControlHeader], sealed)
	if !ok {
		return
	}
	c.confirmed(s)
	s.path.peer.talk++
	c.hear(s.path, m)
	c.spoke(s.path)
	if s == s.path.current {
		s.path.alive(c.now)
	}
	c.messages(s, plain)
}

// messages takes what was inside a control frame. The frame is authentic, its sender
// may still lie.
func (c *Core) messages(s *session, b []byte) {
	var err error
	for len(b) > 0 {
		if b, err = wire.ParseMessage(b, &c.msg); err != nil {
			c.drop(DropMalformed)
			return
		}
		if c.message(s, &c.msg); c.sessions[s.index] != s {
			return
		}
	}
}

func (c *Core) message(s *session, m *wire.Message) {
	if m.Flags&wire.FlagVain != 0 && (m.Kind == wire.KindOffer || m.Kind == wire.KindPoll || m.Kind == wire.KindPush) {
		c.unheard(s.path)
	}
	switch m.Kind {
	case wire.KindOffer:
		c.offered(s, m)
	case wire.KindPush:
		c.pushed(s, m)
	case wire.KindCancel:
		c.cancelled(s, m.Stream)
	case wire.KindPoll:
		c.polled(s, m)
	case wire.KindUrgent:
		s.path.port.needed(c.now)
	case wire.KindBye:
		c.bye(s.path)
	case wire.KindSymbols:
		c.ahead(s, m)
	case wire.KindCast:
		c.invited(s, m)
	case wire.KindMove:
		c.moveAsked(s, m)
	case wire.KindMoved:
		c.moveAnswered(s, m)
	default:
		if o := s.out[m.Stream]; o != nil && o.state != outQueued {
			c.word(o, m)
		}
	}
}

// bye ends the session at the peer's word.
func (c *Core) bye(pa *path) {
	if pa.peer.pairing {
		c.removePeer(pa.peer, "the other side ended pairing")
		return
	}
	c.closePath(pa, "the other side closed the session")
}

// word is what the receiver of one of our transfers says about it.
func (c *Core) word(o *outgoing, m *wire.Message) {
	c.replied(o)
	o.castWord(m)
	switch m.Kind {
	case wire.KindNeed:
		if o.state == outOffered {
			o.missing = o.lay.n
		}
		c.needs(o, m)
	case wire.KindCustody:
		if Reason(m.Code) != ReasonNone {
			c.turnedAway(o, Reason(m.Code))
			return
		}
		c.delivered(o, m.Flags&wire.FlagHad != 0)
	case wire.KindAnswer:
		c.answerOf(o, m)
	}
}

func (c *Core) answerOf(o *outgoing, m *wire.Message) {
	switch {
	case m.Code == wire.CodeAccept && o.overtaken():
	case m.Code == wire.CodeAccept:
		o.missing = o.lay.n
		if m.Flags&wire.FlagHeld == 0 {
			m.Upto, m.Needs = 0, m.Needs[:0]
			o.want, o.next, o.upto = nil, nil, 0 // it holds nothing of what was sent, if anything was
		}
		c.needs(o, m)
	case m.Code == wire.CodeHave:
		c.delivered(o, true)
	case m.Code == wire.CodeAgain:
		if c.forgetsTooMuch(o) {
			return
		}
		o.castForgotten()
		o.state = outOffered
		o.want, o.next, o.left, o.upto, o.sent = nil, nil, 0, 0, 0 // what followed the lost offer came to nobody
	case m.Code >= wire.CodeRefuse:
		c.turnedAway(o, Reason(m.Code-wire.CodeRefuse))
	default:
		c.drop(DropMalformed)
	}
}

// overtaken reports whether an account that comes now was made before what is on its way.
func (o *outgoing) overtaken() bool {
	return o.state == outSending && o.sent > 0 && o.group.cast == nil && !o.again
}

// needs takes an account and goes on sending.
func (c *Core) needs(o *outgoing, m *wire.Message) {
	if o.overtaken() {
		return
	}
	if c.asksTooMuch(o) {
		return
	}
	c.plan(o, int(m.Upto), m.Needs)
	o.state = outSending
	if o.left == 0 {
		if c.keepsTooLong(o) {
			return
		}
		o.state = outPolled
		o.tries = o.complete // all is there: the peer is storing it
		c.await(o)
		c.quiet(o.path)
	} else {
		o.complete = 0
	}
	o.castCounted()
	c.progress(o)
	if best := c.chooseFor(o, true); best != o.path {
		o.unbind()
		o.path = best
	}
}

func (c *Core) delivered(o *outgoing, had bool) {
	o.peer.failed = 0
	o.missing = 0
	if o.sent > 0 && o.path != nil {
		o.path.learnLoss(o.sent, o.sent, o.path.perFrame(o.lay))
	}
	c.recent.forget(o.item.Digest)
	c.progress(o)
	c.emit(Custody{Peer: o.peer.id, Digest: o.item.Digest, Early: o.early()})
	c.finish(o)
	c.completed(o, had)
}

func (c *Core) turnedAway(o *outgoing, r Reason) {
	if o.direct || c.pushes(o) {
		o.peer.failed++
	}
	c.emit(Refused{Peer: o.peer.id, Digest: o.item.Digest, Reason: r})
	c.finish(o)
	if r == ReasonMalformed && (o.whole || o.given > 0) {
		c.failedBy(o.peer.id) // its digest was checked before it was sent
	}
}

// appendOwed appends what the streams' senders wait for, as much as fits.
func (c *Core) appendOwed(s *session, buf []byte, limit int) []byte {
	for len(s.cancels) > 0 {
		if len(buf)+3 > limit {
			return buf
		}
		buf = wire.AppendMessage(buf, &wire.Message{Kind: wire.KindCancel, Stream: s.cancels[0]})
		s.cancels = s.cancels[1:]
	}
	for len(s.owed) > 0 {
		n := len(buf)
		if c.reckon(s, s.owed[0], limit-n) {
			if buf = wire.AppendMessage(buf, &c.reply); len(buf) > limit {
				return buf[:n]
			}
		}
		if st := s.in[s.owed[0]]; st != nil {
			c.grants = c.grants || st.state == inOpen
			st.said()
		}
		s.owed = append(s.owed[:0], s.owed[1:]...)
	}
	if s.bye && len(buf) < limit {
		s.bye = false
		buf = wire.AppendMessage(buf, &wire.Message{Kind: wire.KindBye})
	}
	return buf
}
