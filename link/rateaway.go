package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// An excursion: the sender with enough left proposes a setting in the control frame of its offer or poll, the
// receiver agrees, and both change when the answer has left the air. They come back when nothing is left, when
// the agreed time is over, when someone else needs them, or when a word that was due does not come.

const (
	spanAlone  = 60 * time.Second // of an excursion when there is no other neighbour
	spanShared = burstAir         // when there is one,
	spanOthers = burstAir / 2     // and something is under way with it
	burstAway  = burstAir / 4     // airtime of a burst on an excursion
)

// free reports whether nothing on the port speaks against an excursion with the path's peer now.
func (c *Core) free(pa *path) bool {
	p := pa.port
	if !p.home() || p.urgency.need.After(c.now) || pa.peer.pairing || pa.current == nil || pa.stale || p.rest.After(c.now) && c.othersOn(p, pa) ||
		len(p.raw) > 0 || !p.rollCall().IsZero() || p.beacon.due || !c.pairing.invite.until.IsZero() || !c.pairing.join.until.IsZero() || c.urgentBut(pa) {
		return false
	}
	for _, q := range p.paths {
		if q.opening != nil || slices.ContainsFunc(q.tentative, func(t *tentative) bool { return t.tries <= answerTries }) {
			return false
		}
	}
	return p.served == nil || p.served.path == pa
}

// urgentBut reports whether an emergency waits for another neighbour of the port.
func (c *Core) urgentBut(pa *path) bool {
	for _, q := range pa.port.paths {
		if q == pa || !q.works() {
			continue
		}
		for _, o := range q.peer.active() {
			if o.path == q && o.item.Priority == Emergency {
				return true
			}
		}
	}
	return false
}

// othersOn reports whether transfers with other neighbours are under way or wait on the port.
func (c *Core) othersOn(p *port, but *path) bool {
	for _, pa := range p.paths {
		if pa == but || !pa.works() {
			continue
		}
		if pa.receives() {
			return true
		}
		for _, o := range pa.peer.active() {
			if o.path == pa {
				return true
			}
		}
	}
	return false
}

// receives reports whether a transfer of the path's peer to us is open.
func (pa *path) receives() bool {
	for _, id := range pa.current.inOrder {
		if st := pa.current.in[id]; !st.finished() && (st.body == nil || !st.body.resumed) {
			return true
		}
	}
	return false
}

// depart sets out for a setting.
func (c *Core) depart(pa *path, rate int, span time.Duration, mover bool) {
	p := pa.port
	p.away, p.mover, p.span, p.left = pa, mover, span, c.now
	if !mover {
		p.span += p.silence() // it is the other's to end it
	}
	c.tune(p, rate)
}

// nextAway is next on an excursion.
func (c *Core) nextAway(p *port) next {
	pa := p.away
	if pa == nil || pa.current == nil || !p.again.IsZero() {
		return next{}
	}
	if s := pa.speaker(); s != nil {
		return next{say: sayAnswer, session: s}
	}
	switch {
	case p.hush.After(c.now):
		return next{}
	case c.ends(p):
		return next{say: sayBack, session: pa.current}
	}
	return c.nextTransfer(p)
}

// ends reports whether it is time for us to say that the excursion is over.
func (c *Core) ends(p *port) bool {
	return p.mover && (p.over || c.calledHome(p) || !c.busyWith(p.away))
}

// calledHome reports whether somebody on the common setting needs us more.
func (c *Core) calledHome(p *port) bool { return p.beacon.due || c.urgentBut(p.away) }

// busyWith reports whether anything is left to do with the peer.
func (c *Core) busyWith(pa *path) bool {
	for _, o := range pa.peer.active() {
		if o.path == pa && o.group.cast == nil {
			return true
		}
	}
	return pa.receives()
}

// silence is how long an excursion goes on without a word that is due: the airtime of a full frame on the common
// setting, but three questions at the setting's own pace at least.
func (p *port) silence() time.Duration {
	least := patientTries * (p.turn(p.mtu) + firstAllowance)
	if p.away != nil && p.rate != 0 {
		least = patientTries * p.away.delay.wait(p.turn(wire.ControlOverhead+wire.MoveSize))
	}
	return p.retune + max(p.common.Airtime(p.common.MTU), least)
}

func (p *port) silentAt() time.Time { return p.quiet.Add(p.silence()) }

