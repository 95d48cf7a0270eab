package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// inState is what was decided about an incoming stream.
type inState uint8

const (
	inPending inState = iota // the gateway has not answered
	inOpen                   // accepted
	inStoring                // whole, or pushed; the gateway stores it
	inHave
	inRefused
	inCustody
)

// answersAfterEnd is how often a finished stream still answers frames that ask.
const answersAfterEnd = 2

// inStream is a peer's transfer to us under one session.
type inStream struct {
	sess    *session
	stream  uint16
	item    Item
	state   inState
	reason  Reason
	had     bool
	pushed  bool        // the body came whole
	direct  bool        // data came without being asked for
	body    *reassembly // nil once finished
	reply   bool        // an answer to an offer is due, not an account
	allow   int         // answers to data frames that may still be given
	place   uint8       // in a group of its sender: after so many others it answers
	byGroup bool        // symbols come under the sender's group key
	asked   bool        // a frame asked while the gateway had not answered
	news    bool        // symbols came since the last word
	run     int         // data frames since then
}

func (st *inStream) finished() bool { return st.state >= inHave }
func (st *inStream) peer() *peer    { return st.sess.path.peer }

// said is called when the stream's word was handed out.
func (st *inStream) said() { st.reply, st.news, st.run = false, false, 0 }

// end finishes the stream; its word is given now and when asked again.
func (st *inStream) end(state inState, r Reason) {
	st.state, st.reason, st.allow = state, r, answersAfterEnd
	if st.body != nil {
		st.body.leave(st)
		st.body = nil
	}
	st.sess.owe(st.stream)
}

// offered takes an offer, for the first time or again.
func (c *Core) offered(s *session, m *wire.Message) {
	follows := m.Flags&wire.FlagFollows != 0
	if st := s.in[m.Stream]; st != nil {
		if st.item.Digest != m.Digest {
			c.drop(DropMalformed)
			return
		}
		if st.state != inPending && st.state != inStoring {
			st.reply = true
			s.owe(m.Stream)
		}
		return
	}
	item := itemOf(m)
	if m.Size < 1 || m.Size > maxBody || m.Priority > uint8(Bulk) {
		c.drop(DropMalformed)
		return
	}
	st := &inStream{sess: s, stream: m.Stream, item: item, direct: follows}
	s.remember(st)
	c.movedHere(st)
	c.urgentOffer(st)
	if c.tooMany(st) {
		c.drop(DropFull)
		st.end(inRefused, ReasonBusy)
		return
	}
	if follows && item.Size <= directFrames*maxData*symbolSize {
		c.join(st)
	}
	c.emit(Offered{Peer: st.peer().id, Item: item})
	if st.body != nil {
		c.replayEarly(s)
	}
}

func itemOf(m *wire.Message) Item {
	return Item{Digest: m.Digest, Kind: m.ItemKind, Priority: Priority(m.Priority), Size: int(m.Size),
		Lifetime: time.Duration(min(m.Lifetime, 1<<20)) * time.Minute, Cost: m.Cost}
}

// streams calls f for every stream of the peer that carries the digest.
func (p *peer) streams(d Digest, f func(*inStream)) {
	for _, pa := range p.paths {
		for _, s := range [...]*session{pa.current, pa.previous} {
			if s == nil {
				continue
			}
			for _, id := range s.inOrder {
				if st := s.in[id]; st.item.Digest == d {
					f(st)
				}
			}
		}
	}
}

// answered carries out the gateway's verdict on an offer.
func (c *Core) answered(e Answer) {
	p := c.peer(e.Peer)
	if p == nil {
		return
	}
	p.streams(e.Digest, func(st *inStream) {
		if st.state != inPending {
			return
		}
		switch e.Verdict {
		case Accept:
			c.accept(st)
		case Have:
			c.unjoin(st, true)
			st.end(inHave, ReasonNone)
		default:
			c.unjoin(st, false)
			st.end(inRefused, e.Reason)
		}
	})
	if e.Verdict == Have {
		c.discardIdle(e.Digest)
	}
}

// discardIdle forgets the places of a body that the gateway has and nobody sends any more: their session ended before
// the gateway answered.
func (c *Core) discardIdle(d Digest) {
	for _, re := range slices.Clone(c.order) {
		if re.item.Digest == d && len(re.streams) == 0 && !re.storing {
			c.discard(re)
		}
	}
}

