package power

import (
	"context"
	"sync"

	"periph.io/x/conn/v3/gpio"

	"packhorse/board"
	"packhorse/testbench/hil"
)

// Relay is a GPIO line with a relay, or another switch, behind it. Safe for concurrent use.
type Relay struct {
	node      string
	line      gpio.PinOut
	activeLow bool
	close     func()

	mu sync.Mutex
	on *bool // nil: not switched yet
}

var _ hil.Power = (*Relay)(nil)

// OpenRelay takes a line of this computer. Nothing is switched yet. Once Close or the end of the process has given the line
// back, the kernel makes it an input, and the relay falls into the state that its own resistor gives it.
func OpenRelay(node string, ref board.PinRef, activeLow bool) (*Relay, error) {
	line, err := board.Host{}.Line(ref)
	if err != nil {
		return nil, &hil.Error{Node: node, Doing: "take the line of its relay", Err: err}
	}
	return NewRelay(node, line, activeLow, func() { board.Release(line) }), nil
}

// NewRelay is a relay on any line; close, if any, gives it back.
func NewRelay(node string, line gpio.PinOut, activeLow bool, close func()) *Relay {
	return &Relay{node: node, line: line, activeLow: activeLow, close: close}
}

// On gives power.
func (r *Relay) On(context.Context) error { return r.turn(true) }

// Off takes it away.
func (r *Relay) Off(context.Context) error { return r.turn(false) }

func (r *Relay) turn(on bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on != nil && *r.on == on {
		return nil
	}
	if err := r.line.Out(gpio.Level(on != r.activeLow)); err != nil {
		return &hil.Error{Node: r.node, Doing: "switch its relay", Look: "the line " + r.line.Name() + ": gpioinfo shows who has it", Err: err}
	}
	r.on = &on
	return nil
}

// Close gives the line back.
func (r *Relay) Close() error {
	if r.close != nil {
		r.close()
	}
	return nil
}
