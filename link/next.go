package link

import (
	"slices"
	"time"

	"packhorse/link/access"
	"packhorse/link/wire"
)

// saying is a kind of frame, by why it goes out.
type saying uint8

const (
	sayNothing   saying = iota
	sayRaw              // what is sealed already
	sayClear            // whose turn it is
	sayAnswer           // what a session owes
	sayPressing         // the same, on an emergency
	sayBack             // that an excursion is over
	sayEmergency        // a beacon that tells of one
	sayBeacon
	sayOpening
	sayPairing
	sayTransfer // data, or a question
)

// next is what a port would send now, and to whom: PollTransmit says it, Waiting tells how it gets to the medium.
type next struct {
	say     saying
	path    *path     // of sayClear and sayOpening
	session *session  // of sayAnswer, sayPressing and sayBack
	run     *joinRun  // of sayPairing
	out     *outgoing // of sayTransfer
}

// next goes by urgency: what others wait for, then what we want.
func (c *Core) next(p *port) next {
	switch {
	case p.nextRaw() >= 0:
		return next{say: sayRaw}
	case p.rate != 0:
		return c.nextAway(p)
	}
	if pa := c.clears(p); pa != nil {
		return next{say: sayClear, path: pa}
	}
	if s := p.speaker(); s != nil {
		return next{say: sayAnswer, session: s}
	}
	if p.hush.After(c.now) {
		return next{}
	}
	if p.beacon.due && !c.domain.none() && !p.hearing.After(c.now) {
		return next{say: sayBeacon}
	}
	if pa := p.greeting(c.now); pa != nil {
		return next{say: sayOpening, path: pa}
	}
	if r := c.joining(p); r != nil {
		return next{say: sayPairing, run: r}
	}
	return c.nextTransfer(p)
}

// nextTransfer is the frame of the most urgent transfer.
func (c *Core) nextTransfer(p *port) next {
	if o := c.mostUrgent(p); o != nil {
		return next{say: sayTransfer, out: o}
	}
	return next{}
}

// held reports whether others have the air.
func (p *port) held(now time.Time) bool { return p.heldUntil().After(now) && p.engaged() }

// Waiting tells whether PollTransmit would give a frame now, and how that gets to the medium. A port whose
// medium access is ours asks before it contends, so that what is most urgent is chosen when it has won.
func (c *Core) Waiting(now time.Time, id Port) (access.Class, bool) {
	c.now = now
	p := c.port(id)
	if p == nil || p.tuning {
		return access.Normal, false
	}
	n := c.nextUrgent(p)
	if n.say == sayNothing && !p.held(now) {
		n = c.next(p)
	}
	return c.class(p, n), n.say != sayNothing
}

// class is how a frame gets to a medium whose access is ours.
func (c *Core) class(p *port, n next) access.Class {
	switch n.say {
	case sayRaw:
		return rawClass(p.raw[p.nextRaw()])
	case sayClear, sayAnswer, sayPressing, sayBack:
		return access.Reply
	case sayEmergency:
		return access.Emergency
	case sayTransfer:
		return c.transferClass(p, n.out)
	}
	return access.Normal
}

// rawClass tells answers from what goes out unasked.
func rawClass(b []byte) access.Class {
	switch wire.TypeOf(b) {
	case wire.TypeQuery, wire.TypeRecord, wire.TypeHandshake1, wire.TypePAKE1, wire.TypePairing1:
		return access.Normal
	}
	return access.Reply
}

func (c *Core) transferClass(p *port, o *outgoing) access.Class {
	switch {
	case (p.served == o || p.going == o) && c.action(o) == doData:
		return access.Follow
	case o.item.Priority == Emergency:
		return access.Emergency
	}
	return access.Normal
}

// append seals the frame; false: there is nothing to say after all.
func (c *Core) append(p *port, n next, buf []byte) ([]byte, bool) {
	switch n.say {
	case sayRaw:
		return c.appendRaw(p, buf), true
	case sayClear:
		return c.appendClear(n.path, buf), true
	case sayAnswer:
		return c.controlFrame(n.session, buf, !p.hush.After(c.now))
	case sayPressing:
		return c.pressingFrame(n.session, buf)
	case sayBack:
		n.session.path.moves.back = true
		return c.controlFrame(n.session, buf, false)
	case sayEmergency, sayBeacon:
		return c.beaconFrame(p, buf)
	case sayOpening:
		return c.appendOpening(n.path, buf), true
	case sayPairing:
		return c.appendPairing(n.run, buf), true
	case sayTransfer:
		return c.transferFrame(n.out, buf)
	}
	return buf, false
}

// nextRaw is the place of the first sealed frame that may go now, or -1: away from the common setting only signs of
// life find somebody who hears them.
func (p *port) nextRaw() int {
	if p.rate == 0 {
		return min(0, len(p.raw)-1)
	}
	return slices.IndexFunc(p.raw, wire.IsAlive)
}

func (c *Core) appendRaw(p *port, buf []byte) []byte {
	at := p.nextRaw()
	f := p.raw[at]
	p.sent(c.now, len(f))
	if wire.IsAlive(f) {
		p.granted()
	}
	p.raw = slices.Delete(p.raw, at, at+1)
	return append(buf, f...)
}

func (c *Core) appendOpening(pa *path, buf []byte) []byte {
	buf = append(buf, pa.opening.frame...)
	pa.port.sent(c.now, len(pa.opening.frame))
	c.openingSent(pa)
	return buf
}

func (c *Core) appendPairing(r *joinRun, buf []byte) []byte {
	buf = append(buf, r.frame...)
	r.port.sent(c.now, len(r.frame))
	c.runSent(r)
	return buf
}

// speaker is the port's first session that has to say something at once.
func (p *port) speaker() *session {
	for _, pa := range p.paths {
		if s := pa.speaker(); s != nil {
			return s
		}
	}
	return nil
}

// greeting is the first path whose opening is to be sent.
func (p *port) greeting(now time.Time) *path {
	for _, pa := range p.paths {
		if pa.opening != nil && pa.opening.due && !p.openAfter.After(now) {
			return pa
		}
	}
	return nil
}

// joining is the attempt at pairing that is to be sent.
func (c *Core) joining(p *port) *joinRun {
	for _, r := range c.pairing.join.runs {
		if r.port == p && r.due {
			return r
		}
	}
	return nil
}
