package link

import "time"

// What a core counts and expects must be what goes on the air: the law's budget, the forecasts and every wait are made of it.

// mtu is that of the station's setting.
func (s *station) mtu() int {
	if s.rate > 0 {
		return s.ch.rates[s.rate-1].MTU
	}
	return s.ch.mtu
}

// promise is what a core thinks before it hands out a frame.
type promise struct {
	begins time.Time // the frame
	stats  Stats
}

func (s *station) promised() promise {
	p, now := s.node.core.port(s.port), s.node.w.now
	if p == nil || p.clear.Before(now) {
		return promise{now.Add(s.accessNow()), s.node.core.Stats()}
	}
	return promise{p.clear, s.node.core.Stats()}
}

// accessNow is what a station waits on its setting.
func (s *station) accessNow() time.Duration {
	if s.rate > 0 {
		return s.ch.rates[s.rate-1].Access
	}
	return s.ch.access
}

// took checks a frame that a station took: its length on the setting that the station is really on, when the core expects
// its end, and what it counted.
func (s *station) took(b []byte, before promise) {
	n, t := s.node, s.node.w.t
	if len(b) > s.mtu() {
		t.Fatalf("%s sends %d octets on setting %d of %d", n.name, len(b), s.rate, s.mtu())
	}
	if got, want := n.core.port(s.port).clear.Sub(before.begins), s.airtime(len(b)); got != want {
		t.Fatalf("%s expects %v for %d octets on setting %d, want %v", n.name, got, len(b), s.rate, want)
	}
	frames, octets := n.core.stats.FramesOut-before.stats.FramesOut, n.core.stats.OctetsOut-before.stats.OctetsOut
	if frames != 1 || octets != uint64(len(b)) {
		t.Fatalf("%s counts %d frames of %d octets, want one of %d", n.name, frames, octets, len(b))
	}
	s.air = s.airtime(len(b))
}

// leaves counts a frame that goes on the air now, as long as was said when it was taken.
func (s *station) leaves() {
	air := s.airtime(len(s.frame))
	if air != s.air {
		s.node.w.t.Fatalf("%s: %d octets take %v, and %v was counted", s.node.name, len(s.frame), air, s.air)
	}
	s.endAt = s.node.w.now.Add(air)
	s.ch.airUsed += air
	s.ch.octets += len(s.frame)
}
