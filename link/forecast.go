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
	accounts []budget
	common   int // the account of the common setting
	at       time.Time
	pace     float64 // time for each second of airtime: turns and accesses
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
	f := forecast{accounts: p.budgets(), common: p.accountOf(0), at: c.now, pace: p.pace(), upkeep: p.upkeep(), settled: c.now.Add(time.Hour)}
	f.roll()
	if f.accounts[f.common].perHour == 0 && p.clear.After(c.now) {
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

// send goes on by so much airtime of a priority and answers when it has left, each part by the first way for which the law
// leaves room.
func (f *forecast) send(air time.Duration, p Priority, ways []way) time.Time {
	for step := 0; air > 0; step++ {
		if step == forecastSteps {
			w := ways[len(ways)-1]
			b := &f.accounts[w.account]
			f.at = f.at.Add(time.Duration(float64(air) * w.scale / float64(max(1, b.perHour-b.floor(p, w.frame))) * float64(time.Hour)))
			return f.at
		}
		if sent := f.part(air, p, ways); sent > 0 {
			air -= sent
		} else {
			f.await(ways)
		}
	}
	return f.at
}

// part sends what the law leaves room for now, and answers how much of the airtime that was.
func (f *forecast) part(air time.Duration, p Priority, ways []way) time.Duration {
	for _, w := range ways {
		b, all := &f.accounts[w.account], max(1, time.Duration(float64(air)*w.scale))
		if b.perHour == 0 {
			f.pass(all)
			return air
		}
		part := min(all, b.left-b.floor(p, w.frame), max(b.perHour/forecastParts, w.frame))
		if part < min(all, w.frame) {
			continue
		}
		f.pass(part)
		b.spend(f.at, part)
		if part == all {
			return air
		}
		return max(1, time.Duration(float64(part)/w.scale))
	}
	return 0
}

// await lets time pass until one of the ways has more room.
func (f *forecast) await(ways []way) {
	var next time.Time
	for _, w := range ways {
		if r := f.accounts[w.account].refunds; len(r) > 0 && (next.IsZero() || r[0].At.Before(next)) {
			next = r[0].At
		}
	}
	if !next.IsZero() {
		f.until(next)
		return
	}
	f.at = f.at.Add(time.Hour) // nothing is known of it
	for _, w := range ways {
		f.accounts[w.account].left = f.accounts[w.account].perHour
	}
}

func (f *forecast) pass(air time.Duration) {
	f.until(f.at.Add(time.Duration(float64(air) * f.pace)))
}

// until lets time pass.
func (f *forecast) until(t time.Time) {
	if busy := minTime(t, f.settled).Sub(f.at); busy > 0 {
		f.accounts[f.common].left -= time.Duration(float64(busy) * f.upkeep)
	}
	if t.After(f.at) {
		f.at = t
	}
	f.roll()
}

func (f *forecast) roll() {
	for i := range f.accounts {
		f.accounts[i].roll(f.at)
	}
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

// etas answers for each transfer of a port when its body will be in the neighbour's custody. Those of one
// priority that are under way take turns, so the shortest ends first and the others pay for it.
func (c *Core) etas(p *port) map[*outgoing]time.Time {
	f := c.forecast(p)
	out := map[*outgoing]time.Time{}
	for _, class := range c.classes(p) {
		var sent time.Duration
		for i, o := range class.turns {
			air := o.airLeft()
			f.send(time.Duration(len(class.turns)-i)*(air-sent), o.item.Priority, c.waysOf(o))
			sent = air
			o.shareETA(out, f.at.Add(p.turn(64)))
		}
		for _, o := range class.line {
			o.shareETA(out, f.send(o.airLeft(), o.item.Priority, c.waysOf(o)).Add(p.turn(64)))
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
		slices.SortStableFunc(all[i].turns, func(a, b *outgoing) int { return cmp.Compare(a.airLeft(), b.airLeft()) })
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
	return max(blocked+air, f.send(air, pr, []way{{pa.port.accountOf(0), 1, pa.port.full()}}).Sub(c.now))
}
