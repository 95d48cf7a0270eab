package link

import (
	"io"
	"slices"
	"time"

	"github.com/flynn/noise"

	"packhorse/link/cpace"
	"packhorse/link/wire"
)

const (
	joinTries   = 8                // of the second step, before looking again from the start
	turnTries   = 3                // of one answer, while there are others
	againTries  = 2                // of the first step, after the only answer led to nothing
	wrongWords  = 2                // that the code was wrong, until that is believed
	maxAnswers  = 5                // to the first step: each is one guess of the code for whoever gave it
	wrongProofs = 3                // of the second step, until the secret seems wrong,
	proofTime   = 30 * time.Second // and such a time after the first of them, as others may forge them
)

// joiner looks for an inviter on every port.
type joiner struct {
	code    string
	secret  []byte
	static  [32]byte
	until   time.Time // zero: not joining
	runs    []*joinRun
	answers int       // to the first step, so far
	wrong   int       // proofs
	doubted time.Time // at the first of them
}

// joinRun is one attempt on one port: a frame that is repeated until its answer comes. Answers to the first step
// may be forged, so all are kept and tried in turn.
type joinRun struct {
	port  *port
	tag   [wire.SessionTagSize]byte
	pake  *cpace.State // with a code
	hello []byte       // the first step with a code
	tried []*joinTry   // the second step
	now   *joinTry     // which frame is, nil: it is hello
	left  int          // tries, says the last reject
	index uint16
	frame []byte
	tries int
	total int // of the second step
	due   bool
	at    time.Time
}

// joinTry is the second step with one answer to the first, or with an invite.
type joinTry struct {
	theirs  [wire.PAKEMessage]byte
	lock    [wire.LockSize]byte
	state   *noise.HandshakeState
	frame   []byte
	sent    int
	rejects int // of whoever gave the answer; what it rejects may have been another's
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
			r.hello = wire.AppendPAKE(nil, wire.PAKE{Type: wire.TypePAKE1, Tag: r.tag, Message: r.pake.Message()})
			r.frame = r.hello
		}
	} else {
		t := &joinTry{}
		if err = c.openNoise(r, t, invitePSK(j.secret), true); err == nil {
			r.take(t)
		}
	}
	if err != nil || len(r.frame) > p.mtu {
		return nil
	}
	return r
}

// pairingPlace is what both sides know of where they meet.
func pairingPlace(p *port) []byte { return append([]byte(protocol+" pairing"), byte(p.medium)) }

// openNoise makes the frame that opens the session.
func (c *Core) openNoise(r *joinRun, t *joinTry, psk []byte, invite bool) (err error) {
	if t.state, err = c.pairingNoise(true, r.port, r.tag, psk, invite, c.pairing.join.static[:]); err != nil {
		return err
	}
	msg, _, _, err := t.state.WriteMessage(nil, nil)
	if err != nil {
		return err
	}
	t.frame = wire.AppendPairing(nil, wire.Pairing{Type: wire.TypePairing1, Tag: r.tag, Index: r.index, Noise: msg})
	r.tried = append(r.tried, t)
	return nil
}

// take goes on with an answer, or with nil from the first step.
func (r *joinRun) take(t *joinTry) {
	r.now, r.frame, r.tries, r.due = t, r.hello, 0, true
	if t != nil {
		r.frame = t.frame
	}
}

// other is the answer that had the fewest tries of those that may be good, besides the one being tried; nil: there is none.
func (r *joinRun) other() (best *joinTry) {
	for _, t := range r.tried {
		if t != r.now && !t.dead() && (best == nil || t.sent < best.sent) {
			best = t
		}
	}
	return best
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
		return
	}
	if slices.ContainsFunc(r.tried, func(t *joinTry) bool { return t.theirs == f.Message }) {
		return // answered before
	}
	j := &c.pairing.join
	if j.answers >= maxAnswers {
		c.drop(DropPairing)
		if !slices.ContainsFunc(j.runs, func(r *joinRun) bool { return r.now != nil }) {
			c.endJoin(0) // none of them led to anything
		}
		return
	}
	psk, err := codePSK(r.pake.Copy(), f.Tag, &f.Message)
	t := &joinTry{theirs: f.Message, lock: f.Lock}
	if err == nil {
		err = c.openNoise(r, t, psk, false)
	}
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	j.answers++
	c.quietPort(p)
	if r.now == nil {
		r.take(t)
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
	if r.now != nil {
		r.now.sent++
		r.total++
	}
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
	if at := j.givesUp(); !at.IsZero() && !at.After(c.now) {
		c.endJoin(0)
		return
	}
	c.pairingPortUp()
	for _, r := range j.runs {
		if r.due || r.at.After(c.now) {
			continue
		}
		if r.due = true; j.code != "" && !c.goOn(r) {
			return
		}
	}
}

