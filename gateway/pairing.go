package gateway

import (
	"slices"
	"strings"
	"time"

	"packhorse/gateway/domain"
	"packhorse/link"
)

// pairing is an open pairing in either role. There is one at a time.
//
//	inviter                             joiner
//	 | <--- handshake by code or invite ---> |
//	 | <------------------ join request ---- |
//	 | admits, stores                        |
//	 | ---- admission ---------------------> |
//	 |                       checks, stores  |
//	 | <--- handshake as members ----------> |
//	 | <----------------------- contact ---- |
type pairing struct {
	inviter  bool
	until    time.Time
	offer    PairOffer
	waiters  []Token
	stranger link.PeerID // name of the session, zero: none yet
	kind     uint8       // of what we send
	body     []byte
	digest   link.Digest
	asked    link.PeerID // whom the inviter would admit: nobody else in this pairing
	admitted link.PeerID // whom the inviter admitted
	result   PairResult
	welcomed bool // the inviter's part is done, but for the contact that the joiner owes
	finished bool // waiters are answered; the link still says goodbye
}

const (
	pairingTime = 10 * time.Minute
	contactTime = 2 * time.Minute // until the inviter stops waiting for the joiner's contact
)

var (
	errPairingOpen = &Error{Code: "not_yet", Message: "another pairing is under way", Fix: "wait for it, or stop it with Ctrl-C where it was started"}
	errNoPairing   = &Error{Code: "failed", Message: "no pairing is open", Fix: "packhorse pair"}
	errPairingOver = &Error{Code: "not_yet", Message: "nobody came within ten minutes", Fix: "packhorse pair"}
	errWrongCode   = &Error{Code: "refused", Message: "the code or invite is wrong", Fix: "look at the other screen again; after five wrong ones: packhorse pair"}
)

// openPairing lets a stranger in. Only the owner of the domain can admit.
func (c *Core) openPairing(now time.Time, e OpenPairing) {
	if err := c.mayInvite(); err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	if g := c.pairing; g != nil && g.welcomed {
		c.endPairing(now, g.result, nil)
	}
	if c.pairing != nil {
		c.answer(e.Token, c.pairing.offer, nil)
		return
	}
	code, err := domain.NewCode(c.cfg.Rand)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	invite, err := domain.NewInvite(c.id.StaticPublic(), c.member.Domain.Name, c.cfg.Rand)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	until := now.Add(pairingTime)
	c.pairing = &pairing{inviter: true, until: until,
		offer: PairOffer{Code: domain.FormatCode(code), Invite: invite.Text(), Until: until}}
	c.link.HandleEvent(now, link.OpenPairing{Secret: slices.Clone(invite.Secret[:]), Until: until})
	c.link.HandleEvent(now, link.OpenPairing{Code: code, Until: until})
	c.answer(e.Token, c.pairing.offer, nil)
}

func (c *Core) mayInvite() error {
	switch {
	case c.member == nil:
		return errNoDomain
	case c.owner == nil:
		return &Error{Code: "refused", Message: "the domain's key is not on this gateway: it cannot admit others", Fix: "run packhorse pair on the gateway that made the domain"}
	case c.pairing != nil && !c.pairing.inviter:
		return errPairingOpen
	}
	return c.needClock("admit a gateway")
}

// joinPairing goes looking for who invited us. A gateway in a domain never changes it this way.
func (c *Core) joinPairing(now time.Time, e JoinPairing) {
	switch {
	case c.member != nil && !c.lapsed(now):
		c.answer(e.Token, nil, &Error{Code: "refused", Message: "this gateway is in domain " + c.member.Domain.Name + " already", Fix: "joining never replaces a domain: start with an empty state directory"})
		return
	case c.pairing != nil && !c.pairing.finished:
		c.answer(e.Token, nil, errPairingOpen)
		return
	}
	if err := c.needClock("join a domain"); err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	join := link.JoinPairing{Until: now.Add(pairingTime)}
	if err := readPairingText(e.Text, &join); err != nil {
		c.answer(e.Token, nil, &Error{Code: "usage", Message: err.Error(), Fix: "packhorse pair CODE"})
		return
	}
	if c.pairing != nil {
		c.closePairing(now)
	}
	c.pairing = &pairing{until: join.Until, waiters: []Token{e.Token}}
	c.link.HandleEvent(now, join)
}

// readPairingText reads a code or an invite.
func readPairingText(text string, join *link.JoinPairing) error {
	if !strings.Contains(text, ":") {
		code, err := domain.ParseCode(text)
		join.Code = code
		return err
	}
	v, err := domain.ParseInvite(text)
	join.Secret, join.Static = slices.Clone(v.Secret[:]), v.Static
	return err
}

