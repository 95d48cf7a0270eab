package sim

import "time"

// The medium access of RNode_Firmware 1.86 (tx_queue_handler; its times are in
// phy.RNode), restated as a machine of events:
//
//	queue filled -> FREE: wait until the medium is free
//	FREE -> DIFS: two slots of free medium
//	DIFS -> WINDOW: a random number of slots, from a range that grows with the
//	        airtime this modem has used lately
//	WINDOW -> the whole queue leaves in one burst (at fast rates one frame)
//
// When the medium becomes busy in DIFS or WINDOW the modem goes back to FREE; slots already
// waited count. The firmware starts its window clock only after such an
// interruption or at boot: after an undisturbed access the old clock is still set, so the
// next access waits for DIFS alone. The firmware names a yield after sending
// but does not perform one.
const (
	// turnaround passes between the decision and the carrier: the FIFO is filled and
	// the amplifier ramps up. loop bounds the poll loop's own delay.
	turnaround = time.Millisecond
	loop       = time.Millisecond
)

type phase uint8

const (
	phaseIdle phase = iota
	phaseFree
	phaseLocked // over the airtime limit: look again at until
	phaseDIFS
	phaseWindow
	phaseTurn // decided: the carrier comes up at until
)

// access is where a modem stands in getting the medium.
type access struct {
	phase  phase
	until  time.Time
	drawn  bool // target is drawn for this access
	target time.Duration
	waited time.Duration
	clock  time.Time // zero: the window clock is not running
}

// contend starts the medium access of a station that has something to send.
func (a *Air) contend(now time.Time, s *station) {
	if !s.on || s.sending || len(s.queue) == 0 || s.access.phase != phaseIdle {
		return
	}
	if s.kind == Bare {
		s.take(1)
		a.next(now, s)
		return
	}
	a.tryDIFS(now, s)
}

func (a *Air) tryDIFS(now time.Time, s *station) {
	if s.locked(now) {
		s.access.phase, s.access.until = phaseLocked, now.Add(lockedFor)
		return
	}
	s.access.phase = phaseFree
	if a.Busy(now, s.index) {
		return
	}
	s.access.phase, s.access.until = phaseDIFS, now.Add(s.timing.DIFS+s.jitter())
}

// jitter is the delay of the modem's poll loop.
func (s *station) jitter() time.Duration { return time.Duration(s.rand.Int64N(int64(loop))) }

// sense runs after the medium may have changed: waiting stations go on or back.
func (a *Air) sense(now time.Time) {
	for _, s := range a.stations {
		switch s.access.phase {
		case phaseFree:
			a.tryDIFS(now, s)
		case phaseDIFS, phaseWindow:
			if a.Busy(now, s.index) {
				s.interrupted(now)
			}
		}
	}
}

func (s *station) interrupted(now time.Time) {
	c := &s.access
	if c.phase == phaseWindow {
		c.waited += max(now.Sub(c.clock), 0)
	}
	c.phase, c.clock = phaseFree, time.Time{}
}

// advance runs when the deadline of a station's phase has come.
func (a *Air) advance(now time.Time, s *station) {
	c := &s.access
	switch c.phase {
	case phaseLocked:
		a.tryDIFS(now, s)
	case phaseDIFS:
		s.drawWindow(now)
		if !c.clock.IsZero() {
			c.waited += now.Sub(c.clock)
		}
		c.phase, c.clock = phaseWindow, now
		c.until = now.Add(max(c.target-c.waited, 0))
		if c.waited >= c.target {
			s.decide(now)
		}
	case phaseWindow:
		s.decide(now)
	case phaseTurn:
		c.phase = phaseIdle
		a.next(now, s)
	}
}

// decide ends an access: what is in the queue now leaves.
func (s *station) decide(now time.Time) {
	frames := 1
	if s.timing.Flushes {
		frames = len(s.queue)
	}
	s.take(frames)
	c := &s.access
	c.phase, c.until = phaseTurn, now.Add(turnaround)
	c.drawn, c.waited, c.clock = false, 0, now
}

// drawWindow draws the contention window once for each access.
func (s *station) drawWindow(now time.Time) {
	c := &s.access
	if c.drawn {
		return
	}
	low, high := s.timing.Windows(int(100 * s.load.short(now)))
	c.drawn = true
	c.target = time.Duration(low+s.rand.IntN(high-low)) * s.timing.Slot
}
