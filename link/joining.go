package link

import (
	"io"
	"slices"
	"time"

	"github.com/flynn/noise"

	"packhorse/link/cpace"
	"packhorse/link/wire"
)

const joinTries = 8 // of the second step, before looking again from the start

// joiner looks for an inviter on every port.
type joiner struct {
	code   string
	secret []byte
	static [32]byte
	until  time.Time // zero: not joining
	runs   []*joinRun
	wrong  int
}

// joinRun is one attempt on one port: a frame that is repeated until its answer comes.
type joinRun struct {
	port  *port
	tag   [wire.SessionTagSize]byte
	pake  *cpace.State          // with a code, until its answer came
	state *noise.HandshakeState // afterwards, and with an invite
	index uint16
	frame []byte
	tries int
	due   bool
	at    time.Time
}

func (c *Core) joinPairing(e JoinPairing) {
	if (e.Code == "") == (len(e.Secret) != secretSize) {
		return
	}
	c.pairing.join = joiner{code: plainCode(e.Code), secret: slices.Clone(e.Secret), static: e.Static, until: e.Until}
	c.pairingPortUp()
}

// pairingPortUp starts looking on ports where we do not look yet.
func (c *Core) pairingPortUp() {
	j := &c.pairing.join
	if j.until.IsZero() || c.guestUp() {
		return
	}
	for _, p := range c.ports {
		if slices.ContainsFunc(j.runs, func(r *joinRun) bool { return r.port == p }) {
			continue
		}
		if r := c.newRun(p); r != nil {
			j.runs = append(j.runs, r)
		}
	}
}

// newRun makes the first frame of an attempt.
func (c *Core) newRun(p *port) *joinRun {
	j := &c.pairing.join
	r := &joinRun{port: p, due: true, index: c.unusedIndex()}
	if _, err := io.ReadFull(c.cfg.Rand, r.tag[:]); err != nil {
		return nil
	}
	var err error
	if j.code != "" {
		if r.pake, err = cpace.New(cpace.Initiator, []byte(j.code), r.tag[:], pairingPlace(p), c.cfg.Rand); err == nil {
			r.frame = wire.AppendPAKE(nil, wire.PAKE{Type: wire.TypePAKE1, Tag: r.tag, Message: r.pake.Message()})
		}
	} else {
		err = c.openNoise(r, invitePSK(j.secret), true)
	}
	if err != nil || len(r.frame) > p.mtu {
		return nil
	}
	return r
}

// pairingPlace is what both sides know of where they meet.
func pairingPlace(p *port) []byte { return append([]byte(protocol+" pairing"), byte(p.medium)) }

// openNoise makes the frame that opens the session.
func (c *Core) openNoise(r *joinRun, psk []byte, invite bool) (err error) {
	if r.state, err = c.pairingNoise(true, r.port, r.tag, psk, invite, c.pairing.join.static[:]); err != nil {
		return err
	}
	msg, _, _, err := r.state.WriteMessage(nil, nil)
	if err != nil {
		return err
	}
	r.frame = wire.AppendPairing(nil, wire.Pairing{Type: wire.TypePairing1, Tag: r.tag, Index: r.index, Noise: msg})
	r.tries, r.due = 0, true
	return nil
}

// answerShare runs CPace to its end for the side that has the other's share.
func (c *Core) answerShare(p *port, code string, tag [wire.SessionTagSize]byte, theirs *[wire.PAKEMessage]byte) (mine [wire.PAKEMessage]byte, psk []byte, err error) {
	st, err := cpace.New(cpace.Responder, []byte(code), tag[:], pairingPlace(p), c.cfg.Rand)
	if err != nil {
		return mine, nil, err
	}
	mine = st.Message()
	psk, err = codePSK(st, tag, theirs)
	return mine, psk, err
}

func codePSK(st *cpace.State, tag [wire.SessionTagSize]byte, theirs *[wire.PAKEMessage]byte) ([]byte, error) {
	isk, err := st.Finish(theirs[:])
	if err != nil {
		return nil, err
	}
	k := derive(isk[:], tag[:], "code")
	return k[:], nil
}

// joinRunOf finds the attempt that an answer belongs to.
func (c *Core) joinRunOf(p *port, tag [wire.SessionTagSize]byte) *joinRun {
	for _, r := range c.pairing.join.runs {
		if r.port == p && r.tag == tag {
			return r
		}
	}
	c.drop(DropPairing)
	return nil
}

