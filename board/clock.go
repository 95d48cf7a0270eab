package board

import (
	"time"

	"golang.org/x/sys/unix"
)

// ClockQuality is how far the wall clock may be trusted, from what the board
// itself can know. A gateway learns more from its neighbours.
type ClockQuality uint8

const (
	// ClockNone: the clock was never set; boards without a battery start in 1970.
	ClockNone ClockQuality = iota
	// ClockSet: the year is plausible, but nothing vouches for it: a time saved at
	// the last shutdown, a battery-backed clock, or a person.
	ClockSet
	// ClockNTP: the kernel says that something keeps the clock synchronised.
	ClockNTP
)

// firstPlausible is the year before which no clock of ours can be right.
const firstPlausible = 2026

const (
	staUnsync = 0x0040 // adjtimex(2): STA_UNSYNC
	timeError = 5      // adjtimex(2): TIME_ERROR
)

// Clock asks the kernel for the quality of its clock.
func Clock() ClockQuality {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return clockQuality(time.Now(), err == nil && state != timeError && t.Status&staUnsync == 0)
}

func clockQuality(now time.Time, synchronised bool) ClockQuality {
	switch {
	case now.Year() < firstPlausible:
		return ClockNone
	case synchronised:
		return ClockNTP
	}
	return ClockSet
}

// String is the word for `packhorse status`.
func (q ClockQuality) String() string {
	switch q {
	case ClockNTP:
		return "ntp"
	case ClockSet:
		return "set"
	}
	return "none"
}
