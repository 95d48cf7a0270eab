package sim

import (
	"bytes"
	"time"

	"packhorse/radio/phy"
)

// E22 is an E22-xxxT module as it comes out of its box, or as somebody has set it.
type E22 struct {
	Band400 bool // 410.125 MHz + n instead of 850.125 MHz + n
	Watt    bool // a T30: 30, 27, 24 and 21 dBm
	// Newer modules have an LLCC68: at 0.3k and 1.2k they send at 2.4k without a word (xreef/EByte_LoRa_E22_Series_Library,
	// issue 19).
	Newer  bool
	Halved bool // signal strength as in manuals of 2018: dBm = -b/2
	// Registers 00 to 08 that are kept without power; all zero: as modules come.
	Registers [9]byte
}

// ebyteRate is one air rate: what 240 octets took on a module of the kind (Tintin4000/Ebyte-LoRa-E22-Serial: 8800,
// 2550, 1330, 500, 305, 190, 110 and 77 ms), split into what comes before the octets and the octets.
type ebyteRate struct {
	bitRate     uint32
	bandwidthHz uint32
	lead        time.Duration
}

var ebyteRates = [8]ebyteRate{
	{240, 125_000, 900 * time.Millisecond}, {830, 500_000, 220 * time.Millisecond},
	{1_600, 500_000, 115 * time.Millisecond}, {3_900, 500_000, 60 * time.Millisecond},
	{7_000, 500_000, 30 * time.Millisecond}, {12_000, 500_000, 28 * time.Millisecond},
	{21_000, 500_000, 20 * time.Millisecond}, {36_000, 500_000, 24 * time.Millisecond},
}

// ebyteOverhead is what a packet has besides its octets, less the prefix that this simulation puts among them.
const ebyteOverhead = 8 - ebytePrefix

var (
	ebyteBauds   = [8]int{1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200}
	e22Powers    = [4]int{22, 17, 13, 10}
	e32Powers    = [4]int{20, 17, 14, 10}
	wattPowers   = [4]int{30, 27, 24, 21}
	e22Factory   = [9]byte{0, 0, 0, 0x62, 0x00, 18, 0x03}
	ebyteRefused = []byte{0xFF, 0xFF, 0xFF}
	e22SubPacket = [4]int{240, 128, 64, 32}
)

func (r ebyteRate) modulation(hz uint32) phy.Modulation {
	return phy.Modulation{FrequencyHz: hz, BandwidthHz: r.bandwidthHz, BitRate: r.bitRate, Lead: r.lead, Overhead: ebyteOverhead}
}

// Registers of the E22.
const (
	e22NetID   = 2
	e22Rates   = 3
	e22Power   = 4
	e22Channel = 5
	e22Mode    = 6
	e22Key     = 7
	e22Product = 0x80
	e22Buffer  = 1000
)

type e22Series struct {
	kind        E22
	saved, regs [9]byte
}

func newE22(kind E22) *e22Series {
	saved := kind.Registers
	if saved == [9]byte{} {
		saved = e22Factory
	}
	return &e22Series{kind: kind, saved: saved, regs: saved}
}

func (e *e22Series) room() int { return e22Buffer }

func (e *e22Series) forget() { e.regs = e.saved }

func (e *e22Series) configMode(m1, m0 bool) bool { return m1 && !m0 }

func (e *e22Series) octet(dBm float64) byte {
	if e.kind.Halved {
		return byte(min(max(-2*dBm, 0), 255))
	}
	return byte(min(max(dBm+256, 0), 255))
}

func (e *e22Series) setting() ebyteSetting {
	base, powers := uint32(850_125_000), e22Powers
	if e.kind.Band400 {
		base = 410_125_000
	}
	if e.kind.Watt {
		powers = wattPowers
	}
	r := e.regs
	rate := r[e22Rates] & 7
	if e.kind.Newer {
		rate = max(rate, 2)
	}
	return ebyteSetting{
		mod:      ebyteRates[rate].modulation(base + uint32(r[e22Channel])*1_000_000),
		powerDBm: powers[r[e22Power]&3],
		baud:     ebyteBauds[r[e22Rates]>>5],
		sub:      e22SubPacket[r[e22Power]>>6],
		prefix:   [ebytePrefix]byte{r[0], r[1], r[e22NetID], r[e22Key], r[e22Key+1]},
		signal:   r[e22Mode]&0x80 != 0,
		ambient:  r[e22Power]&0x20 != 0,
		lbt:      r[e22Mode]&0x10 != 0,
	}
}

// command executes one command; anything else is refused.
func (e *e22Series) command(b []byte) (answer []byte, restart bool) {
	if len(b) < 3 {
		return ebyteRefused, false
	}
	from, n := int(b[1]), int(b[2])
	switch {
	case b[0] == 0xC1 && len(b) == 3:
		return e.read(from, n), false
	case (b[0] == 0xC0 || b[0] == 0xC2) && n > 0 && len(b) == 3+n && from+n <= len(e.regs):
		copy(e.regs[from:], b[3:])
		if b[0] == 0xC0 {
			e.saved = e.regs
		}
		return append([]byte{0xC1}, b[1:]...), false
	}
	return ebyteRefused, false
}

// read answers registers; the key reads as 0.
func (e *e22Series) read(from, n int) []byte {
	readable := e.regs
	readable[e22Key], readable[e22Key+1] = 0, 0
	product := []byte{0x00, 0x22, 0x10, 0x16, 0x0B, 0x00, 0x00}
	if e.kind.Newer {
		product[2] = 0x40
	}
	values, start := readable[:], from
	if from >= e22Product {
		values, start = product, from-e22Product
	}
	if n == 0 || start+n > len(values) {
		return ebyteRefused
	}
	return append([]byte{0xC1, byte(from), byte(n)}, values[start:start+n]...)
}

// isAmbientCommand tells the one command of transparent mode.
func isAmbientCommand(b []byte) bool {
	return len(b) == 6 && bytes.HasPrefix(b, []byte{0xC0, 0xC1, 0xC2, 0xC3, 0x00}) && (b[5] == 1 || b[5] == 2)
}

// gauge is an air that tells the power in a channel.
type gauge interface {
	Level(now time.Time, station int, m phy.Modulation) float64
}

// tellAmbient answers with the signal in the channel now. The signal of the last packet is not kept here: 0.
func (m *ebyteModem) tellAmbient() {
	n := m.buffer[5]
	m.buffer = m.buffer[:0]
	level := phy.NoiseFloorDBm(m.set.mod.BandwidthHz)
	if g, ok := m.air.(gauge); ok {
		level = g.Level(m.now, m.station, m.set.mod)
	}
	m.out = append(m.out, 0xC1, 0x00, n, m.series.octet(level))
	if n == 2 {
		m.out = append(m.out, 0)
	}
}
