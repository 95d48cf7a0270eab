package chip

import (
	"context"
	"time"

	"periph.io/x/conn/v3/gpio"

	"packhorse/radio/phy"
)

const (
	// checkEvery is how often the flags are read when no interrupt comes: a lost edge costs so much and no more.
	checkEvery = time.Second
	// mostEvents may be pending at once: with flags left the interrupt line stays high, and gives no edge.
	mostEvents = 4
	// mostEmpty edges in a row may tell nothing before the line is taken for noisy and left alone until the next check.
	mostEmpty = 100
)

// watch waits for interrupts until the Radio ends.
func (r *Radio) watch() {
	defer close(r.done)
	for empty := 0; r.ctx.Err() == nil; {
		edge := r.edge()
		at := time.Now()
		if r.lock(r.ctx) != nil {
			return
		}
		told := r.check(at, !edge)
		r.unlock()
		if empty++; told || !edge {
			empty = 0
		}
		if empty >= mostEmpty {
			empty = 0
			r.count(func(s *Stats) { s.Noisy++ })
			_ = pause(r.ctx, checkEvery)
		}
	}
}

// edge waits for an interrupt, at most until the next check. A pin that returns early without one is broken or halted;
// it must not keep the processor busy. periph's GPIO lines return at once from a wait of -1, and never from one of 0.
func (r *Radio) edge() bool {
	from := time.Now()
	if r.irq.WaitForEdge(checkEvery) {
		return true
	}
	if left := checkEvery - time.Since(from); left > checkEvery/2 {
		_ = pause(r.ctx, left)
	}
	return false
}

// check looks after the chip and tells whether anything had happened.
func (r *Radio) check(at time.Time, late bool) (told bool) {
	r.told = false
	err := r.broken
	if err == nil {
		err = r.collect(at, late)
	}
	if err == nil && late {
		err = r.sampleNoise()
	}
	switch {
	case err != nil:
		_ = r.mend(r.ctx, err)
	case late && r.doing == receiving:
		r.faults = 0
	}
	return r.told
}

// collect reads the flags until nothing is pending. late: no interrupt told of them.
func (r *Radio) collect(at time.Time, late bool) error {
	if r.broken != nil {
		return r.broken
	}
	for range mostEvents {
		ev, err := r.driver.Events()
		if err != nil {
			return err
		}
		if err := r.take(ev, at, late); err != nil {
			return err
		}
		if r.irq.Read() == gpio.Low {
			break
		}
	}
	return nil
}

// take does what an event asks for.
func (r *Radio) take(ev Event, at time.Time, late bool) error {
	ended := ev.Sent && r.doing == sending || ev.DetectOK && r.doing == detecting
	r.count(func(s *Stats) { s.add(ev, late && (ended || ev.Received != nil || ev.Damaged || ev.Foreign)) })
	r.signal = ev.Signal
	r.told = r.told || ev != Event{}
	if ev.Began && r.set != nil {
		r.incoming = at.Add(r.set.mod.TimeOnAir(r.Capabilities().MaxFrame))
	}
	if ev.Received != nil || ev.Damaged || ev.Foreign {
		r.incoming = time.Time{}
	}
	if ev.Received != nil {
		r.faults = 0
		r.occupied(r.set.mod.TimeOnAir(len(ev.Received.Data)))
		r.deliver(ev, at)
	}
	if !ended {
		return nil
	}
	r.faults = 0
	if ev.Sent && !late {
		r.left(at)
	}
	err := r.receive()
	if ev.Detected { // another detection would break off the packet that the receiver now may find
		r.incoming = at.Add(phy.Wave{Modulation: r.set.mod}.HeaderTime())
	}
	r.result <- result{detected: ev.Detected}
	return err
}

// add counts an event.
func (s *Stats) add(ev Event, late bool) {
	for _, c := range []struct {
		is bool
		n  *uint64
	}{{ev.Sent, &s.Sent}, {ev.Received != nil, &s.Received}, {ev.Damaged, &s.Damaged}, {ev.Foreign, &s.Foreign}, {late, &s.LateIRQ}} {
		if c.is {
			*c.n++
		}
	}
}

// deliver queues a received frame; when nobody takes them the new one is lost.
func (r *Radio) deliver(ev Event, at time.Time) {
	p := *ev.Received
	if p.At.IsZero() {
		p.At = at
	}
	select {
	case r.frames <- p:
	default:
		r.count(func(s *Stats) { s.Lost++ })
	}
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
