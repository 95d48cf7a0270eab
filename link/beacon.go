package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// deafAfter is how many questions in a row a peer that beacons may leave unanswered
// before a new session is tried.
const deafAfter = 6

// maxUnknown is how many unknown short ids are asked for on a port at a time.
const maxUnknown = 8

// hurryBeacon starts the port's beacons anew, for news of our own or of somebody near.
func (c *Core) hurryBeacon(p *port, ours bool) { p.beacon.reset(c.now, ours, c.jitter) }

func (c *Core) hurryBeacons() {
	for _, p := range c.ports {
		c.hurryBeacon(p, true)
	}
}

// beaconTimeout makes a beacon due when the port's trickle timer says so.
func (c *Core) beaconTimeout(p *port) {
	t := &p.beacon
	if c.domain.none() || t.next().After(c.now) {
		return
	}
	if t.timeout(c.now, c.jitter) && !p.carries(c.now) {
		t.due = true
	}
	if longest := settlingFor * t.fastest; t.interval > longest && p.settling(c.now) {
		t.interval = longest
		t.begin(c.now, c.jitter)
	}
}

// settlingFor is the longest interval, in the shortest, while a session may be known to one side only.
const settlingFor = 8

// carries reports whether the port is in the middle of a transfer: whoever is near hears that, and a new
// neighbour says so itself. For long that does not stand for a beacon.
func (p *port) carries(now time.Time) bool {
	return now.Sub(p.carried) < p.beacon.fastest && now.Sub(p.beacon.last) < p.beacon.slowest && !p.settling(now)
}

// settling reports whether a young session may still be known to one side only. Beacons
// bring that to light.
func (p *port) settling(now time.Time) bool {
	for _, pa := range p.paths {
		s := pa.current
		if s == nil && len(pa.tentative) > 0 {
			s = pa.tentative[0].session
		}
		if s != nil && s.window.next == 0 && now.Sub(s.since) < p.beacon.usual {
			return true
		}
	}
	return false
}

func (c *Core) appendBeacon(b []byte, urgent bool) []byte {
	c.beaconSeq++
	start := len(b)
	b = wire.AppendBeacon(b, wire.Beacon{Short: c.short, Boot: c.boot, Seq: c.beaconSeq, Urgent: urgent, Clock: uint8(c.clockQuality)})
	return c.domain.append(b, start)
}

// stranger is a short id that nobody has vouched for.
type stranger struct {
	short [wire.ShortSize]byte
	asked time.Time
}

func (c *Core) handleBeacon(p *port, b []byte, m Meta) {
	f, err := wire.ParseBeacon(b)
	if err != nil {
		c.drop(DropMalformed)
		return
	}
	if !c.domain.verify(b) {
		c.drop(DropForeign)
		return
	}
	if f.Short == c.short {
		c.drop(DropStale) // our own, repeated by someone
		return
	}
	if !p.mayBe(f.Short) {
		c.drop(DropForeign)
		return
	}
	if q := c.member(f.Short); q != nil {
		c.beaconOf(c.path(q, p), f, m)
		return
	}
	c.askWho(p, f.Short)
}

func (c *Core) member(short [wire.ShortSize]byte) *peer {
	for _, q := range c.peers {
		if q.short == short && !q.pairing {
			return q
		}
	}
	return nil
}

