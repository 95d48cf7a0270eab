// Package phy is the arithmetic of the physical layer: LoRa modulations, exact
// time on air, and the regional rules as data. It is pure: no clock, no
// device, and every other room may import it.
package phy

import "time"

// Modulation is one LoRa setting. The zero value is not usable.
type Modulation struct {
	FrequencyHz     uint32 // carrier
	BandwidthHz     uint32 // rounded down: 7812, 10416, 15625, 20833, 31250, 41666, 62500, 125000, 250000, 500000
	SpreadingFactor uint8  // 5..12
	CodingRate      uint8  // denominator of 4/n: 5..8
	PreambleSymbols uint16 // programmed length, without the 4.25 symbols the chip adds
}

// TimeOnAir is how long a frame of n octets occupies the channel, with explicit
// header and CRC, exact to the microsecond (SX1276 datasheet section 4.1.1.7).
func (m Modulation) TimeOnAir(n int) time.Duration { panic("phy: not built yet") }
