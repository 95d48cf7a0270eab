//go:build linux

package sim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Rig is simulated radios on one air. Modems lie behind pseudo-terminals or lines in memory: a serial library opens them
// like any USB modem.
type Rig struct {
	air    Air
	ether  Ether // air, where it can serve chips
	dir    string
	ports  []*serialPort // in the order in which they were added
	modems map[int]*serialPort
	seats  []*chipSeat // in the order in which they were added
	chips  map[int]*chipSeat
	mail   chan func(now time.Time)
	done   chan struct{} // Run has ended
}

// NewRig makes a rig without radios, which Add and the like put onto the air's stations. Modems get a
// pseudo-terminal each and a symbolic link to it in dir, with names that stay the same from run to run, such as
// dir/rnode0; without a dir their lines lie in memory (Dial), and so also run in the virtual time of
// testing/synctest. The air belongs to the rig from here on; its stations must be off. Run brings all to life.
func NewRig(air Air, dir string) (*Rig, error) {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("sim: directory for the serial ports: %w", err)
		}
	}
	ether, _ := air.(Ether)
	return &Rig{air: air, ether: ether, dir: dir, mail: make(chan func(time.Time)), done: make(chan struct{})}, nil
}

// NewRNodes is a rig with an RNode at each of so many stations: dir/rnode0, dir/rnode1 and so on.
func NewRNodes(air Air, stations int, dir string) (*Rig, error) {
	r, err := NewRig(air, dir)
	if err != nil {
		return nil, err
	}
	for i := range stations {
		if err := r.AddRNode(i); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

// AddRNode puts an RNode with an SX1262 on a station.
func (r *Rig) AddRNode(station int) error { return r.AddRNodeWith(station, RNodeOpts{}) }

// AddRNodeWith puts an RNode of another kind on a station.
func (r *Rig) AddRNodeWith(station int, opts RNodeOpts) error {
	if a, ok := r.air.(interface{ ShortPreambles(station int) }); ok && opts.OldChip {
		a.ShortPreambles(station)
	}
	return r.add("rnode"+strconv.Itoa(station), station, rnodeBaud, newRNodeModem(r.air, station, opts))
}

const rnodeBaud = 115200

// add puts a modem on a station and a serial line of this rate, in 8N1, to it. Before Run only.
func (r *Rig) add(name string, station, baud int, m modem) error {
	if r.modems == nil {
		r.modems = map[int]*serialPort{}
	}
	if r.modems[station] != nil || r.chips[station] != nil {
		return fmt.Errorf("sim: station %d has a radio already", station)
	}
	p := newSerialPort(m, &memoryLine{}, "", baud)
	if r.dir != "" {
		master, slave, err := openPty()
		if err != nil {
			return err
		}
		link := filepath.Join(r.dir, name)
		if err := replaceLink(slave, link); err != nil {
			_ = master.Close()
			return err
		}
		p = newSerialPort(m, ptyLine{master}, link, baud)
	}
	r.ports, r.modems[station] = append(r.ports, p), p
	return nil
}

// replaceLink points link at target in one step. Only a symbolic link, left by
// an earlier run, is replaced.
func replaceLink(target, link string) error {
	switch info, err := os.Lstat(link); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("sim: serial port: %w", err)
	case info.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("sim: %s is in the way: it is not a link of an earlier run; choose another directory", link)
	}
	next := link + ".new"
	_ = os.Remove(next)
	if err := os.Symlink(target, next); err != nil {
		return fmt.Errorf("sim: serial port: %w", err)
	}
	if err := os.Rename(next, link); err != nil {
		return fmt.Errorf("sim: serial port: %w", err)
	}
	return nil
}

// Paths are the links to the serial ports, in the order in which modems were added.
func (r *Rig) Paths() []string {
	var paths []string
	for _, p := range r.ports {
		paths = append(paths, p.link)
	}
	return paths
}

// Do runs f on the goroutine that owns the air and waits for it: to change the
// channel while it runs, or to read its counters. False when Run has ended or
// ctx ends first.
func (r *Rig) Do(ctx context.Context, f func(now time.Time)) bool {
	did := make(chan struct{})
	select {
	case r.mail <- func(now time.Time) { f(now); close(did) }:
		<-did
		return true
	case <-r.done:
	case <-ctx.Done():
	}
	return false
}

// Restart takes the power from a station's modem and gives it back: what it does not keep is forgotten. False where its
// simulator knows no such thing, or Run has ended.
func (r *Rig) Restart(ctx context.Context, station int) bool {
	known := false
	return r.Do(ctx, func(now time.Time) {
		var m restarter
		if p := r.modems[station]; p != nil {
			m, known = p.modem.(restarter)
		}
		if known {
			m.restart(now)
		}
	}) && known
}

// Run is the modems' life, in real time, until ctx ends. Then the ports and
// their links are gone. Call it once.
func (r *Rig) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, p := range r.ports {
		wg.Go(func() { p.read(ctx, r.mail) })
		wg.Go(func() { p.write(ctx) })
	}
	r.own(ctx)
	stop()
	r.close()
	close(r.done)
	wg.Wait()
	return nil
}

// own is the only goroutine that touches the air and the modems.
func (r *Rig) own(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-r.mail:
			now := time.Now()
			r.advance(now)
			f(now)
		case <-timer.C:
			r.advance(time.Now())
		}
		timer.Reset(r.settle(time.Now()))
	}
}

// settle carries what the air and the modems have to say to the hosts, and
// returns how long nothing will be due.
func (r *Rig) settle(now time.Time) time.Duration {
	for {
		station, frame, rssi, snr, ok := r.air.PollFrame()
		if !ok {
			break
		}
		if p := r.modems[station]; p != nil {
			p.modem.received(frame, rssi, snr)
		}
	}
	next := now.Add(time.Hour)
	for _, p := range r.ports {
		p.catchUp(now)
		p.modem.timeout(now)
		if w := p.modem.wakeAt(); !w.IsZero() && w.Before(next) {
			next = w
		}
		p.flush()
	}
	if at, ok := r.due(); ok && at.Before(next) {
		next = at
	}
	return max(next.Sub(now), 0)
}

func (r *Rig) close() {
	for _, p := range r.ports {
		_ = p.master.Close()
		if p.link != "" {
			_ = os.Remove(p.link)
		}
	}
}
