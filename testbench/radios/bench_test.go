//go:build linux

package radios

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

// reporter is what a check of the suite says of a bench: a test, or the notes of one that is meant to fail.
type reporter interface {
	Helper()
	Errorf(format string, a ...any)
	Fatalf(format string, a ...any)
}

// notes is a reporter that only remembers.
type notes struct{ failed []string }

func (n *notes) Helper() {}
func (n *notes) Errorf(format string, a ...any) {
	n.failed = append(n.failed, fmt.Sprintf(format, a...))
}

func (n *notes) Fatalf(format string, a ...any) {
	n.Errorf(format, a...)
	runtime.Goexit()
}

// device is one radio on the bench, and what can be done to it. A nil function cannot.
type device struct {
	open           func(ctx context.Context) (radio.Radio, error)
	violations     func() []string // of the rules of its hardware
	unplug, replug func()
	loseIRQ        func(n int)
	brownOut       func()
	stickBusy      func(stuck bool)
	dBm            func() int // of the last transmission, at the chip's pin
}

// kind is a driver with the simulator of its hardware.
type kind struct {
	name    string
	station sim.Modem
	// add puts one on a station of a rig that is not running yet.
	add func(r *board.Rig, station int) (*device, error)
	// common is the setting of most checks; settings are all that the driver is to take.
	common   phy.Modulation
	settings []phy.Modulation
	powerDBm int
}

// bench is two radios on one air, in virtual time.
type bench struct {
	reporter
	errors int
	ctx    context.Context
	air    *sim.Air
	rig    *board.Rig
	kinds  [2]kind
	dev    [2]*device
	radios [2]radio.Radio
}

// onBench runs one check with both radios open and set, and closes all after it. Two of a kind, or two kinds that share
// their air.
func onBench(t *testing.T, a, b kind, check func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { run(t, a, b, check) })
}

// run is onBench inside a bubble of virtual time.
func run(t reporter, first, second kind, check func(b *bench)) {
	t.Helper()
	b := &bench{reporter: t, kinds: [2]kind{first, second}}
	var err error
	if b.air, err = sim.New(sim.Config{Seed: 11, Stations: []sim.Station{{Modem: first.station}, {Modem: second.station}}}); err != nil {
		t.Fatalf("%v", err)
	}
	if b.rig, err = board.NewRig(b.air, ""); err != nil {
		t.Fatalf("%v", err)
	}
	for i, k := range b.kinds {
		if b.dev[i], err = k.add(b.rig, i); err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = b.rig.Run(ctx); close(ended) }()
	defer func() { stop(); <-ended }()
	b.ctx = ctx
	defer b.close()
	for i := range b.kinds {
		b.open(i)
	}
	check(b)
}

// mostErrors of one check are told: what is wrong once is often wrong everywhere.
const mostErrors = 8

// Errorf also ends a check that goes wrong again and again.
func (b *bench) Errorf(format string, a ...any) {
	b.Helper()
	if b.errors++; b.errors == mostErrors {
		b.Fatalf(format+" (and more)", a...)
	}
	b.reporter.Errorf(format, a...)
}

// open opens and sets a radio.
func (b *bench) open(i int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Hour)
	defer cancel()
	var err error
	if b.radios[i], err = b.dev[i].open(ctx); err != nil {
		b.Fatalf("open %s: %v", b.kinds[i].name, err)
	}
	b.configure(i, b.kinds[i].common)
}

func (b *bench) configure(i int, m phy.Modulation) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Hour)
	defer cancel()
	if err := b.radios[i].Configure(ctx, m, b.kinds[i].powerDBm); err != nil {
		b.Fatalf("%s to %v: %v", b.kinds[i].name, m, err)
	}
}

// close ends both radios and reports what their hardware found wrong.
func (b *bench) close() {
	b.Helper()
	for i, r := range b.radios {
		if r != nil {
			_ = r.Close()
		}
		if d := b.dev[i]; d != nil && d.violations != nil {
			for _, v := range d.violations() {
				b.Errorf("%s: %s", b.kinds[i].name, v)
			}
		}
	}
}

// patience is how long a frame may take besides its time on air.
const patience = 30 * time.Second

// limit bounds one exchange of n octets at a setting.
func limit(m phy.Modulation, n int) time.Duration { return patience + 8*m.TimeOnAir(n) }

// send transmits one frame from a radio.
func (b *bench) send(from int, frame []byte) error {
	m := b.kinds[from].common
	ctx, cancel := context.WithTimeout(b.ctx, limit(m, len(frame))+time.Hour)
	defer cancel()
	return b.radios[from].Transmit(ctx, frame)
}

// receive waits for one frame.
func (b *bench) receive(at int, wait time.Duration) (radio.Packet, error) {
	ctx, cancel := context.WithTimeout(b.ctx, wait)
	defer cancel()
	return b.radios[at].Receive(ctx)
}

// pass sends a frame and checks that it arrives as it was.
func (b *bench) pass(from int, frame []byte, wait time.Duration) bool {
	b.Helper()
	if err := b.send(from, frame); err != nil {
		b.Errorf("%s sends %d octets: %v", b.kinds[from].name, len(frame), err)
		return false
	}
	p, err := b.receive(1-from, wait)
	switch {
	case err != nil:
		b.Errorf("%s waits for %d octets of %s: %v", b.kinds[1-from].name, len(frame), b.kinds[from].name, err)
	case string(p.Data) != string(frame):
		b.Errorf("%s received %x, sent was %x", b.kinds[1-from].name, p.Data, frame)
	default:
		b.checkSignal(1-from, p)
		return true
	}
	return false
}

// checkSignal holds what a radio says of a signal against the air: 110 dB of loss from a known power.
func (b *bench) checkSignal(at int, p radio.Packet) {
	b.Helper()
	c := b.radios[at].Capabilities()
	if c.ReportsSNR && !p.HasSignal {
		b.Errorf("%s says nothing of the signal", b.kinds[at].name)
	}
	if !p.HasSignal || p.RSSIdBm == 0 {
		return
	}
	const loss, tolerance = 110, 8 // some chips tell the signal after despreading
	if want := float64(b.kinds[1-at].powerDBm - loss); p.RSSIdBm < want-tolerance || p.RSSIdBm > want+tolerance {
		b.Errorf("%s hears %.1f dBm, want about %.0f", b.kinds[at].name, p.RSSIdBm, want)
	}
}

// silent checks that nothing more comes up for a while.
func (b *bench) silent(at int, wait time.Duration) {
	b.Helper()
	if p, err := b.receive(at, wait); err == nil {
		b.Errorf("%s received %x, nothing good was sent", b.kinds[at].name, p.Data)
	}
}
