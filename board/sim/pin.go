package sim

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// Pin is a GPIO line between a host and a simulated chip. It behaves as a line of periph's gpioioctl v3.8.5 does, in its
// oddities too: WaitForEdge waits for ever with 0, returns false at once with a negative timeout or when In was not
// called with an edge; Halt unblocks those who wait now and is forgotten; Read of a line that is not an input makes it
// one; String is JSON of several lines. Up to 16 edges wait to be fetched, as in the kernel. Safe for concurrent use.
type Pin struct {
	name   string
	number int
	out    func(high bool) // what the host drives; nil: nobody listens

	mu     sync.Mutex
	dir    pinDir
	edge   gpio.Edge
	pull   gpio.Pull
	level  gpio.Level // on the wire
	drive  gpio.Level // what the chip puts there
	stuck  *gpio.Level
	lose   int // so many rising edges come to no one's notice
	edges  int // not fetched yet
	opened bool
	halts  uint64
	signal chan struct{} // closed when there is something for those who wait
}

type pinDir uint8

const (
	pinNotSet pinDir = iota
	pinInput
	pinOutput
)

// eventBuffer is how many edges the kernel keeps for a line (GPIO_V2 lines: 16 each unless asked otherwise).
const eventBuffer = 16

func newPin(name string, number int, out func(high bool)) *Pin {
	return &Pin{name: name, number: number, out: out, signal: make(chan struct{})}
}

// String is JSON of several lines, as with gpioioctl: use Name in messages.
func (p *Pin) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("{\n    \"Line\": %d,\n    \"Name\": %q,\n    \"Direction\": %d,\n    \"Edges\": %d\n}", p.number, p.name, p.dir, p.edge)
}

// Name is the line's name, such as GPIO25.
func (p *Pin) Name() string { return p.name }

// Number is the line's offset.
func (p *Pin) Number() int { return p.number }

// Function says how the line is used.
func (p *Pin) Function() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return [...]string{"", "In", "Out"}[p.dir]
}

// Pull is what In was told.
func (p *Pin) Pull() gpio.Pull {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pull
}

// DefaultPull is not known.
func (p *Pin) DefaultPull() gpio.Pull { return gpio.PullNoChange }

// PWM is not there.
func (p *Pin) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("sim: PWM is not implemented on this line")
}

// In makes the line an input. A line that the host drove before is then pulled up.
func (p *Pin) In(pull gpio.Pull, edge gpio.Edge) error {
	p.mu.Lock()
	driven := p.dir == pinOutput
	p.dir, p.edge, p.pull = pinInput, edge, pull
	p.mu.Unlock()
	if driven && p.out != nil {
		p.out(true)
	}
	return nil
}

// Out drives the line, and ends the wait for edges on it.
func (p *Pin) Out(l gpio.Level) error {
	p.mu.Lock()
	if p.dir != pinOutput {
		p.dir, p.edge, p.pull = pinOutput, gpio.NoEdge, gpio.PullNoChange
	}
	p.level = l
	p.mu.Unlock()
	if p.out != nil {
		p.out(bool(l))
	}
	return nil
}

// Read is the level on the wire; it makes an input of a line that is none.
func (p *Pin) Read() gpio.Level {
	p.mu.Lock()
	input := p.dir == pinInput
	p.mu.Unlock()
	if !input {
		_ = p.In(gpio.PullUp, gpio.NoEdge)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.level
}

// WaitForEdge waits for an edge that In asked for; see Pin for its oddities.
func (p *Pin) WaitForEdge(timeout time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.edge == gpio.NoEdge || p.dir == pinNotSet {
		return false
	}
	p.opened = true
	if timeout < 0 {
		return false
	}
	var late <-chan time.Time
	if timeout > 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		late = t.C
	}
	for halts := p.halts; halts == p.halts; {
		if p.edges > 0 {
			p.edges--
			return true
		}
		if !p.wait(late) {
			return false
		}
	}
	return false
}

// wait sleeps, without the lock, until something happens; false: it is late and there is no edge.
func (p *Pin) wait(late <-chan time.Time) bool {
	signal := p.signal
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-signal:
		return true
	case <-late:
		return false
	}
}

// Halt lets those return who wait for an edge now.
func (p *Pin) Halt() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened {
		p.halts++
		p.wake()
	}
	return nil
}

func (p *Pin) wake() {
	close(p.signal)
	p.signal = make(chan struct{})
}

// set is the level that the chip drives.
func (p *Pin) set(high bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drive = gpio.Level(high)
	p.settle()
}

// stick holds the wire at a level, whatever the chip does; nil lets it go.
func (p *Pin) stick(l *gpio.Level) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck = l
	p.settle()
}

// loseEdges makes the next rising edges come to no one's notice.
func (p *Pin) loseEdges(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose += n
}

// settle brings the wire to its level and tells of the edge.
func (p *Pin) settle() {
	l := p.drive
	if p.stuck != nil {
		l = *p.stuck
	}
	if l == p.level || p.dir == pinOutput {
		return
	}
	p.level = l
	if bool(l) && p.lose > 0 {
		p.lose--
		return
	}
	if p.edge == gpio.BothEdges || p.edge == gpio.RisingEdge && bool(l) || p.edge == gpio.FallingEdge && !bool(l) {
		p.edges = min(p.edges+1, eventBuffer)
		p.wake()
	}
}

var _ gpio.PinIO = (*Pin)(nil)
