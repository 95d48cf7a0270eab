package chip

import (
	"context"
	"errors"
	"sync"
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
	broken bool // WaitForEdge returns at once
	inErr  error

	mu    sync.Mutex // guards what follows
	high  bool
	waits int
}

func newLine() *line {
	return &line{edges: make(chan struct{}, 16), halted: make(chan struct{}, 1)}
}

func (l *line) Name() string                  { return "GPIO25" }
func (l *line) In(gpio.Pull, gpio.Edge) error { return l.inErr }

func (l *line) Read() gpio.Level {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gpio.Level(l.high)
}

func (l *line) WaitForEdge(d time.Duration) bool {
	l.mu.Lock()
	l.waits++
	l.mu.Unlock()
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

// waited is how often it was waited for.
func (l *line) waited() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waits
}

func (l *line) set(high bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.high = high
}

// raise gives an edge, unless too many wait.
func (l *line) raise() {
	l.set(true)
	select {
	case l.edges <- struct{}{}:
	default:
	}
}

// fake is a chip as a driver sees it. Tests read it with look and write it with do.
type fake struct {
	line *line
	mu   sync.Mutex // guards what follows
	inner
}

type inner struct {
	mod      phy.Modulation
	mode     string
	pending  []Event
	air      *time.Timer // what is going on
	activity bool        // what detection finds
	signal   bool        // a preamble is on the air
	level    func() float64

	mute      bool // the interrupt wire is broken
	hang      bool // what begins does not end
	stubborn  bool // Standby fails
	unplugged bool
	refuse    error         // by Configure
	slow      time.Duration // how long Transmit takes after its command

	resets, configures, detects, samples, polls int
	sent                                        [][]byte
	closed                                      bool
	inside                                      bool      // a method is running
	began                                       time.Time // reception
}

// do lets a test change the chip.
func (f *fake) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// look is the chip at this moment.
func (f *fake) look() inner {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inner
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
	f.do(func() {
		f.resets++
		f.enter("reset")
		f.inside = true
	})
	time.Sleep(6 * time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside = false
	return f.answer()
}

func (f *fake) Configure(m phy.Modulation, _ int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.configures++
	if f.refuse != nil && m != sf7 {
		return f.refuse
	}
	f.mod, f.mode = m, "standby"
	return f.answer()
}

func (f *fake) Receive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.began = time.Now()
	return f.to("rx")
}

func (f *fake) Standby() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stubborn {
		return ErrStuck
	}
	return f.to("standby")
}

// enter changes the mode; what was going on ends.
func (f *fake) enter(mode string) {
	if f.air != nil {
		f.air.Stop()
	}
	f.air, f.mode, f.pending = nil, mode, nil
}

// to is a command that changes the mode.
func (f *fake) to(mode string) error {
	f.enter(mode)
	f.line.set(false)
	return f.answer()
}

// die resets the chip behind the driver's back.
func (f *fake) die() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.enter("dead")
}

func (f *fake) Transmit(frame []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.to("tx"); err != nil {
		return err
	}
	f.sent = append(f.sent, frame)
	f.after(f.mod.TimeOnAir(len(frame)), Event{Sent: true})
	time.Sleep(f.slow)
	return nil
}

func (f *fake) Detect() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.detects++
	err := f.to("cad")
	f.after(2*f.mod.SymbolTime(), Event{DetectOK: true, Detected: f.activity})
	return err
}

// after ends what was begun, unless something else has ended it.
func (f *fake) after(d time.Duration, ev Event) {
	if f.hang {
		return
	}
	var air *time.Timer
	air = time.AfterFunc(d, func() {
		f.do(func() {
			if f.air == air {
				f.mode = "standby"
				f.flag(ev)
			}
		})
	})
	f.air = air
}

// flag raises flags and the line.
func (f *fake) flag(ev Event) {
	f.pending = append(f.pending, ev)
	if !f.mute {
		f.line.raise()
	}
}

// tell is flag for tests.
func (f *fake) tell(ev Event) { f.do(func() { f.flag(ev) }) }

func (f *fake) hear(octet byte) { f.tell(Event{Received: &radio.Packet{Data: []byte{octet}}}) }

func (f *fake) Level() (float64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
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
	f.mu.Lock()
	defer f.mu.Unlock()
	f.polls++
	if err := f.answer(); err != nil {
		return Event{}, err
	}
	if f.mode == "dead" {
		return Event{}, ErrWrongMode
	}
	if len(f.pending) == 0 {
		f.line.set(false)
		return Event{Signal: f.signal}, nil
	}
	ev := f.pending[0]
	f.pending = f.pending[1:]
	f.line.set(len(f.pending) > 0)
	return ev, nil
}

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.inside {
		return errors.New("closed twice, or in the middle of something")
	}
	f.closed = true
	return nil
}

// open is a configured radio on a fake chip.
func open(t *testing.T, change ...func(*fake)) (*Radio, *fake) {
	t.Helper()
	f := &fake{line: newLine()}
	f.level = func() float64 { return -120 }
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
