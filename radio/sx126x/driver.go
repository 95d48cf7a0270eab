package sx126x

import (
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/spi"

	"packhorse/radio"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// task is what the chip was told to do last.
type task uint8

const (
	idle task = iota
	sending
	listening     // until told otherwise
	listeningOnce // until a packet or a time limit
	detecting
)

// Driver is one chip. It implements chip.Driver, and is like that not safe for concurrent use.
type Driver struct {
	bus  *chip.Bus
	pins chip.Pins
	opts Opts

	version  string
	before   byte // opcode of the command whose outcome the next status octet tells; 0: none
	asleep   bool
	task     task
	wave     phy.Wave
	powerDBm int
	ready    bool      // Configure has succeeded since Reset
	imageHz  uint32    // frequency at the last calibration of the image rejection since Reset
	header   bool      // a valid header has come, and its packet not yet ended
	preamble time.Time // until when the header of the last preamble may still come
	last     Reception
	missed   chip.Event // what ended between Events and the command after it
}

var _ chip.Driver = (*Driver)(nil)

// New takes over a port and the pins of a chip; nothing is sent before Reset. Pins.Busy must be there: nothing may be
// sent while it is high. Without Pins.Reset the chip is reset by cold sleep. On error the port is closed.
func New(port spi.PortCloser, pins chip.Pins, opts Opts) (*Driver, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, errors.Join(err, port.Close())
	}
	if pins.Busy == nil {
		return nil, errors.Join(fmt.Errorf("%v: the board names no BUSY pin, which this chip cannot do without: add it to the board file", opts.Model), port.Close())
	}
	bus, err := chip.NewBus(port, opts.Clock, pins.Select)
	if err != nil {
		return nil, err
	}
	d := &Driver{bus: bus, pins: pins, opts: opts}
	if err := d.preparePins(); err != nil {
		return nil, errors.Join(err, bus.Close())
	}
	return d, nil
}

func (d *Driver) preparePins() error {
	if err := d.pins.PowerOn(); err != nil {
		return err
	}
	if err := listenToBusy(d.pins.Busy); err != nil {
		return fmt.Errorf("%v: BUSY pin %s: %w", d.opts.Model, d.pins.Busy.Name(), err)
	}
	return d.pins.Route(chip.PathOff)
}

// listenToBusy has a line that came loose read high, as a chip that is stuck; not every GPIO controller has a pull-up.
func listenToBusy(p gpio.PinIn) error {
	if p.In(gpio.PullUp, gpio.NoEdge) == nil {
		return nil
	}
	return p.In(gpio.PullNoChange, gpio.NoEdge)
}

// Capabilities of every chip of the family.
func (d *Driver) Capabilities() radio.Capabilities {
	return radio.Capabilities{
		MaxFrame:       maxFrame,
		Reconfigurable: true,
		ReportsSNR:     true,
		HalfDuplex:     true,
		QueueDepth:     1,
		Retune:         retune,
	}
}

const (
	maxFrame = 255
	retune   = 30 * time.Millisecond // two dozen transactions, the TCXO, and the calibration of the image
)

// Version is what the chip said of itself at Reset. An SX1262 says "SX1261" too.
func (d *Driver) Version() string { return d.version }

// Close puts the chip to sleep without memory, if it answers, and gives bus and pins back.
func (d *Driver) Close() error {
	_ = d.sleepCold() // of a chip that does not answer others have told
	err := errors.Join(d.pins.Route(chip.PathOff), d.bus.Close())
	for _, p := range []conn.Resource{d.pins.Select, d.pins.Reset, d.pins.Busy, d.pins.TxEnable, d.pins.RxEnable} {
		if p != nil {
			err = errors.Join(err, p.Halt())
		}
	}
	return err
}
