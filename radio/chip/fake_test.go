package chip

import (
	"context"
	"errors"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"packhorse/radio"
	"packhorse/radio/phy"
)

var sf7 = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

// line is an interrupt line like periph's: edges queue up, Halt ends a wait.
type line struct {
	gpio.PinIO
	edges  chan struct{}
	halted chan struct{}
	high   bool
	broken bool // WaitForEdge returns at once
	waits  int
	inErr  error
}

func newLine() *line {
	return &line{edges: make(chan struct{}, 16), halted: make(chan struct{}, 1)}
}

func (l *line) Name() string                  { return "GPIO25" }
func (l *line) In(gpio.Pull, gpio.Edge) error { return l.inErr }
func (l *line) Read() gpio.Level              { return gpio.Level(l.high) }
func (l *line) WaitForEdge(d time.Duration) bool {
	l.waits++
	if l.broken {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.edges:
		return true
	case <-l.halted:
	case <-timer.C:
	}
	return false
}

func (l *line) Halt() error {
	select {
	case l.halted <- struct{}{}:
	default:
	}
	return nil
}

// raise gives an edge, unless the line is lost.
func (l *line) raise() {
	l.high = true
	select {
	case l.edges <- struct{}{}:
	default:
	}
}

// fake is a chip as a driver sees it.
type fake struct {
	line     *line
	mod      phy.Modulation
	mode     string
	pending  []Event
	air      *time.Timer
	activity bool // what detection finds
	level    func() float64

	mute      bool // the interrupt wire is broken
	hang      bool // what begins does not end
	stubborn  bool // Standby fails
	unplugged bool
	refuse    error // by Configure

	resets, configures, detects, samples, polls int
	sent                                        [][]byte
	closed                                      bool
	inside                                      bool      // a method is running
	began                                       time.Time // reception
}

func (f *fake) Capabilities() radio.Capabilities {
	return radio.Capabilities{MaxFrame: 255, HalfDuplex: true, QueueDepth: 1, Reconfigurable: true, ReportsSNR: true}
}

func (f *fake) answer() error {
	if f.unplugged {
		return &FaultError{What: "fake: reads FF", Fix: "check MISO", Err: ErrNoChip}
	}
	return nil
}

func (f *fake) Reset(context.Context) error {
	f.resets++
	if f.air != nil {
		f.air.Stop()
	}
	f.mode, f.pending = "reset", nil
	f.inside = true
	time.Sleep(6 * time.Millisecond)
	f.inside = false
	return f.answer()
}

func (f *fake) Configure(m phy.Modulation, _ int) error {
	f.configures++
	if f.refuse != nil && m != sf7 {
		return f.refuse
	}
	f.mod, f.mode = m, "standby"
	return f.answer()
}

func (f *fake) Receive() error {
	f.began = time.Now()
	return f.to("rx")
}

func (f *fake) Standby() error {
	if f.stubborn {
		return ErrStuck
	}
	return f.to("standby")
}

// to changes the mode; what was going on ends.
func (f *fake) to(mode string) error {
	if f.air != nil {
		f.air.Stop()
	}
	f.mode, f.pending, f.line.high = mode, nil, false
	return f.answer()
}

func (f *fake) Transmit(frame []byte) error {
	if err := f.to("tx"); err != nil {
		return err
	}
	f.sent = append(f.sent, frame)
	f.after(f.mod.TimeOnAir(len(frame)), Event{Sent: true})
	return nil
}

func (f *fake) Detect() error {
	f.detects++
	err := f.to("cad")
	f.after(2*f.mod.SymbolTime(), Event{DetectOK: true, Detected: f.activity})
	return err
}

// after ends what was begun.
func (f *fake) after(d time.Duration, ev Event) {
	if f.hang {
		return
	}
	f.air = time.AfterFunc(d, func() {
		f.mode = "standby"
		f.tell(ev)
	})
}

// tell raises flags and the line.
func (f *fake) tell(ev Event) {
	f.pending = append(f.pending, ev)
	if !f.mute {
		f.line.raise()
	}
}

func (f *fake) hear(octet byte) { f.tell(Event{Received: &radio.Packet{Data: []byte{octet}}}) }

func (f *fake) Level() (float64, error) {
	f.samples++
	if f.mode != "rx" {
		return 0, ErrWrongMode
	}
	if time.Since(f.began) < time.Millisecond {
		return 0, f.answer() // not settled yet
	}
	return f.level(), f.answer()
}

func (f *fake) Events() (Event, error) {
	f.polls++
	if err := f.answer(); err != nil {
		return Event{}, err
	}
	if f.mode == "dead" {
		return Event{}, ErrWrongMode
	}
	if len(f.pending) == 0 {
		f.line.high = false
		return Event{}, nil
	}
	ev := f.pending[0]
	f.pending = f.pending[1:]
	f.line.high = len(f.pending) > 0
	return ev, nil
}

func (f *fake) Close() error {
	if f.closed || f.inside {
		return errors.New("closed twice, or in the middle of something")
	}
	f.closed = true
	return nil
}

// open is a configured radio on a fake chip.
func open(t *testing.T, change ...func(*fake)) (*Radio, *fake) {
	t.Helper()
	f := &fake{line: newLine(), level: func() float64 { return -120 }}
	for _, c := range change {
		c(f)
	}
	r, err := Open(t.Context(), f, f.line, Opts{Queue: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if err := r.Configure(t.Context(), sf7, 14); err != nil {
		t.Fatal(err)
	}
	return r, f
}

// every does something again and again while the radio lives.
func every(t *testing.T, r *Radio, d time.Duration, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r.ctx.Err() == nil {
			do()
			time.Sleep(d)
		}
	}()
	t.Cleanup(func() { r.Close(); <-done })
}
