package ebyte

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	board "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/sim"
)

const (
	freq900 = 869_125_000 // channel 19 of an E22
	freq868 = 868_000_000 // channel 6 of an E32
)

// bench is modules on one air, in virtual time.
type bench struct {
	t   *testing.T
	ctx context.Context
	air *sim.Air
	rig *board.Rig
}

// newBench makes so many stations; add puts a module on each.
func newBench(t *testing.T, stations int, loss float64, add func(r *board.Rig, station int) error) *bench {
	t.Helper()
	cfg := sim.Config{Seed: 7, Loss: loss}
	for range stations {
		cfg.Stations = append(cfg.Stations, sim.Station{Modem: sim.Bare})
	}
	air, err := sim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	rig, err := board.NewRig(air, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range stations {
		if err := add(rig, i); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = rig.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return &bench{t, ctx, air, rig}
}

func e22s(kind board.E22) func(*board.Rig, int) error {
	return func(r *board.Rig, i int) error { return r.AddE22(i, kind) }
}

func e32s(kind board.E32) func(*board.Rig, int) error {
	return func(r *board.Rig, i int) error { return r.AddE32(i, kind) }
}

func (b *bench) port(station int) Port { return b.rig.Dial(station).(Port) }

// wired is the options of a station whose pins are all ours.
func (b *bench) wired(station int, o Opts) Opts {
	m0, m1, aux := b.rig.EbytePins(station)
	o.M0, o.M1, o.AUX = m0, m1, aux
	return o
}

func (b *bench) e22(station int, o Opts) *E22 {
	b.t.Helper()
	if o.Band == 0 {
		o.Band = E22Band900
	}
	e, err := OpenE22(b.ctx, b.port(station), o)
	if err != nil {
		b.t.Fatalf("station %d: %v", station, err)
	}
	b.t.Cleanup(func() { e.Close() })
	return e
}

func (b *bench) e32(station int, o Opts) *E32 {
	b.t.Helper()
	if o.Band == 0 {
		o.Band = E32Band868
	}
	e, err := OpenE32(b.ctx, b.port(station), o)
	if err != nil {
		b.t.Fatalf("station %d: %v", station, err)
	}
	b.t.Cleanup(func() { e.Close() })
	return e
}

// configure sets an E22 to an air rate.
func (b *bench) configure(e *E22, airRate uint32) {
	b.t.Helper()
	m, err := Modulation(freq900, airRate)
	if err == nil {
		err = e.Configure(b.ctx, m, 22)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// collect takes what a radio receives until ctx ends.
func collect(ctx context.Context, r radio.Radio, into chan<- radio.Packet) {
	for {
		p, err := r.Receive(ctx)
		if err != nil {
			close(into)
			return
		}
		into <- p
	}
}

// next is the next packet, or a failure after a minute.
func (b *bench) next(r radio.Radio) radio.Packet {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, time.Minute)
	defer stop()
	p, err := r.Receive(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// quiet fails when something is received within a minute.
func (b *bench) quiet(r radio.Radio) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, time.Minute)
	defer stop()
	if p, err := r.Receive(ctx); err == nil {
		b.t.Errorf("received %x, want nothing", p.Data)
	}
}

// frame is n octets of chance, with what a careless driver would take for marks or commands.
func frame(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(r.Uint32()); r.IntN(8) == 0 {
			b[i] = []byte{'+', 0xC0, 0xC1, 0xC2, 0xC3, 0, 2, 0xFF}[r.IntN(8)]
		}
	}
	return b
}
