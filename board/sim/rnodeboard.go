package sim

import (
	"encoding/binary"

	"packhorse/radio/phy"
)

// RNodeOpts is the kind of an RNode. The zero value is a Heltec LoRa32 v3 with an SX1262.
type RNodeOpts struct {
	// OldChip is a LilyGO T-Beam with an SX1276: at most 17 dBm, preambles 4 symbols shorter, no SF5, which it echoes all the
	// same.
	OldChip bool
	// Stored is a board with a setting of its own ("TNC mode"): it echoes changes, and makes them when its radio is
	// switched on.
	Stored bool
}

// rnodeBoard is what firmware and memory say of a board (Boards.h).
type rnodeBoard struct{ code, product, model, maxDBm byte }

func (o RNodeOpts) board() rnodeBoard {
	if o.OldChip {
		return rnodeBoard{code: 0x33, product: 0xE0, model: 0xE9, maxDBm: 17}
	}
	return rnodeBoard{code: 0x3A, product: 0xC1, model: 0xCA, maxDBm: 22}
}

// rom is the board's memory (ROM.h).
func (o RNodeOpts) rom(station int) []byte {
	const octets, serial, infoLock, confOK, set = 200, 3, 0x9B, 0xA7, 0x73
	b := make([]byte, octets)
	for i := range b {
		b[i] = 0xFF
	}
	b[0], b[1], b[2] = o.board().product, o.board().model, 1
	binary.BigEndian.PutUint32(b[serial:], uint32(station+1))
	b[infoLock] = set
	if o.Stored {
		b[confOK] = set
	}
	return b
}

// onAir is what the chip makes of the settings.
func (o RNodeOpts) onAir(m phy.Modulation) phy.Modulation {
	if o.OldChip {
		m.SpreadingFactor = max(m.SpreadingFactor, 6)
	}
	return m
}

// display shows the host's picture or the board's own, or says what picture the host has drawn.
func (m *rnodeModem) display(v byte) {
	switch {
	case m.command == cmdFBRead && v != 0:
		m.reply(cmdFBRead, m.picture[:]...)
	case m.command == cmdFBRead:
	case v <= 1:
		m.showing = v
		fallthrough
	case v == 0xFF:
		m.reply(cmdFBExt, m.showing)
	}
}

// draw takes one line of the host's picture.
func (m *rnodeModem) draw() {
	if m.command == cmdFBWrite {
		copy(m.picture[8*int(min(m.args[0], 63)):], m.args[1:])
	}
}
