package chip

import (
	"time"

	"packhorse/radio"
)

// meter keeps what the chip has met on its channel. The noise is sampled with the check each second, so it costs one more
// read then and nothing else.
type meter struct {
	noise   float64
	sampled bool
	used    [2]time.Duration // airtime heard and sent, in the bin before and in this one
	bin     time.Time        // when this one began
}

const (
	meterBin = 7500 * time.Millisecond
	// noiseWeight of one sample: about a quarter of a minute is remembered.
	noiseWeight = 1.0 / 16
)

var _ radio.Meter = (*Radio)(nil)

// Channel is the mean noise, and the share of the last 7.5 to 15 s that good frames and our own took, and
// the packets without payload. Safe for concurrent use.
func (r *Radio) Channel() radio.ChannelStats {
	r.counts.Lock()
	defer r.counts.Unlock()
	c := radio.NoChannelStats()
	c.Foreign = r.stats.Foreign
	if r.meter.sampled {
		c.NoiseDBm = r.meter.noise
	}
	if now := time.Now(); !r.meter.bin.IsZero() {
		r.meter.roll(now)
		c.Busy = min(1, float64(r.meter.used[0]+r.meter.used[1])/float64(meterBin+now.Sub(r.meter.bin)))
	}
	return c
}

// roll begins a new bin when this one is full.
func (m *meter) roll(now time.Time) {
	if m.bin.IsZero() || now.Sub(m.bin) >= 2*meterBin {
		m.bin, m.used = now, [2]time.Duration{}
	}
	if now.Sub(m.bin) >= meterBin {
		m.bin, m.used = m.bin.Add(meterBin), [2]time.Duration{m.used[1], 0}
	}
}

// occupied counts a frame on the channel.
func (r *Radio) occupied(air time.Duration) {
	r.counts.Lock()
	defer r.counts.Unlock()
	r.meter.roll(time.Now())
	r.meter.used[1] += air
}

// sampleNoise reads the level while nothing comes in.
func (r *Radio) sampleNoise() error {
	if r.doing != receiving || r.arriving() || time.Since(r.since) < settle {
		return nil
	}
	level, err := r.driver.Level()
	if err != nil {
		return err
	}
	r.counts.Lock()
	defer r.counts.Unlock()
	r.meter.roll(time.Now())
	if !r.meter.sampled {
		r.meter.noise, r.meter.sampled = level, true
	}
	r.meter.noise += (level - r.meter.noise) * noiseWeight
	return nil
}
