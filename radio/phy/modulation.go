// Package phy is the arithmetic of the physical layer: LoRa modulations, exact
// time on air, and the regional rules as data. It is pure: no clock, no
// device, and every other room may import it.
package phy

import (
	"fmt"
	"sort"
	"time"
)

// Modulation is one setting of a radio: LoRa, or a stream of bits (BitRate). The zero value is not usable.
type Modulation struct {
	FrequencyHz     uint32 // carrier
	BandwidthHz     uint32 // LoRa, rounded down: 7812, 10416, 15625, 20833, 31250, 41666, 62500, 125000, 250000, 500000; else what is occupied
	SpreadingFactor uint8  // 5..12
	CodingRate      uint8  // denominator of 4/n: 5..8
	PreambleSymbols uint16 // programmed length, without the 4.25 symbols the chip adds
	// BitRate in bit/s makes this a stream of bits, such as FSK, on which the three values above are 0. A
	// frame then takes Lead, and 8/BitRate for each octet of its own and each of Overhead.
	BitRate  uint32
	Overhead uint16        // octets that the modem sends with each frame: synchronisation, header, checksum
	Lead     time.Duration // before the first octet: key-up, preamble
}

const (
	minFrequencyHz = 137_000_000 // SX1276 datasheet, table 33: the lowest band of any of our chips
	maxFrequencyHz = 2_500_000_000
	minPreamble    = 6  // SX1276 datasheet section 4.1.1.6
	minPreambleLow = 12 // SX1261/2 datasheet section 6.1.1.1: for SF5 and SF6
	maxPayload     = 255
	maxBitRate     = 2_000_000
	maxStream      = 65_535
	maxLead        = 10 * time.Second
)

// bandwidthDivisors d give the bandwidths 500 kHz / d that LoRa chips have.
var bandwidthDivisors = [...]uint32{64, 48, 32, 24, 16, 12, 8, 4, 2, 1}

// divisor is d in BandwidthHz = 500 kHz / d; 0 when no chip has this bandwidth.
func (m Modulation) divisor() uint32 {
	for _, d := range bandwidthDivisors {
		if m.BandwidthHz == 500_000/d {
			return d
		}
	}
	return 0
}

// Validate says what is wrong with a setting, in words for the person who wrote it.
func (m Modulation) Validate() error {
	switch {
	case m.FrequencyHz < minFrequencyHz || m.FrequencyHz > maxFrequencyHz:
		return fmt.Errorf("phy: frequency %s is outside what our radios reach (137 to 2500 MHz)", MHz(m.FrequencyHz))
	case m.BitRate != 0:
		return m.validateStream()
	case m.divisor() == 0:
		return fmt.Errorf("phy: bandwidth %d Hz: use 7812, 10416, 15625, 20833, 31250, 41666, 62500, 125000, 250000 or 500000", m.BandwidthHz)
	case m.SpreadingFactor < 5 || m.SpreadingFactor > 12:
		return fmt.Errorf("phy: spreading factor %d: use 5 to 12", m.SpreadingFactor)
	case m.CodingRate < 5 || m.CodingRate > 8:
		return fmt.Errorf("phy: coding rate 4/%d: use 4/5 to 4/8", m.CodingRate)
	case m.PreambleSymbols < m.minPreamble():
		return fmt.Errorf("phy: preamble of %d symbols at SF%d: use at least %d", m.PreambleSymbols, m.SpreadingFactor, m.minPreamble())
	}
	return nil
}

// Stream tells a stream of bits from LoRa.
func (m Modulation) Stream() bool { return m.BitRate != 0 }

func (m Modulation) validateStream() error {
	switch {
	case m.SpreadingFactor != 0 || m.CodingRate != 0 || m.PreambleSymbols != 0:
		return fmt.Errorf("phy: a modulation has a bit rate or a spreading factor, coding rate and preamble, not both")
	case m.BitRate > maxBitRate:
		return fmt.Errorf("phy: bit rate %d: use at most %d bit/s", m.BitRate, maxBitRate)
	case m.BandwidthHz == 0:
		return fmt.Errorf("phy: the bandwidth that a stream occupies is missing")
	case m.Lead < 0 || m.Lead > maxLead:
		return fmt.Errorf("phy: %v before each frame: use at most %v", m.Lead, maxLead)
	}
	return nil
}

func (m Modulation) minPreamble() uint16 {
	if m.SpreadingFactor < 7 {
		return minPreambleLow
	}
	return minPreamble
}

