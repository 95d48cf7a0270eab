package link

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/flynn/noise"

	"packhorse/link/wire"
)

var suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s)

const (
	openTries    = 6 // times a handshake is sent before the next beacon is awaited
	answerTries  = 2 // times an unconfirmed answer is repeated
	maxTentative = 2
	prevLinger   = time.Minute // for which the keys before still open frames, at least, and
	lingerTurns  = 16          // so many of the longest frame and its answer: the peer may not have heard of new ones yet
)

// opening is a session that we open: message 1 is out, or waits for the port.
type opening struct {
	state *noise.HandshakeState
	frame []byte
	index uint16
	tries int
	due   bool
	at    time.Time // of the next try
	wait  time.Duration
	mark  uint64
	first time.Time
}

// tentative is a session that a peer opened; it counts from its first good frame.
type tentative struct {
	session *session
	opened  [16]byte // hash of message 1
	answer  []byte   // message 2, repeated octet for octet
	tries   int
	at      time.Time // of the next repetition
}

func (c *Core) prologue(initiator, responder PeerID, m Medium) []byte {
	b := append([]byte(protocol), c.domain.epochID()...)
	b = append(b, initiator[:]...)
	b = append(b, responder[:]...)
	return append(b, byte(m))
}

// handshake starts Noise_KKpsk0_25519_ChaChaPoly_BLAKE2s with a member.
func (c *Core) handshake(pa *path, initiator bool) (*noise.HandshakeState, error) {
	first, second := c.cfg.Self, pa.peer.id
	if !initiator {
		first, second = second, first
	}
	return noise.NewHandshakeState(noise.Config{
		CipherSuite: suite, Random: c.cfg.Rand, Pattern: noise.HandshakeKK, Initiator: initiator,
		Prologue:     c.prologue(first, second, pa.port.medium),
		PresharedKey: c.domain.Key[:], PresharedKeyPlacement: 0,
		StaticKeypair: c.static, PeerStatic: pa.peer.static[:],
	})
}

// greet opens a session with a member after a while, unless one is being opened.
func (c *Core) greet(pa *path, after time.Duration) {
	if c.domain.none() || pa.peer.pairing || pa.opening != nil || c.now.Before(pa.notBefore) {
		return
	}
	hs, err := c.handshake(pa, true)
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	msg, _, _, err := hs.WriteMessage(nil, c.appendBoot(nil))
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	index := c.unusedIndex()
	f := wire.Handshake1{Index: index, Noise: msg, Hint: c.domain.hint(c.public, pa.peer.static, index, msg)}
	pa.opening = &opening{state: hs, index: index, frame: wire.AppendHandshake1(nil, f), at: c.now.Add(after), due: after == 0, first: c.now}
	c.openings[index] = pa
}

func (c *Core) endOpening(pa *path) {
	if pa.opening != nil {
		delete(c.openings, pa.opening.index)
		pa.opening = nil
	}
}

// openingTimeout makes the next try due, or gives up until a beacon is heard.
func (c *Core) openingTimeout(pa *path) {
	op := pa.opening
	if op == nil || op.due || op.at.After(c.now) {
		return
	}
	if op.tries < openTries || (pa.port.peer == pa.peer.id && pa.current == nil) {
		op.due = true
		return
	}
	c.endOpening(pa)
	pa.notBefore = c.now.Add(min(2*pa.port.turn(wire.Handshake1Size)<<min(pa.fruitless, 10), pa.port.beacon.slowest))
	pa.fruitless++
}

// openingSent sets the time of the next try.
func (c *Core) openingSent(pa *path) {
	op, p := pa.opening, pa.port
	op.due, op.mark = false, p.handed
	op.wait = pa.delay.wait(p.turn(wire.Handshake2Size)) << min(op.tries, 6)
	op.wait += c.jitter(op.wait / 4)
	op.tries++
	op.at = p.clear.Add(op.wait)
	c.paceOpenings(p, pa.delay.wait(p.turn(wire.Handshake2Size)))
	if p.shared() && op.tries <= openTries {
		p.hush = p.clear.Add(pa.delay.wait(p.turn(wire.Handshake2Size)))
	}
}

