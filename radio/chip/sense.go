package chip

import (
	"context"
	"time"

	"packhorse/radio/phy"
)

const (
	detectSymbols = 20 // longest detection of any chip, with its processing
	// settle is how long a receiver that was just started measures nothing (LoRaMac-node waits as long).
	settle = time.Millisecond
	// sampleEvery is how often the power in the channel is read; less than half a symbol of any setting that is in use,
	// and short beside the 5 ms that the rules of carrier sense ask for.
	sampleEvery = 500 * time.Microsecond
)

// Sense listens for activity as the modulation shows it, and then for power as the law wants it. While a packet is coming
// in the answer is busy at once: detection would break it off.
func (r *Radio) Sense(ctx context.Context, law phy.Sensing) (busy bool, err error) {
	busy, limit, err := r.detect(ctx)
	if busy || err != nil {
		return busy, err
	}
	found, err := r.await(ctx, limit, "listening")
	if err != nil || found.detected || law.For <= 0 {
		return found.detected, err
	}
	return r.energy(ctx, law)
}

// detect starts channel activity detection, unless a packet is coming in.
func (r *Radio) detect(ctx context.Context) (busy bool, limit time.Duration, err error) {
	if err := r.lock(ctx); err != nil {
		return false, 0, err
	}
	defer r.unlock()
	err = r.begin(ctx, func() (task, error) {
		if busy = r.arriving(); busy {
			return receiving, nil
		}
		return detecting, r.driver.Detect()
	})
	if busy || err != nil {
		return busy, 0, err
	}
	limit = detectSymbols * r.set.mod.SymbolTime()
	return false, limit + margin(limit), nil
}

// arriving tells whether a packet is coming in, by the flags just read.
func (r *Radio) arriving() bool { return r.signal || time.Now().Before(r.incoming) }

// energy measures the channel for as long as the law wants, once at least.
func (r *Radio) energy(ctx context.Context, law phy.Sensing) (busy bool, err error) {
	if err := pause(ctx, settle); err != nil {
		return false, err
	}
	for end := time.Now().Add(law.For); ; {
		level, arriving, err := r.level(ctx)
		left := time.Until(end)
		if err != nil || arriving || level >= law.BelowDBm || left <= 0 {
			return err == nil && (arriving || level >= law.BelowDBm), err
		}
		if err := pause(ctx, min(left, sampleEvery)); err != nil {
			return false, err
		}
	}
}

// level is one sample.
func (r *Radio) level(ctx context.Context) (dBm float64, arriving bool, err error) {
	if err := r.lock(ctx); err != nil {
		return 0, false, err
	}
	defer r.unlock()
	err = r.broken
	if err == nil {
		dBm, err = r.driver.Level()
	}
	if err != nil {
		return 0, false, r.interrupted(ctx, "listening", err)
	}
	return dBm, r.arriving(), nil
}
