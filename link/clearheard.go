package link

import (
	"crypto/subtle"
	"time"

	"packhorse/link/wire"
)

// clearHeld is how many of the longest bursts we keep silent at others' word without a turn of our own, and then for as
// long not.
const clearHeld = 2

// stillness is our silence at others' word.
type stillness struct {
	quiet time.Time // it lasts until then,
	kept  time.Time // or lasted when we last kept it, if it was not our turn since;
	meek  time.Time // we have kept it since then,
	bold  time.Time // and do not until then
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