// paceOpenings spaces the openings of a port, to whomever, the wider the more in a row found no answer: when many
// start at once the air is full of them, and what is repeated into that only makes it worse.
func (c *Core) paceOpenings(p *port, answer time.Duration) {
	if p.shared() {
		p.openAfter = p.clear.Add(c.jitter(answer << min(p.openings, mostPaced)))
		p.openings++
	}
}

// mostPaced is how often the space between openings doubles.
const mostPaced = 6

func (c *Core) handleHandshake1(p *port, b []byte, m Meta) {
	f, err := wire.ParseHandshake1(b)
	if err != nil {
		c.drop(DropMalformed)
		return
	}
	q := c.whoHints(p, f)
	if q == nil {
		c.drop(DropForeign)
		return
	}
	pa := c.path(q, p)
	opened := hash16(b)
	for _, t := range pa.tentative {
		if t.opened == opened {
			c.repeat(p, t.answer)
			return
		}
	}
	if pa.opening != nil && pa.opening.tries > 0 && slices.Compare(c.public[:], q.static[:]) < 0 {
		return // both opened at once: the lower key's opening counts, and it is ours
	}
	if !p.allowed.take(c.now) {
		c.drop(DropRate)
		return
	}
	c.answerHandshake(pa, f, opened)
}

// repeat sends an answer again, within reason.
func (c *Core) repeat(p *port, answer []byte) {
	if !p.repeats.take(c.now) {
		c.drop(DropRate)
		return
	}
	c.enqueue(p, answer)
}

// whoHints finds the member whose static key made the hint for ours. An opening meant for another must cost us neither
// an agreement nor a place in the rate: in a crowd most are.
func (c *Core) whoHints(p *port, f wire.Handshake1) *peer {
	if c.domain.none() {
		return nil
	}
	for _, q := range c.peers {
		if only := p.peer; !q.pairing && (only == PeerID{} || only == q.id) && c.domain.hint(q.static, c.public, f.Index, f.Noise) == f.Hint {
			return q
		}
	}
	return nil
}

// answerHandshake makes a tentative session and message 2.
func (c *Core) answerHandshake(pa *path, f wire.Handshake1, opened [16]byte) {
	hs, err := c.handshake(pa, false)
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	payload, _, _, err := hs.ReadMessage(nil, f.Noise)
	if err != nil || len(payload) != wire.BootSize {
		c.drop(DropHandshake)
		return
	}
	msg, theirs, ours, err := hs.WriteMessage(nil, c.appendBoot(nil))
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	index := c.unusedIndex()
	s, err := c.newSession(pa, index, f.Index, ours, theirs)
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	s.boot = binary.BigEndian.Uint32(payload)
	if pa.current != nil && pa.current.boot == s.boot {
		c.unheard(pa)
	}
	if op := pa.opening; op != nil { // theirs goes first; ours waits, in case theirs is an old one repeated
		op.due, op.at = false, c.now.Add(pa.delay.wait(4*pa.port.turn(wire.Handshake2Size)))
	}
	answer := wire.AppendHandshake2(nil, wire.Handshake2{To: f.Index, Index: index, Noise: msg})
	c.addTentative(pa, &tentative{session: s, opened: opened, answer: answer})
}

// addTentative keeps a session that waits for its first frame, and sends its answer.
func (c *Core) addTentative(pa *path, t *tentative) {
	if len(pa.tentative) >= maxTentative {
		c.forget(pa.tentative[0].session)
		pa.tentative = pa.tentative[1:]
	}
	pa.tentative = append(pa.tentative, t)
	c.sessions[t.session.index] = t.session
	t.at = c.now.Add(pa.port.airtime(len(t.answer)) + pa.delay.wait(2*pa.port.turn(wire.ControlOverhead+64)))
	c.enqueue(pa.port, t.answer)
}

