//go:build linux

package sx127x_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
	air "packhorse/radio/sim"
	"packhorse/radio/sx127x"
)

var sf7 = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

// station is a radio on a simulated SX1276.
type station struct {
	*chip.Radio
	chip *sim.SX127x
}

// pair runs a test with two radios on one air, in virtual time. The chips must find nothing wrong with their drivers.
func pair(t *testing.T, name string, test func(t *testing.T, air *air.Air, a, b *station)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ether, err := air.New(air.Config{Seed: 1, Stations: []air.Station{{Modem: air.Chip}, {Modem: air.Chip}}})
			must(t, err)
			rig, err := sim.NewRig(ether, "")
			must(t, err)
			s := []*station{add(t, rig, 0), add(t, rig, 1)}
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() { _ = rig.Run(ctx); close(ended) }()
			defer func() { stop(); <-ended }()
			for _, s := range s {
				s.open(t, sx127x.Opts{})
				defer func() { s.Close() }()
				must(t, s.Configure(t.Context(), sf7, 14))
			}
			test(t, ether, s[0], s[1])
			for i, s := range s {
				if v := s.chip.Violations(); len(v) > 0 {
					t.Errorf("station %d: %q", i, v)
				}
			}
		})
	})
}

func add(t *testing.T, rig *sim.Rig, n int) *station {
	t.Helper()
	c, err := rig.AddSX127x(n, sim.SX127xOpts{Dead: 0xFF})
	must(t, err)
	return &station{chip: c}
}

func (s *station) open(t *testing.T, o sx127x.Opts) {
	t.Helper()
	d, err := sx127x.New(s.chip.Open(), chip.Pins{Reset: s.chip.Reset}, o)
	must(t, err)
	s.Radio, err = chip.Open(t.Context(), d, s.chip.DIO0, chip.Opts{})
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// passes sends a frame and wants it received, with the right times.
func passes(t *testing.T, from, to *station, m phy.Modulation, frame []byte) {
	t.Helper()
	began := time.Now()
	must(t, from.Transmit(t.Context(), frame))
	took, tone := time.Since(began), m.TimeOnAir(len(frame))
	if took < tone || took > tone+5*time.Millisecond || from.OnAir() < tone || from.OnAir() > took {
		t.Errorf("%v: took %v, measured %v; on the air for %v", m, took, from.OnAir(), tone)
	}
	if p := next(t, to); !bytes.Equal(p.Data, frame) || p.At.After(time.Now()) || p.At.Before(began.Add(tone)) {
		t.Errorf("%v: got %d octets at %v", m, len(p.Data), p.At)
	}
}

// next is the next frame, which must come soon.
func next(t *testing.T, s *station) radio.Packet {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	p, err := s.Receive(ctx)
	must(t, err)
	return p
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestTwoChipsUnderstandEachOther(t *testing.T) {
	pair(t, "300 frames of any length", func(t *testing.T, _ *air.Air, a, b *station) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			from, to := a, b
			if r.IntN(2) == 0 {
				from, to = b, a
			}
			passes(t, from, to, sf7, noise(r, 1+r.IntN(255)))
		}
		if s := b.Stats(); s.LateIRQ+s.Resets+s.Damaged+s.Lost != 0 {
			t.Errorf("got %+v", s)
		}
	})
	pair(t, "every modulation", func(t *testing.T, _ *air.Air, a, b *station) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, bw := range []uint32{7812, 10416, 15625, 20833, 31250, 41666, 62500, 125000, 250000, 500000} {
			for sf := uint8(7); sf <= 12; sf++ {
				m := phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: bw, SpreadingFactor: sf, CodingRate: 5 + sf%4, PreambleSymbols: 8}
				must(t, a.Configure(t.Context(), m, 14))
				must(t, b.Configure(t.Context(), m, 14))
				passes(t, a, b, m, noise(r, 20))
			}
		}
	})
}

// With the remedy of erratum 2.3 and without, radios understand each other.
func TestNarrowIF(t *testing.T) {
	pair(t, "", func(t *testing.T, _ *air.Air, a, b *station) {
		must(t, a.Close())
		a.open(t, sx127x.Opts{NarrowIF: true})
		for _, bw := range []uint32{7812, 10416, 41666, 62500} {
			m := sf7
			m.BandwidthHz = bw
			must(t, a.Configure(t.Context(), m, 14))
			must(t, b.Configure(t.Context(), m, 14))
			passes(t, a, b, m, []byte("there"))
			passes(t, b, a, m, []byte("and back"))
		}
	})
}

func TestLostInterrupts(t *testing.T) {
	pair(t, "", func(t *testing.T, _ *air.Air, a, b *station) {
		b.chip.LoseIRQ(1)
		must(t, a.Transmit(t.Context(), []byte("hello")))
		began := time.Now()
		if p := next(t, b); string(p.Data) != "hello" || time.Since(began) > time.Second || b.Stats().LateIRQ != 1 {
			t.Errorf("got %q after %v, %+v", p.Data, time.Since(began), b.Stats())
		}
		a.chip.LoseIRQ(1)
		must(t, a.Transmit(t.Context(), []byte("again")))
		if a.Stats().LateIRQ != 1 {
			t.Errorf("got %+v", a.Stats())
		}
	})
}

