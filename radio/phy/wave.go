package phy

import "time"

// Sync words of LoRa (SX1276 datasheet section 6.4, RegSyncWord): a receiver hears only packets with its own.
const (
	SyncPrivate = 0x12
	SyncPublic  = 0x34 // LoRaWAN
)

// Wave is the form of a LoRa packet on the air, beyond what decides its length.
type Wave struct {
	Modulation
	SyncWord byte
	Inverted bool // in-phase and quadrature are swapped
	Implicit bool // no header: the receiver knows length, coding rate and checksum
	Length   byte // of an implicit packet, for its receiver
	CRC      bool // a checksum follows the payload
	// Broken is modulated so badly that its receivers find it damaged. It has no meaning for a receiver.
	Broken bool
}

// TimeOnAir is how long a packet of n octets in this form takes, exact to the microsecond (SX1276 datasheet section
// 4.1.1.7; SF5 and SF6 as SX1261/2 datasheet section 6.1.4).
func (w Wave) TimeOnAir(n int) time.Duration {
	bits := 0
	if w.CRC {
		bits += 16
	}
	if w.Implicit {
		bits -= 20
	}
	return w.timeOnAir(n, bits)
}

// HeaderTime is how long after the packet's start its header has passed; where there is none, its first eight symbols.
func (w Wave) HeaderTime() time.Duration {
	symbols := 4*int64(w.PreambleSymbols) + 17 + 4*8
	if w.SpreadingFactor < 7 {
		symbols += 4 * 2
	}
	return time.Duration(symbols) * w.SymbolTime() / 4
}

// Stage is how far a receiver has come with a packet.
type Stage uint8

// The stages of a reception.
const (
	PreambleFound Stage = iota // enough of the preamble has been heard
	HeaderFound                // the header was read and its checksum is right; not in implicit packets
	HeaderBad                  // the header's checksum is wrong: nothing more comes of this packet
	PacketEnd                  // the last symbol has passed
)

// Arrival is what a receiver notices of a packet on the air. Data and what follows is set at PacketEnd, CodingRate
// and CRC from HeaderFound on.
type Arrival struct {
	Station int
	Stage   Stage
	At      time.Time

	Data       []byte // owned by the receiver of the Arrival; damaged where Damaged
	Damaged    bool   // the checksum is wrong, if there is one
	CRC        bool   // the packet carries a checksum
	CodingRate uint8  // of the packet's header
	RSSIdBm    float64
	SNRdB      float64
	ErrorHz    float64 // carrier of the sender less that of the receiver
}