// fellSilent ends an excursion on which the other is not heard any more.
func (c *Core) fellSilent(p *port) {
	if pa := p.away; p.mover && pa != nil && c.waitsFor(pa) {
		c.brokeAt(pa, p.rate, p.heard)
	}
	c.tune(p, 0)
}

// waitsFor reports whether a word of the peer is due.
func (c *Core) waitsFor(pa *path) bool {
	for _, o := range pa.peer.active() {
		if o.path == pa && o.state != outQueued && o.group.cast == nil {
			return true
		}
	}
	return false
}

// spoke notes that we said something that begins a new wait; a repeated question does not.
func (p *port) spoke() {
	if p.rate != 0 {
		p.quiet = p.clear
	}
}

// heardAway notes a frame of the path's peer.
func (p *port) heardAway(pa *path, now time.Time) {
	if p.rate != 0 && p.away == pa {
		p.heard = true
		if p.quiet.Before(now) {
			p.quiet = now
		}
	}
}

// appendMove appends what is to be said about an excursion, if it fits.
func (c *Core) appendMove(s *session, buf []byte, limit int) []byte {
	pa := s.path
	mv, p := &pa.moves, s.path.port
	if s != pa.current || len(buf)+wire.MoveSize > limit {
		return buf
	}
	m := wire.Message{Kind: wire.KindMove}
	switch {
	case mv.due:
		m.Kind, m.Code, m.Excursion = wire.KindMoved, mv.code, mv.answer
		mv.due, mv.goes = false, mv.code == wire.MovedYes
	case p.rate != 0 && (mv.back || !p.mover && c.calledHome(p)):
		m.Flags, mv.back, mv.goes = wire.FlagBack, false, true
	case len(c.said) > 0 && c.proposes(pa, &m):
	default:
		return buf
	}
	return wire.AppendMessage(buf, &m)
}

// moveSaid follows what appendMove said, now that the frame is handed out.
func (c *Core) moveSaid(pa *path) {
	if !pa.moves.goes {
		return
	}
	pa.moves.goes = false
	if pa.port.rate != 0 {
		c.heldAt(pa, pa.port.rate)
		c.tune(pa.port, 0)
		return
	}
	c.depart(pa, pa.moves.going, time.Duration(pa.moves.answer.Span)*time.Second, false)
}

// moveAsked takes a proposal, or the end of an excursion.
func (c *Core) moveAsked(s *session, m *wire.Message) {
	pa := s.path
	mv, p := &pa.moves, pa.port
	if m.Flags&wire.FlagBack != 0 {
		if p.rate != 0 && p.away == pa && !p.tuning {
			c.heldAt(pa, p.rate)
			c.tune(p, 0)
		}
		return
	}
	if s != pa.current || !p.home() {
		return
	}
	mv.told(m.SNRdB)
	if mv.asked && c.leads(pa) {
		return // both proposed at once: ours counts
	}
	mv.asked, mv.due = false, true
	mv.going, mv.code = c.judge(pa, m.Setting)
	mv.answer = wire.Excursion{Number: m.Number, Span: m.Span, SNRdB: mv.signal.tell()}
	mv.answer.Span = min(m.Span, uint8(c.spanWith(pa)/time.Second))
}

// spanWith is how long we can be away with the path's peer, for the sake of the others.
func (c *Core) spanWith(pa *path) time.Duration {
	switch {
	case c.othersOn(pa.port, pa):
		return spanOthers
	case pa.port.hasOthers(pa):
		return spanShared
	}
	return spanAlone
}

// hasOthers reports whether there is another neighbour on the port.
func (p *port) hasOthers(but *path) bool {
	return slices.ContainsFunc(p.paths, func(pa *path) bool { return pa != but && pa.current != nil })
}

// moveAnswered takes the answer to our proposal.
func (c *Core) moveAnswered(s *session, m *wire.Message) {
	pa := s.path
	mv, p := &pa.moves, pa.port
	mv.told(m.SNRdB)
	if s != pa.current || !mv.asked || m.Number != mv.number || !p.home() {
		return
	}
	mv.asked, mv.ignored = false, 0
	switch m.Code {
	case wire.MovedYes:
		c.depart(pa, mv.going, time.Duration(min(m.Span, mv.span))*time.Second, true)
	case wire.MovedUnknown:
		mv.at[mv.going].unknown = true
	case wire.MovedWeak:
		mv.at[mv.going].avoid = c.now.Add(p.lull())
	case wire.MovedNever:
		mv.never = true
	default:
		mv.notBefore = c.now.Add(p.lull() / 4)
	}
}