func (c *Core) awaitPairing(t Token) {
	if c.pairing == nil || c.pairing.finished {
		c.answer(t, nil, errNoPairing)
		return
	}
	c.pairing.waiters = append(c.pairing.waiters, t)
}

// strangerUp: the code or invite was right on both sides.
func (c *Core) strangerUp(now time.Time, p *peer) {
	g := c.pairing
	if g == nil || g.finished {
		return
	}
	g.stranger = p.id
	if g.inviter {
		return
	}
	spki, err := c.box.spki()
	if err == nil {
		g.body, err = domain.NewJoinRequest(c.id, spki, c.cfg.Rand)
	}
	if err != nil {
		c.endPairing(now, PairResult{}, err)
		return
	}
	c.sendPairing(now, ItemJoinRequest, g.body)
}

func (c *Core) sendPairing(now time.Time, kind uint8, body []byte) {
	g := c.pairing
	body = packSmall(body)
	g.kind, g.body, g.digest = kind, body, digestOf(kind, body)
	c.link.HandleEvent(now, link.Submit{Peer: g.stranger, Item: link.Item{Digest: g.digest, Kind: kind,
		Priority: link.Message, Size: len(body), Lifetime: time.Hour}})
}

func (c *Core) pairingBody(d link.Digest) ([]byte, bool) {
	if c.pairing == nil || c.pairing.body == nil || c.pairing.digest != d {
		return nil, false
	}
	return c.pairing.body, true
}

// strangerDown: the session is gone; another may come before the deadline.
func (c *Core) strangerDown(now time.Time, p *peer, reason string) {
	if g := c.pairing; g != nil && g.stranger == p.id {
		g.stranger = link.PeerID{}
	}
}

// pairingCustody: what we sent is on the stranger's disk.
func (c *Core) pairingCustody(now time.Time, p *peer, d link.Digest) {
	g := c.pairing
	switch {
	case g == nil || !g.inviter || g.kind != ItemAdmission || g.digest != d:
	case g.admitted == (link.PeerID{}):
		c.endPairing(now, PairResult{}, &Error{Code: "refused", Message: "the other gateway could not be admitted", Fix: "look at its screen"})
	default:
		c.welcome(now)
	}
}

// welcome closes the door behind whom we admitted. The pairing ends with the joiner's contact, so that both
// can write to each other, or a little later without it.
func (c *Core) welcome(now time.Time) {
	g := c.pairing
	if !g.welcomed {
		g.welcomed, g.until = true, now.Add(contactTime)
		c.link.HandleEvent(now, link.ClosePairing{})
	}
}

// pairingFailed: a wrong code or invite was tried.
func (c *Core) pairingFailed(now time.Time, left int) {
	g := c.pairing
	if g == nil || g.finished {
		return
	}
	if !g.inviter || left <= 0 {
		c.endPairing(now, PairResult{}, errWrongCode)
		return
	}
	c.notice(true, "pairing: somebody tried a wrong code")
}

// memberUp ends a pairing whose last answer got lost: the other one is a member now.
func (c *Core) memberUp(now time.Time, id link.PeerID) {
	g := c.pairing
	switch {
	case g == nil:
	case g.inviter && g.admitted == id:
		c.welcome(now)
	case g.finished:
		c.closePairing(now)
	}
}

// finishPairing tells everybody who waits how it ended.
func (c *Core) finishPairing(r PairResult, err error) {
	g := c.pairing
	if g.finished {
		return
	}
	g.finished = true
	for _, t := range g.waiters {
		if err != nil {
			c.answer(t, nil, err)
			continue
		}
		c.answer(t, r, nil)
	}
	g.waiters = nil
	c.emit(PairingEnded{Result: r, Err: err})
}

func (c *Core) endPairing(now time.Time, r PairResult, err error) {
	if c.pairing == nil {
		return
	}
	c.finishPairing(r, err)
	c.closePairing(now)
}

func (c *Core) closePairing(now time.Time) {
	c.pairing = nil
	c.link.HandleEvent(now, link.ClosePairing{})
}

func (c *Core) pairingDeadline() time.Time {
	if c.pairing == nil {
		return time.Time{}
	}
	return c.pairing.until
}

func (c *Core) expirePairing(now time.Time) {
	switch g := c.pairing; {
	case g == nil || now.Before(g.until):
	case g.welcomed:
		c.endPairing(now, g.result, nil)
	default:
		c.endPairing(now, PairResult{}, errPairingOver)
	}
}
