package radios

import (
	"context"
	"errors"
	"fmt"

	"packhorse/board"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// Probe opens the radio of a plan for a moment, without transmitting, and says what is there. Explain tells its errors apart.
func (p Plan) Probe(ctx context.Context, h Host) (string, error) { return p.kind.probe(ctx, h, p) }

// Fault is what is wrong with a radio, and what to do.
type Fault struct {
	What, Fix string
	Err       error
}

func (f *Fault) Error() string { return f.What + ": " + f.Fix }

func (f *Fault) Unwrap() error { return f.Err }

// Explain takes an error of a radio apart: what is wrong, and what to do.
func Explain(err error, kind string) (what, fix string) {
	var ours *Fault
	var hardware *chip.FaultError
	var device *board.DeviceError
	switch {
	case errors.As(err, &ours):
		return ours.What, ours.Fix
	case errors.As(err, &hardware):
		return hardware.What, hardware.Fix
	case errors.As(err, &device):
		return device.What, device.Fix
	}
	return err.Error(), fmt.Sprintf("see docs/radios/%s.md; packhorse board serial lists the ports", kind)
}

// oscillating is a driver that can try the other kind of oscillator.
type oscillating interface {
	OtherOscillator(ctx context.Context) (millivolts int, err error)
}

// named is a driver that knows what its chip calls itself.
type named interface{ Version() string }

// probeChip resets the chip, sets it, and listens for a moment: that also shows whether its interrupts arrive.
func probeChip(ctx context.Context, h Host, p Plan, driver func(*board.Hardware) (chip.Driver, error)) (string, error) {
	hw, err := h.Hardware(p.Board)
	if err != nil {
		return "", err
	}
	defer hw.Close()
	d, err := driver(hw)
	if err != nil {
		return "", err
	}
	if err := d.Reset(ctx); err != nil {
		return "", errors.Join(otherOscillator(ctx, d, p.Board, err), d.Close())
	}
	c, err := chip.Open(ctx, d, hw.IRQ, chip.Opts{})
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.Configure(ctx, p.Modulation, int(p.Chain.ChipDBm)); err != nil {
		return "", err
	}
	if _, err := c.Sense(ctx, phy.Sensing{}); err != nil {
		return "", err
	}
	if s := c.Stats(); s.LateIRQ > 0 {
		return "", &Fault{What: fmt.Sprintf("the chip works, and its interrupts do not arrive on %s", p.Board.Pins.IRQ),
			Fix: "check that wire (DIO0 of an SX127x, DIO1 of an SX126x), and pins.irq of the board's file", Err: chip.ErrNoInterrupt}
	}
	version := ""
	if n, ok := d.(named); ok && n.Version() != "" {
		version = ", which calls itself " + n.Version()
	}
	return fmt.Sprintf("an %s answers%s, takes its settings and interrupts on %s", p.Board.Radio.Chip, version, p.Board.Pins.IRQ), nil
}

// otherOscillator finds out whether the board's file is wrong about the oscillator.
func otherOscillator(ctx context.Context, d chip.Driver, p *board.Profile, err error) error {
	o, ok := d.(oscillating)
	if n, is := d.(named); !ok || !is || n.Version() == "" {
		return err // no chip answered at all
	}
	millivolts, failed := o.OtherOscillator(ctx)
	if failed != nil {
		return err
	}
	what, fix := "a crystal", "take tcxo_volts out of"
	if millivolts > 0 {
		what, fix = fmt.Sprintf("a TCXO of %g V on DIO3", float64(millivolts)/1000), fmt.Sprintf("set tcxo_volts = %g in", float64(millivolts)/1000)
	}
	return &Fault{What: fmt.Sprintf("the board %s has %s, and its file says something else", p.Name, what),
		Fix: fix + " the board's file (a copy in boards.d if it is built in), or name the board that you have", Err: err}
}
