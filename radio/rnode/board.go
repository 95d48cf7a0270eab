package rnode

import (
	"fmt"

	"packhorse/radio/phy"
)

// Board is what is known of a kind of board by its model code.
type Board struct {
	Chip            string // "SX1262"
	LowMHz, HighMHz uint32
	MaxDBm          int // what it gives at its antenna connector
}

// chips that an RNode may have.
const (
	sx127x = "SX1276/78"
	sx126x = "SX1262/68"
	sx128x = "SX1280"
)

var (
	old433, old868 = Board{sx127x, 410, 525, 17}, Board{sx127x, 820, 1020, 17}
	new433, new868 = Board{sx126x, 410, 525, 22}, Board{sx126x, 779, 960, 22}
)

// boards by model code (RNode_Firmware, Boards.h and setTXPower in Utilities.h; rnodeconf's table of models). Where
// the two differ in power, the firmware is right: models A3 and A4 use a pin of the chip that gives 14 dBm.
var boards = map[byte]Board{
	0xA4: {sx127x, 410, 525, 14}, 0xA3: {sx127x, 410, 525, 14}, 0xA9: old868, 0xA8: old868,
	0xA2: old433, 0xA7: old868, 0xA5: old433, 0xAA: old868, 0xA1: new433, 0xA6: new868,
	0xAC: {sx128x, 2400, 2500, 20},
	0xB3: old433, 0xB8: old868, 0xB4: old433, 0xB9: old868, 0xBA: old433, 0xBB: old868,
	0xC4: old433, 0xC9: old868, 0xC5: new433, 0xCA: new868, 0xC6: new433, 0xC7: new868,
	0xC8: {sx126x, 860, 930, 28},
	0xE4: old433, 0xE9: old868, 0xE3: new433, 0xE8: new868,
	0xD4: new433, 0xD9: new868, 0xDB: new433, 0xDC: new868, 0xDE: new433, 0xDD: new868,
	0x11: {sx126x, 430, 510, 22}, 0x12: new868, 0x16: {sx126x, 430, 510, 22}, 0x17: new868,
}

// products by code (Boards.h; the names as rnodeconf gives them).
var products = map[byte]string{
	0x03: "RNode", 0xF0: "a board of its own", 0xE0: "LilyGO T-Beam", 0xEA: "LilyGO T-Beam Supreme", 0xD0: "LilyGO T-Deck",
	0xB2: "LilyGO LoRa32 v1.0", 0xB0: "LilyGO LoRa32 v2.0", 0xB1: "LilyGO LoRa32 v2.1",
	0xC0: "Heltec LoRa32 v2", 0xC1: "Heltec LoRa32 v3", 0xC3: "Heltec LoRa32 v4", 0xC2: "Heltec Mesh Node T114",
	0x15: "LilyGO T-Echo", 0x10: "RAK4631", 0xEB: "Seeed XIAO ESP32S3",
}

// Board is what is known of this board; false where its model is not known to us, as of those that people have built
// themselves: then only the modem's echoes tell what it can do.
func (i Info) Board() (Board, bool) {
	b, ok := boards[i.Model]
	return b, ok
}

// chip is the kind of chip on the board; "" where nobody knows. All firmware for AVR boards is for the SX127x.
func (i Info) chip() string {
	if b, ok := i.Board(); ok {
		return b.Chip
	}
	if i.Platform == platformAVR {
		return sx127x
	}
	return ""
}

// able refuses what the board cannot do. The firmware would echo much of it all the same: an SX127x told SF5 says SF5
// and sends SF6 (sx127x.cpp, setSpreadingFactor).
func (i Info) able(m phy.Modulation, powerDBm int) error {
	chip := i.chip()
	switch {
	case chip == sx128x:
		return fmt.Errorf("rnode: %s has an SX1280, which works at 2.4 GHz in bandwidths of 203, 406, 812 and 1625 kHz: these are not supported here; use an RNode for your band below 1 GHz", i)
	case m.SpreadingFactor < 7 && chip == "":
		return fmt.Errorf("rnode: SF%d: nobody knows whether the chip of %s (model %02X) can do it: use SF7 or more", m.SpreadingFactor, i, i.Model)
	case m.SpreadingFactor < 7 && chip == sx127x:
		return fmt.Errorf("rnode: SF%d: the %s of %s cannot do it: use SF7 or more", m.SpreadingFactor, chip, i)
	case powerDBm < 2 && chip == sx127x:
		return fmt.Errorf("rnode: power %d dBm: %s gives at least 2 dBm: use more, or another board", powerDBm, i)
	}
	return i.within(m, powerDBm)
}

func (i Info) within(m phy.Modulation, powerDBm int) error {
	b, ok := i.Board()
	mhz := (m.FrequencyHz + 500_000) / 1_000_000
	switch {
	case !ok:
		return nil
	case mhz < b.LowMHz || mhz > b.HighMHz:
		return fmt.Errorf("rnode: %s is made for %d to %d MHz, not for %s: use the board for your band", i, b.LowMHz, b.HighMHz, phy.MHz(m.FrequencyHz))
	case powerDBm > b.MaxDBm:
		return fmt.Errorf("rnode: power %d dBm: %s gives at most %d dBm: set power_dbm to that or less", powerDBm, i, b.MaxDBm)
	}
	return nil
}
