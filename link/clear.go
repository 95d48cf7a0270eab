package link

import (
	"crypto/subtle"
	"encoding/binary"
	"time"

	"packhorse/link/wire"
)

// Two neighbours that send to us at once do not hear each other: carrier sense cannot help them, and most of
// what overlaps is lost. Then we tell whose turn it is. A Clear goes before our answer to a burst; the one that it
// is for sends, everybody else who hears us is silent for that long. The turn goes round.
const (
	clearStep   = 1. / 32 // of the suspicion is taken back by each burst that ended undisturbed
	clearGrain  = 1.0     // and a sign that bursts overlap adds so much
	clearOn     = 0.5     // above it turns are given
	clearMost   = 1.25
	strongDB    = 0   // of SNR: above the limit of every spreading factor by 7 dB
	clearTries  = 4   // questions in vain are told to the neighbour
	clearVain   = 2   // turns in a row that a neighbour did not take, until it is heard again
	clearSpare  = 2   // frames more than a burst needs
	clearHeld   = 2   // longest bursts that we keep silent at others' word without a turn of our own, then as long not
	tornPart    = 0.5 // of the time, at most, carried what was heard if frames were torn
	overlapPart = 0.9 // of the time that a burst must take: whoever else is heard before that talks into it
)

// clearing is what a port knows of neighbours that do not hear each other, and whose turn it is.
type clearing struct {
	run      *path // whose burst is under way here, since
	began    time.Time
	last     *path // whose data came last, and
	lastAt   time.Time
	expected time.Duration // at least
	strays   int           // frames of others meanwhile
	first    time.Time     // of these runs, and
	frames   int           // how many were heard in them
	doubt    float64       // that neighbours hear each other

	turn  *path     // whose turn it is, by our word
	begin time.Time // until when it should have begun; zero: it has
	due   bool      // it has not: the turn goes on
	told  bool      // nothing was heard since
	count uint16    // of our clears
	quiet time.Time // until when we keep silent for others,
	kept  time.Time // until when we last did, if it was not our turn since,
	meek  time.Time // since when
	bold  time.Time // and until when we do not
}

// longest is the longest burst on the port.
func (p *port) longest() time.Duration { return max(burstAir, burstLeast*p.airtime(p.mtu)) }

// ran notes a data frame of a neighbour, and whether it ends a burst or only pauses.
func (c *Core) ran(pa *path, ends, pauses bool) {
	cl := &pa.port.clearing
	if !pa.port.shared() || pa.port.rate != 0 {
		return
	}
	c.spoke(pa)
	cl.last, cl.lastAt = pa, c.now
	switch {
	case cl.run == pa && ends:
		cl.run, cl.doubt = nil, max(0, cl.doubt-clearStep)
	case cl.run == pa && pauses:
		cl.run = nil
	case cl.run != pa && !ends && !pauses:
		frames := c.needed(pa)
		if cl.run == nil {
			cl.strays, cl.first, cl.frames = 0, c.now, 0
		}
		cl.run, cl.began = pa, c.now
		cl.expected = min(time.Duration(frames-1)*pa.port.airtime(pa.port.mtu), burstCrowd)
	}
}

// spoke notes any frame of a neighbour. Those that come amid the burst of another show that it does not hear that. One may
// have been on its way already.
func (c *Core) spoke(pa *path) {
	p := pa.port
	cl := &p.clearing
	pa.untaken = 0
	if cl.told = false; cl.turn == pa {
		cl.begin, cl.due = time.Time{}, false
	}
	cl.frames++
	if cl.run == nil || cl.run == pa {
		return
	}
	since := c.now.Sub(cl.began)
	if cl.strays++; cl.strays > 1 && since < time.Duration(overlapPart*float64(cl.expected)) && cl.torn(c.now, p) && pa.strong() {
		cl.suspect()
	}
	if since > p.longest() {
		cl.run = nil
	}
}

