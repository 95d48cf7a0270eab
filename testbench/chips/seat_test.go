//go:build linux

package chips

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	board "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sim"
	"packhorse/radio/sx126x"
	"packhorse/radio/sx127x"
)

// kind is what sits on a station of the air.
type kind uint8

const (
	sx1276 kind = iota
	sx1262
	modem // with RNode firmware, on a serial line
)

func (k kind) String() string { return [...]string{"SX1276", "SX1262", "RNode"}[k] }

func (k kind) station() sim.Station {
	if k == modem {
		return sim.Station{}
	}
	return sim.Station{Modem: sim.Chip}
}

// faulty is what can go wrong with a chip.
type faulty interface {
	LoseIRQ(n int)
	BrownOut()
	Unplug()
	Replug()
	Violations() []string
}

// seat is a radio on the rig: its simulator, and how the product opens it.
type seat struct {
	rig     *board.Rig
	station int
	chip    faulty                                             // nil: a modem
	driver  func(port wire) (chip.Driver, gpio.PinIn, error)   // of a chip
	on      func(r radio.Radio, chance *rand.Rand) radio.Radio // around a chip
	cable   *atomic.Bool                                       // cut: of the host that has the chip now
	tap     *tap                                               // nil: nobody counts
}

// sit puts a radio on a station.
func sit(rig *board.Rig, k kind, station int) (*seat, error) {
	s := &seat{rig: rig, station: station, cable: new(atomic.Bool), on: rnode.Compatible}
	switch k {
	case sx1276:
		c, err := rig.AddSX127x(station, board.SX127xOpts{})
		s.chip = c
		s.driver = func(w wire) (chip.Driver, gpio.PinIn, error) {
			d, err := sx127x.New(w.port(c.Open()), chip.Pins{Reset: w.pin(c.Reset), IRQ: c.DIO0}, sx127x.Opts{})
			return d, w.irq(c.DIO0), err
		}
		return s, err
	case sx1262:
		c, err := rig.AddSX126x(station, board.SX126xOpts{DIO2Switch: true, Seed: uint64(station)})
		s.chip = c
		s.driver = func(w wire) (chip.Driver, gpio.PinIn, error) {
			d, err := sx126x.New(w.port(c.Open()), chip.Pins{Reset: w.pin(c.Reset), IRQ: c.DIO1, Busy: c.Busy}, sx126x.Opts{DIO2Switch: true})
			return d, w.irq(c.DIO1), err
		}
		return s, err
	}
	return s, rig.AddRNode(station)
}

// open is what a port calls, as the product would. The wires are those of the host that opens it: cutting them later is
// not felt by the next one.
func (s *seat) open(ctx context.Context, chance *rand.Rand) (radio.Radio, error) {
	if s.driver == nil {
		return rnode.Open(ctx, s.rig.Dial(s.station), rnode.Opts{})
	}
	d, irq, err := s.driver(wire{s.cable, s.tap})
	if err != nil {
		return nil, err
	}
	r, err := chip.Open(ctx, d, irq, chip.Opts{})
	if err != nil {
		return nil, err
	}
	return s.on(r, chance), nil
}

// plain is a chip that speaks without an RNode's octet.
func plain(r radio.Radio, _ *rand.Rand) radio.Radio { return r }

// takeAway keeps the host that has the radio now from saying anything more to it: it is about to die. What the radio was
// told it goes on with.
func (s *seat) takeAway() {
	if s.driver == nil {
		s.rig.Dial(s.station).Close()
		return
	}
	s.cable.Store(true)
	s.cable = new(atomic.Bool)
}

// wire is the host's side of a chip's bus and lines; cut, nothing gets through.
type wire struct {
	cut *atomic.Bool
	tap *tap
}

var errCut = errors.New("the wire is cut")

func (w wire) port(p spi.PortCloser) spi.PortCloser { return cutPort{p, w} }
func (w wire) pin(p gpio.PinIO) gpio.PinIO          { return cutPin{p, w} }

func (w wire) irq(p gpio.PinIn) gpio.PinIn {
	if w.tap == nil {
		return p
	}
	return ear{p, w.tap}
}

type cutPort struct {
	spi.PortCloser
	wire
}

func (p cutPort) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	c, err := p.PortCloser.Connect(f, mode, bits)
	return cutConn{c, p.wire}, err
}

type cutConn struct {
	spi.Conn
	wire
}

func (c cutConn) Tx(w, r []byte) error {
	if c.cut.Load() {
		return errCut
	}
	if c.tap != nil {
		return c.tap.tx(c.Conn, w, r)
	}
	return c.Conn.Tx(w, r)
}

type cutPin struct {
	gpio.PinIO
	wire
}

func (p cutPin) Out(l gpio.Level) error {
	if p.cut.Load() {
		return errCut
	}
	return p.PinIO.Out(l)
}

func (p cutPin) In(pull gpio.Pull, edge gpio.Edge) error {
	if p.cut.Load() {
		return errCut
	}
	return p.PinIO.In(pull, edge)
}

// sf7 is SF7/BW125 under NZ915, which knows no duty cycle.
var sf7 = phy.Modulation{FrequencyHz: 917_500_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
