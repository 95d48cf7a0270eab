//go:build linux

package sim

import (
	"errors"
	"fmt"
	"time"
)

// addChip puts a chip on a station. Before Run only.
func (r *Rig) addChip(station int, s *chipSeat) error {
	switch {
	case r.ether == nil:
		return errors.New("sim: this air cannot serve chips")
	case r.modems[station] != nil || r.chips[station] != nil:
		return fmt.Errorf("sim: station %d has a radio already", station)
	}
	if r.chips == nil {
		r.chips = map[int]*chipSeat{}
	}
	r.chips[station] = s
	r.seats = append(r.seats, s)
	s.run = r.run
	return nil
}

// run lets the owner of the air run f and waits for it; false: Run has ended. Before Run it waits for Run.
func (r *Rig) run(f func(now time.Time)) bool {
	did := make(chan struct{})
	select {
	case r.mail <- func(now time.Time) { f(now); close(did) }:
		<-did
		return true
	case <-r.done:
		return false
	}
}

// advance lets everything happen that is due at or before now on the air and in the chips, in its order and each thing
// at its own time.
func (r *Rig) advance(now time.Time) {
	for len(r.seats) > 0 {
		at, ok := r.due()
		if !ok || at.After(now) {
			break
		}
		r.air.HandleTimeout(at)
		r.arrivals()
		for _, s := range r.seats {
			s.timeout(at)
		}
	}
	r.air.HandleTimeout(now)
	r.arrivals()
}

// due is when the air or a chip has something to do next.
func (r *Rig) due() (time.Time, bool) {
	next, ok := r.air.PollTimeout()
	for _, s := range r.seats {
		if w := s.core.wakeAt(); !w.IsZero() && (!ok || w.Before(next)) {
			next, ok = w, true
		}
	}
	return next, ok
}

// arrivals hands to the chips what their receivers have noticed.
func (r *Rig) arrivals() {
	if r.ether == nil {
		return
	}
	for n, ok := r.ether.PollArrival(); ok; n, ok = r.ether.PollArrival() {
		if s := r.chips[n.Station]; s != nil {
			s.arrived(n)
		}
	}
}

// AddSX127x puts an SX1276 on a station, which the air must hold for a chip. Its state is the rig's: its port and lines
// wait for Run, and after Run no chip answers. Before Run only.
func (r *Rig) AddSX127x(station int, o SX127xOpts) (*SX127x, error) {
	c := newSX127x(r.ether, station, o)
	if err := r.addChip(station, c.chipSeat); err != nil {
		return nil, err
	}
	return c, nil
}
