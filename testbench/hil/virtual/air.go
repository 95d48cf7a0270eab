//go:build linux

package virtual

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

// Air is the simulated channel between the nodes of a rig, in real time.
type Air struct {
	names []string
	rig   *boardsim.Rig
	ears  *ears
}

// ears is a channel that tells how many frames its stations have received. The goroutine that owns the channel owns it.
type ears struct {
	*sim.Air
	waiting []ear
}

// ear waits for a station to have received so many frames.
type ear struct {
	station int
	frames  uint64
	heard   chan struct{}
}

// PollFrame is that of the channel.
func (e *ears) PollFrame() (station int, frame []byte, rssiDBm, snrDB float64, ok bool) {
	station, frame, rssiDBm, snrDB, ok = e.Air.PollFrame()
	e.tell()
	return station, frame, rssiDBm, snrDB, ok
}

func (e *ears) tell() {
	e.waiting = slices.DeleteFunc(e.waiting, func(w ear) bool {
		if e.Stats(w.station).FramesReceived < w.frames {
			return false
		}
		close(w.heard)
		return true
	})
}

var errAirGone = errors.New("the simulated air has stopped")

func (a *Air) do(ctx context.Context, f func()) error {
	if !a.rig.Do(ctx, func(time.Time) { f() }) {
		return errors.Join(errAirGone, ctx.Err())
	}
	return nil
}

func (a *Air) station(node string) (int, error) {
	if i := slices.Index(a.names, node); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("no node %q on the air: there are %v", node, a.names)
}

// link does something to two stations.
func (a *Air) link(ctx context.Context, x, y string, f func(x, y int)) error {
	i, err := a.station(x)
	j, also := a.station(y)
	if err := errors.Join(err, also); err != nil {
		return err
	}
	return a.do(ctx, func() { f(i, j) })
}

// Cut is hil.Air's.
func (a *Air) Cut(ctx context.Context, x, y string, cut bool) error {
	return a.link(ctx, x, y, func(i, j int) { a.ears.Cut(i, j, cut) })
}

// Attenuate is hil.Air's.
func (a *Air) Attenuate(ctx context.Context, x, y string, dB float64) error {
	return a.link(ctx, x, y, func(i, j int) { a.ears.SetLink(i, j, dB) })
}

// Loss is hil.Air's.
func (a *Air) Loss(ctx context.Context, p float64) error {
	return a.do(ctx, func() { a.ears.SetLoss(p) })
}

// Frames is hil.Air's.
func (a *Air) Frames(ctx context.Context, node string) (sent, received uint64, err error) {
	i, err := a.station(node)
	if err != nil {
		return 0, 0, err
	}
	err = a.do(ctx, func() { s := a.ears.Stats(i); sent, received = s.FramesSent, s.FramesReceived })
	return sent, received, err
}

// Observes is hil.Observer's.
func (a *Air) Observes() {}

// Airtime is how long a node's radio has transmitted since the rig was opened.
func (a *Air) Airtime(ctx context.Context, node string) (t time.Duration, err error) {
	i, err := a.station(node)
	if err != nil {
		return 0, err
	}
	return t, a.do(ctx, func() { t = a.ears.Airtime(i) })
}

// Heard waits until a node's radio has received so many frames more.
func (a *Air) Heard(ctx context.Context, node string, more uint64) error {
	i, err := a.station(node)
	if err != nil {
		return err
	}
	heard := make(chan struct{})
	if err := a.do(ctx, func() {
		a.ears.waiting = append(a.ears.waiting, ear{i, a.ears.Stats(i).FramesReceived + more, heard})
		a.ears.tell()
	}); err != nil {
		return err
	}
	select {
	case <-heard:
		return nil
	case <-ctx.Done():
		return &hil.Error{Node: node, Doing: fmt.Sprintf("wait for %d frames on the air", more), Err: ctx.Err()}
	}
}
