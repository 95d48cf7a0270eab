package access

import (
	"time"

	"packhorse/radio/phy"
)

// What LoRa chips behind SPI need (SX1276 and SX1261/2 datasheets): a frame of 255 octets takes 0.26 ms to the chip at 8 MHz, the
// synthesiser and the amplifier 0.3 ms, an edge to a process under Linux up to 0.2 ms.
const (
	senseSymbols = 4 // of channel activity detection (SX1261/2 datasheet 13.4.7, AN1200.48)
	senseSetup   = 500 * time.Microsecond
	senseSettle  = time.Millisecond // from detection back to a receiver that measures
	chipTurn     = time.Millisecond
)

// mostBurst is how long one access may be used when no law says less: so long an emergency of another station waits.
const mostBurst = 5 * time.Second

// LoRa is the access of a chip at this modulation under this law. Chance is still to be added.
func LoRa(m phy.Modulation, law phy.Rule, mtu int) Config {
	rnode := phy.RNode(m)
	longest := m.TimeOnAir(mtu)
	if law.MaxTransmit > 0 {
		longest = min(longest, law.MaxTransmit)
	}
	sense := senseSetup + senseSymbols*m.SymbolTime()
	if law.Sensing.For > 0 {
		sense += senseSettle + law.Sensing.For
	}
	return Config{
		Sense:   sense,
		Turn:    chipTurn,
		Longest: longest,
		Burst:   mostBurst,
		Listen:  law.Listens(),
		Rest:    law.Sensing.Rest,
		Yield:   rnode.DIFS + yieldSlots*rnode.Slot,
	}
}

// yieldSlots of an RNode's are enough for one to get to the medium now and then.
const yieldSlots = 15
