package sim

import (
	"fmt"
	"math"
	"time"

	"packhorse/radio/phy"
)

// The calls below are those of a Chip: it listens and sends exactly as it is told. now never runs back, neither in
// these calls nor between them and HandleTimeout.

// Listen opens a station's receiver for waves of this form. What was being received is lost, unless the form is the
// same as before: then nothing changes.
func (a *Air) Listen(now time.Time, station int, w phy.Wave) error {
	s, err := a.chip(station)
	w.Broken = false
	switch {
	case err != nil:
		return err
	case s.sending:
		return fmt.Errorf("sim: station %d listens while it sends", station)
	case s.on && s.wave == w:
		return nil
	}
	if err := w.Validate(); err != nil {
		return fmt.Errorf("sim: station %d: %w", station, err)
	}
	s.deaf()
	s.on, s.wave, s.listening = true, w, now
	for _, t := range a.active {
		a.expect(s, t, now)
	}
	return nil
}

// Deaf closes a station's receiver; what was being received is lost.
func (a *Air) Deaf(now time.Time, station int) {
	s := a.stations[station]
	s.deaf()
	if s.kind == Chip {
		s.on = false
	}
}

// Emit puts one packet of 1 to 255 octets on the air at once and returns when it will have left. The station's receiver
// is closed by it. The data is copied.
func (a *Air) Emit(now time.Time, station int, w phy.Wave, powerDBm int, data []byte) (end time.Time, err error) {
	s, err := a.chip(station)
	switch {
	case err != nil:
		return time.Time{}, err
	case s.sending:
		return time.Time{}, fmt.Errorf("sim: station %d is sending already", station)
	case len(data) == 0 || len(data) > maxPacket:
		return time.Time{}, fmt.Errorf("sim: station %d: a packet of %d octets; LoRa takes 1 to %d", station, len(data), maxPacket)
	}
	if err := w.Validate(); err != nil {
		return time.Time{}, fmt.Errorf("sim: station %d: %w", station, err)
	}
	a.Deaf(now, station)
	s.powerDBm = powerDBm
	return a.begin(now, s, w, append([]byte(nil), data...)).end, nil
}

// Quit ends a packet of Emit before its time: nobody receives it. A chip that has read its header already goes on to the
// end that the header names, and finds the checksum wrong.
func (a *Air) Quit(now time.Time, station int) {
	a.abort(now, a.stations[station])
	a.sense(now)
}

// Detects is the answer of channel activity detection that has listened for the last symbols: somebody else sends a
// packet of this spreading factor and bandwidth here.
func (a *Air) Detects(now time.Time, at int, w phy.Wave) bool {
	as := &station{index: at, wave: w, kind: Chip, crystalPPM: a.stations[at].crystalPPM}
	for _, t := range a.active {
		snr := a.rssi(t, at) - phy.NoiseFloorDBm(w.BandwidthHz)
		if a.understands(as, t) && snr >= w.SNRLimitDB() && !now.Before(t.start.Add(w.SymbolTime())) {
			return true
		}
	}
	return false
}

// Level is the power in the channel of a modulation at a station, in dBm, noise included.
func (a *Air) Level(now time.Time, station int, m phy.Modulation) float64 {
	milliwatt := math.Pow(10, phy.NoiseFloorDBm(m.BandwidthHz)/10)
	for _, t := range a.active {
		if sameChannel(m, t.wave.Modulation) && now.Before(t.end) {
			milliwatt += math.Pow(10, a.rssi(t, station)/10)
		}
	}
	return 10 * math.Log10(milliwatt)
}

// Fade weakens everything that reaches a station's receiver by so many dB, until changed; its own noise stays.
func (a *Air) Fade(station int, dB float64) { a.stations[station].fadeDB = dB }

// PollArrival returns what a chip's receiver noticed next, in order of time.
func (a *Air) PollArrival() (phy.Arrival, bool) { return pop(&a.arrived) }

// SetCrystal sets how much too fast a station's crystal runs, in parts per million, for packets from now on.
func (a *Air) SetCrystal(station int, ppm float64) { a.stations[station].crystalPPM = ppm }

func (a *Air) chip(station int) (*station, error) {
	if station < 0 || station >= len(a.stations) || a.stations[station].kind != Chip {
		return nil, fmt.Errorf("sim: station %d is not a chip", station)
	}
	return a.stations[station], nil
}

// deaf forgets what a receiver was about to hear.
func (s *station) deaf() { s.hearing, s.follows = nil, nil }
