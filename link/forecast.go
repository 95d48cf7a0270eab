package link

import (
	"cmp"
	"slices"
	"time"

	"packhorse/link/wire"
)

// forecast plays the coming hours of a port: what the law leaves is sent at once, then each refund as
// it comes, in the order of sending.
type forecast struct {
	budget
	at    time.Time
	frame time.Duration
	pace  float64 // time for each second of airtime: turns and accesses
	// upkeep is the share of time that beacons take. For an hour they use up more than is refunded
	// of them, as far as forecast knows; from then on both are the same.
	upkeep  float64
	settled time.Time
}

// forecastSteps bounds the work for one transfer, forecastParts cuts what is sent in one go, because it
// stops counting as gradually as it was sent.
const (
	forecastSteps = 2000
	forecastParts = 32
)

func (c *Core) forecast(p *port) forecast {
	b := p.budget
	if p.rate != 0 {
		b = p.homeBudget // an excursion is short, and may have an account of its own
	}
	f := forecast{budget: b, at: c.now, frame: p.full(), pace: p.pace(), upkeep: p.upkeep(), settled: c.now.Add(time.Hour)}
	f.refunds = slices.Clone(b.refunds)
	f.roll(c.now)
	if b.perHour == 0 && p.clear.After(c.now) {
		f.at = p.clear
	}
	return f
}

// pace is how much longer sending takes than its airtime.
func (p *port) pace() float64 {
	burst := time.Duration(p.burst(0)) * p.full()
	if burst <= 0 {
		return 1
	}
	return 1 + float64(p.turn(64))/float64(burst)
}

// upkeep is the share of time that a port's beacons take while nothing is new.
func (p *port) upkeep() float64 {
	if p.beacon.slowest <= 0 {
		return 0
	}
	return float64(p.airtime(wire.BeaconSize)) / float64(p.beacon.slowest)
}

// send goes on by so much airtime of a priority and answers when it has left.
func (f *forecast) send(air time.Duration, p Priority) time.Time {
	if f.perHour == 0 {
		f.pass(air)
		return f.at
	}
	floor := f.floor(p, f.frame)
	for step := 0; air > 0; step++ {
		if step == forecastSteps {
			f.at = f.at.Add(time.Duration(float64(air) / float64(f.perHour-floor) * float64(time.Hour)))
			return f.at
		}
		if part := min(air, f.left-floor, max(f.perHour/forecastParts, f.frame)); part >= min(air, f.frame) {
			f.pass(part)
			f.spend(f.at, part)
			air -= part
			continue
		}
		if len(f.refunds) == 0 {
			f.at = f.at.Add(time.Hour) // nothing is known of it
			f.left = f.perHour
			continue
		}
		f.until(f.refunds[0].At)
	}
	return f.at
}

func (f *forecast) pass(air time.Duration) {
	f.until(f.at.Add(time.Duration(float64(air) * f.pace)))
}

// until lets time pass.
func (f *forecast) until(t time.Time) {
	if busy := minTime(t, f.settled).Sub(f.at); busy > 0 {
		f.left -= time.Duration(float64(busy) * f.upkeep)
	}
	if t.After(f.at) {
		f.at = t
	}
	f.roll(f.at)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// airLeft is the airtime that a transfer still takes from us on its path.
func (o *outgoing) airLeft() time.Duration {
	if g := o.group.cast; g != nil {
		return g.airLeft()
	}
	return o.airAlone()
}

// airAlone is that without regard to a group.
func (o *outgoing) airAlone() time.Duration {
	p := o.path.port
	lack := float64(o.lay.n)
	if o.want != nil {
		lack = max(0, float64(o.missing)-float64(o.sent)*(1-o.path.loss))
	}
	per := o.path.perFrame(o.lay)
	frames := lack / float64(per) / (1 - min(o.path.loss, 0.9))
	bursts := 1 + frames/float64(p.burst(o.path.loss))
	data := p.airtime(min(p.mtu, per*o.lay.sym+wireOverhead(p)))
	return time.Duration(frames*float64(data) + bursts*float64(p.airtime(min(p.mtu, 48))))
}

// airToCome is airLeft on the setting to which the transfer will probably move.
func (c *Core) airToCome(o *outgoing) time.Duration {
	air, p := o.airLeft(), o.path.port
	if p.rate != 0 || o.group.cast != nil || o.item.Priority == Emergency || o.path.moves.never {
		return air
	}
	now, best := p.airtime(p.mtu), p.airtime(p.mtu)
	for i, r := range p.rates {
		if c.trusts(o.path, i) {
			best = min(best, r.Airtime(r.MTU))
		}
	}
	if moved := time.Duration(float64(air)*float64(best)/float64(max(now, 1))) + p.moving(); moved < time.Duration(worthMoving*float64(air)) {
		return moved
	}
	return air
}

// etas answers for each transfer of a port when its body will be in the neighbour's custody. Those of one
// priority that are under way take turns, so the shortest ends first and the others pay for it.
func (c *Core) etas(p *port) map[*outgoing]time.Time {
	f := c.forecast(p)
	out := map[*outgoing]time.Time{}
	for _, class := range c.classes(p) {
		var sent time.Duration
		for i, o := range class.turns {
			air := c.airToCome(o)
			f.send(time.Duration(len(class.turns)-i)*(air-sent), o.item.Priority)
			sent = air
			o.shareETA(out, f.at.Add(p.turn(64)))
		}
		for _, o := range class.line {
			o.shareETA(out, f.send(c.airToCome(o), o.item.Priority).Add(p.turn(64)))
		}
	}
	return out
}

// class is the transfers of one priority on a port: those that take turns, the shortest first, and
// those in line behind them.
type class struct{ turns, line []*outgoing }

func (c *Core) classes(p *port) [Bulk + 1]class {
	var all [Bulk + 1]class
	for _, pa := range p.paths {
		for i, o := range pa.peer.outs {
			if o.path != pa || !o.leads() {
				continue
			}
			k := &all[min(o.item.Priority, Bulk)]
			if i < maxActive {
				k.turns = append(k.turns, o)
			} else {
				k.line = append(k.line, o)
			}
		}
	}
	for i := range all {
		slices.SortStableFunc(all[i].turns, func(a, b *outgoing) int { return cmp.Compare(c.airToCome(a), c.airToCome(b)) })
		slices.SortStableFunc(all[i].line, func(a, b *outgoing) int { return cmp.Compare(a.seq, b.seq) })
	}
	return all
}

// lawful is when airtime that is to be sent on a path will have left, seen from now.
func (c *Core) lawful(pa *path, blocked, air time.Duration, pr Priority) time.Duration {
	if pa.port.budget.perHour == 0 || len(pa.peer.paths) < 2 {
		return blocked + air
	}
	f := c.forecast(pa.port)
	return max(blocked+air, f.send(air, pr).Sub(c.now))
}
