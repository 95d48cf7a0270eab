package ebyte

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/gpio"
)

const (
	// settle is how long a module without AUX wire is given for a change of mode, and between bursts.
	settle = 100 * time.Millisecond
	// quiet is how long AUX must have been high before the mode may be changed, and before a new one counts.
	quiet = 2 * time.Millisecond
	// auxPatience is how long AUX may stay low: the longest frame, LBT which gives up after 2 s, and what others send meanwhile.
	auxPatience = 30 * time.Second
	auxLook     = 100 * time.Millisecond // an edge may be missed
)

// mode is what M1 and M0 say.
type mode struct{ m1, m0 gpio.Level }

// Modes (manuals, "operating mode").
var (
	transparent = mode{gpio.Low, gpio.Low}
	e22Config   = mode{gpio.High, gpio.Low}
	e32Config   = mode{gpio.High, gpio.High}
)

// strapped tells that the mode pins are not ours.
func (m *modem) strapped() bool { return m.opts.M0 == nil || m.opts.M1 == nil }

// preparePins sets AUX up to be watched.
func (m *modem) preparePins() error {
	if (m.opts.M0 == nil) != (m.opts.M1 == nil) {
		return errors.New("ebyte: one of M0 and M1 is missing: wire both, or tie both to ground")
	}
	if m.opts.AUX == nil {
		return nil
	}
	if err := m.opts.AUX.In(gpio.PullUp, gpio.RisingEdge); err != nil {
		if err := m.opts.AUX.In(gpio.PullNoChange, gpio.RisingEdge); err != nil { // no pull resistors here
			return fmt.Errorf("ebyte: AUX (%s): %w", m.opts.AUX.Name(), err)
		}
	}
	return nil
}

// switchTo changes the mode when the module is idle, and waits until it is in it.
func (m *modem) switchTo(ctx context.Context, to mode) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		pin  gpio.PinOut
		to   gpio.Level
	}{{"M0", m.opts.M0, to.m0}, {"M1", m.opts.M1, to.m1}} {
		if err := p.pin.Out(p.to); err != nil {
			return fmt.Errorf("ebyte: %s (%s): %w", p.name, p.pin.Name(), err)
		}
	}
	if err := m.pause(ctx, 10*quiet); err != nil { // AUX needs a moment to fall
		return err
	}
	return m.ready(ctx)
}

// ready waits until the module is idle, as far as that can be told.
func (m *modem) ready(ctx context.Context) error {
	if m.opts.AUX == nil {
		return m.pause(ctx, settle)
	}
	if err := m.awaitAUX(ctx); err != nil {
		return err
	}
	return m.pause(ctx, quiet)
}

// awaitAUX waits until AUX is high: all that the module was given is with its radio.
func (m *modem) awaitAUX(ctx context.Context) error {
	for end := time.Now().Add(auxPatience); m.opts.AUX.Read() == gpio.Low; {
		left := time.Until(end)
		if left <= 0 {
			return ErrStuck
		}
		m.opts.AUX.WaitForEdge(min(left, auxLook))
		select {
		case <-m.gone:
			return m.goneErr
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
	}
	return nil
}
