package link

import (
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/flynn/noise"

	"packhorse/link/wire"
)

// Strangers pair in one of two ways. With an invite, the joiner knows the inviter's
// static key and a secret: Noise IKpsk2. With a typed code, CPace turns it into a key
// that nobody can guess offline: Noise NNpsk0. Either ends in an ordinary session.

const (
	wrongCodes = 5 // until pairing closes
	secretSize = 16
	maxGuests  = 4 // attempts with a code at the same time, and trials
)

// pairing is both roles of this gateway.
type pairing struct {
	invite inviter
	join   joiner
}

// inviter lets one stranger in at a time. The tries left are those of all codes until it closes.
type inviter struct {
	code   string
	secret []byte
	until  time.Time // zero: closed
	left   int
	runs   []*guestRun
	rate   bucket
}

// guestRun is a stranger's attempt with a code. It has one share for as long as pairing is open:
// with a second one, whoever knows the code but heard the first would seem not to know it.
type guestRun struct {
	port   Port
	tag    [wire.SessionTagSize]byte
	theirs [wire.PAKEMessage]byte
	answer []byte // PAKE 2, repeated octet for octet
	key    [wire.LockSize]byte
	reject []byte // nil until its guess proved wrong: it counts once
	psk    []byte
	until  time.Time // afterwards another attempt may take its place
}

func (p *pairing) timers(t *timer) {
	t.add(p.invite.until)
	t.add(p.join.until)
	t.add(p.join.givesUp())
	for _, r := range p.join.runs {
		if !r.due {
			t.add(r.at)
		}
	}
}