// goOn goes on to what is to be tried next with a code, if it is time; false: joining has ended.
func (c *Core) goOn(r *joinRun) bool {
	next := r.other()
	switch {
	case r.now == nil && len(r.tried) == 0: // nobody answered yet
	case r.now == nil && next == nil:
		if r.tries >= againTries {
			c.endJoin(r.left)
			return false
		}
	case r.now == nil && r.tries > 0, r.now != nil && r.now.dead():
		r.take(next)
	case r.now == nil || r.tries < turnTries:
	case r.total >= joinTries*len(r.tried):
		if c.pairing.join.answers >= maxAnswers {
			c.endJoin(0)
			return false
		}
		c.restartRun(r)
	case next == nil || next.sent > 0:
		r.take(nil) // all had their turn: another answer may have got lost
	default:
		r.take(next)
	}
	return true
}

// givesUp is when a joiner with an invite whose proofs were all wrong gives up; zero: it does not.
func (j *joiner) givesUp() time.Time {
	if j.wrong < wrongProofs {
		return time.Time{}
	}
	return j.doubted.Add(proofTime)
}

// endJoin gives up.
func (c *Core) endJoin(left int) {
	c.pairing.join = joiner{}
	c.emit(PairingFailed{Left: left})
}

// dead reports whether the code was wrong, as far as whoever gave the answer says.
func (t *joinTry) dead() bool {
	return t.rejects >= wrongWords && t.sent >= wrongWords || t.rejects > 0 && t.sent >= turnTries
}

// rejected: whoever gave an answer to the first step says that the code was wrong. It may mean a frame that somebody
// else forged, so it is asked twice; other answers are tried, and for a little while asked for, before it is believed.
func (c *Core) rejected(p *port, f wire.Reject) {
	r := c.joinRunOf(p, f.Tag)
	if r == nil || r.pake == nil {
		return
	}
	i := slices.IndexFunc(r.tried, func(t *joinTry) bool { return t.lock == lockOf(f.Key) })
	if i < 0 || r.tried[i] != r.now || r.now.sent == 0 {
		c.drop(DropPairing)
		return
	}
	r.now.rejects++
	r.left = int(f.Left)
	c.quietPort(p)
	if r.now.dead() {
		r.take(r.other())
	}
}

// finishPairing reads the inviter's Noise message; the session works from here on.
func (c *Core) finishPairing(p *port, f wire.Pairing, m Meta) {
	if c.confirmAgain(p, f) {
		return
	}
	r := c.joinRunOf(p, f.Tag)
	if r == nil {
		return
	}
	ours, theirs := c.proof(r, f.Noise)
	if ours == nil {
		c.wrongProof()
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

// proof reads the inviter's Noise message under whichever answer fits; nil: none does.
func (c *Core) proof(r *joinRun, msg []byte) (ours, theirs *noise.CipherState) {
	if !c.agrees(msg) {
		return nil, nil
	}
	for _, t := range r.tried {
		if _, ours, theirs, err := t.state.ReadMessage(nil, msg); err == nil {
			return ours, theirs
		}
	}
	return nil, nil
}

// wrongProof counts proofs that do not verify: the secret may be wrong, or they are forged.
func (c *Core) wrongProof() {
	c.drop(DropHandshake)
	j := &c.pairing.join
	if j.code != "" {
		return // a wrong code shows otherwise
	}
	if j.wrong++; j.wrong == 1 {
		j.doubted = c.now
	}
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