// String is the short form people use: "869.525 MHz SF7 BW125 CR4/5".
func (m Modulation) String() string {
	if m.Stream() {
		return fmt.Sprintf("%s %s kbit/s", MHz(m.FrequencyHz), kHz(m.BitRate))
	}
	return fmt.Sprintf("%s SF%d BW%s CR4/%d", MHz(m.FrequencyHz), m.SpreadingFactor, kHz(m.BandwidthHz), m.CodingRate)
}

// SymbolTime is 2^SF / bandwidth, exact; of a stream one octet, rounded up. Zero for an invalid modulation.
func (m Modulation) SymbolTime() time.Duration {
	if m.Stream() {
		return m.octets(1)
	}
	d := m.divisor()
	if d == 0 || m.SpreadingFactor > 12 {
		return 0
	}
	return time.Duration(d<<m.SpreadingFactor) * 2 * time.Microsecond
}

// LowDataRate tells whether both ends switch the low data rate optimisation on:
// a symbol longer than 16 ms (SX1276 datasheet section 4.1.1.6).
func (m Modulation) LowDataRate() bool { return !m.Stream() && m.SymbolTime() > 16*time.Millisecond }

// octets is the time that n octets of a stream take, rounded up to the nanosecond.
func (m Modulation) octets(n int) time.Duration {
	rate := int64(m.BitRate)
	return time.Duration((int64(n)*8*int64(time.Second) + rate - 1) / rate)
}

// TimeOnAir is how long a frame of n octets occupies the channel, with explicit
// header and CRC, exact to the microsecond (SX1276 datasheet section 4.1.1.7;
// SF5 and SF6 as SX1261/2 datasheet section 6.1.4). n outside 0..255 is taken
// as the nearer end. Of a stream it is Lead and all octets, of which there may be up to 65,535. It is zero for
// an invalid modulation.
func (m Modulation) TimeOnAir(n int) time.Duration {
	const explicitWithChecksum = 16
	return m.timeOnAir(n, explicitWithChecksum)
}

// timeOnAir is TimeOnAir with so many bits besides the octets: 16 of a checksum, less the 20 that an implicit packet
// spares.
func (m Modulation) timeOnAir(n, spare int) time.Duration {
	if m.Stream() {
		return m.Lead + m.octets(max(0, min(n, maxStream))+int(m.Overhead))
	}
	d := m.divisor()
	if d == 0 || m.SpreadingFactor < 5 || m.SpreadingFactor > 12 || m.CodingRate < 5 || m.CodingRate > 8 {
		return 0
	}
	// All bandwidths divide 500 kHz, so a quarter of a symbol is a whole number
	// of microseconds: d * 2^(SF-1).
	quarter := int64(d) << (m.SpreadingFactor - 1)
	return time.Duration(quarter*(4*m.symbols(n, spare)+1)) * time.Microsecond
}

// symbols is the whole number of symbols in a frame, without the quarter symbol
// at the end of the preamble.
func (m Modulation) symbols(n, spare int) int64 {
	const syncAndHeader = 4 + 8
	n = max(0, min(n, maxPayload))
	sf, bits, step, extra := int64(m.SpreadingFactor), int64(8*n+spare), int64(4*m.SpreadingFactor), int64(0)
	if sf < 7 {
		bits, extra = bits-4*sf+20, 2
	} else {
		bits = bits - 4*sf + 28
	}
	if sf >= 7 && m.LowDataRate() {
		step -= 8
	}
	blocks := max(0, (bits+step-1)/step)
	return int64(max(m.PreambleSymbols, m.minPreamble())) + syncAndHeader + extra + blocks*int64(m.CodingRate)
}

// MaxFrame is the largest number of octets, at most 255 of LoRa, whose time on air stays
// within the limit; -1 when not even an empty frame does.
func (m Modulation) MaxFrame(limit time.Duration) int {
	most := maxPayload
	if m.Stream() {
		most = maxStream
	}
	return sort.Search(most+1, func(n int) bool { return m.TimeOnAir(n) > limit }) - 1
}

// MHz writes a frequency as people do: "869.525 MHz".
func MHz(hz uint32) string {
	whole, frac := hz/1_000_000, hz%1_000_000
	return fmt.Sprintf("%d.%s MHz", whole, trimZeros(fmt.Sprintf("%06d", frac), 1))
}

func kHz(hz uint32) string {
	whole, frac := hz/1000, hz%1000
	if frac == 0 {
		return fmt.Sprint(whole)
	}
	return fmt.Sprintf("%d.%s", whole, trimZeros(fmt.Sprintf("%03d", frac), 1))
}

// trimZeros drops zeros at the end of digits, leaving at least keep of them.
func trimZeros(digits string, keep int) string {
	for len(digits) > keep && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return digits
}
