//go:build linux

package simulated

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	boardsim "packhorse/board/sim"
	"packhorse/radio/sim"
	"packhorse/testbench/hil"
)

// Air is RNodes on a simulated channel, in real time. Safe for concurrent use.
type Air struct {
	names []string
	air   *sim.Air
	ports *boardsim.Rig
	stop  context.CancelFunc
	ended chan struct{}
}

var _ hil.Air = (*Air)(nil)

func newAir(names []string, dir string, seed uint64) (*Air, error) {
	air, err := sim.New(sim.Config{Seed: seed, Stations: make([]sim.Station, len(names))})
	if err != nil {
		return nil, err
	}
	ports, err := boardsim.NewRNodes(air, len(names), dir)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	a := &Air{names: names, air: air, ports: ports, stop: stop, ended: make(chan struct{})}
	go func() { defer close(a.ended); _ = ports.Run(ctx) }()
	return a, nil
}

func (a *Air) close() { a.stop(); <-a.ended }

// port is the serial port of a station.
func (a *Air) port(i int) string { return a.ports.Paths()[i] }

// Cut takes two nodes out of each other's range, or puts them back.
func (a *Air) Cut(ctx context.Context, x, y string, cut bool) error {
	return a.between(ctx, x, y, func(i, j int) { a.air.Cut(i, j, cut) })
}

// Attenuate sets what a packet loses on its way between two nodes.
func (a *Air) Attenuate(ctx context.Context, x, y string, dB float64) error {
	return a.between(ctx, x, y, func(i, j int) { a.air.SetLink(i, j, dB) })
}

// Loss sets the probability at which a packet is lost at a receiver.
func (a *Air) Loss(ctx context.Context, p float64) error {
	if !(p >= 0 && p <= 1) {
		return fmt.Errorf("a loss of %g: give 0 to 1", p)
	}
	return a.do(ctx, func() { a.air.SetLoss(p) })
}

// Frames is how many frames a node's radio has sent and received.
func (a *Air) Frames(ctx context.Context, name string) (sent, received uint64, err error) {
	i := slices.Index(a.names, name)
	if i < 0 {
		return 0, 0, fmt.Errorf("there is no node %q", name)
	}
	err = a.do(ctx, func() { s := a.air.Stats(i); sent, received = s.FramesSent, s.FramesReceived })
	return sent, received, err
}

func (a *Air) between(ctx context.Context, x, y string, f func(i, j int)) error {
	i, j := slices.Index(a.names, x), slices.Index(a.names, y)
	if i < 0 || j < 0 || i == j {
		return fmt.Errorf("there is no link between %q and %q", x, y)
	}
	return a.do(ctx, func() { f(i, j) })
}

func (a *Air) do(ctx context.Context, f func()) error {
	if !a.ports.Do(ctx, func(time.Time) { f() }) {
		return errors.New("the simulated air has stopped")
	}
	return nil
}

// Observes says that Frames may be called at any time.
func (a *Air) Observes() {}
