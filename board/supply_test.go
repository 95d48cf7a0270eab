package board

import (
	"math"
	"testing"
	"time"
)

// feedSupply gives readings ten seconds apart and tells when the supply counted as empty, as the number of readings; -1: never.
func feedSupply(s *Supply, from time.Time, readings ...float64) (now time.Time, empty int) {
	empty = -1
	for i, v := range readings {
		now = from.Add(time.Duration(i+1) * 10 * time.Second)
		s.Add(now, v)
		if empty < 0 && s.IsEmpty(now) {
			empty = i + 1
		}
	}
	return now, empty
}

func times(n int, v float64) (out []float64) {
	for range n {
		out = append(out, v)
	}
	return out
}

func ramp(n int, from, to float64) (out []float64) {
	for i := range n {
		out = append(out, from+(to-from)*float64(i)/float64(n-1))
	}
	return out
}

func join(parts ...[]float64) (out []float64) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

var julyNoon = time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)

func TestEmptyBattery(t *testing.T) {
	for _, c := range []struct {
		what     string
		readings []float64
		from, to int // when it counts as empty, in readings; 0, 0: never
	}{
		{"full", times(100, 12.6), 0, 0},
		{"empty from the start", times(10, 11.0), 7, 7},
		{"it runs out", join(ramp(50, 12.5, 10.5), times(20, 10.5)), 34, 50},
		{"0 V for long", join(times(10, 12), times(100, 0)), 0, 0},
		{"0 V from the start", times(100, 0), 0, 0},
		{"negative", times(100, -0.01), 0, 0},
		{"not a number", times(100, math.NaN()), 0, 0},
		{"no end", times(100, math.Inf(1)), 0, 0},
		{"a divider of 11 that the configuration does not know", times(100, 1.09), 0, 0},
		{"single wild readings", join(times(10, 12), times(1, 6), times(10, 12), times(2, 7), times(10, 12)), 0, 0},
		{"wild readings that do not agree", join(times(10, 12), []float64{6, 9, 7, 9.5, 6.2, 9, 7, 9.5, 6, 9, 7}), 0, 0},
		{"a dip of half a minute", join(times(10, 11.6), times(3, 10.6), times(10, 11.6)), 0, 0},
		{"a transmission at each reading but one", join(times(10, 11.5), []float64{11, 11.6, 11, 11.6, 11, 11.6, 11, 11.6, 11, 11.6}), 0, 0},
		{"a worn battery under another load", join(times(10, 12), times(20, 10)), 19, 20},
		{"around the threshold", join(times(5, 11.4), []float64{11.1, 11.0, 11.1, 11.3, 11.1, 11.3, 11.1, 11.2, 11.1, 11.2, 11.1, 11.2}), 13, 16},
		{"a loose wire between", join(times(6, 11), times(1, 0), times(6, 11)), 0, 0},
		{"one reading below, then just above for long", join(times(10, 11.3), times(4, 11.15), times(60, 11.3)), 0, 0},
		{"a weak charger comes", join(times(3, 11.1), times(60, 11.3)), 0, 0},
		{"a charger comes", join(times(6, 11), times(20, 14.2)), 0, 0},
	} {
		s := &Supply{Low: 11.8, Empty: 11.2}
		if _, empty := feedSupply(s, julyNoon, c.readings...); c.from == 0 && empty >= 0 || c.from > 0 && (empty < c.from || empty > c.to) {
			t.Errorf("%s: empty after %d readings, want %d to %d", c.what, empty, c.from, c.to)
		}
	}
}

func TestLowBattery(t *testing.T) {
	s := &Supply{Low: 11.8}
	now, empty := feedSupply(s, julyNoon, times(30, 11.5)...)
	if !s.IsLow(now) || empty >= 0 {
		t.Errorf("11.5 V: low %v, empty %d", s.IsLow(now), empty)
	}
	if now, _ = feedSupply(s, now, times(30, 11.9)...); !s.IsLow(now) {
		t.Error("11.9 V: the warning goes too early")
	}
	if now, _ = feedSupply(s, now, times(30, 12.3)...); s.IsLow(now) {
		t.Error("12.3 V: it stays")
	}
	if v, ok := s.Volts(now); !ok || math.Abs(v-12.3) > 0.05 {
		t.Errorf("%v, %v", v, ok)
	}
	if _, ok := s.Volts(now.Add(time.Minute)); ok {
		t.Error("an old reading counts")
	}
}

func TestReadingsThatStop(t *testing.T) {
	s := &Supply{Empty: 11.2}
	now, _ := feedSupply(s, julyNoon, times(3, 11)...)
	if s.IsEmpty(now.Add(time.Hour)) {
		t.Error("empty by readings of an hour ago")
	}
	s = &Supply{Empty: 11.2}
	if now, _ = feedSupply(s, now, times(6, 11)...); s.IsEmpty(now) {
		t.Error("empty too early: the test shows nothing")
	}
	s.Miss()
	if now, _ = feedSupply(s, now, 11); s.IsEmpty(now) {
		t.Error("a minute is counted over a reading that failed")
	}
	if now = now.Add(time.Hour); s.Add(now, 11) && s.IsEmpty(now) {
		t.Error("a minute is counted over a gap")
	}
}
