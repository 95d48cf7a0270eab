package chip

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	mostTries  = 10          // to reset a chip, before it counts as gone
	tryEvery   = time.Second // long enough for someone to push a connector back in
	mostFaults = 20          // in a row, with a working reset after each
)

// mendable tells the faults of a chip from a setting that it cannot do.
func mendable(err error) bool {
	return errors.Is(err, ErrStuck) || errors.Is(err, ErrNoChip) || errors.Is(err, ErrWrongMode)
}

// mend brings the chip back to where it was: reset, configured, receiving. Who waits for it learns that it was
// interrupted. A chip that does not come back ends the Radio. When ctx ends, the next check goes on.
func (r *Radio) mend(ctx context.Context, cause error) error {
	r.interrupt(cause)
	if r.faults++; r.faults > mostFaults {
		return r.giveUpFor(cause)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	err := r.tryToRevive(ctx)
	switch {
	case err == nil:
		r.broken = nil
		return nil
	case r.ctx.Err() != nil:
		return r.endErr
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return r.giveUpFor(err)
}

// tryToRevive resets the chip until it works or the tries are used up.
func (r *Radio) tryToRevive(ctx context.Context) error {
	err := r.revive(ctx)
	for try := 1; err != nil && try < mostTries && pause(ctx, tryEvery) == nil; try++ {
		err = r.revive(ctx)
	}
	return err
}

// interrupt marks the chip as broken and tells who waits for it.
func (r *Radio) interrupt(cause error) {
	waited := r.doing == sending || r.doing == detecting
	what := "listening"
	if r.doing == sending {
		what = "sending"
	}
	r.broken, r.doing, r.incoming, r.signal = cause, idle, time.Time{}, false
	if waited {
		r.result <- result{err: &InterruptedError{What: what, Err: cause}}
	}
}

// revive is one try.
func (r *Radio) revive(ctx context.Context) error {
	r.count(func(s *Stats) { s.Resets++ })
	if err := r.driver.Reset(ctx); err != nil {
		return err
	}
	if r.set == nil {
		return nil
	}
	return r.apply(*r.set)
}

// giveUpFor ends the Radio.
func (r *Radio) giveUpFor(err error) error {
	var fault *FaultError
	if !errors.As(err, &fault) {
		err = &FaultError{
			What: fmt.Sprintf("chip: the radio does not work any more: %v", err),
			Fix:  "check its supply, and the wires of SPI, chip select and reset",
			Err:  err,
		}
	}
	r.end(err)
	return err
}

// interrupted ends what has not ended by itself: by a command if the chip still obeys, and the first time in a row; by
// a reset else. The radio works on, or it is gone.
func (r *Radio) interrupted(ctx context.Context, what string, cause error) error {
	r.doing = idle
	again := cause
	if errors.Is(cause, ErrStuck) && r.faults == 0 {
		r.faults++
		if again = r.driver.Standby(); again == nil {
			again = r.receive()
		}
	}
	if again != nil {
		if err := r.mend(ctx, again); err != nil {
			return err
		}
	}
	return &InterruptedError{What: what, Err: cause}
}
