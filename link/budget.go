package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// Where the law leaves so much airtime in any hour, bulk may not use up all of it: an emergency
// would then wait for up to an hour. Messages have their own share, which emergencies may use too.
//
//	kept for          share of the hour   at least       at most
//	emergencies       1/20                4 full frames  1/8
//	and for messages  1/10                4 full frames  1/8
//
// Answers, beacons and handshakes go with any of it: little as they are, others wait for them.
const (
	emergencyShare = 20
	messageShare   = 10
	reserveFrames  = 4
	reserveMost    = 8
)

// budget is what the law leaves a port: as the shell told it, less what was handed out since.
type budget struct {
	left, perHour time.Duration
	refunds       []Refund // still to come, in order of time
}

// refundMerge keeps the list short: what stops counting so close together does so at its end.
const refundMerge = time.Minute

func (b *budget) set(e PortBudget) {
	b.left, b.perHour, b.refunds = e.Left, e.PerHour, append(b.refunds[:0], e.Refunds...)
}

// Account is what the law leaves in one setting; settings of the same Band share it.
type Account struct {
	Band          string
	Left, PerHour time.Duration
	Refunds       []Refund
}

// LeftAt is what will be left at a later time if nothing is sent until then.
func (b PortBudget) LeftAt(now time.Time) time.Duration {
	left := b.Left
	for _, r := range b.Refunds {
		if r.At.After(now) {
			break
		}
		left += r.Air
	}
	return min(left, b.PerHour)
}

func (c *Core) portBudget(e PortBudget) {
	p := c.port(e.Port)
	if p == nil {
		return
	}
	before := p.budget.lacks(c.now, Bulk, p.full())
	p.budget.set(e)
	p.accounts.set(e.Accounts)
	if p.tuning && p.to == 0 || !p.tuning && p.rate == 0 {
		p.homeBudget.set(e)
		p.beacon.allow(e.PerHour, p.common.Airtime(wire.BeaconSize), c.now, c.jitter)
	}
	if !before && p.budget.lacks(c.now, Bulk, p.full()) {
		for _, pa := range p.paths {
			c.reroute(pa.peer)
		}
	}
}

// full is the airtime of the longest frame.
func (p *port) full() time.Duration { return p.airtime(p.mtu) }

// spend counts a frame that will have left at clear.
func (b *budget) spend(clear time.Time, air time.Duration) {
	if b.perHour == 0 {
		return
	}
	b.left -= air
	back := Refund{At: clear.Add(time.Hour), Air: air}
	if n := len(b.refunds); n > 0 && back.At.Sub(b.refunds[n-1].At) < refundMerge {
		back.Air += b.refunds[n-1].Air
		b.refunds = b.refunds[:n-1]
	}
	b.refunds = append(b.refunds, back)
}

// roll takes in what has stopped counting.
func (b *budget) roll(now time.Time) {
	n := 0
	for n < len(b.refunds) && !b.refunds[n].At.After(now) {
		b.left += b.refunds[n].Air
		n++
	}
	b.refunds = slices.Delete(b.refunds, 0, n)
}

// floor is what a priority must leave for those above it.
func (b *budget) floor(p Priority, frame time.Duration) time.Duration {
	share := func(n time.Duration) time.Duration {
		return min(max(b.perHour/n, reserveFrames*frame), b.perHour/reserveMost)
	}
	kept := share(emergencyShare)
	switch p {
	case Emergency:
		return 0
	case Message:
	default:
		kept += share(messageShare)
	}
	return max(0, min(kept, b.perHour-frame)) // an hour that nobody used is enough for any frame
}

// lacks reports whether a frame of this priority must wait for the law.
func (b *budget) lacks(now time.Time, p Priority, frame time.Duration) bool {
	if b.perHour == 0 {
		return false
	}
	b.roll(now)
	return b.left-frame < b.floor(p, frame)
}

// freeAt is when lacks will no longer say so; zero when nothing is known of it.
func (b *budget) freeAt(p Priority, frame time.Duration) time.Time {
	left := b.left - frame - b.floor(p, frame)
	for _, r := range b.refunds {
		if left += r.Air; left >= 0 {
			return r.At
		}
	}
	return time.Time{}
}

// kept reports whether a transfer waits for the law.
func (c *Core) kept(o *outgoing) bool {
	p := o.path.port
	return p.budget.perHour > 0 && p.budget.lacks(c.now, o.item.Priority, p.full())
}

// heldUntil is when that ends; zero when it does not wait for that.
func (c *Core) heldUntil(o *outgoing) time.Time {
	if o.path == nil || o.path.current == nil || !c.kept(o) {
		return time.Time{}
	}
	return o.path.port.budget.freeAt(o.item.Priority, o.path.port.full())
}
