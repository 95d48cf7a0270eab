package rnode

import (
	"time"

	"packhorse/radio/phy"
)

// loadWindow is over what the firmware measures its own airtime to choose a
// contention window: two bins of 7.5 s.
const loadWindow = 15 * time.Second

// pacer estimates when the frames handed to the modem leave. The firmware says
// nothing of it, but its timing is known: it waits for the channel, then sends
// what is queued at that moment; what comes during a burst waits for the next.
type pacer struct {
	timing phy.RNodeTiming
	burst  time.Time   // when the latest burst starts
	queued []departure // not yet known to have left, oldest first
	recent []departure // left or leaving, within loadWindow
	last   time.Time   // when the last one leaves
}

type departure struct {
	at    time.Time // by our estimate
	since time.Time // no sooner than this
	air   time.Duration
}

// wait is how long until fewer than depth frames are in the modem.
func (p *pacer) wait(now time.Time, depth int) time.Duration {
	for len(p.queued) > 0 && !p.queued[0].at.After(now) {
		p.queued = p.queued[1:]
	}
	if len(p.queued) < depth {
		return 0
	}
	return p.queued[len(p.queued)-depth].at.Sub(now)
}

// add counts a frame handed over now and answers when it will have left. heard
// is when a frame of another station was last received.
func (p *pacer) add(now time.Time, air time.Duration, heard time.Time) time.Time {
	last := now
	if n := len(p.queued); n > 0 && p.queued[n-1].at.After(now) {
		last = p.queued[n-1].at
	}
	joins := p.timing.Flushes && now.Before(p.burst) && last.After(now)
	if !joins {
		p.burst = last.Add(p.access(now, last, heard))
		last = p.burst
	}
	d := departure{at: last.Add(air), since: now, air: air}
	p.queued = append(p.queued, d)
	p.recent = append(p.recent, d)
	p.last = d.at
	return d.at
}

// access is the wait before a burst that may start at ready. The firmware does
// not stop its window clock while it sends, so unless it has met a busy channel
// since, the time from its latest burst on counts as waited.
func (p *pacer) access(now, ready, heard time.Time) time.Duration {
	full := p.timing.Access(p.load(now))
	if p.burst.IsZero() || heard.After(p.burst) {
		return full
	}
	return max(p.timing.DIFS, full-max(0, ready.Sub(p.burst)))
}

// load is our own share of airtime in percent, as the firmware would see it.
func (p *pacer) load(now time.Time) int {
	for len(p.recent) > 0 && now.Sub(p.recent[0].at) > loadWindow {
		p.recent = p.recent[1:]
	}
	var sum time.Duration
	for _, d := range p.recent {
		sum += d.air
	}
	return int(min(100, sum*100/loadWindow))
}

// meterBin is half of what the firmware's word on its own airtime covers: all of the bin that runs and of
// the one before. It comes once a second, and a frame counts when it has left.
const (
	meterBin   = loadWindow / 2
	meterSlack = 1500 * time.Millisecond
	// meterShare of what is due may be missing by rounding and by the preambles of older chips.
	meterShare = 8
)

// metered compares what should have left with what the modem says that it has sent. While others keep the
// channel busy, frames wait in it for any time: those that it cannot have sent wait on, the latest first.
func (p *pacer) metered(now time.Time, sent time.Duration) {
	var due time.Duration
	for _, d := range p.recent {
		due += d.accountable(now)
	}
	missing := due - sent
	if missing <= due/meterShare {
		return
	}
	from := len(p.recent)
	for missing > 0 && from > 0 {
		from--
		missing -= p.recent[from].accountable(now)
	}
	p.hold(now, from)
}

// accountable is a frame's airtime if the modem's word must cover it: it should have left by now, and even if it left as
// soon as it could, that was not before what the word covers.
func (d departure) accountable(now time.Time) time.Duration {
	if now.Sub(d.at) < meterSlack || now.Sub(d.since) >= meterBin {
		return 0
	}
	return d.air
}

// hold takes the frames from this one on to be still in the modem.
func (p *pacer) hold(now time.Time, from int) {
	p.queued, p.burst, p.last = nil, time.Time{}, now.Add(p.timing.DIFS+meterSlack)
	for i := from; i < len(p.recent); i++ {
		d := &p.recent[i]
		p.last = p.last.Add(d.air)
		d.at, d.since = p.last, now.Add(-meterSlack)
		p.queued = append(p.queued, *d)
	}
}
