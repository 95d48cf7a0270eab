package sim

import (
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"packhorse/radio/phy"
)

// chipCore is a simulated radio chip as its board sees it: a state machine without goroutine, clock or lock. All is
// called on the goroutine that owns the air, with everything done before that was due before now.
type chipCore interface {
	// selected and deselected are the edges of chip select, octet is one octet in between.
	selected(now time.Time)
	octet(now time.Time, out byte) (in byte)
	deselected(now time.Time)
	// input is the level of a line that the host drives; level is that of one that the chip drives.
	input(now time.Time, l line, high bool)
	level(now time.Time, l line) bool
	// power turns the supply on or off. On begins a power-on reset, also without an off before: a brown-out.
	power(now time.Time, on bool)
	// arrived is what the receiver has noticed.
	arrived(n phy.Arrival)
	// timeout does what is due; wakeAt is when it is to be called, zero: never. After timeout(t) it lies after t.
	timeout(now time.Time)
	wakeAt() time.Time
}

// line is one of a chip's lines besides SPI.
type line uint8

const (
	lineReset line = iota
	lineDIO0
	lineDIO1
	lineDIO2
	lineDIO3
	lineBusy
	lineTxEnable
	lineRxEnable
)

// Fault is a wiring mistake on the bus of a simulated chip.
type Fault uint8

const (
	Healthy   Fault = iota
	MISOLow         // no power, or held in reset, or shorted to ground
	MISOHigh        // not selected, or not connected to a line with a pull-up
	MISONoise       // not connected, without a pull-up
)

// chipSeat is where a chip sits: its SPI port, its lines, its supply. Its methods are safe for concurrent use; they wait
// for the owner of the air, so they must not be called from Rig.Do.
type chipSeat struct {
	*chipPort
	core  chipCore
	name  string
	clock physic.Frequency // the most that its SPI takes
	// run lets the owner of the air run f; nil: the chip stands alone. False: there is no owner any more.
	run func(f func(now time.Time)) bool
	mu  sync.Mutex // of a chip alone, or after the end of its rig

	// The owner's from here on.
	outputs  map[line]*Pin
	lines    []line // of outputs, in order
	irq      *Pin
	byHand   bool // chip select is a line of its own
	noNoCS   bool // the controller refuses to leave chip select alone
	isChosen bool // by that line
	off      bool // no supply
	dead     byte // what the host reads without a chip
	fault    Fault
	noise    uint32
}

func newChipSeat(name string, core chipCore, clock physic.Frequency) *chipSeat {
	s := &chipSeat{name: name, core: core, clock: clock, outputs: map[line]*Pin{}, noise: 0x9E3779B9}
	s.chipPort = &chipPort{seat: s}
	return s
}

// on runs f on the owner; false: Run has ended and nothing happens any more.
func (s *chipSeat) on(f func(now time.Time)) bool {
	if s.run != nil {
		return s.run(f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for at := s.core.wakeAt(); !at.IsZero() && !at.After(now); at = s.core.wakeAt() {
		s.timeout(at)
	}
	f(now)
	return true
}

// look runs f, which reads state, also after the end of Run.
func (s *chipSeat) look(f func()) {
	if s.on(func(time.Time) { f() }) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// output is a line that the chip drives, input one that the host does.
func (s *chipSeat) output(l line, name string, number int) *Pin {
	p := newPin(name, number, nil)
	s.outputs[l] = p
	s.lines = append(s.lines, l)
	return p
}

func (s *chipSeat) input(l line, name string, number int) *Pin {
	return newPin(name, number, func(high bool) {
		s.on(func(now time.Time) {
			s.core.input(now, l, high)
			s.refresh(now)
		})
	})
}

// selectPin is a chip select that the host drives by hand.
func (s *chipSeat) selectPin(name string, number int) *Pin {
	s.byHand = true
	return newPin(name, number, func(high bool) { s.on(func(now time.Time) { s.choose(now, !high) }) })
}

func (s *chipSeat) choose(now time.Time, on bool) {
	switch {
	case on == s.isChosen:
		return
	case s.off:
	case on:
		s.core.selected(now)
	default:
		s.core.deselected(now)
	}
	s.isChosen = on
	s.refresh(now)
}

// refresh brings the lines to the levels that the chip drives.
func (s *chipSeat) refresh(now time.Time) {
	for _, l := range s.lines {
		s.outputs[l].set(!s.off && s.core.level(now, l))
	}
}

func (s *chipSeat) timeout(now time.Time) {
	if w := s.core.wakeAt(); w.IsZero() || w.After(now) {
		return
	}
	s.core.timeout(now)
	s.refresh(now)
}

func (s *chipSeat) arrived(n phy.Arrival) {
	if !s.off {
		s.core.arrived(n)
		s.refresh(n.At)
	}
}

// Break puts a wiring fault on the bus.
func (s *chipSeat) Break(f Fault) { s.on(func(time.Time) { s.fault = f }) }

// LoseIRQ makes the next n rising edges of the interrupt line come to no one's notice; its level is right.
func (s *chipSeat) LoseIRQ(n int) { s.irq.loseEdges(n) }

// Unplug takes the chip's supply away, also while it sends: its state is lost, its lines are low, and reads give what
// the options say.
func (s *chipSeat) Unplug() {
	s.on(func(now time.Time) {
		if !s.off {
			s.core.power(now, false)
			s.off = true
			s.refresh(now)
		}
	})
}

// Replug gives the supply back.
func (s *chipSeat) Replug() {
	s.on(func(now time.Time) {
		if s.off {
			s.off = false
			s.core.power(now, true)
			s.refresh(now)
		}
	})
}

// BrownOut is a dip of the supply: a reset that nobody has asked for.
func (s *chipSeat) BrownOut() {
	s.on(func(now time.Time) {
		if !s.off {
			s.core.power(now, true)
			s.refresh(now)
		}
	})
}

// stick holds a line at a level; nil lets it go.
func (s *chipSeat) stick(l line, level *gpio.Level) { s.outputs[l].stick(level) }

// Open is another handle to the chip's SPI port, for a host that has closed its own and comes back.
func (s *chipSeat) Open() spi.PortCloser { return &chipPort{seat: s} }
