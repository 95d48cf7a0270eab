package ebyte

import (
	"fmt"
	"time"

	"packhorse/radio/phy"
	"packhorse/radio/stream"
)

// rate is what a module's air rate means on the air. The manuals only give its name. The times are those that a module
// was measured to take for 240 octets (Tintin4000/Ebyte-LoRa-E22-Serial, an E22-900T22), which fit LoRa: SF12 in 125 kHz
// for 0.3k; in 500 kHz SF11 for 2.4k, which is as slow as the LLCC68 of newer modules gets, to SF6 for 62.5k. So a
// module is slower than its rate's name, by 1.4 to 2.5 times. The figures here are never faster than either.
type rate struct {
	nominal     uint32 // bit/s, as in the manuals
	code        byte   // in the registers
	bitRate     uint32
	bandwidthHz uint32
	lead        time.Duration // preamble, header, and one block of symbols for rounding
}

var rates = [...]rate{
	{300, 0, 240, 125_000, 900 * time.Millisecond},
	{1_200, 1, 830, 500_000, 220 * time.Millisecond}, // or 250 kHz: both fit what was measured
	{2_400, 2, 1_600, 500_000, 115 * time.Millisecond},
	{4_800, 3, 3_900, 500_000, 60 * time.Millisecond},
	{9_600, 4, 7_000, 500_000, 30 * time.Millisecond},
	{19_200, 5, 12_000, 500_000, 28 * time.Millisecond},
	{38_400, 6, 21_000, 500_000, 20 * time.Millisecond},
	{62_500, 7, 36_000, 500_000, 24 * time.Millisecond},
}

const (
	// moduleOctets is what a module sends with each packet: addresses, network, checksum.
	moduleOctets = 8
	e32Rates     = 6 // an E32 has the first six
	e32Packets   = 2 // sub-packets that one of our frames takes on an E32
)

// Modulation is what an E22 does at one of its air rates: 300, 1200, 2400, 4800, 9600, 19200, 38400 or 62500, the names
// of the manual. Its BitRate is the true one, which is lower.
func Modulation(frequencyHz, airRate uint32) (phy.Modulation, error) {
	return modulation(rates[:], frequencyHz, airRate, 1)
}

// E32Modulation is the same of an E32, whose rates end at 19200.
func E32Modulation(frequencyHz, airRate uint32) (phy.Modulation, error) {
	return modulation(rates[:e32Rates], frequencyHz, airRate, e32Packets)
}

// modulation of a frame that takes up to so many packets of the module.
func modulation(rates []rate, frequencyHz, airRate uint32, packets int) (phy.Modulation, error) {
	for _, r := range rates {
		if r.nominal == airRate {
			return r.modulation(frequencyHz, packets), nil
		}
	}
	return phy.Modulation{}, fmt.Errorf("ebyte: there is no air rate of %d bit/s: use %s", airRate, names(rates))
}

func (r rate) modulation(frequencyHz uint32, packets int) phy.Modulation {
	return phy.Modulation{
		FrequencyHz: frequencyHz, BandwidthHz: r.bandwidthHz, BitRate: r.bitRate,
		Overhead: uint16(packets * moduleOctets), Lead: time.Duration(packets) * r.lead,
	}
}

// rateOf finds the air rate that a modulation is of. One with less overhead than the module has would cheat the ledger.
func rateOf(rates []rate, m phy.Modulation, packets int) (rate, error) {
	for _, r := range rates {
		if r.modulation(m.FrequencyHz, packets) == m {
			return r, nil
		}
	}
	return rate{}, fmt.Errorf("ebyte: %v is none of the module's: make it of one of its air rates (%s), which also say what preamble and header take", m, names(rates))
}

func names(rates []rate) string {
	s := ""
	for i, r := range rates {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprint(r.nominal)
	}
	return s
}

// Band is which channels a module has, 1 MHz apart.
type Band uint8

// The bands. The first two are of the E22, the others of the E32.
const (
	E22Band900 Band = iota + 1 // 850.125 to 930.125 MHz: E22-900T22, E22-900T30
	E22Band400                 // 410.125 to 493.125 MHz: E22-400T22, E22-400T30
	E32Band868                 // 862 to 893 MHz: E32-868T20, E32-868T30
	E32Band915                 // 900 to 931 MHz: E32-915T20, E32-915T30
	E32Band433                 // 410 to 441 MHz: E32-433T20, E32-433T30
)

type channels struct {
	first uint32 // Hz
	count uint32
}

var bands = map[Band]channels{
	E22Band900: {850_125_000, 81},
	E22Band400: {410_125_000, 84},
	E32Band868: {862_000_000, 32},
	E32Band915: {900_000_000, 32},
	E32Band433: {410_000_000, 32},
}

const spacing = 1_000_000

// channel is the number of a frequency.
func (b Band) channel(hz uint32) (byte, error) {
	c := bands[b]
	n := (max(hz, c.first) - c.first + spacing/2) / spacing
	n = min(n, c.count-1)
	if nearest := c.first + n*spacing; nearest != hz {
		return 0, fmt.Errorf("ebyte: this module has no channel at %s: the nearest is %s (it has %s to %s, 1 MHz apart)",
			phy.MHz(hz), phy.MHz(nearest), phy.MHz(c.first), phy.MHz(c.first+(c.count-1)*spacing))
	}
	return byte(n), nil
}

// powers are the four that a module has, by their code.
type powers [4]int

var (
	e22Powers  = powers{22, 17, 13, 10}
	e32Powers  = powers{20, 17, 14, 10}
	wattPowers = powers{30, 27, 24, 21} // of both, in the T30 kinds
)

func (p powers) code(dBm int) (byte, error) {
	for i, v := range p {
		if v == dBm {
			return byte(i), nil
		}
	}
	return 0, fmt.Errorf("ebyte: power %d dBm: this module takes %d, %d, %d or %d", dBm, p[0], p[1], p[2], p[3])
}

// bauds of the module's serial port, by their code.
var bauds = [...]int{1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200}

const configBaud = 9600

func baudCode(baud int) (byte, error) {
	for i, v := range bauds {
		if v == baud {
			return byte(i), nil
		}
	}
	return 0, fmt.Errorf("ebyte: %d baud: these modules take %v", baud, bauds)
}

// framing is what our framing adds to a frame.
func framing(n int) int { return stream.Overhead(n) }

// Reaches says which is the nearest channel where the band has none at a frequency.
func (b Band) Reaches(hz uint32) error {
	_, err := b.channel(hz)
	return err
}

// Powers are the four that a module has, strongest first, in dBm; watt tells a T30.
func (b Band) Powers(watt bool) []int {
	p := e32Powers
	switch {
	case watt:
		p = wattPowers
	case b == E22Band900 || b == E22Band400:
		p = e22Powers
	}
	return p[:]
}