func (c *Core) finishPAKE(p *port, f wire.PAKE) {
	r := c.joinRunOf(p, f.Tag)
	if r == nil || r.pake == nil {
		return // or answered before
	}
	psk, err := codePSK(r.pake, f.Tag, &f.Message)
	r.pake = nil
	c.quietPort(p)
	if err == nil {
		err = c.openNoise(r, psk, false)
	}
	if err != nil {
		c.drop(DropHandshake)
		c.restartRun(r)
	}
}

func (c *Core) quietPort(p *port) { p.hush = time.Time{} }

// restartRun looks again from the start.
func (c *Core) restartRun(r *joinRun) {
	tries := r.tries
	if fresh := c.newRun(r.port); fresh != nil {
		*r = *fresh
		r.due, r.tries = false, tries
		r.at = c.now.Add(r.wait(tries))
	}
}

// wait is the pause after so many tries: ever longer, up to a share of the air that
// leaves room for others.
func (r *joinRun) wait(tries int) time.Duration {
	answer := r.port.turn(wire.PAKESize) + firstAllowance + r.port.airtime(len(r.frame))
	return min(answer<<min(tries, 6), max(16*answer, 10*time.Second))
}

// runSent sets the time of the next try.
func (c *Core) runSent(r *joinRun) {
	r.due = false
	r.tries++
	wait := r.wait(r.tries)
	r.at = r.port.clear.Add(wait/2 + c.jitter(wait/2))
	if r.port.shared() {
		r.port.hush = r.port.clear.Add(r.port.turn(wire.PAKESize) + firstAllowance/2)
	}
}

func (c *Core) joinTimeout() {
	j := &c.pairing.join
	if j.until.IsZero() {
		return
	}
	if !j.until.After(c.now) {
		*j = joiner{}
		return
	}
	c.pairingPortUp()
	for _, r := range j.runs {
		if r.due || r.at.After(c.now) {
			continue
		}
		if r.due = true; r.pake == nil && j.code != "" && r.tries >= joinTries {
			c.restartRun(r)
		}
	}
}

// rejected ends the attempt: the code was wrong.
func (c *Core) rejected(p *port, f wire.Reject) {
	r := c.joinRunOf(p, f.Tag)
	if r == nil || r.pake != nil {
		return
	}
	c.pairing.join = joiner{}
	c.emit(PairingFailed{Left: int(f.Left)})
}

// finishPairing reads the inviter's Noise message; the session works from here on.
func (c *Core) finishPairing(p *port, f wire.Pairing, m Meta) {
	if c.confirmAgain(p, f) {
		return
	}
	r := c.joinRunOf(p, f.Tag)
	if r == nil || r.state == nil {
		return
	}
	if !c.agrees(f.Noise) {
		c.drop(DropHandshake)
		return
	}
	_, ours, theirs, err := r.state.ReadMessage(nil, f.Noise)
	if err != nil {
		c.drop(DropHandshake)
		if c.pairing.join.wrong++; c.pairing.join.wrong >= wrongProofs {
			c.pairing.join = joiner{}
			c.emit(PairingFailed{})
		}
		return
	}
	pa := c.stranger(p)
	if pa == nil {
		return
	}
	s, err := c.newSession(pa, c.unusedIndexOr(r.index), f.Index, ours, theirs)
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	c.sessions[s.index] = s
	c.pairing.join.runs = nil
	c.quietPort(p)
	pa.confirm = true
	c.promote(pa, s)
	c.hear(pa, m)
}

// unusedIndexOr is index itself unless a session took it since; then the other side
// will not find us and the attempt is made again.
func (c *Core) unusedIndexOr(index uint16) uint16 {
	if _, taken := c.sessions[index]; taken {
		return c.unusedIndex()
	}
	return index
}

// confirmAgain repeats our first frame when the inviter repeats its answer.
func (c *Core) confirmAgain(p *port, f wire.Pairing) bool {
	for _, pa := range p.paths {
		if s := pa.current; pa.peer.pairing && s != nil && s.remote == f.Index && s.unproven() {
			pa.confirm = true
			return true
		}
	}
	return false
}
