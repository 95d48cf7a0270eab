package sx127x

import (
	"fmt"

	"periph.io/x/conn/v3/physic"

	"packhorse/radio/phy"
)

// Model is a member of the family; their version registers do not tell them apart.
type Model uint8

// The models, and the modules that carry them.
const (
	SX1276 Model = iota // RFM95W
	SX1277              // RFM97W: up to SF9
	SX1278              // RFM96W, RFM98W, Ra-02: up to 525 MHz
	SX1279              // up to 960 MHz
)

func (m Model) String() string {
	return [...]string{"SX1276", "SX1277", "SX1278", "SX1279"}[m&3]
}

// Output is the pin of the power amplifier that leads to the antenna.
type Output uint8

// The outputs. RFM95W, RFM96W and RFM98W modules, and all boards made of them, have wired PABoost only: on RFO
// they would send next to nothing.
const (
	PABoost Output = iota // 2 to 20 dBm
	RFO                   // -4 to 15 dBm
)

// Opts says what the board is. The zero value is a board with an RFM95W.
type Opts struct {
	Model  Model
	Output Output
	// MaxDBm is the most that the board or its supply stands; 0: what the output gives. Above 17 dBm the chip may transmit
	// 1 % of the time only, into an antenna that fits (SX1276 datasheet section 5.4.3).
	MaxDBm int
	// Clock of SPI, at most 10 MHz. Default 4 MHz, which wires of 20 cm stand.
	Clock physic.Frequency
	// TCXO: the clock comes from an oscillator, not from a crystal.
	TCXO bool
	// SyncWord tells networks apart; default phy.SyncPrivate.
	SyncWord byte
	// CurrentLimit of the power amplifier in mA, 45 to 240. Default 100, or 140 above 17 dBm.
	CurrentLimit int
	// Gain fixes the receiver's gain, from 1, the highest, to 6. 0: as it needs.
	Gain int
	// NarrowIF applies erratum 2.3 at 41.7 kHz and less too: the chip receives one bandwidth higher, with its
	// intermediate frequency set to match. It keeps out spurious packets, says the errata note; users of narrow bandwidths
	// reported that they heard less with it.
	NarrowIF bool
}

const (
	defaultClock = 4 * physic.MegaHertz
	maxClock     = 10 * physic.MegaHertz
)

func (o Opts) withDefaults() Opts {
	if o.Clock == 0 {
		o.Clock = defaultClock
	}
	if o.SyncWord == 0 {
		o.SyncWord = phy.SyncPrivate
	}
	return o
}

func (o Opts) validate() error {
	switch {
	case o.Model > SX1279:
		return fmt.Errorf("sx127x: model %d: use SX1276, SX1277, SX1278 or SX1279", o.Model)
	case o.Output > RFO:
		return fmt.Errorf("sx127x: output %d: use PABoost or RFO", o.Output)
	case o.Clock < 0 || o.Clock > maxClock:
		return fmt.Errorf("sx127x: an SPI clock of %v: use at most %v", o.Clock, maxClock)
	case o.CurrentLimit != 0 && (o.CurrentLimit < 45 || o.CurrentLimit > 240):
		return fmt.Errorf("sx127x: a current limit of %d mA: use 45 to 240", o.CurrentLimit)
	case o.Gain < 0 || o.Gain > 6:
		return fmt.Errorf("sx127x: gain %d: use 1, the highest, to 6, or 0 for automatic", o.Gain)
	}
	return nil
}

// band is a range of frequencies that the synthesizer reaches (SX1276 datasheet table 32, RF frequency bands).
type band struct{ low, high uint32 }

var bands = [...]band{{137_000_000, 175_000_000}, {410_000_000, 525_000_000}, {779_000_000, 1_020_000_000}}

// highest frequency of each model (SX1276 datasheet table 1).
var highest = [...]uint32{SX1276: 1_020_000_000, SX1277: 1_020_000_000, SX1278: 525_000_000, SX1279: 960_000_000}

const leastPreamble = 6 // SX1276 datasheet section 4.1.1.6

const portSplitHz = 525_000_000 // the low-frequency port reaches up to here

// check says what this board cannot do.
func (o Opts) check(w phy.Wave, powerDBm int) error {
	m := w.Modulation
	if m.SpreadingFactor == 6 && m.PreambleSymbols >= leastPreamble {
		m.PreambleSymbols = max(m.PreambleSymbols, 12) // what phy asks for is an SX126x's need
	}
	if err := m.Validate(); err != nil {
		return err
	}
	switch sf := w.SpreadingFactor; {
	case w.Stream():
		return fmt.Errorf("sx127x: %s is no LoRa modulation", w.Modulation)
	case !o.reaches(w.FrequencyHz):
		return fmt.Errorf("sx127x: an %s does not reach %s: use 137-175, 410-525 or 779-1020 MHz, up to %s", o.Model, phy.MHz(w.FrequencyHz), phy.MHz(highest[o.Model]))
	case w.FrequencyHz < 175_000_000 && w.BandwidthHz > 125_000:
		return fmt.Errorf("sx127x: below 175 MHz the bandwidth is at most 125 kHz, not %d Hz", w.BandwidthHz)
	case sf < 6 || sf == 6 && !w.Implicit:
		return fmt.Errorf("sx127x: SF%d: use SF7 to SF12 (SF6 has no header, so its frames would all be of one length)", sf)
	case o.Model == SX1277 && sf > 9:
		return fmt.Errorf("sx127x: SF%d: an SX1277 has SF7 to SF9", sf)
	case w.Implicit && w.Length == 0:
		return fmt.Errorf("sx127x: packets without a header need a length")
	}
	return o.checkPower(powerDBm)
}

func (o Opts) reaches(hz uint32) bool {
	for _, b := range bands {
		if hz >= b.low && hz <= b.high && hz <= highest[o.Model] {
			return true
		}
	}
	return false
}

// Check says what a chip on this board cannot do, before there is one: what Configure would say of a modulation and power.
func (o Opts) Check(m phy.Modulation, powerDBm int) error {
	o = o.withDefaults()
	return o.check(phy.Wave{Modulation: m, SyncWord: o.SyncWord, CRC: true}, powerDBm)
}
