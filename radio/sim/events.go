package sim

import "time"

// PollTimeout is when HandleTimeout must be called next.
func (a *Air) PollTimeout() (time.Time, bool) {
	var at time.Time
	found := false
	earlier := func(t time.Time) {
		if !found || t.Before(at) {
			at, found = t, true
		}
	}
	for _, t := range a.active {
		earlier(t.end)
	}
	for _, s := range a.stations {
		for _, h := range s.hearing {
			earlier(h.at)
		}
		switch s.access.phase {
		case phaseTurn, phaseLocked:
			earlier(s.access.until)
		case phaseDIFS, phaseWindow:
			earlier(s.access.until)
			if t, ok := a.sensedNext(s); ok {
				earlier(t)
			}
		}
	}
	return at, found
}

// sensedNext is when carrier sense interrupts a waiting station.
func (a *Air) sensedNext(s *station) (at time.Time, ok bool) {
	for _, t := range a.active {
		if from, hears := a.sensedFrom(t, s.index); hears && (!ok || from.Before(at)) {
			at, ok = from, true
		}
	}
	return at, ok
}

// HandleTimeout does everything that is due at or before now, each thing at
// its own time. Call it at or after PollTimeout's time.
func (a *Air) HandleTimeout(now time.Time) {
	for {
		at, ok := a.PollTimeout()
		if !ok || at.After(now) {
			return
		}
		a.step(at)
	}
}

// step does what is due at one instant: packets end first, so that what ends
// and what begins at the same instant do not meet.
func (a *Air) step(at time.Time) {
	if a.notice(at) {
		return
	}
	if t := a.ended(at); t != nil {
		a.finish(t)
		a.left(t)
		a.sense(at)
		return
	}
	a.sense(at)
	for _, s := range a.stations {
		switch s.access.phase {
		case phaseDIFS, phaseWindow, phaseTurn, phaseLocked:
			if !s.access.until.After(at) {
				a.advance(at, s)
				return
			}
		}
	}
}

func (a *Air) ended(at time.Time) *transmission {
	for _, t := range a.active {
		if !t.end.After(at) {
			return t
		}
	}
	return nil
}

// left runs when a packet has left its station's antenna.
func (a *Air) left(t *transmission) {
	s := a.stations[t.from]
	s.sending, s.listening = false, t.end
	s.load.add(t.start, t.end.Sub(t.start))
	if s.kind == Chip {
		s.stats.FramesSent++
		a.tell(Sent{Station: s.index, Octets: len(t.data), Began: t.start, At: t.end})
		return
	}
	if done := s.burst[0]; done.octets > 0 {
		s.stats.FramesSent++
		a.tell(Sent{Station: s.index, Octets: done.octets, Began: t.start, At: t.end})
	}
	s.burst = s.burst[1:]
	a.next(t.end, s)
}

// keptSent bounds what nobody asks for with PollSent.
const keptSent = 4096

func (a *Air) tell(s Sent) {
	if len(a.sent) == keptSent {
		a.sent = a.sent[1:]
	}
	a.sent = append(a.sent, s)
}

// next sends the next packet of the burst, or contends for what waits.
func (a *Air) next(now time.Time, s *station) {
	if len(s.burst) == 0 {
		a.contend(now, s)
		return
	}
	a.begin(now, s, s.wave, s.burst[0].data)
}
