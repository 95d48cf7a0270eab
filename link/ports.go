package link

import (
	"bytes"
	"slices"
	"time"

	"packhorse/link/wire"
)

const (
	maxFrame    = 4096 // octets that anything may come with
	maxRaw      = 8    // frames of handshakes and the like that wait on a port
	burstAir    = 20 * time.Second
	burstFrames = 48 // on a radio, at most
	burstOther  = 64 // elsewhere
	burstLeast  = 4
	breakInFor  = 30 * time.Second // after a start
)

// port is one transport.
type port struct {
	id      Port
	medium  Medium
	mtu     int
	airtime func(n int) time.Duration
	access  time.Duration
	peer    PeerID // the only one behind it, or zero
	paths   []*path

	budget budget
	// homeBudget is that of the common setting, as it was told last.
	homeBudget budget
	accounts   bandBudgets
	clear      time.Time // when what was handed out has left the air
	handed     uint64    // frames, counted
	hush       time.Time // an answer is expected until then: start nothing
	hearing    time.Time // someone else sends until about then: say nothing
	humble     time.Time // since when strange frames have kept us silent
	bold       time.Time // until when they do not
	raw        [][]byte  // frames that only wait for the port

	clearing clearing // of neighbours that do not hear each other

	beacon  trickle
	allowed bucket // handshakes of others, and
	repeats bucket // of our answers, and
	records bucket // of our record: what is repeated at us must not make us fill the air
	news    bucket // strangers that hurry our beacons
	unknown [maxUnknown]stranger
	turnOf  int       // whose session is tried first on a frame of an unknown stream
	served  *outgoing // the burst under way
	going   *outgoing // the one that a sign of life let go on
	group   *groupKey // ours, for several neighbours at once; nil: none yet
	casts   []*cast
	roll    *cast // whose members were asked together

	since    time.Time
	carried  time.Time // when a frame of a transfer last came or went
	breakIns bucket    // beacons for who talks to our former life

	openings  int       // in a row without an answer
	openAfter time.Time // no opening before

	own     bool // the medium access is ours
	urgency urgency
	fair    share

	tuner
}

func (c *Core) port(id Port) *port {
	i, ok := slices.BinarySearchFunc(c.ports, id, func(p *port, id Port) int { return int(p.id) - int(id) })
	if !ok {
		return nil
	}
	return c.ports[i]
}

func (c *Core) portUp(e PortUp) {
	if c.port(e.Port) != nil {
		c.portDown(e.Port)
	}
	if len(c.ports) >= maxPorts || e.MTU < MinMTU || e.Medium != Radio && e.MTU < MinMTUOther {
		c.drop(DropFull)
		return
	}
	p := &port{id: e.Port, medium: e.Medium, mtu: e.MTU, airtime: e.Airtime, access: e.Access, peer: e.Peer}
	p.since, p.own = c.now, e.OwnAccess
	if p.airtime == nil {
		p.airtime = func(int) time.Duration { return 0 }
	}
	e.Airtime = p.airtime
	p.tuner = newTuner(e)
	p.beacon = newTrickle(p)
	p.allowed = newBucket(4, max(time.Second/2, 16*p.turn(wire.Handshake1Size)))
	p.repeats = newBucket(8, max(time.Second/4, 4*p.turn(wire.Handshake2Size)))
	p.records = newBucket(2, max(2*time.Second, 32*p.turn(wire.MaxRecord)))
	p.news = newBucket(maxUnknown/2, 2*p.beacon.slowest)
	p.breakIns = newBucket(4, 2*p.beacon.fastest)
	c.ports = append(c.ports, p)
	slices.SortFunc(c.ports, func(a, b *port) int { return int(a.id) - int(b.id) })
	p.beacon.start(c.now, c.jitter(p.turn(wire.BeaconSize)))
	if m := c.peer(e.Peer); m != nil && !m.pairing {
		c.greet(c.path(m, p), 0)
	}
	c.pairingPortUp()
}

func (c *Core) portDown(id Port) {
	p := c.port(id)
	if p == nil {
		return
	}
	p.tuner = tuner{}
	for len(p.paths) > 0 {
		c.closePath(p.paths[0], "the port went down")
	}
	c.ports = slices.DeleteFunc(c.ports, func(q *port) bool { return q == p })
	c.pairing.join.runs = slices.DeleteFunc(c.pairing.join.runs, func(r *joinRun) bool { return r.port == p })
	c.dropStrangers()
}

