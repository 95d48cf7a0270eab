package meshtastic

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	board "packhorse/board/sim"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

const (
	us       = 1
	eu868    = 3
	turbo    = 8
	fast     = 6
	slot20   = 906_875_000 // LongFast in the US
	seedRand = 5
)

// bench is nodes on one air, in virtual time.
type bench struct {
	t   *testing.T
	ctx context.Context
	air *sim.Air
	rig *board.Rig
}

func newBench(t *testing.T, loss float64, nodes ...board.Meshtastic) *bench {
	t.Helper()
	cfg := sim.Config{Seed: 7, Loss: loss}
	for range nodes {
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
	for i, n := range nodes {
		if err := rig.AddMeshtastic(i, n); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = rig.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return &bench{t, ctx, air, rig}
}

func (b *bench) open(station int) (*Modem, error) {
	m, err := Open(b.ctx, b.rig.Dial(station), Opts{Rand: rand.New(rand.NewPCG(seedRand, uint64(station)))})
	if err == nil {
		b.t.Cleanup(func() { m.Close() })
	}
	return m, err
}

// ready is a node that is open and agrees with its own setting.
func (b *bench) ready(station int) *Modem {
	b.t.Helper()
	m, err := b.open(station)
	if err == nil {
		err = m.Configure(b.ctx, m.Info().Modulation, 30)
	}
	if err != nil {
		b.t.Fatalf("station %d: %v", station, err)
	}
	return m
}

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

func setting(hz uint32, sf uint8, bw uint32, cr uint8) phy.Modulation {
	return phy.Modulation{FrequencyHz: hz, BandwidthHz: bw, SpreadingFactor: sf, CodingRate: cr, PreambleSymbols: 16}
}
