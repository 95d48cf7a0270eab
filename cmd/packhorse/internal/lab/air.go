//go:build linux

// Package lab is a laboratory on one machine: modems behind pseudo-terminals on a
// simulated channel, in real time, for `packhorse sim`, `dev` and `demo`.
package lab

import (
	"context"
	"fmt"
	"time"

	boardsim "packhorse/board/sim"
	"packhorse/radio/sim"
)

// Options describe an air.
type Options struct {
	Stations int     // how many modems
	Links    string  // who hears whom: see ParseLinks
	Loss     float64 // of each packet at each receiver, 0 to 1
	Seed     uint64  // of the loss
	Dir      string  // where links to the serial ports are made
	Kind     string  // of the modems, one of Kinds; empty: rnode
}

// Air is a running channel with its modems.
type Air struct {
	ports *boardsim.Rig
	air   *sim.Air
	n     int
}

// NewAir makes the modems and their serial ports. Run brings them to life.
func NewAir(o Options) (*Air, error) {
	if o.Stations < 1 || o.Stations > MaxStations {
		return nil, fmt.Errorf("%d radios: give 1 to %d", o.Stations, MaxStations)
	}
	links, err := ParseLinks(o.Links, o.Stations)
	if err != nil {
		return nil, err
	}
	air, err := sim.New(sim.Config{Seed: o.Seed, Stations: stations(o.Kind, o.Stations), Loss: o.Loss})
	if err != nil {
		return nil, err
	}
	for x := range o.Stations {
		for y := range x {
			air.Cut(x, y, !links[Link{y, x}])
		}
	}
	ports, err := boardsim.NewRig(air, o.Dir)
	if err != nil {
		return nil, err
	}
	for i := range o.Stations {
		if err := add(ports, o.Kind, i); err != nil {
			return nil, err
		}
	}
	return &Air{ports: ports, air: air, n: o.Stations}, nil
}

// Run is the modems' life until ctx ends. Call it once.
func (a *Air) Run(ctx context.Context) error { return a.ports.Run(ctx) }

// Paths are the serial ports, by station.
func (a *Air) Paths() []string { return a.ports.Paths() }

// Cut takes two stations out of each other's range, or with cut false puts them back.
func (a *Air) Cut(ctx context.Context, l Link, cut bool) error {
	if l.A < 0 || l.B < 0 || l.A >= a.n || l.B >= a.n || l.A == l.B {
		return fmt.Errorf("no such link: radios are numbered 0 to %d", a.n-1)
	}
	return a.do(ctx, func() { a.air.Cut(l.A, l.B, cut) })
}

// SetLoss changes the loss of every link.
func (a *Air) SetLoss(ctx context.Context, loss float64) error {
	if !(loss >= 0 && loss <= 1) {
		return fmt.Errorf("a loss of %g: give 0 to 1", loss)
	}
	return a.do(ctx, func() { a.air.SetLoss(loss) })
}

// Count is what one modem has done so far.
type Count struct {
	Airtime          time.Duration
	FramesSent       uint64
	FramesReceived   uint64
	Lost, Collisions uint64 // packets that did not get in here
}

// Counts tells of every station.
func (a *Air) Counts(ctx context.Context) ([]Count, error) {
	out := make([]Count, a.n)
	err := a.do(ctx, func() {
		for i := range out {
			s := a.air.Stats(i)
			out[i] = Count{a.air.Airtime(i), s.FramesSent, s.FramesReceived, s.Lost, s.Collided}
		}
	})
	return out, err
}

func (a *Air) do(ctx context.Context, f func()) error {
	if !a.ports.Do(ctx, func(time.Time) { f() }) {
		return fmt.Errorf("the simulated air has stopped")
	}
	return nil
}