// suspect takes note of a sign that bursts overlap.
func (cl *clearing) suspect() { cl.doubt = min(cl.doubt+clearGrain, clearMost) }

// torn tells whether much less was heard than bursts that follow one another would have brought.
func (cl *clearing) torn(now time.Time, p *port) bool {
	heard := time.Duration(cl.frames) * (p.airtime(p.mtu) + p.access)
	return float64(heard) < tornPart*float64(now.Sub(cl.first))
}

// unheard notes a question that was asked in vain before, or that a neighbour which found no answer opens a new session. If we were
// busy with the burst of another not long ago, then who asks did not hear that, or it would have waited.
func (c *Core) unheard(pa *path) {
	p := pa.port
	cl := &p.clearing
	if p.shared() && cl.last != nil && cl.last != pa && c.now.Sub(cl.lastAt) < p.longest() && pa.strong() {
		cl.suspect()
	}
}

// strong reports whether the peer's signal is good enough that losses have another reason.
func (pa *path) strong() bool { return !pa.meta.HasSignal || pa.meta.SNRdB > strongDB }

// needed is how many frames the next burst of a neighbour takes at least, as far as we know what it has for us.
func (c *Core) needed(pa *path) (frames int) {
	if pa.current == nil {
		return 0
	}
	for _, id := range pa.current.inOrder {
		if st := pa.current.in[id]; st.state == inOpen && st.body != nil {
			per := pa.perFrame(st.body.lay)
			frames += (st.body.lay.n - st.body.got + per - 1) / per
		}
	}
	return min(frames, pa.port.burst(0))
}

// nextTurn is who is to send next: of those with something for us who has waited longest. Who does not take its turns may be
// gone, and they silence the others.
func (c *Core) nextTurn(p *port) *path {
	var next *path
	for _, pa := range p.paths {
		if c.needed(pa) > 0 && pa.untaken < clearVain && (next == nil || pa.cleared < next.cleared) {
			next = pa
		}
	}
	return next
}

// clears tells whether a clear is to be sent before anything else, and for whom.
func (c *Core) clears(p *port) *path {
	cl := &p.clearing
	if c.cfg.NoClears || cl.doubt <= clearOn || cl.told && !cl.due {
		return nil
	}
	if !cl.due && !p.answers() {
		return nil
	}
	return c.nextTurn(p)
}

// answers tells whether a neighbour waits for our word on a transfer.
func (p *port) answers() bool {
	for _, pa := range p.paths {
		if s := pa.speaker(); s != nil && len(s.owed) > 0 {
			return true
		}
	}
	return false
}

// appendClear gives the turn.
func (c *Core) appendClear(pa *path, buf []byte) []byte {
	p := pa.port
	cl := &p.clearing
	cl.count++
	c.stats.Clears++
	c.clock++
	pa.cleared = c.clock
	cl.turn, cl.told, cl.due = pa, true, false
	air := time.Duration(c.needed(pa)+clearSpare)*p.airtime(p.mtu) + p.turn(p.mtu)
	f := wire.Clear{To: pa.current.remote, From: [2]byte(c.short[:2]), Count: cl.count,
		Duration: uint16(min(air/(wire.ClearUnitMS*time.Millisecond), 1<<16-1))}
	start := len(buf)
	buf = wire.AppendClear(buf, f)
	mac := c.domain.clearMAC(buf[start:], c.boot)
	buf = append(buf, mac[:]...)
	p.sent(c.now, len(buf)-start)
	cl.begin = p.clear.Add(2 * p.turn(p.mtu))
	if !p.answers() {
		p.granted()
	}
	return buf
}

// clearMAC binds a clear to the boot of its sender: what was recorded before is good for nothing.
func (d *domainKeys) clearMAC(covered []byte, boot uint32) [wire.MACSize]byte {
	return mac8(&d.mac, []byte("clear"), covered, binary.BigEndian.AppendUint32(nil, boot))
}

