package link

import "time"

// Signs that bursts of neighbours overlap here.
const (
	clearStep   = 1. / 32 // of the suspicion is taken back by each burst that ended undisturbed
	clearGrain  = 1.0     // and a sign that bursts overlap adds so much
	clearMost   = 1.25
	strongDB    = 0   // of SNR: above the limit of every spreading factor by 7 dB
	tornPart    = 0.5 // of the time, at most, carried what was heard if frames were torn
	overlapPart = 0.9 // of the time that a burst must take: whoever else is heard before that talks into it
)

// overlap is what shows whether neighbours talk into each other's bursts.
type overlap struct {
	run      *path // whose burst is under way here, since
	began    time.Time
	last     *path // whose data came last, and
	lastAt   time.Time
	expected time.Duration // at least
	strays   int           // frames of others meanwhile
	first    time.Time     // of these runs, and
	frames   int           // how many were heard in them
	doubt    float64       // that neighbours hear each other
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
func (cl *overlap) suspect() { cl.doubt = min(cl.doubt+clearGrain, clearMost) }

// torn tells whether much less was heard than bursts that follow one another would have brought.
func (cl *overlap) torn(now time.Time, p *port) bool {
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
