package chip

import (
	"context"
	"fmt"
	"time"
)

// margin is how long after its time on air a frame may be reported as sent: start-up and ramp take less than 1 ms
// (SX1276 datasheet table 10, SX1261/2 datasheet table 3-7), a crystal is off by less than 1 in 10,000, so the rest is for
// computers that are busy. Only a chip that hangs makes anyone wait for it.
func margin(air time.Duration) time.Duration { return 250*time.Millisecond + air/8 }

// Transmit sends one frame and returns when it has left. When ctx ends, the transmission is broken off. An
// InterruptedError tells that the frame may not have left but the radio works on.
func (r *Radio) Transmit(ctx context.Context, frame []byte) error {
	if most := r.Capabilities().MaxFrame; len(frame) == 0 || len(frame) > most {
		return fmt.Errorf("chip: a frame of %d octets: send 1 to %d", len(frame), most)
	}
	air, err := r.send(ctx, frame)
	if err != nil {
		return err
	}
	_, err = r.await(ctx, air+margin(air), "sending")
	return err
}

// send starts a transmission and tells how long it takes.
func (r *Radio) send(ctx context.Context, frame []byte) (time.Duration, error) {
	if err := r.lock(ctx); err != nil {
		return 0, err
	}
	defer r.unlock()
	err := r.begin(ctx, func() (task, error) { return sending, r.driver.Transmit(frame) })
	if err != nil {
		return 0, err
	}
	air := r.set.mod.TimeOnAir(len(frame))
	r.occupied(air)
	r.counts.Lock()
	defer r.counts.Unlock()
	r.began, r.onAir = time.Now(), air
	r.clear = r.began.Add(air)
	return air, nil
}

// OnAir is how long the last transmission took by the clock, from the command to the interrupt, and not less than by
// calculation, which stands alone where the interrupt was lost. Safe for concurrent use.
func (r *Radio) OnAir() time.Duration {
	r.counts.Lock()
	defer r.counts.Unlock()
	return r.onAir
}

// left notes when a transmission has ended.
func (r *Radio) left(at time.Time) {
	r.counts.Lock()
	defer r.counts.Unlock()
	r.onAir = max(r.onAir, at.Sub(r.began)) // the clock was read a little after the command
}

// begin gives the chip something to do, after what has come in was fetched. A chip that does not take it is brought back
// and told once more: nothing has happened yet.
func (r *Radio) begin(ctx context.Context, start func() (task, error)) error {
	if r.set == nil {
		return ErrNotConfigured
	}
	err := r.collect(time.Now(), false)
	var t task
	if err == nil {
		t, err = start()
	}
	if err != nil {
		if err := r.mend(ctx, err); err != nil {
			return err
		}
		t, err = start()
	}
	if err != nil {
		return r.interrupted(ctx, "starting", err)
	}
	r.doing = t
	return nil
}

// await waits for the end of what has begun. In the end the flags are read once more, for the interrupt may have been lost.
func (r *Radio) await(ctx context.Context, limit time.Duration, what string) (result, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case res := <-r.result:
		return res, res.err
	case <-r.ended:
		return result{}, r.endErr
	case <-timer.C:
	case <-ctx.Done():
	}
	if err := r.lock(r.ctx); err != nil {
		return result{}, err
	}
	defer r.unlock()
	fault := r.collect(time.Now(), ctx.Err() == nil)
	select {
	case res := <-r.result:
		if fault != nil {
			r.broken = fault
		}
		return res, res.err
	default:
	}
	if ctx.Err() != nil {
		return result{}, r.giveUp(ctx, fault)
	}
	if fault == nil {
		fault = stuck(what, limit)
	}
	return result{}, r.interrupted(r.ctx, what, fault)
}

// giveUp ends what the chip does, because nobody waits for it any more.
func (r *Radio) giveUp(ctx context.Context, fault error) error {
	if fault == nil {
		fault = r.receive()
	}
	if fault != nil {
		r.broken, r.doing = fault, idle
	}
	return ctx.Err()
}

func stuck(what string, limit time.Duration) error {
	return &FaultError{
		What: fmt.Sprintf("chip: %s has not ended after %v", what, limit.Round(time.Millisecond)),
		Fix:  "check that the supply holds 3.3 V under load, and that the oscillator in the board's profile (TCXO or crystal) is the one on the board",
		Err:  ErrStuck,
	}
}