// plainCode makes a typed code comparable: neither case nor spaces nor hyphens count.
func plainCode(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

func (c *Core) openPairing(e OpenPairing) {
	if (e.Code == "") == (len(e.Secret) != secretSize) {
		return
	}
	in := inviter{code: plainCode(e.Code), secret: slices.Clone(e.Secret), until: e.Until, left: wrongCodes,
		rate: newBucket(8, 2*time.Second)}
	if open := c.pairing.invite; !open.until.IsZero() {
		in.left, in.rate = open.left, open.rate
		if e.Code == "" {
			in.code, in.runs = open.code, open.runs
		} else {
			in.secret = open.secret
		}
	}
	c.pairing.invite = in
}

// closePairing ends both roles. Sessions with strangers stay for as long as a last
// custody word may have to be repeated.
func (c *Core) closePairing() {
	c.pairing = pairing{}
	for _, p := range append([]*peer(nil), c.peers...) {
		if !p.pairing {
			continue
		}
		if !p.up() {
			c.removePeer(p, "pairing ended")
			continue
		}
		if p.until.IsZero() {
			p.until = c.now.Add(lingerOf(p))
		}
	}
}

func lingerOf(p *peer) time.Duration {
	linger := 2 * time.Second
	for _, pa := range p.paths {
		linger = max(linger, 8*pa.port.turn(64))
	}
	return linger
}

func (c *Core) pairingTimeout() {
	in := &c.pairing.invite
	if !in.until.IsZero() && !in.until.After(c.now) {
		*in = inviter{}
	}
	c.dropStrangers()
	c.joinTimeout()
}

// dropStrangers forgets strangers that have neither a session nor one on trial.
func (c *Core) dropStrangers() {
	for _, p := range append([]*peer(nil), c.peers...) {
		if p.pairing && !p.up() && !p.onTrial() {
			c.removePeer(p, "pairing ended")
		}
	}
}

func (p *peer) onTrial() bool {
	return slices.ContainsFunc(p.paths, func(pa *path) bool { return len(pa.tentative) > 0 })
}

// guestUp reports whether a stranger has a working session.
func (c *Core) guestUp() bool {
	return slices.ContainsFunc(c.peers, func(p *peer) bool { return p.pairing && p.up() })
}

func (c *Core) handlePairing(p *port, b []byte, m Meta) {
	t := wire.TypeOf(b)
	if t == wire.TypePAKE1 || t == wire.TypePAKE2 {
		if r, err := wire.ParseReject(b); err == nil {
			c.rejected(p, r)
			return
		}
		f, err := wire.ParsePAKE(b)
		switch {
		case err != nil:
			c.drop(DropMalformed)
		case t == wire.TypePAKE1:
			c.answerPAKE(p, f)
		default:
			c.finishPAKE(p, f)
		}
		return
	}
	f, err := wire.ParsePairing(b)
	switch {
	case err != nil:
		c.drop(DropMalformed)
	case t == wire.TypePairing2:
		c.finishPairing(p, f, m)
	case len(f.Noise) == wire.NoiseIK1:
		c.answerInvite(p, f, b)
	default:
		c.answerCode(p, f, b)
	}
}

// inviting finds out whether a pairing frame may be answered now.
func (c *Core) inviting(withCode bool) bool {
	in := &c.pairing.invite
	if in.until.IsZero() || withCode && in.code == "" || !withCode && in.secret == nil || c.guestUp() {
		c.drop(DropPairing)
		return false
	}
	if !in.rate.take(c.now) {
		c.drop(DropRate)
		return false
	}
	return true
}

// answerPAKE answers the first message of a stranger who says it knows the code.
func (c *Core) answerPAKE(p *port, f wire.PAKE) {
	if !c.inviting(true) {
		return
	}
	in := &c.pairing.invite
	if r := in.run(p, f); r != nil {
		c.answerRun(p, r)
		return
	}
	if !c.guestRoom() {
		c.drop(DropFull)
		return
	}
	mine, psk, err := c.answerShare(p, in.code, f.Tag, &f.Message)
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	r := &guestRun{port: p.id, tag: f.Tag, theirs: f.Message, psk: psk}
	key := derive(c.static.Private, mine[:], "reject key") // as fresh as the share, and nobody else's
	copy(r.key[:], key[:])
	r.answer = wire.AppendPAKE(nil, wire.PAKE{Type: wire.TypePAKE2, Tag: f.Tag, Message: mine, Lock: lockOf(r.key)})
	in.runs = append(in.runs, r)
	c.answerRun(p, r)
}

// answerRun sends our share, unless it still waits for the port from last time.
func (c *Core) answerRun(p *port, r *guestRun) {
	if !p.waits(r.answer) {
		c.enqueue(p, r.answer)
	}
	leaves := p.clear
	if leaves.Before(c.now) {
		leaves = c.now
	}
	r.until = leaves.Add(16 * max(time.Second, p.turn(wire.PAKESize)))
}

// guestRoom finds room for one more attempt, in place of the oldest that nobody went on with.
func (c *Core) guestRoom() bool {
	in := &c.pairing.invite
	if len(in.runs) < maxGuests {
		return true
	}
	i := slices.IndexFunc(in.runs, func(r *guestRun) bool {
		p := c.port(r.port)
		return p == nil || !r.until.After(c.now) && !p.clear.After(c.now) && !p.waits(r.answer)
	})
	if i < 0 {
		return false
	}
	in.runs = slices.Delete(in.runs, i, i+1)
	return true
}

// lockOf is what a key in a reject opens.
func lockOf(key [wire.LockSize]byte) [wire.LockSize]byte {
	k := derive(key[:], nil, "reject")
	return mac8(&k)
}

// run finds the attempt that a first message belongs to.
func (in *inviter) run(p *port, f wire.PAKE) *guestRun {
	for _, r := range in.runs {
		if r.port == p.id && r.tag == f.Tag && r.theirs == f.Message {
			return r
		}
	}
	return nil
}

// pairingNoise starts the handshake that the joiner opens.
func (c *Core) pairingNoise(joiner bool, p *port, tag [wire.SessionTagSize]byte, psk []byte, invite bool, inviterStatic []byte) (*noise.HandshakeState, error) {
	cfg := noise.Config{CipherSuite: suite, Random: c.cfg.Rand, Pattern: noise.HandshakeNN, Initiator: joiner, PresharedKey: psk}
	if invite {
		cfg.Pattern, cfg.PresharedKeyPlacement, cfg.StaticKeypair = noise.HandshakeIK, 2, c.static
		if joiner {
			cfg.PeerStatic = inviterStatic
		}
	}
	cfg.Prologue = append([]byte(protocol+" pairing"), tag[:]...)
	cfg.Prologue = append(cfg.Prologue, byte(p.medium))
	return noise.NewHandshakeState(cfg)
}

// invitePSK is the key in an invite's secret.
func invitePSK(secret []byte) []byte {
	k := derive(secret, nil, "invite")
	return k[:]
}

// answerInvite answers a stranger with an invite. Whether it knows the secret shows
// with its first frame.
func (c *Core) answerInvite(p *port, f wire.Pairing, b []byte) {
	if c.repeatTrial(p, b) || !c.inviting(false) {
		return
	}
	hs, err := c.pairingNoise(false, p, f.Tag, invitePSK(c.pairing.invite.secret), true, nil)
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	if _, _, _, err := hs.ReadMessage(nil, f.Noise); err != nil {
		c.drop(DropHandshake)
		return
	}
	c.trial(p, f, b, hs, false)
}

// answerCode answers a stranger whose code shows now to be right or wrong.
func (c *Core) answerCode(p *port, f wire.Pairing, b []byte) {
	if c.repeatTrial(p, b) {
		return
	}
	var wrong *guestRun
	for _, r := range c.pairing.invite.runs {
		if r.port != p.id || r.tag != f.Tag {
			continue
		}
		hs, err := c.pairingNoise(false, p, f.Tag, r.psk, false, nil)
		if err != nil {
			c.drop(DropHandshake)
			return
		}
		if _, _, _, err := hs.ReadMessage(nil, f.Noise); err == nil {
			c.trial(p, f, b, hs, true)
			return
		}
		if wrong == nil || wrong.reject != nil {
			wrong = r
		}
	}
	if wrong == nil {
		c.drop(DropPairing)
		return
	}
	c.wrongCode(p, wrong)
}

// wrongCode counts a guess, once: its share is good for one code only. The attempt stays, in case the frame was
// forged to spoil it.
func (c *Core) wrongCode(p *port, r *guestRun) {
	c.drop(DropHandshake)
	if r.reject != nil {
		c.repeat(p, r.reject)
		return
	}
	in := &c.pairing.invite
	in.left--
	left := in.left
	r.reject = wire.AppendReject(nil, wire.Reject{Tag: r.tag, Left: uint8(left), Key: r.key})
	c.enqueue(p, r.reject)
	c.emit(PairingFailed{Left: left})
	if left <= 0 {
		*in = inviter{}
	}
}

// repeatTrial repeats the answer to an opening that was answered already.
func (c *Core) repeatTrial(p *port, b []byte) bool {
	opened := hash16(b)
	for _, pa := range p.paths {
		for _, t := range pa.tentative {
			if pa.peer.pairing && t.opened == opened {
				c.repeat(p, t.answer)
				return true
			}
		}
	}
	return false
}

func hash16(b []byte) [16]byte {
	sum := sha256.Sum256(b)
	return [16]byte(sum[:])
}

// trial writes the second Noise message and waits for the stranger's first frame. Who is known by the code is
// proven; with an invite anybody may come as far as this who knows our public key.
func (c *Core) trial(p *port, f wire.Pairing, b []byte, hs *noise.HandshakeState, proven bool) {
	msg, theirs, ours, err := hs.WriteMessage(nil, nil)
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	if !c.trialRoom(proven) {
		c.drop(DropFull)
		return
	}
	pa := c.stranger(p)
	if pa == nil {
		return
	}
	pa.peer.proven = proven
	index := c.unusedIndex()
	s, err := c.newSession(pa, index, f.Index, ours, theirs)
	if err != nil {
		c.drop(DropHandshake)
		return
	}
	answer := wire.AppendPairing(nil, wire.Pairing{Type: wire.TypePairing2, Tag: f.Tag, Index: index, Noise: msg})
	c.addTentative(pa, &tentative{session: s, opened: hash16(b), answer: answer})
}

// trialRoom finds room for one more trial. One with the code takes the place of any without; otherwise
// only a trial gives way that had the time to confirm, the oldest first.
func (c *Core) trialRoom(proven bool) bool {
	var oldest *peer
	n := 0
	for _, q := range c.peers {
		if !q.pairing || q.up() || !q.onTrial() {
			continue
		}
		n++
		if (proven && !q.proven || c.hadTime(q)) && (proven || !q.proven) && (oldest == nil || q.began().Before(oldest.began())) {
			oldest = q
		}
	}
	if n < maxGuests {
		return true
	}
	if oldest != nil {
		c.removePeer(oldest, "pairing ended")
	}
	return oldest != nil
}

// began is when a stranger's trial began.
func (p *peer) began() time.Time { return p.paths[0].tentative[0].session.since }

// hadTime reports whether a stranger on trial could have confirmed.
func (c *Core) hadTime(q *peer) bool {
	p := q.paths[0].port
	return c.now.Sub(q.began()) > 4*(p.turn(wire.PAKE2Size)+firstAllowance) && !p.clear.After(c.now)
}

// endTrials forgets the strangers on trial once one is in.
func (c *Core) endTrials() {
	for _, q := range append([]*peer(nil), c.peers...) {
		if q.pairing && !q.up() {
			c.removePeer(q, "pairing ended")
		}
	}
}

// stranger makes a peer with a random name.
func (c *Core) stranger(p *port) *path {
	q := &peer{pairing: true}
	if _, err := io.ReadFull(c.cfg.Rand, q.id[:]); err != nil {
		return nil
	}
	if q = c.addPeer(q); q == nil {
		return nil
	}
	return c.path(q, p)
}