func (c *Core) accept(st *inStream) {
	if st.body == nil && !c.join(st) {
		c.drop(DropFull)
		st.end(inRefused, ReasonBusy)
		return
	}
	if st.body.refuses(st.peer().id) {
		c.unjoin(st, false)
		st.end(inRefused, ReasonMalformed)
		return
	}
	st.state, st.allow = inOpen, 1
	if st.body.storing {
		st.state = inStoring
		return
	}
	if st.body.whole() {
		c.complete(st.body, st)
		return
	}
	c.replayEarly(st.sess)
	if st.state == inOpen && (!st.direct || st.asked) {
		st.reply = !st.direct
		st.sess.owe(st.stream)
	}
}

// unjoin takes a stream off its body, which is forgotten if nobody else sends it and either it is useless or nobody
// else gave anything of it.
func (c *Core) unjoin(st *inStream, useless bool) {
	re := st.body
	if re == nil {
		return
	}
	st.body = nil
	if re.leave(st); len(re.streams) == 0 && !re.storing && (useless || re.onlyOf(st.peer().id)) {
		c.discard(re)
	}
}

// pushed takes a small body whole.
func (c *Core) pushed(s *session, m *wire.Message) {
	if st := s.in[m.Stream]; st != nil {
		if st.finished() {
			s.owe(m.Stream)
		}
		return
	}
	if len(m.Body) < 1 || m.Priority > uint8(Bulk) {
		c.drop(DropMalformed)
		return
	}
	item := itemOf(m)
	item.Size, item.Digest = len(m.Body), DigestOf(m.ItemKind, m.Body)
	st := &inStream{sess: s, stream: m.Stream, item: item, state: inStoring, pushed: true}
	s.remember(st)
	switch {
	case c.recent.has(st.peer().id, item.Digest):
		st.had = true
		st.end(inCustody, ReasonNone)
	case c.tooMany(st) || !c.join(st):
		c.drop(DropFull)
		st.end(inCustody, ReasonBusy)
	case !st.body.storing:
		c.received(st.body, st, append([]byte(nil), m.Body...))
	}
}

// cancelled forgets a stream at its sender's word.
func (c *Core) cancelled(s *session, stream uint16) {
	st := s.in[stream]
	if st == nil || st.finished() || st.state == inStoring {
		return
	}
	c.unjoin(st, false)
	delete(s.in, stream)
	s.inOrder = slices.DeleteFunc(s.inOrder, func(id uint16) bool { return id == stream })
}

// polled answers a question about a stream.
func (c *Core) polled(s *session, m *wire.Message) {
	if st := s.in[m.Stream]; st != nil && st.body != nil {
		st.body.upto = max(st.body.upto, min(int(m.Upto), st.body.lay.blocks))
	}
	s.oweAsked(m.Stream)
	s.path.port.hearing = c.now // who asks is not sending what our last word invited
}

// oweAsked owes a word on a stream whose sender asks, and on those with news.
func (s *session) oweAsked(stream uint16) {
	for _, id := range s.inOrder {
		st := s.in[id]
		switch {
		case id == stream && st.state == inPending:
			st.asked = true
		case st.state != inStoring && st.state != inPending && (id == stream || st.news):
			s.owe(id)
		}
	}
	if s.in[stream] == nil {
		s.owe(stream)
	}
}

// reckon fills in what is to be said of a stream now, in at most room octets; false: nothing.
func (c *Core) reckon(s *session, stream uint16, room int) bool {
	m := &c.reply
	*m = wire.Message{Kind: wire.KindAnswer, Stream: stream, Needs: m.Needs[:0]}
	st := s.in[stream]
	if st == nil {
		m.Code = wire.CodeAgain
		return true
	}
	switch st.state {
	case inPending, inStoring:
		return false
	case inHave:
		m.Code = wire.CodeHave
	case inRefused:
		m.Code = wire.CodeRefuse + uint8(st.reason)
	case inCustody:
		m.Kind, m.Code = wire.KindCustody, uint8(st.reason)
		if st.had {
			m.Flags = wire.FlagHad
		}
	case inOpen:
		c.account(st, m, min(wire.MaxNeeds, max(1, (room-8)/3)))
		if !st.reply {
			m.Kind = wire.KindNeed
		} else if st.body.got > 0 {
			m.Flags = wire.FlagHeld
		}
		if st.body.alone {
			m.Flags |= wire.FlagAlone
		}
	}
	return true
}