// tentativeTimeout repeats answers that nobody confirmed, waits a good while longer as the
// opener may have them all the same, then forgets them.
func (c *Core) tentativeTimeout(pa *path) {
	pa.tentative = slices.DeleteFunc(pa.tentative, func(t *tentative) bool {
		if t.at.After(c.now) {
			return false
		}
		if p := pa.port; t.tries <= answerTries && (p.clear.After(c.now) || p.hearing.After(c.now)) {
			t.at = c.now.Add(p.turn(p.mtu)) // nobody could have confirmed it yet
			return false
		}
		if t.tries > answerTries {
			c.forget(t.session)
			return true
		}
		if t.tries++; t.tries > answerTries {
			t.at = c.now.Add(pa.patience())
			c.hurryBeacon(pa.port, true) // the opener, hearing that, confirms again
			return false
		}
		t.at = c.now.Add(pa.delay.wait(2*pa.port.turn(wire.Handshake2Size)) << t.tries)
		c.enqueue(pa.port, t.answer)
		return false
	})
}

func (c *Core) handleHandshake2(p *port, b []byte, m Meta) {
	f, err := wire.ParseHandshake2(b)
	if err != nil {
		c.drop(DropMalformed)
		return
	}
	if s := c.sessions[f.To]; s != nil && s.path.port == p && s == s.path.current && s.remote == f.Index && s.unproven() {
		s.path.confirm = true // our first frame did not arrive
		return
	}
	pa := c.openings[f.To]
	if pa == nil || pa.port != p || pa.opening == nil || pa.opening.state == nil {
		c.drop(DropHandshake)
		return
	}
	c.finishHandshake(pa, f.Index, f.Noise, m)
}

// agrees reports whether the ephemeral key of a Noise message is good for an agreement.
// One of low order (RFC 7748 section 6.1) makes ReadMessage fail half-way, with the
// state spoiled for the true answer that follows the forged one.
func (c *Core) agrees(msg []byte) bool {
	_, err := suite.DH(c.static.Private, msg[:wire.EphemeralSize])
	return err == nil
}

// finishHandshake reads message 2; the session works from here on.
func (c *Core) finishHandshake(pa *path, remote uint16, msg []byte, m Meta) bool {
	op := pa.opening
	if !c.agrees(msg) {
		c.drop(DropHandshake)
		return false
	}
	payload, ours, theirs, err := op.state.ReadMessage(nil, msg)
	if err != nil || len(payload) != wire.BootSize {
		c.drop(DropHandshake)
		return false
	}
	s, err := c.newSession(pa, op.index, remote, ours, theirs)
	if err != nil {
		c.drop(DropHandshake)
		return false
	}
	s.boot = binary.BigEndian.Uint32(payload)
	c.endOpening(pa)
	pa.port.openings /= 2
	c.sessions[s.index] = s
	c.quiet(pa)
	pa.confirm = true
	c.promote(pa, s)
	c.hear(pa, m)
	return true
}

// promote makes s the path's session; the one before it is still received under for a while.
func (c *Core) promote(pa *path, s *session) {
	first := pa.current == nil
	again := !first && !pa.current.unproven() && !pa.current.worn(c.now) &&
		(pa.stale || c.now.Sub(pa.current.since) > pa.port.beacon.fastest) // else both opened at once
	c.forget(pa.previous)
	pa.previous, pa.prevUntil = pa.current, c.now.Add(max(prevLinger, lingerTurns*pa.port.turn(pa.port.mtu)))
	pa.proved(s.boot, c.now)
	pa.current, pa.stale, pa.silent, pa.unsure, pa.heard = s, false, false, 0, c.now
	pa.fruitless = 0
	pa.moves.renew()
	pa.tentative = slices.DeleteFunc(pa.tentative, func(t *tentative) bool {
		if t.session != s {
			c.forget(t.session)
		}
		return true
	})
	c.leavePath(pa)
	if first || again {
		c.emit(PeerUp{Peer: pa.peer.id, Port: pa.port.id, Again: again, Pairing: pa.peer.pairing})
		if d := pa.peer.doubt; c.now.Before(d.until) {
			c.emit(Shunned{Peer: pa.peer.id, Until: d.until})
		}
	}
	c.reroute(pa.peer)
}

// confirmed is called for each good frame: the first one under a tentative session promotes it.
func (c *Core) confirmed(s *session) {
	for _, t := range s.path.tentative {
		if t.session == s {
			c.endOpening(s.path)
			if c.promote(s.path, s); s.path.peer.pairing {
				c.endTrials()
			}
			return
		}
	}
}
