// Package sim is hardware that is not there: modems behind pseudo-terminals and
// chips behind SPI, joined by a simulated radio channel. The process that
// opens them cannot tell them from real ones.
package sim

import (
	"time"

	"packhorse/radio/phy"
)

// Ether is the same channel for radio chips, which do one thing at a time as they are told. Their stations
// and those of modems share one air.
type Ether interface {
	Air
	// Listen opens a station's receiver for waves of this form, Deaf closes it; what was being received is lost. A new
	// Listen with the same form changes nothing.
	Listen(now time.Time, station int, w phy.Wave) error
	Deaf(now time.Time, station int)
	// Emit puts one packet on the air at once and returns when it will have left; the receiver of the station is
	// closed by it. The data is copied. Quit ends a packet before its time: nobody receives it.
	Emit(now time.Time, station int, w phy.Wave, powerDBm int, data []byte) (end time.Time, err error)
	Quit(now time.Time, station int)
	// Detects is the answer of channel activity detection: a packet of this form is on the air here.
	Detects(now time.Time, station int, w phy.Wave) bool
	// Level is the power in the channel of a modulation at a station, in dBm, noise included.
	Level(now time.Time, station int, m phy.Modulation) float64
	// Fade weakens everything that reaches a station's receiver by so many dB, until changed: what a wrong antenna
	// switch or a badly calibrated receiver costs. Its own noise stays.
	Fade(station int, dB float64)
	// PollArrival returns what a receiver noticed next, in order of time.
	PollArrival() (phy.Arrival, bool)
}

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
