package sik

import (
	"time"

	"packhorse/radio/phy"
)

// pacer estimates what the radio still holds: it says nothing of that. The other radio may use all its windows, so only
// our share of each round counts.
type pacer struct {
	timing timing
	rate   float64 // octets of the stream in a second
	leave  []time.Time
}

func newPacer(mod phy.Modulation, o Opts) pacer {
	kbps := mod.BitRate / 1000
	if o.ECC {
		kbps *= 2
	}
	t := timingOf(kbps, o.ECC)
	rate := float64(t.share()) / t.round().Seconds()
	allowed := float64(o.DutyPercent) / 100 * float64(t.data) / (float64(t.data+packetOctets) * 8 / float64(mod.BitRate))
	return pacer{timing: t, rate: min(rate, allowed)}
}

// access is the mean wait for our window while the other radio uses all of its own.
func (p *pacer) access() time.Duration { return (p.timing.window + 2*p.timing.silence) / 4 }

// add counts octets that the radio has now.
func (p *pacer) add(now time.Time, octets int) {
	start := p.clear()
	if start.Before(now) {
		start = now.Add(p.access())
	}
	p.leave = append(p.leave[max(0, len(p.leave)-depth):], start.Add(time.Duration(float64(octets)/p.rate*float64(time.Second))))
}

// wait is how long until fewer than depth frames are in the radio.
func (p *pacer) wait(now time.Time) time.Duration {
	if len(p.leave) < depth {
		return 0
	}
	return max(0, p.leave[len(p.leave)-depth].Sub(now))
}

// clear is when the last has left; zero when there never was any.
func (p *pacer) clear() time.Time {
	if len(p.leave) == 0 {
		return time.Time{}
	}
	return p.leave[len(p.leave)-1]
}