// beaconOf takes the beacon of a member: a sign of life, or of a new life.
func (c *Core) beaconOf(pa *path, f wire.Beacon, m Meta) {
	again := pa.booted && pa.boot == f.Boot
	if again && pa.seen && int16(f.Seq-pa.seq) <= 0 || pa.peer.past.disproved(f.Boot, c.now, pa.current != nil && !again) {
		c.drop(DropStale)
		return
	}
	reborn := pa.booted && !again
	if again && pa.current != nil && !pa.stale {
		pa.port.beacon.heard++ // consistent: who it is, and which life
		if f.Urgent {
			pa.port.needed(c.now)
		}
	}
	deaf := pa.unsure >= deafAfter || pa.silent // it lives but does not answer: its keys may be others than ours
	if pa.current == nil || again {
		pa.booted, pa.boot, pa.seen, pa.seq = true, f.Boot, true, f.Seq
		pa.peer.clock, pa.peer.clockKnown = min(ClockQuality(f.Clock), ClockRTC), true
	}
	if !reborn { // anyone can repeat a beacon: it does not show that our questions are heard
		if pa.heard = c.now; m.HasSignal {
			pa.meta = m
		}
	}
	if reborn && pa.current != nil && !pa.stale {
		pa.stale, pa.claim = true, f.Boot
		c.reroute(pa.peer)
	}
	if pa.current == nil || pa.stale {
		if pa.opening != nil || c.now.Before(pa.notBefore) {
			return // whoever repeats old beacons gets no more of us than that
		}
		if pa.stale && pa.port.served != nil && pa.port.served.path == pa {
			c.greet(pa, 0) // it broke into our burst: nobody else is about to greet it
			return
		}
		c.hurryBeacon(pa.port, false)
		c.greet(pa, c.jitter(3*time.Duration(max(1, len(pa.port.paths)/2))*pa.port.turn(wire.Handshake1Size))) // as all others here do
		return
	}
	if pa.current.unproven() {
		pa.confirm = true // our first frame may have been lost
	}
	if deaf {
		c.greet(pa, c.jitter(pa.port.turn(wire.Handshake1Size)))
	}
	c.wokenBy(pa)
}

// mayBe reports whether a gateway of this short id can be behind the port.
func (p *port) mayBe(short [wire.ShortSize]byte) bool {
	return p.peer == (PeerID{}) || short == shortID(p.peer)
}

// askedWho reports whether somebody was asked for on the port lately.
func (p *port) askedWho(now time.Time) bool {
	return slices.ContainsFunc(p.unknown[:], func(s stranger) bool {
		return !s.asked.IsZero() && now.Sub(s.asked) < p.beacon.slowest
	})
}

// askWho sends a query for an unknown short id, once in a while. Only one that is new hurries our beacons, and it
// takes the place of none that was asked for lately: what is repeated at us must not make us fill the air.
func (c *Core) askWho(p *port, short [wire.ShortSize]byte) {
	at := 0
	for i, s := range p.unknown {
		if s.short == short && !s.asked.IsZero() {
			at = i
			break
		}
		if s.asked.Before(p.unknown[at].asked) {
			at = i
		}
	}
	s := &p.unknown[at]
	if !s.asked.IsZero() && c.now.Sub(s.asked) < p.beacon.fastest/2 {
		c.drop(DropRate)
		return
	}
	if (s.short != short || s.asked.IsZero()) && p.news.take(c.now) {
		c.hurryBeacon(p, false)
	}
	*s = stranger{short, c.now}
	c.enqueue(p, c.domain.append(wire.AppendQuery(nil, short), 0))
}

func (c *Core) handleQuery(p *port, b []byte) {
	short, err := wire.ParseQuery(b)
	switch {
	case err != nil:
		c.drop(DropMalformed)
	case !c.domain.verify(b):
		c.drop(DropForeign)
	case short != c.short || len(c.domain.Record) == 0:
	case !p.records.take(c.now):
		c.drop(DropRate)
	default:
		c.enqueue(p, c.domain.append(wire.AppendRecord(nil, c.domain.Record), 0))
	}
}

func (c *Core) handleRecord(p *port, b []byte) {
	record, err := wire.ParseRecord(b)
	if err != nil {
		c.drop(DropMalformed)
		return
	}
	if !c.domain.verify(b) {
		c.drop(DropForeign)
		return
	}
	if p.peer != (PeerID{}) && !p.askedWho(c.now) {
		c.drop(DropForeign) // nobody but the one behind the port is asked for there
		return
	}
	if !c.records.take(c.now) {
		c.drop(DropRate)
		return
	}
	c.emit(RecordHeard{Record: append([]byte(nil), record...)})
}
