package rnode

import (
	"encoding/binary"
	"time"

	"packhorse/radio"
)

// Stats is what a modem has said of itself and of the channel. Modems of AVR boards say none of it.
type Stats struct {
	// Reported is when the modem last spoke of the channel, as it does each second; zero: never.
	Reported time.Time
	// Airtime is the share of time in which it sent, Load in which it or others did; Short over 15 s (Load: 7.5 s), Long over
	// an hour, from 0 to 1. A modem that restarts begins anew.
	AirtimeShort, AirtimeLong, LoadShort, LoadLong float64
	// RSSIdBm is the level in the channel, and NoiseFloorDBm its mean while nobody sends; NaN until the modem has
	// measured it, in the first second. InterferenceDBm is something that is no LoRa signal and 11 dB above the floor; NaN: none.
	RSSIdBm, NoiseFloorDBm, InterferenceDBm float64
	// PreambleSymbols, Slot and DIFS are what the modem made of its setting (phy.RNodeTiming).
	PreambleSymbols uint16
	Slot, DIFS      time.Duration
	// WindowLow and WindowHigh are between how many slots it draws its wait; both 0 until that first changed.
	WindowLow, WindowHigh int
	// Battery, where the board has one.
	Battery        BatteryState
	BatteryPercent int
	// TemperatureC is the board's, in degrees Celsius; NaN where it does not say.
	TemperatureC float64
	// Warnings counts errors that lost a frame but not the modem, Lost what was thrown away here (Modem.Lost).
	Warnings, Lost uint64
}

// BatteryState is what a board does with its battery.
type BatteryState uint8

// States of the battery, by their codes in the firmware (Config.h).
const (
	NoBattery BatteryState = iota // or the board does not say
	Discharging
	Charging
	Charged
)

// Stats is a snapshot. It asks the modem nothing and is safe for concurrent use.
func (m *Modem) Stats() Stats {
	m.stated.Lock()
	defer m.stated.Unlock()
	s := m.stats
	s.Lost = m.lost.Load()
	return s
}

var _ radio.Meter = (*Modem)(nil)

// Channel is the share of the last seconds in which the channel was used, and its noise.
func (m *Modem) Channel() radio.ChannelStats {
	s, c := m.Stats(), radio.NoChannelStats()
	if !s.Reported.IsZero() {
		c.Busy, c.NoiseDBm = s.LoadShort, s.NoiseFloorDBm
	}
	c.Foreign = m.foreign.Load()
	return c
}

// report takes what a modem says unasked; false when that is something else.
func (m *Modem) reported(command byte, p []byte) bool {
	want := map[byte]int{cmdChannel: 11, cmdPhysical: 12, cmdBattery: 2, cmdContend: 3, cmdTemper: 1}[command]
	if want == 0 {
		return false
	}
	if len(p) != want {
		return true // damaged, or of another firmware
	}
	m.stated.Lock()
	defer m.stated.Unlock()
	m.stats.take(command, p)
	return true
}

func (s *Stats) take(command byte, p []byte) {
	switch command {
	case cmdChannel:
		s.channel(p)
	case cmdPhysical: // symbol time (us) and rate, preamble (symbols, ms), slot and DIFS (ms)
		s.PreambleSymbols = binary.BigEndian.Uint16(p[4:])
		s.Slot, s.DIFS = millis(p[8:]), millis(p[10:])
	case cmdContend:
		s.WindowLow, s.WindowHigh = int(p[1]), int(p[2])
	case cmdBattery:
		s.Battery, s.BatteryPercent = BatteryState(min(p[0], byte(Charged))), int(min(p[1], 100))
	case cmdTemper:
		s.TemperatureC = float64(p[0]) - temperatureOffset
	}
}

const (
	temperatureOffset = 120
	// unmeasured is what the firmware says before it has measured: -292 dBm, cut to an octet.
	unmeasured     = (-292 + rssiOffset) & 0xFF
	noInterference = 0xFF
)

// channel takes airtime and load in hundredths of a percent, then level, floor and interference.
func (s *Stats) channel(p []byte) {
	s.Reported = time.Now()
	for i, share := range []*float64{&s.AirtimeShort, &s.AirtimeLong, &s.LoadShort, &s.LoadLong} {
		*share = min(1, float64(binary.BigEndian.Uint16(p[2*i:]))/10_000)
	}
	s.RSSIdBm, s.NoiseFloorDBm, s.InterferenceDBm = level(p[8]), level(p[9]), level(p[10])
	if p[10] == noInterference {
		s.InterferenceDBm = radio.NotMeasured()
	}
}

func level(b byte) float64 {
	if b == unmeasured {
		return radio.NotMeasured()
	}
	return float64(b) - rssiOffset
}

func millis(b []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint16(b)) * time.Millisecond
}