// handleClear takes the turn that we are given, or keeps silent for another's.
func (c *Core) handleClear(p *port, b []byte) {
	f, err := wire.ParseClear(b)
	if err != nil {
		c.drop(DropMalformed)
		return
	}
	pa := c.clearedBy(p, f, b)
	switch {
	case c.domain.none() || pa == nil:
		c.drop(DropForeign)
	case pa.clearsSeen && int16(f.Count-pa.clears) <= 0 && pa.clearsOf == pa.bootNow():
		c.drop(DropReplay)
	default:
		pa.clearsSeen, pa.clears, pa.clearsOf = true, f.Count, pa.bootNow()
		if s := c.sessions[f.To]; s != nil && s.path == pa {
			c.ourTurn(pa)
			return
		}
		p.keepQuiet(c.now, time.Duration(f.Duration)*wire.ClearUnitMS*time.Millisecond)
	}
}

// clearedBy finds the neighbour that says so, by what only it and who heard it know.
func (c *Core) clearedBy(p *port, f wire.Clear, b []byte) *path {
	covered, mac := wire.SplitMAC(b)
	trials := maxTrials
	for _, pa := range p.paths {
		if [2]byte(pa.peer.short[:2]) != f.From || trials == 0 {
			continue
		}
		trials--
		want := c.domain.clearMAC(covered, pa.bootNow())
		if subtle.ConstantTimeCompare(mac, want[:]) == 1 {
			return pa
		}
	}
	return nil
}

// bootNow is the boot that the peer lives in, as far as we know.
func (pa *path) bootNow() uint32 {
	if pa.current != nil {
		return pa.current.boot
	}
	return pa.boot
}

// keepQuiet is silent for the burst of somebody else, who may not be heard here. Members may lie and many may
// have turns: after clearHeld of the longest bursts in a row nobody's word silences us for as long.
func (p *port) keepQuiet(now time.Time, d time.Duration) {
	cl, longest := &p.clearing, p.longest()
	switch {
	case now.Before(cl.bold):
		return
	case now.Sub(cl.kept) > longest:
		cl.meek = now
	case now.Sub(cl.meek) > clearHeld*longest:
		cl.bold, cl.quiet = now.Add(clearHeld*longest), time.Time{}
		return
	}
	cl.quiet = now.Add(min(d, longest+longest/4))
	cl.kept = cl.quiet
}

// ourTurn ends the silence. What waits for an answer of who gave the turn does so for no longer than that takes.
func (c *Core) ourTurn(pa *path) {
	p := pa.port
	p.clearing.quiet, p.clearing.kept, p.hearing = time.Time{}, time.Time{}, c.now
	soon := c.now.Add(2*p.turn(64) + leastAllowance)
	if p.hush.After(soon) {
		p.hush = soon
	}
	for _, o := range pa.peer.active() {
		if o.path == pa && o.waiting && o.deadline().After(soon) {
			o.base, o.wait, o.extra = c.now, soon.Sub(c.now), 0
		}
	}
}

// heldUntil is until when the air is not free for us, as far as we know.
func (p *port) heldUntil() time.Time {
	if q := p.clearing.quiet; q.After(p.hearing) {
		return q
	}
	return p.hearing
}

// leaveClearing forgets a path that ends.
func (p *port) leaveClearing(pa *path) {
	if cl := &p.clearing; cl.run == pa {
		cl.run = nil
	}
	if cl := &p.clearing; cl.last == pa {
		cl.last = nil
	}
	if cl := &p.clearing; cl.turn == pa {
		cl.turn, cl.begin, cl.due = nil, time.Time{}, false
	}
}

// clearTimeout lets the turn go on when it was not taken.
func (p *port) clearTimeout(now time.Time) {
	cl := &p.clearing
	if !cl.begin.IsZero() && !cl.begin.After(now) {
		cl.begin, cl.due = time.Time{}, true
		cl.turn.untaken++
	}
	if !cl.quiet.After(now) {
		cl.quiet = time.Time{}
	}
}
