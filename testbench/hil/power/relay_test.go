package power

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"periph.io/x/conn/v3/gpio"

	"packhorse/board"
)

// recorder is a line that notes its levels.
type recorder struct {
	gpio.PinOut
	levels []gpio.Level
	fail   error
}

func (r *recorder) Name() string { return "GPIO17" }

func (r *recorder) Out(l gpio.Level) error {
	if r.fail == nil {
		r.levels = append(r.levels, l)
	}
	return r.fail
}

func TestRelayKnowsItsActiveLevel(t *testing.T) {
	for low, want := range map[bool][]gpio.Level{false: {gpio.Low, gpio.High, gpio.Low}, true: {gpio.High, gpio.Low, gpio.High}} {
		line, closed := &recorder{PinOut: gpio.INVALID}, false
		r := NewRelay("a", line, low, func() { closed = true })
		if len(line.levels) != 0 {
			t.Error("switched when it was opened")
		}
		for _, err := range []error{r.Off(t.Context()), r.On(t.Context()), r.On(t.Context()), r.Off(t.Context()), r.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(line.levels, want) || !closed {
			t.Errorf("active low %v: levels %v, want %v; closed %v", low, line.levels, want, closed)
		}
	}
}

func TestRelayThatCannotBeSwitchedIsSwitchedAgain(t *testing.T) {
	line := &recorder{PinOut: gpio.INVALID, fail: errors.New("no")}
	r := NewRelay("a", line, false, nil)
	if err := r.On(t.Context()); err == nil || !strings.Contains(err.Error(), "node a: switch its relay: no; look at the line GPIO17") {
		t.Errorf("got %v", err)
	}
	line.fail = nil
	if err := r.On(t.Context()); err != nil || len(line.levels) != 1 {
		t.Errorf("second try: %v, %v", err, line.levels)
	}
}

func TestRelayOnNoLine(t *testing.T) {
	if _, err := OpenRelay("a", board.PinRef("no-such-chip:3"), false); err == nil || !strings.Contains(err.Error(), "node a: take the line of its relay") {
		t.Errorf("got %v", err)
	}
}
