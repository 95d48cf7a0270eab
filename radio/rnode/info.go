package rnode

import (
	"encoding/binary"
	"fmt"
)

// Info is what a modem says of itself. Product, Model, Revision and Serial are zero where it has no answer.
type Info struct {
	Major, Minor  byte // firmware
	Platform, MCU byte
	Product       byte // product and model as rnodeconf writes them into the board's memory
	Model         byte
	Revision      byte
	Serial        uint32
	// Stored tells that the board has a setting of its own ("TNC mode"): until its radio is switched off and on, its firmware
	// echoes new settings without using them.
	Stored bool
}

const platformAVR, platformESP32, platformNRF52 = 0x90, 0x80, 0x70

// String is the form for logs: "RNode firmware 1.86 (ESP32, Heltec LoRa32 v3)".
func (i Info) String() string {
	platform := map[byte]string{platformAVR: "AVR", platformESP32: "ESP32", platformNRF52: "nRF52"}[i.Platform]
	if platform == "" {
		platform = fmt.Sprintf("platform %02X", i.Platform)
	}
	if name := products[i.Product]; name != "" {
		platform += ", " + name
	}
	return fmt.Sprintf("RNode firmware %d.%02d (%s)", i.Major, i.Minor, platform)
}

// The board's memory (RNode_Firmware, ROM.h).
const (
	romOctets   = 200
	romProduct  = 0x00
	romModel    = 0x01
	romRevision = 0x02
	romSerial   = 0x03
	romLocked   = 0x9B // romSet: product and model are written
	romStored   = 0xA7 // romSet: a setting is stored
	romSet      = 0x73
)

// remember takes what stands in the board's memory.
func (i *Info) remember(rom []byte) {
	if len(rom) != romOctets {
		return
	}
	i.Stored = rom[romStored] == romSet
	if rom[romLocked] != romSet {
		return
	}
	i.Product, i.Model, i.Revision = rom[romProduct], rom[romModel], rom[romRevision]
	i.Serial = binary.BigEndian.Uint32(rom[romSerial:])
}
