package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// castAnswers is how many questions to a group are answered after the last symbols that were new.
const castAnswers = 3

// answerSize is about what an account of a body takes, in octets.
const answerSize = wire.ControlOverhead + 16

// turnIn is how long after a question to a group the neighbour at a place has its turn to answer.
func (p *port) turnIn(place uint8) time.Duration {
	return time.Duration(min(place, maxMembers)) * (p.access + p.airtime(answerSize))
}

// invited takes a peer's word that one of its streams goes to a group too.
func (c *Core) invited(s *session, m *wire.Message) {
	if m.Flags&wire.FlagKey != 0 {
		s.groups.take(m.Cast.Key)
	}
	st := s.in[m.Stream]
	if s.groups.key == nil || st == nil || st.finished() || !s.path.port.shared() {
		return
	}
	live := func(id uint16) bool { return s.in[id] != nil && !s.in[id].finished() }
	if !s.groups.enter(m.Cast.Group, m.Stream, live) {
		c.drop(DropFull)
		return
	}
	st.place = m.Cast.Place
	c.replayCasts(s, st, m.Cast.Group)
}

// replayCasts takes the symbols of a group that came before its stream was known.
func (c *Core) replayCasts(s *session, st *inStream, group uint16) {
	s.groups.early = slices.DeleteFunc(s.groups.early, func(f earlyCast) bool {
		if f.head.Stream != group {
			return false
		}
		f.head.Poll = false
		c.castSymbols(st, f.head, f.symbols)
		return true
	})
}

// handleCast opens a run of symbols under whichever neighbour's group key fits.
func (c *Core) handleCast(p *port, b []byte) {
	h, sealed, err := wire.ParseCast(b)
	if err != nil || !p.shared() {
		c.drop(DropMalformed)
		return
	}
	trials := maxTrials
	defer func() { c.stats.Trials += uint64(maxTrials - trials) }()
	for _, known := range [...]bool{true, false} {
		for i := range p.paths {
			pa := p.paths[(i+p.turnOf)%len(p.paths)]
			if s, symbols := pa.openCast(h, b[:wire.CastHeader], sealed, known, &trials); s != nil {
				c.gotCast(s, h, symbols)
				return
			}
		}
	}
	p.turnOf = (p.turnOf + 1) % max(1, len(p.paths))
	p.strange(c.now, h.Poll)
	c.drop(DropNotOurs)
}

// openCast tries the path's sessions that know the group, or the others, as long as trials are left.
func (pa *path) openCast(h wire.Cast, head, sealed []byte, known bool, trials *int) (*session, []byte) {
	for _, s := range [...]*session{pa.current, pa.previous} {
		if s == nil || s.groups.key == nil || *trials == 0 || (s.castStream(h.Stream) != nil) != known {
			continue
		}
		*trials--
		nonce := h.Nonce(len(sealed) - wire.ShortTag)
		if plain, ok := s.groups.key.seal.open(nonce, sealed, head, wire.ShortTag); ok {
			return s, plain
		}
	}
	return nil, nil
}

// castStream is the stream that goes under a group's name; nil: none.
func (s *session) castStream(group uint16) *inStream {
	id, ok := s.groups.streams[group]
	if !ok {
		return nil
	}
	return s.in[id]
}

// gotCast takes an opened run. Any member of the group may have made it, so it says nothing of the
// session: neither that its peer lives nor that it holds the keys.
func (c *Core) gotCast(s *session, h wire.Cast, symbols []byte) {
	p, st := s.path.port, s.castStream(h.Stream)
	p.carried = c.now
	p.overhear(c.now, h.Poll)
	if st != nil {
		if c.castSymbols(st, h, symbols) {
			p.hearing = c.now.Add(p.turnIn(st.place))
		}
		return
	}
	c.drop(DropUnknownStream)
	if len(s.groups.early) < maxEarly {
		s.groups.early = append(s.groups.early, earlyCast{h, slices.Clone(symbols)})
	}
}

// castSymbols puts a run into its body, and answers when the frame asks; it reports whether a word is due in our turn. What is repeated at us gets
// few answers, and must not keep us waiting for our turn.
func (c *Core) castSymbols(st *inStream, h wire.Cast, symbols []byte) bool {
	if st.body == nil || st.state == inStoring || st.body.alone {
		c.drop(DropDuplicate)
		return h.Poll && (st.state == inStoring || slices.Contains(st.sess.owed, st.stream))
	}
	st.byGroup = true
	fresh := c.put(st, wire.Data{Block: h.Block, First: h.First}, symbols)
	if st.byGroup = false; fresh > 0 {
		st.allow, st.news = castAnswers, true
	}
	if !h.Poll || st.body == nil {
		return h.Poll
	}
	st.body.upto = max(st.body.upto, min(int(h.Block)+1, st.body.lay.blocks))
	if st.allow <= 0 {
		return false
	}
	st.allow--
	st.sess.oweAsked(st.stream)
	return true
}
