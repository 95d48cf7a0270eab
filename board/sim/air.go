// Package sim is hardware that is not there: modems behind pseudo-terminals and
// chips behind SPI, joined by a simulated radio channel. The process that
// opens them cannot tell them from real ones.
package sim

import (
	"time"

	"packhorse/radio/phy"
)

// Air is the radio channel between the simulated radios: a state machine that
// one goroutine owns. Stations count from 0. What happens is a matter of the
// implementation; the modems here only hand over frames and settings.
type Air interface {
	// Tune switches a station on and sets it. Off switches it off and empties its queue.
	Tune(now time.Time, station int, m phy.Modulation, powerDBm int) error
	Off(now time.Time, station int)
	// Queue hands over a frame, which is copied. Room tells whether n octets fit now.
	Queue(now time.Time, station int, frame []byte) error
	Room(station, n int) bool
	// Sending tells whether the station is transmitting: its modem does not read its port then.
	Sending(station int) bool
	// LimitAirtime holds a station back above these shares of 15 s and of an hour; 0 is no limit.
	LimitAirtime(station int, short, long float64)
	// Load is the share of 15 s and of an hour that a station has transmitted, and
	// that it has found the channel busy.
	Load(now time.Time, station int) (airShort, airLong, busyShort, busyLong float64)
	// HandleTimeout is to be called at or after the time of PollTimeout.
	HandleTimeout(now time.Time)
	PollTimeout() (time.Time, bool)
	// PollFrame returns the next received frame and the station that received it.
	PollFrame() (station int, frame []byte, rssiDBm, snrDB float64, ok bool)
}
