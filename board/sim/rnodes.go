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

// RNodes are simulated RNode modems behind pseudo-terminals, all on one air.
// A serial library opens them like any USB modem.
type RNodes struct {
	air   Air
	ports []*rnodePort
	mail  chan func(now time.Time)
	done  chan struct{} // Run has ended
}

// NewRNodes makes one pseudo-terminal for each of the air's stations and a symbolic
// link to it in dir, with names that stay the same from run to run: dir/rnode0,
// dir/rnode1 and so on. The air belongs to the RNodes from here on; its
// stations must be RNode modems that are off. Run brings them to life.
func NewRNodes(air Air, stations int, dir string) (*RNodes, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("sim: directory for the serial ports: %w", err)
	}
	r := &RNodes{air: air, mail: make(chan func(time.Time)), done: make(chan struct{})}
	for i := range stations {
		p, err := r.open(i, filepath.Join(dir, "rnode"+strconv.Itoa(i)))
		if err != nil {
			r.close()
			return nil, err
		}
		r.ports = append(r.ports, p)
	}
	return r, nil
}

func (r *RNodes) open(station int, link string) (*rnodePort, error) {
	master, slave, err := openPty()
	if err != nil {
		return nil, err
	}
	if err := replaceLink(slave, link); err != nil {
		_ = master.Close()
		return nil, err
	}
	return newRNodePort(newRNodeModem(r.air, station), master, link), nil
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

// Paths are the links to the serial ports, by station.
func (r *RNodes) Paths() []string {
	var paths []string
	for _, p := range r.ports {
		paths = append(paths, p.link)
	}
	return paths
}

// Do runs f on the goroutine that owns the air and waits for it: to change the
// channel while it runs, or to read its counters. False when Run has ended or
// ctx ends first.
func (r *RNodes) Do(ctx context.Context, f func(now time.Time)) bool {
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

// Run is the modems' life, in real time, until ctx ends. Then the ports and
// their links are gone. Call it once.
func (r *RNodes) Run(ctx context.Context) error {
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
func (r *RNodes) own(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-r.mail:
			now := time.Now()
			r.air.HandleTimeout(now)
			f(now)
		case <-timer.C:
			r.air.HandleTimeout(time.Now())
		}
		timer.Reset(r.settle(time.Now()))
	}
}

// settle carries what the air and the modems have to say to the hosts, and
// returns how long nothing will be due.
func (r *RNodes) settle(now time.Time) time.Duration {
	for {
		station, frame, rssi, snr, ok := r.air.PollFrame()
		if !ok {
			break
		}
		r.ports[station].modem.received(frame, rssi, snr)
	}
	next := now.Add(time.Hour)
	for _, p := range r.ports {
		p.catchUp(now)
		p.modem.timeout(now)
		if w := p.modem.wake; !w.IsZero() && w.Before(next) {
			next = w
		}
		p.flush()
	}
	if at, ok := r.air.PollTimeout(); ok && at.Before(next) {
		next = at
	}
	return max(next.Sub(now), 0)
}

func (r *RNodes) close() {
	for _, p := range r.ports {
		_ = p.master.Close()
		if p.link != "" {
			_ = os.Remove(p.link)
		}
	}
}
