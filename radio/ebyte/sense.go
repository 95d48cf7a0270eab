package ebyte

import (
	"context"
	"time"

	"packhorse/radio/phy"
)

const (
	// A channel is taken to be busy at this much above the noise of its bandwidth, where the law says nothing else.
	busyMarginDB = 11
	leastSamples = 2
)

// sample asks for the ambient signal in transparent mode, two registers from 00 on (manuals, register 04 b5).
var sample = []byte{0xC0, 0xC1, 0xC2, 0xC3, 0x00, 0x02}

// Sense reads the ambient signal of the module, again and again for law.For and at least twice: about every 15 ms at
// 9600 baud. It is a sample, not a watch: what is shorter than that can slip through, and LoRa below the noise is not heard.
func (e *E22) Sense(ctx context.Context, law phy.Sensing) (busy bool, err error) {
	if e.strapped() {
		return true, ErrStrapped
	}
	e.command.Lock()
	defer e.command.Unlock()
	limit := phy.NoiseFloorDBm(e.mod.BandwidthHz) + busyMarginDB
	if law.For > 0 {
		limit = law.BelowDBm
	}
	from := time.Now()
	for n := 0; n < leastSamples || time.Since(from) < law.For; n++ {
		level, err := e.ambient(ctx)
		if err != nil || e.dBm(level) >= limit {
			return true, err
		}
	}
	return false, nil
}

// ambient is one answer of the module.
func (e *E22) ambient(ctx context.Context) (byte, error) {
	select {
	case <-e.levels: // of an earlier question
	default:
	}
	if err := e.write(sample); err != nil {
		return 0, err
	}
	timer := time.NewTimer(answerPatience + e.uart(len(sample)+answerOctets))
	defer timer.Stop()
	select {
	case b := <-e.levels:
		return b, e.pause(ctx, gap) // else the next question or frame would be joined to this one
	case <-timer.C:
		return 0, &SenseError{}
	case <-e.gone:
		return 0, e.goneErr
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
