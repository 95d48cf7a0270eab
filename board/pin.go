package board

import (
	"fmt"
	"sync"

	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl" // GPIO lines; sysfs GPIO is gone from recent kernels
	_ "periph.io/x/host/v3/sysfs"   // spidev
)

// startDrivers loads periph's drivers, once for the process. Only those that are imported here exist: the drivers
// of single chips map registers that are elsewhere on a Raspberry Pi 5.
var startDrivers = sync.OnceValue(func() error {
	_, err := driverreg.Init()
	return err
})

// Line gives a GPIO line of this computer for what is no radio, such as a relay. Its first Out claims it, Release gives
// it back. A line that somebody else holds is a *HeldError.
func (h Host) Line(ref PinRef) (gpio.PinIO, error) { return h.pin(ref) }

// pin gives a GPIO line of this computer. It is claimed by its first use (In or Out), and released by Release. What
// it answers to String is the reference, fit for messages.
func (h Host) pin(ref PinRef) (gpio.PinIO, error) {
	chips, err := h.chips()
	if err != nil {
		return nil, err
	}
	return h.claimable(chips, ref)
}

// claimable finds a line that nobody else holds.
func (h Host) claimable(chips []GPIOChip, ref PinRef) (gpio.PinIO, error) {
	i, offset, err := locate(chips, ref, h.Model().HeaderChip())
	if err != nil {
		return nil, err
	}
	if who := heldBy(chips[i].Lines[offset]); who != "" {
		return nil, &HeldError{Pin: ref, By: who}
	}
	if err := startDrivers(); err != nil {
		return nil, fmt.Errorf("board: start the GPIO drivers: %w", err)
	}
	for _, c := range gpioioctl.Chips {
		if c.Label() == chips[i].Label && offset < c.LineCount() {
			return &namedPin{PinIO: c.ByNumber(offset), ref: ref}, nil
		}
	}
	return nil, fmt.Errorf("board: the GPIO chip %s appeared after this program had started: start it again", chips[i].Label)
}

// HeldError: somebody else has a GPIO line.
type HeldError struct {
	Pin PinRef
	By  string
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("board: %s is held by %s: %s", e.Pin, e.By, releaseHint(e.By))
}

// Remedy is what to do; it is the end of Error.
func (e *HeldError) Remedy() string { return releaseHint(e.By) }

// namedPin is a line that is called as the profile calls it.
type namedPin struct {
	gpio.PinIO
	ref PinRef
}

func (p *namedPin) String() string { return string(p.ref) }
func (p *namedPin) Name() string   { return string(p.ref) }

// Release gives a line back to the system. Nobody may be waiting for an edge on it.
func Release(p gpio.PinIO) {
	if n, ok := p.(*namedPin); ok {
		p = n.PinIO
	}
	if c, ok := p.(interface{ Close() }); ok {
		c.Close()
	}
}
