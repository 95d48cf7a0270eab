package board

import (
	"math"
	"time"
)

// Supply judges the voltage of a battery from readings. It has no clock; one goroutine owns it. A reading that a
// battery cannot have is passed over, so that a loose wire or a wrong divider never switches a board off.
type Supply struct {
	Low   float64 // volts below which to warn; 0: never
	Empty float64 // volts below which the board ends; 0: never

	volts float64 // smoothed; 0: none yet
	odd   float64 // a level far from volts that may be the new one
	odds  int     // how many readings in a row were there
	low   bool
	below time.Time // since when it has been below Empty; zero: it is not
	last  time.Time // reading that counted
}

const (
	supplyWeight = 0.3              // of a new reading: a transmission's dip hardly shows
	supplyJump   = 0.15             // share by which a reading is far from the others
	supplyNear   = 0.05             // share within which far readings are of one level
	supplyAgree  = 3                // readings in a row that make a new level
	supplyBack   = 1.02             // share of Low that counts as above it again
	supplyRest   = 1.005            // share of Empty that counts as above it again: a little, or a weak charger is not seen
	supplyEmpty  = time.Minute      // below Empty
	supplyFresh  = 30 * time.Second // readings that are older say nothing
	supplyLeast  = 1.0              // volts: below is a loose wire
	supplyMost   = 100.0
)

// plausible tells a reading that a battery in use can have. Half of what counts as empty is a wrong ratio or a loose wire: no
// board would run.
func (s *Supply) plausible(volts float64) bool {
	return volts >= max(supplyLeast, s.Empty/2) && volts <= supplyMost
}

// Add takes a reading. It answers whether it counted: one that cannot be, or jumps, does not.
func (s *Supply) Add(now time.Time, volts float64) bool {
	if now.Sub(s.last) > supplyFresh {
		s.Miss()
	}
	switch {
	case !s.plausible(volts):
		s.Miss()
		return false
	case s.volts == 0:
		s.volts = volts
	case far(volts, s.volts, supplyJump):
		if !s.newLevel(volts) {
			s.below = time.Time{}
			return false
		}
		s.volts = volts
	default:
		s.volts += (volts - s.volts) * supplyWeight
	}
	s.odds, s.last = 0, now
	s.judge(now)
	return true
}

// Miss tells of a reading that failed: a minute below Empty begins anew.
func (s *Supply) Miss() { s.below, s.odds = time.Time{}, 0 }

func far(a, b, share float64) bool { return math.Abs(a-b) > share*b }

// newLevel tells that readings far from the others have stayed together: another battery, or a charger.
func (s *Supply) newLevel(volts float64) bool {
	if s.odds == 0 || far(volts, s.odd, supplyNear) {
		s.odd, s.odds = volts, 0
	}
	s.odds++
	return s.odds >= supplyAgree
}

func (s *Supply) judge(now time.Time) {
	switch {
	case s.volts < s.Low:
		s.low = true
	case s.volts > s.Low*supplyBack:
		s.low = false
	}
	switch {
	case s.volts >= s.Empty*supplyRest || s.Empty == 0:
		s.below = time.Time{}
	case s.volts < s.Empty && s.below.IsZero():
		s.below = now
	}
}

// Volts is the smoothed voltage; false when there was no reading lately.
func (s *Supply) Volts(now time.Time) (volts float64, ok bool) {
	if s.volts == 0 || now.Sub(s.last) > supplyFresh {
		return 0, false
	}
	return s.volts, true
}

// IsLow tells whether to warn.
func (s *Supply) IsLow(now time.Time) bool {
	_, ok := s.Volts(now)
	return ok && s.low
}

// IsEmpty tells that the battery has been below Empty for a minute, by readings all the time.
func (s *Supply) IsEmpty(now time.Time) bool {
	volts, ok := s.Volts(now)
	return ok && volts < s.Empty && !s.below.IsZero() && now.Sub(s.below) >= supplyEmpty
}
