package phy

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// MaxLadder is how many settings a ladder has at most.
const MaxLadder = 16

const (
	ladderStep  = 1.1 // each setting is so many times as fast as the one before on its frequency
	secondRungs = 6   // on the second frequency, at most
	ladderFrame = 255 // octets of the frame whose airtime says how fast a setting is
	leastDBm    = 2   // what PA_BOOST of the SX127x reaches (SX1276 datasheet section 5.4.2)
	// snrCeilingDB: the SNR registers of SX127x and SX126x say little above it, RSSI still does.
	snrCeilingDB = 8
)

// The chips disagree about SF5 and SF6, and the SX127x needs its receiver shifted below 62.5 kHz (errata
// note 2.3). The coding rate is always 4/5: what is lost is mended across frames.
var (
	ladderBandwidths = [...]uint32{62_500, 125_000, 250_000, 500_000}
	ladderFactors    = [...]uint8{12, 11, 10, 9, 8, 7}
)

// Setting is one rung: what two stations may change to for a while, at the strongest power
// up to the common one that the law allows there.
type Setting struct {
	Modulation Modulation // preamble included
	PowerDBm   int
	Rule       Rule
	// Code names the setting on the air: frequency in Hz (4 octets), bandwidth as the divisor of 500 kHz (1),
	// spreading factor in the high and coding rate in the low nibble (1).
	Code [6]byte
	// NeedsSNRdB is the SNR, as measured on the common setting, below which nothing is received here.
	NeedsSNRdB float64
	// ShiftDB is how much lower the SNR is here than on the common setting, by wider noise and weaker power. It
	// takes the sender's power for ours: stations of one plan have the same.
	ShiftDB float64
}

// String is the setting in words: "869.525 MHz SF7 BW125 CR4/5, 17 dBm".
func (s Setting) String() string { return fmt.Sprintf("%s, %d dBm", s.Modulation, s.PowerDBm) }

// OnCommon restates what the modem measured here as the SNR on the common setting. Where the SNR
// is at its ceiling, the RSSI above thermal noise stands for it.
func (s Setting) OnCommon(snrDB, rssiDBm float64) float64 {
	if snrDB >= snrCeilingDB {
		snrDB = max(snrDB, rssiDBm-NoiseFloorDBm(s.Modulation.BandwidthHz))
	}
	return snrDB + s.ShiftDB
}

// CommonSetting is the setting where all stations meet, as one that needs no shift.
func CommonSetting(m Modulation, powerDBm int, r Rule) Setting {
	return Setting{Modulation: m, PowerDBm: powerDBm, Rule: r, Code: code(m), NeedsSNRdB: m.SNRLimitDB()}
}

// Ladder lists the settings that are faster than the common one, slowest first, on its frequency and on the plan's
// second one, as far as the law of the region allows them. p is the power of the common
// setting. With rnode the preamble is an RNode's, and settings are left out where its firmware waits for
// the channel before each frame.
func Ladder(g Region, common Modulation, p Power, rnode bool) []Setting {
	if rnode {
		common = RNodeModulation(common)
	}
	var all []Setting
	all = append(all, thin(rungs(g, common, common.FrequencyHz, p, rnode), common, MaxLadder-secondRungs)...)
	if hz := secondHz(g.Name, common); hz != 0 {
		all = append(all, thin(rungs(g, common, hz, p, rnode), common, secondRungs)...)
	}
	slices.SortStableFunc(all, func(a, b Setting) int { return int(b.air() - a.air()) })
	return all
}

// secondHz is a frequency of the region beside the common one, clear of LoRaWAN's own channels where there is
// room; 0: there is none.
func secondHz(region string, common Modulation) uint32 {
	var all []uint32
	switch region {
	case "EU868":
		all = []uint32{866_300_000}
	case "EU433":
		all = []uint32{434_450_000, 433_400_000}
	case "NZ915", "AU915", "US915":
		all = []uint32{924_500_000, 918_500_000}
	case "RU864":
		all = []uint32{866_900_000}
	}
	for _, hz := range all {
		if apart := int64(hz) - int64(common.FrequencyHz); max(apart, -apart) >= 750_000 {
			return hz
		}
	}
	return 0
}

// rungs are all settings on one frequency that the law allows.
func rungs(g Region, common Modulation, hz uint32, p Power, rnode bool) []Setting {
	var all []Setting
	for _, bw := range ladderBandwidths {
		for _, sf := range ladderFactors {
			m := Modulation{FrequencyHz: hz, BandwidthHz: bw, SpreadingFactor: sf, CodingRate: 5, PreambleSymbols: common.PreambleSymbols}
			if rnode {
				if m = RNodeModulation(m); !RNode(m).Flushes {
					continue
				}
			}
			if s, ok := rung(g, common, m, p); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

// rung gives a modulation the strongest power up to p.
func rung(g Region, common, m Modulation, p Power) (Setting, bool) {
	limit, ok := g.MostDBm(m, p.AntennaDBi)
	most := Power{ConductedDBm: math.Floor(min(p.ConductedDBm, limit+hair)), AntennaDBi: p.AntennaDBi}
	if !ok || most.ConductedDBm < leastDBm {
		return Setting{}, false
	}
	r, err := g.Rule(m, most)
	if err != nil {
		return Setting{}, false
	}
	wider := 10 * math.Log10(float64(m.BandwidthHz)/float64(common.BandwidthHz))
	shift := wider + math.Floor(p.ConductedDBm) - most.ConductedDBm
	return Setting{Modulation: m, PowerDBm: int(most.ConductedDBm), Rule: r, Code: code(m),
		NeedsSNRdB: SNRLimitDB(m.SpreadingFactor) + shift, ShiftDB: shift}, true
}

// thin keeps what is faster than the common setting and than all that need no more SNR, at most so many.
func thin(all []Setting, common Modulation, most int) []Setting {
	slices.SortStableFunc(all, func(a, b Setting) int {
		if a.NeedsSNRdB != b.NeedsSNRdB {
			return int(math.Copysign(1, a.NeedsSNRdB-b.NeedsSNRdB))
		}
		return int(a.air() - b.air())
	})
	last := float64(common.TimeOnAir(ladderFrame))
	var kept []Setting
	for _, s := range all {
		if air := float64(s.air()); air*ladderStep <= last {
			kept, last = append(kept, s), air
		}
	}
	for len(kept) > most {
		kept = slices.Delete(kept, dullest(kept), dullest(kept)+1)
	}
	return kept
}

// dullest is the rung that the next one beats by least.
func dullest(all []Setting) (at int) {
	least := math.Inf(1)
	for i := range all[1:] {
		if gain := float64(all[i].air()) / float64(all[i+1].air()); gain < least {
			at, least = i, gain
		}
	}
	return at
}

// air is the airtime of a full frame.
func (s Setting) air() int64 { return int64(s.Modulation.TimeOnAir(ladderFrame)) }

func code(m Modulation) (c [6]byte) {
	binary.BigEndian.PutUint32(c[:], m.FrequencyHz)
	c[4], c[5] = byte(m.divisor()), m.SpreadingFactor<<4|m.CodingRate
	return c
}