// portClear corrects the guess of when the frames handed out leave the air, and what waits for that.
func (c *Core) portClear(e PortClear) {
	p := c.port(e.Port)
	if p == nil {
		return
	}
	if !p.hush.IsZero() {
		p.hush = p.hush.Add(e.At.Sub(p.clear))
	}
	p.clear = e.At
	defer c.avoid(p)
	for _, pa := range p.paths {
		for _, o := range pa.peer.outs {
			if o.path == pa && o.waiting && (o.mark == p.handed || !o.covered || o.delays == 0 && o.base.After(e.At)) {
				o.base, o.covered = e.At, true
			}
		}
		if op := pa.opening; op != nil && op.mark == p.handed && !op.due && !op.at.IsZero() {
			op.at = e.At.Add(op.wait)
		}
	}
}

// sent notes a frame of n octets handed to the port.
func (p *port) sent(now time.Time, n int) {
	if p.clear.Before(now) {
		p.clear = now.Add(p.access)
	}
	p.clear = p.clear.Add(p.airtime(n))
	p.budget.spend(p.clear, p.airtime(n))
	p.handed++
}

// shared reports whether others can talk into our frames.
func (p *port) shared() bool { return p.medium == Radio }

// engaged reports whether someone has a session with us here and knows it. Otherwise what
// we have to say is worth slipping in between the frames of others.
func (p *port) engaged() bool {
	up := false
	for _, pa := range p.paths {
		if pa.confirm {
			return false
		}
		up = up || pa.current != nil
	}
	return up
}

// turn is how long the other side needs to answer with n octets once our frame has left.
func (p *port) turn(n int) time.Duration { return 2*p.access + p.airtime(min(n, p.mtu)) }

// enqueue adds a finished frame.
func (c *Core) enqueue(p *port, frame []byte) {
	if len(p.raw) >= maxRaw {
		c.drop(DropFull)
		return
	}
	p.raw = append(p.raw, frame)
}

// waits reports whether a frame given to enqueue is still to be sent.
func (p *port) waits(frame []byte) bool {
	return slices.ContainsFunc(p.raw, func(b []byte) bool { return bytes.Equal(b, frame) })
}

// overhear keeps us from talking into a burst of others.
func (p *port) overhear(now time.Time, poll bool) {
	if !p.shared() {
		return
	}
	if poll {
		p.hearing = now.Add(p.turn(64))
	} else {
		p.hearing = now.Add(2*p.access + p.airtime(p.mtu) + p.airtime(p.mtu)/4)
	}
}

// strange is overhear for a frame that nobody vouches for. For as long as the longest burst
// it keeps us silent, then for as long it does not: junk that looks like a burst costs less
// to send than a burst.
func (p *port) strange(now time.Time, poll bool) {
	longest := max(burstAir, burstLeast*p.airtime(p.mtu))
	p.urgency.strangers = now
	switch {
	case now.Before(p.bold):
		return
	case !p.hearing.After(now):
		p.humble = now
	case now.Sub(p.humble) > longest:
		p.bold = now.Add(longest)
		return
	}
	p.overhear(now, poll)
}

// granted keeps us from inviting a second burst, or talking ourselves, before the one
// that our answer invites has begun: its sender may not hear the other.
func (p *port) granted() {
	if p.shared() {
		p.hearing = p.clear.Add(p.turn(p.mtu))
	}
}

// burst is how many frames may follow one another.
func (p *port) burst(loss float64) int {
	if !p.shared() {
		if loss > 0.1 {
			return burstOther / 4
		}
		return burstOther
	}
	frame := max(p.airtime(p.mtu), time.Millisecond)
	if p.rate != 0 {
		return max(burstLeast, min(burstFrames, int(burstAway/frame)))
	}
	return max(burstLeast, min(burstFrames, int(burstAir/frame)))
}

// bucket lets so many through at once and one more each interval.
type bucket struct {
	most  int
	every time.Duration
	empty time.Time // the time at which the bucket was, or would have been, empty
}

func newBucket(most int, every time.Duration) bucket { return bucket{most: most, every: every} }

func (b *bucket) take(now time.Time) bool {
	full := now.Add(-time.Duration(b.most) * b.every)
	if b.empty.Before(full) {
		b.empty = full
	}
	if next := b.empty.Add(b.every); !next.After(now) {
		b.empty = next
		return true
	}
	return false
}
