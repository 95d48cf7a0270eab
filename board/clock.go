package board

import (
	"sync"
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
	// the last shutdown, or a person. It is worth what a neighbour's word is.
	ClockSet
	// ClockNTP: the kernel says that something keeps the clock synchronised.
	ClockNTP
	// ClockGPS: a receiver with a valid fix shows the same time.
	ClockGPS
	// ClockRTC: the kernel set the clock by one with a battery, which still shows the same time.
	ClockRTC
)

// firstPlausible is the year before which no clock of ours can be right.
const firstPlausible = 2026

const (
	staUnsync = 0x0040 // adjtimex(2): STA_UNSYNC
	timeError = 5      // adjtimex(2): TIME_ERROR
)

const (
	// rtcEvery is how often the battery-backed clock is read: it may be on a slow bus.
	rtcEvery = 10 * time.Minute
	// rtcApart is how far clock and battery-backed clock may be apart: 20 ppm make a minute in a month.
	rtcApart = time.Minute
)

// ClockSource is what can vouch for the wall clock of a computer. Safe for concurrent use; one of a kind is enough.
type ClockSource struct {
	Host Host
	GPS  *GPS // nil: none

	mu   sync.Mutex
	rtc  time.Time // what it showed
	read time.Time // when; zero: never
}

var hostClock ClockSource

// Clock asks this computer for the quality of its clock, without GPS.
func Clock() ClockQuality { return hostClock.Quality() }

// Quality tells how far time.Now may be trusted now. It costs a system call; the battery-backed clock is read every
// ten minutes.
func (c *ClockSource) Quality() ClockQuality {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	now := time.Now()
	q := clockQuality(now, err == nil && state != timeError && t.Status&staUnsync == 0)
	switch {
	case q != ClockSet:
		return q
	case c.GPS.Confirms(now):
		return ClockGPS
	case c.rtcConfirms(now):
		return ClockRTC
	}
	return ClockSet
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

// rtcConfirms compares the wall clock with the battery-backed one, moved on by what has passed since it was read.
func (c *ClockSource) rtcConfirms(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read.IsZero() || now.Sub(c.read) >= rtcEvery {
		c.rtc, _ = c.Host.RTC()
		c.read = now
	}
	if c.rtc.Year() < firstPlausible {
		return false
	}
	return now.Round(0).Sub(c.rtc.Add(now.Sub(c.read))).Abs() <= rtcApart
}

// String is the word for `packhorse status`.
func (q ClockQuality) String() string {
	switch q {
	case ClockRTC:
		return "rtc"
	case ClockGPS:
		return "gps"
	case ClockNTP:
		return "ntp"
	case ClockSet:
		return "set"
	}
	return "none"
}
