package radios

import (
	"context"
	"errors"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// Rest lets the chip of a radio that is not used sleep: with power alone it waits in standby, where it takes
// thousands of times as much (docs/POWER.md). Nothing is transmitted. Radios that are not chips on a board that is known are left alone.
func Rest(ctx context.Context, h Host, r config.Radio, p *board.Profile) error {
	k, err := kindOf(r, p, phy.Modulation{})
	if err != nil || k.rest == nil {
		return err
	}
	return k.rest(ctx, h, p)
}

// restChip resets the chip and closes its driver, which leaves it asleep.
func restChip(ctx context.Context, h Host, p *board.Profile, driver func(*board.Hardware) (chip.Driver, error)) error {
	hw, err := h.Hardware(p)
	if err != nil {
		return err
	}
	defer hw.Close()
	d, err := driver(hw)
	if err != nil {
		return err
	}
	return errors.Join(d.Reset(ctx), d.Close())
}
