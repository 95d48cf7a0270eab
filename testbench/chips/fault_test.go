//go:build linux

package chips

import (
	"math/rand/v2"
	"testing"
	"time"
)

// fault is something that happens to a chip in the middle of work.
type fault uint8

const (
	lostInterrupts fault = iota
	dippedSupply
	looseConnector // for some seconds: the driver brings the chip back
	pulledOut      // for longer: the port has to open the radio anew
	faults
)

func (f fault) String() string {
	return [...]string{"lost interrupts", "dipped supply", "loose connector", "pulled out"}[f]
}

// strike lets a fault happen and waits until its cause is gone.
func (f fault) strike(c faulty, rng *rand.Rand) {
	switch f {
	case lostInterrupts:
		c.LoseIRQ(1 + rng.IntN(3))
		return
	case dippedSupply:
		c.BrownOut()
		return
	}
	c.Unplug()
	if f == looseConnector {
		time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Second))))
	} else {
		time.Sleep(15*time.Second + time.Duration(rng.Int64N(int64(10*time.Second))))
	}
	c.Replug()
}

// TestLettersGetThroughFaults has each fault at each end in the middle of a letter, at 10 % loss.
func TestLettersGetThroughFaults(t *testing.T) {
	for f := range faults {
		for victim := range 2 {
			p := plan{seed: uint64(f)*2 + uint64(victim), kinds: []kind{sx1276, sx1262}, loss: 0.1}
			content := p.letter(payload)
			play(t, p, func(r *road) {
				rng := rand.New(rand.NewPCG(p.seed, 3))
				sent := r.send(content)
				for range 3 {
					time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Second))))
					f.strike(r.nodes[victim].seat.chip, rng)
				}
				got := r.finish(sent, content)
				t.Logf("%v at %s's %v: airtime %.1f s, delivered after %.1f s", f, names[victim], p.kinds[victim], got.airtime.Seconds(), got.took.Seconds())
			})
		}
	}
}
