package link

import "packhorse/link/wire"

// maxTrials is under how many sessions' keys a data frame is tried. It names its stream, which few sessions
// know; what none of those opens may also be ahead of its offer, but there are too many sessions to try all.
const maxTrials = 24

// handleData opens a run of symbols under whichever session of the port fits.
func (c *Core) handleData(p *port, b []byte, m Meta) {
	h, sealed, err := wire.ParseData(b)
	if err != nil || h.Full != !p.shared() {
		c.drop(DropMalformed)
		return
	}
	head := b[:wire.DataHeader]
	trials := maxTrials
	for _, known := range [...]bool{true, false} {
		for i := range p.paths {
			pa := p.paths[(i+p.turnOf)%len(p.paths)]
			if s, symbols := pa.openData(h, head, sealed, known, &trials); s != nil {
				c.stats.Trials += uint64(maxTrials - trials)
				c.gotData(s, h, symbols, m)
				return
			}
		}
	}
	p.turnOf = (p.turnOf + 1) % max(1, len(p.paths))
	c.stats.Trials += uint64(maxTrials - trials)
	p.strange(c.now, h.Poll || h.Check)
	c.otherTalk(p)
	if h.Poll || h.Check {
		c.breakIn(p)
	}
	c.drop(DropNotOurs)
}

// openData tries the path's sessions that know the stream, or the others, as long as trials are left.
func (pa *path) openData(h wire.Data, head, sealed []byte, known bool, trials *int) (*session, []byte) {
	try := func(s *session) []byte {
		if s == nil || *trials == 0 {
			return nil
		}
		if _, ok := s.in[h.Stream]; ok != known {
			return nil
		}
		*trials--
		n := len(sealed) - h.TagSize()
		plain, ok := s.recvData.open(h.Nonce(n), sealed, head, h.TagSize())
		if !ok {
			return nil
		}
		return plain
	}
	if plain := try(pa.current); plain != nil {
		return pa.current, plain
	}
	if plain := try(pa.previous); plain != nil {
		return pa.previous, plain
	}
	for _, t := range pa.tentative {
		if plain := try(t.session); plain != nil {
			return t.session, plain
		}
	}
	return nil, nil
}

// gotData takes an opened run. A short tag does not move the session on: only
// control frames confirm a tentative session.
func (c *Core) gotData(s *session, h wire.Data, symbols []byte, m Meta) {
	p := s.path.port
	p.carried = c.now
	if p.overhear(c.now, false); h.Poll || h.Check {
		p.hearing = c.now
	}
	c.ran(s.path, h.Poll, h.Check)
	st := s.in[h.Stream]
	if st == nil {
		c.drop(DropUnknownStream)
		if len(s.early) < maxEarly {
			s.early = append(s.early, earlyFrame{h, append([]byte(nil), symbols...)})
		}
		if h.Poll || h.Check {
			s.oweAsked(h.Stream)
		}
		return
	}
	if c.symbols(st, h, symbols) > 0 {
		c.hear(s.path, m)
	}
}

// replayEarly takes the symbols that came before their offer.
func (c *Core) replayEarly(s *session) {
	early := s.early
	s.early = nil
	for _, f := range early {
		if st := s.in[f.head.Stream]; st != nil {
			f.head.Poll, f.head.Check = false, false
			c.symbols(st, f.head, f.symbols)
		} else {
			s.early = append(s.early, f)
		}
	}
}

// symbols puts a run into its body, and answers when the frame asks and said something new.
func (c *Core) symbols(st *inStream, h wire.Data, symbols []byte) (fresh int) {
	if st.body != nil && st.state != inStoring {
		if fresh = c.put(st, h, symbols); fresh > 0 {
			st.allow, st.news = 1, true
		}
	} else {
		c.drop(DropDuplicate)
	}
	st.run++
	if !h.Poll && !h.Check {
		return fresh
	}
	if st.body != nil {
		st.body.upto = max(st.body.upto, min(int(h.Block)+1, st.body.lay.blocks))
	}
	if st.allow > 0 {
		st.allow--
		if !h.Check || !c.alive(st, h, len(symbols)) {
			st.sess.oweAsked(st.stream)
		}
	}
	return fresh
}
