package gateway

import (
	"fmt"
	"time"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// wallclock judges the wall clock. A board without a battery knows no time of its own, and a network time
// server may be wrong or lie: believed at once, one reading twenty years ahead would end every parcel here. So
// a reading counts only while it fits what this gateway knew of the time before, plus what has passed since by
// a clock that nobody sets. What it knew survives a restart.
type wallclock struct {
	kept     bool        // the host answers for it: taken at its word
	reported pki.Quality // as the shell says
	known    time.Time   // a time that was right, at knownAt; zero: none
	knownAt  time.Duration
	agreed   bool // a reading fitted in this life
	since    time.Time
	sinceAt  time.Duration // since when a reading holds that does not fit
	waiting  bool          // since and sinceAt are set
	left     time.Duration // how much longer it has to hold, 0: time alone will not do
	off      time.Duration // how far ahead of what was known, 0 when it fits
	due      time.Time     // when it will have, zero: it will not by time alone
	began    time.Time
	last     time.Time // the latest reading
	stored   time.Time // the latest that is in the log
	tried    time.Time // when it was last to be stored
}

const (
	// clockSlack is how far a reading may be off: as far as neighbours' time may move.
	clockSlack = day
	// clockAhead is how far ahead time may be after a long time without power. A year covers a gateway that
	// rests between two seasons, and is far below the errors that clocks really make: 19.6 years when a GPS
	// receiver counts 1,024 weeks wrong, decades when a year is 1970, 2000 or 2036.
	clockAhead = 366 * day
	// holdAhead is how long such a time has to hold. Clients of NTP ask again at the latest after 34 minutes
	// (systemd-timesyncd) or 17 (ntpd and chrony as they come): within the hour each has asked again, and a
	// server that was wrong once was outvoted or corrected.
	holdAhead = time.Hour
	// holdFirst is how long the first time of all has to hold: there is nothing yet that it could end.
	holdFirst = 10 * time.Second
	// holdDrift is by how much a reading that holds may drift meanwhile.
	holdDrift = time.Minute
	// clockSaved is how often what is known becomes durable, together with something else.
	clockSaved = time.Hour

	counterClock = "clock"
)

// judge tells how far a reading may be trusted. steady is what a clock shows that nobody sets.
func (w *wallclock) judge(wall time.Time, steady time.Duration) pki.Quality {
	w.left, w.off = 0, 0
	if w.kept || w.reported < pki.ClockNTP {
		w.waiting = false
		return w.reported
	}
	if !w.known.IsZero() {
		off := wall.Sub(w.known.Add(steady - w.knownAt))
		if off.Abs() <= clockSlack {
			w.agree(wall, steady, off)
			return w.reported
		}
		if w.off = off; off < 0 || off > clockAhead {
			w.waiting = false
			return pki.ClockNeighbour
		}
	}
	if !w.held(wall, steady) {
		return pki.ClockNeighbour
	}
	w.known, w.knownAt, w.agreed, w.waiting, w.off = wall, steady, true, false, 0
	return w.reported
}

// agree goes on from the first reading of this life that fits, never back. Later ones move nothing: or many
// small steps would lead as far as a large one.
func (w *wallclock) agree(wall time.Time, steady, off time.Duration) {
	if !w.agreed && off > 0 {
		w.known, w.knownAt = wall, steady
	}
	w.agreed, w.waiting = true, false
}

// held tells that a reading has gone on evenly for long enough.
func (w *wallclock) held(wall time.Time, steady time.Duration) bool {
	passed := steady - w.sinceAt
	if !w.waiting || (wall.Sub(w.since)-passed).Abs() > holdDrift {
		w.waiting, w.since, w.sinceAt, passed = true, wall, steady, 0
	}
	hold := holdAhead
	if w.known.IsZero() {
		hold = holdFirst
	}
	w.left = max(hold-passed, 0)
	return w.left == 0
}

// readClock judges the reading of now before anything is done by it.
func (c *Core) readClock(now time.Time) {
	w := &c.clock
	if w.began.IsZero() {
		w.began = now
	}
	w.last = now.Round(0)
	steady := now.Sub(w.began)
	if c.cfg.Steady != nil {
		steady = c.cfg.Steady(now)
	}
	q, doubted := w.judge(w.last, steady), w.off != 0
	if w.due = (time.Time{}); w.left > 0 {
		w.due = now.Add(w.left)
	}
	if doubted != c.doubted && doubted {
		c.notice(true, "the clock is doubted: "+w.why())
	}
	c.dirty = c.dirty || q != c.quality
	c.quality, c.doubted = q, doubted
	c.tellClock(now)
}

// tellClock passes the quality on for our beacons, whenever it has changed.
func (c *Core) tellClock(now time.Time) {
	if q := link.ClockQuality(c.quality); c.link != nil && q != c.clockTold {
		c.clockTold = q
		c.link.HandleEvent(now, link.Clock{Quality: q})
	}
}

// steady is now on a clock that nobody sets, and back turns a time on it into one that goes with now.
func (w *wallclock) steady(now time.Time) time.Time { return w.began.Round(0).Add(now.Sub(w.began)) }

func (w *wallclock) back(t time.Time) time.Time { return w.began.Add(t.Sub(w.began.Round(0))) }

// restoreClock begins with the time that is in the log, or else with that of our membership.
func (c *Core) restoreClock() {
	if at := c.counters[counterClock]; at != 0 {
		c.clock.stored = time.Unix(int64(min(at, maxSeconds)), 0)
		c.clock.known = c.clock.stored
	} else if c.member != nil {
		c.clock.known = c.member.Record.NotBefore
	}
}

// maxSeconds keeps a spoiled record within what time can express.
const maxSeconds = 1 << 40

// saveClock adds what is known of the time to a batch that is written anyway.
func (c *Core) saveClock(b *batch) {
	w := &c.clock
	switch {
	case len(b.ops) == 0 || !c.clockTrusted() || w.last.Sub(w.tried).Abs() < clockSaved:
	case w.kept || w.last.After(w.stored):
		w.tried, w.stored = w.last, w.last
		b.ops = append(b.ops, counterOp(counterClock, uint64(max(w.last.Unix(), 1))))
	}
}

// why says in words what is wrong with the clock; empty when nothing is.
func (w *wallclock) why() string {
	switch {
	case w.off < 0:
		return fmt.Sprintf("it is %v behind a time that this gateway was sure of", (-w.off).Round(time.Hour))
	case w.off > clockAhead:
		return fmt.Sprintf("it is %v ahead of what this gateway was sure of, more than a year", w.off.Round(time.Hour))
	case w.off > 0:
		return fmt.Sprintf("it is %v ahead of what this gateway was sure of, and has to hold for %v more", w.off.Round(time.Hour), w.left.Round(time.Minute))
	case w.left > 0:
		return fmt.Sprintf("it was set just now and has to hold for %v more", w.left.Round(time.Second))
	}
	return ""
}

// Clock is how far the wall clock is trusted now, and how much longer it has to hold before it is trusted
// more; 0 when waiting does not help.
func (c *Core) Clock() (pki.Quality, time.Duration) { return c.quality, c.clock.left }

func (c *Core) clockTrusted() bool { return c.quality >= pki.ClockNTP }
