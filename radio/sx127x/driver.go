package sx127x

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/spi"

	"packhorse/radio"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// Driver is one chip. Its methods are called one at a time; chip.Open sees to that.
type Driver struct {
	bus  *chip.Bus
	pins chip.Pins
	opts Opts
	out  [1 + 256]byte
	in   [1 + 256]byte

	mode     mode     // that the chip was told
	wave     phy.Wave // of Configure; zero before
	powerDBm int
	version  byte
	last     Reception
	missed   chip.Event // what ended between Events and the command after it
}

var _ chip.Driver = (*Driver)(nil)

// New takes over an SPI port and the pins of a board. It does not speak to the chip yet. On error the port is closed.
func New(port spi.PortCloser, pins chip.Pins, opts Opts) (*Driver, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, errors.Join(err, port.Close())
	}
	bus, err := chip.NewBus(port, opts.Clock, pins.Select)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(pins.PowerOn(), pins.Route(chip.PathOff)); err != nil {
		return nil, errors.Join(err, bus.Close())
	}
	return &Driver{bus: bus, pins: pins, opts: opts}, nil
}

// retune is Configure with its reception: 43 transactions on the bus, for which 100 µs each are allowed.
const retune = 5 * time.Millisecond

// Capabilities of every chip of the family.
func (d *Driver) Capabilities() radio.Capabilities {
	return radio.Capabilities{
		MaxFrame:       255,
		Reconfigurable: true,
		ReportsSNR:     true,
		HalfDuplex:     true,
		QueueDepth:     1,
		Retune:         retune,
	}
}

const (
	resetPulse = time.Millisecond      // datasheet section 7.2.2: at least 100 µs,
	resetPause = 5 * time.Millisecond  // and 5 ms until the chip is ready
	resetTries = 10                    // modules with large capacitors take longer, says RadioLib
	retryPause = 10 * time.Millisecond // between them
	wakeUp     = time.Millisecond      // datasheet table 10: the oscillator takes 250 µs
)

// Reset brings the chip to standby in LoRa mode. Without a reset line it does so by commands, for all registers that
// matter are written by Configure.
func (d *Driver) Reset(ctx context.Context) error {
	d.mode, d.wave = modeSleep, phy.Wave{}
	if err := d.pins.Route(chip.PathOff); err != nil {
		return err
	}
	if err := d.find(ctx); err != nil {
		return err
	}
	if err := d.enterLoRa(); err != nil {
		return err
	}
	if d.opts.TCXO {
		if err := d.change(regTcxo, bitTcxo, bitTcxo); err != nil {
			return err
		}
	}
	return d.Standby()
}

// find resets until the chip tells a version that is ours.
func (d *Driver) find(ctx context.Context) error {
	for range resetTries {
		err := d.pulse(ctx)
		if err == nil {
			d.version, err = d.get(regVersion)
		}
		if err != nil || known(d.version) {
			return err
		}
		if d.version == versionSX1272 {
			break
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
	return d.stranger(d.version)
}

func (d *Driver) pulse(ctx context.Context) error {
	if d.pins.Reset == nil {
		return ctx.Err()
	}
	for _, step := range []struct {
		level gpio.Level
		wait  time.Duration
	}{{gpio.Low, resetPulse}, {gpio.High, resetPause}} {
		if err := d.pins.Reset.Out(step.level); err != nil {
			return fmt.Errorf("sx127x: reset line %s: %w", d.pins.Reset.Name(), err)
		}
		if err := pause(ctx, step.wait); err != nil {
			return err
		}
	}
	return nil
}

// enterLoRa goes to sleep, where alone the kind of modem changes (datasheet section 4.1.2), and changes it there.
func (d *Driver) enterLoRa() error {
	op, err := d.get(regOpMode)
	if err != nil {
		return err
	}
	if err := d.put(regOpMode, op&(bitLoRa|bitLowFrequency)); err != nil {
		return err
	}
	return d.enter(modeSleep)
}

// Version is what the chip said of itself at Reset: 12.
func (d *Driver) Version() string { return fmt.Sprintf("%02X", d.version) }

// Standby ends whatever the chip does, and clears its flags.
func (d *Driver) Standby() error {
	listened := d.mode == modeRx
	if err := d.enter(modeStandby); err != nil {
		return err
	}
	if err := d.pins.Route(chip.PathOff); err != nil {
		return err
	}
	if listened {
		if err := d.rescue(); err != nil {
			return err
		}
	}
	return d.put(regIrqFlags, irqAll)
}

// Sleep saves power. What is in the FIFO is lost, the settings are not; any other command wakes the chip.
func (d *Driver) Sleep() error {
	return errors.Join(d.enter(modeSleep), d.pins.Route(chip.PathOff))
}

// Close puts the chip to sleep and closes the port.
func (d *Driver) Close() error {
	op := d.put(regOpMode, bitLoRa|byte(modeSleep))
	return errors.Join(op, d.pins.Route(chip.PathOff), d.bus.Close())
}

func pause(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
