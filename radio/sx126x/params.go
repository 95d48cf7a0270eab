package sx126x

import (
	"encoding/binary"
	"time"

	"packhorse/radio/phy"
)

const crystalHz = 32_000_000

// frequencyWord is the frequency in steps of 32 MHz / 2^25, to the nearest.
func frequencyWord(hz uint32) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32((uint64(hz)<<25+crystalHz/2)/crystalHz))
}

// timerTick is the unit of all times of the chip.
const timerTick = 15625 * time.Nanosecond

// maxTicks is the longest time; one more means for ever.
const maxTicks = 0xFFFFFE

func ticks(d time.Duration) uint32 { return uint32(max(0, min((d+timerTick-1)/timerTick, maxTicks))) }

func u16(v uint16) []byte { return []byte{byte(v >> 8), byte(v)} }

func u24(v uint32) []byte { return []byte{byte(v >> 16), byte(v >> 8), byte(v)} }

// bandwidths are the codes of SetModulationParams (SX1261/2 datasheet table 13-48).
var bandwidths = map[uint32]byte{
	7812: 0x00, 10416: 0x08, 15625: 0x01, 20833: 0x09, 31250: 0x02, 41666: 0x0A, 62500: 0x03, 125000: 0x04, 250000: 0x05, 500000: 0x06,
}

// modulationParams of SetModulationParams. m is valid.
func modulationParams(m phy.Modulation) []byte {
	return []byte{m.SpreadingFactor, bandwidths[m.BandwidthHz], m.CodingRate - 4, bit(m.LowDataRate())}
}

// packetParams of SetPacketParams for a payload of so many octets; with an explicit header, the most to receive.
func packetParams(w phy.Wave, length byte) []byte {
	p := binary.BigEndian.AppendUint16(nil, w.PreambleSymbols)
	return append(p, bit(w.Implicit), length, bit(w.CRC), bit(w.Inverted))
}

// syncWord puts each nibble n of a sync word into a register as n4.
func syncWord(word byte) []byte { return []byte{word&0xF0 | 4, word<<4 | 4} }

// cadParams are Semtech's for every spreading factor and bandwidth: 4 symbols, a peak of SF+13, a minimum of 10, then
// standby (SX1261/2 user guide DS.SX1261-2.W.APP rev. 1.1, page 92). AN1200.48 found that fewer symbols miss packets or
// invent them from SF9 up, and measured 125 and 500 kHz only.
func cadParams(sf uint8) []byte { return []byte{2, sf + 13, 10, 0, 0, 0, 0} }

// imagePair are the ends of the band for which the image rejection is calibrated, in steps of 4 MHz (SX1261/2 datasheet
// table 9-2). Elsewhere they are 5 MHz below and above, made odd outwards as those of the table are.
func imagePair(hz uint32) [2]byte {
	const mhz = 1_000_000
	for _, b := range [...]struct {
		low, high uint32
		pair      [2]byte
	}{
		{430 * mhz, 440 * mhz, [2]byte{0x6B, 0x6F}},
		{470 * mhz, 510 * mhz, [2]byte{0x75, 0x81}},
		{779 * mhz, 787 * mhz, [2]byte{0xC1, 0xC5}},
		{863 * mhz, 870 * mhz, [2]byte{0xD7, 0xDB}},
		{902 * mhz, 928 * mhz, [2]byte{0xE1, 0xE9}},
	} {
		if hz >= b.low && hz <= b.high {
			return b.pair
		}
	}
	low, high := (hz-5*mhz)/(4*mhz), (hz+5*mhz+4*mhz-1)/(4*mhz)
	return [2]byte{byte(low - (low+1)%2), byte(high + (high+1)%2)}
}

// amplifier are SetPaConfig's parameters and the power that SetTxParams is given (SX1261/2 datasheet table 13-21).
func amplifier(m Model, optimal bool, powerDBm int) (pa [4]byte, power int8) {
	if m == SX1261 {
		return smallAmplifier(optimal, powerDBm)
	}
	if optimal {
		switch {
		case powerDBm == 20:
			return [4]byte{3, 5, 0, 1}, 22
		case powerDBm == 17:
			return [4]byte{2, 3, 0, 1}, 22
		case powerDBm == 14 && m != SX1268:
			return [4]byte{2, 2, 0, 1}, 22
		}
	}
	return [4]byte{4, 7, 0, 1}, int8(powerDBm)
}

// smallAmplifier is that of the SX1261. Its 15 dBm are a larger duty cycle at 14.
func smallAmplifier(optimal bool, powerDBm int) (pa [4]byte, power int8) {
	switch {
	case powerDBm == 15:
		return [4]byte{6, 0, 1, 1}, 14
	case powerDBm == 10 && optimal:
		return [4]byte{1, 0, 1, 1}, 13
	}
	return [4]byte{4, 0, 1, 1}, int8(powerDBm)
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