func TestBrownOut(t *testing.T) {
	pair(t, "while sending", func(t *testing.T, _ *air.Air, a, b *station) {
		time.AfterFunc(50*time.Millisecond, a.chip.BrownOut)
		var i *chip.InterruptedError
		if err := a.Transmit(t.Context(), make([]byte, 200)); !errors.As(err, &i) {
			t.Errorf("got %v", err)
		}
		passes(t, a, b, sf7, []byte("works again"))
	})
	pair(t, "while receiving", func(t *testing.T, _ *air.Air, a, b *station) {
		b.chip.BrownOut()
		time.Sleep(1100 * time.Millisecond)
		passes(t, a, b, sf7, []byte("works again"))
	})
}

func TestUnpluggedAndBack(t *testing.T) {
	pair(t, "", func(t *testing.T, _ *air.Air, a, b *station) {
		b.chip.Unplug()
		time.Sleep(5 * time.Second)
		b.chip.Replug()
		time.Sleep(1500 * time.Millisecond)
		passes(t, a, b, sf7, []byte("works again"))
	})
	pair(t, "or not", func(t *testing.T, _ *air.Air, _, b *station) {
		b.chip.Unplug()
		if _, err := b.Receive(t.Context()); !errors.Is(err, chip.ErrNoChip) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDamagedPackets(t *testing.T) {
	pair(t, "", func(t *testing.T, ether *air.Air, a, b *station) {
		for _, injury := range []air.Injury{air.WrongChecksum, air.NoChecksum} {
			ether.Injure(1, injury)
			must(t, a.Transmit(t.Context(), []byte("spoilt")))
		}
		time.Sleep(10 * time.Millisecond)
		if s := b.Stats(); s.Damaged != 2 || s.Received != 0 {
			t.Errorf("got %+v", s)
		}
		passes(t, a, b, sf7, []byte("whole"))
	})
}

func TestListenBeforeTalk(t *testing.T) {
	law := phy.Sensing{For: 5 * time.Millisecond, BelowDBm: -100}
	pair(t, "free", func(t *testing.T, _ *air.Air, a, b *station) {
		for _, s := range []phy.Sensing{{}, law} {
			if busy, err := b.Sense(t.Context(), s); busy || err != nil {
				t.Errorf("got %v, %v", busy, err)
			}
		}
		passes(t, a, b, sf7, []byte("still hears"))
	})
	for _, after := range []time.Duration{5 * time.Millisecond, 100 * time.Millisecond} {
		pair(t, "a frame on the air, which still arrives", func(t *testing.T, _ *air.Air, a, b *station) {
			sent := make(chan error, 1)
			go func() { sent <- a.Transmit(t.Context(), make([]byte, 200)) }()
			time.Sleep(after)
			if busy, err := b.Sense(t.Context(), phy.Sensing{}); !busy || err != nil {
				t.Errorf("got %v, %v", busy, err)
			}
			must(t, <-sent)
			if after > 50*time.Millisecond { // detection in the preamble may cost the frame
				next(t, b)
			}
		})
	}
	pair(t, "another modulation is energy", func(t *testing.T, _ *air.Air, a, b *station) {
		slow := sf7
		slow.SpreadingFactor = 10
		must(t, a.Configure(t.Context(), slow, 14))
		sent := make(chan error, 1)
		go func() { sent <- a.Transmit(t.Context(), make([]byte, 50)) }()
		time.Sleep(20 * time.Millisecond)
		if busy, err := b.Sense(t.Context(), phy.Sensing{}); busy || err != nil {
			t.Errorf("detection hears its own modulation only: %v, %v", busy, err)
		}
		if busy, err := b.Sense(t.Context(), law); !busy || err != nil {
			t.Errorf("energy: %v, %v", busy, err)
		}
		must(t, <-sent)
	})
}

// A preamble of half a second is listened to more than once: none of it may break the reception off.
func TestListeningOftenLeavesAReceptionAlone(t *testing.T) {
	pair(t, "", func(t *testing.T, _ *air.Air, a, b *station) {
		slow := sf7
		slow.SpreadingFactor = 12
		must(t, a.Configure(t.Context(), slow, 14))
		must(t, b.Configure(t.Context(), slow, 14))
		sent := make(chan error)
		go func() { sent <- a.Transmit(t.Context(), []byte("hello")) }()
		time.Sleep(7 * slow.SymbolTime()) // the preamble has been found, the header comes after 20.25 symbols
		for range 10 {
			if busy, err := b.Sense(t.Context(), phy.Sensing{}); !busy || err != nil {
				t.Errorf("busy %v, %v", busy, err)
			}
			time.Sleep(slow.SymbolTime())
		}
		must(t, <-sent)
		if p := next(t, b); string(p.Data) != "hello" {
			t.Errorf("got %q", p.Data)
		}
		if busy, err := b.Sense(t.Context(), phy.Sensing{}); busy || err != nil {
			t.Errorf("afterwards: busy %v, %v", busy, err)
		}
	})
}
