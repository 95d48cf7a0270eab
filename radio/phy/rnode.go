package phy

import "time"

// The numbers below are those of RNode_Firmware 1.86 (Config.h and
// updateBitrate in Utilities.h). The firmware chooses its preamble and its
// channel access times from the modulation; the host cannot set them.
const (
	rnodePreambleMin  = 18
	rnodePreambleTime = 24 * time.Millisecond
	rnodeSlotMin      = 24 * time.Millisecond
	rnodeSlotMax      = 100 * time.Millisecond
	rnodeSlotSymbols  = 12
	rnodeFastDelta    = 18 * time.Millisecond // taken off preamble and slot above rnodeFastBPS
	rnodeFastBPS      = 30_000
	rnodeGuardBPS     = 14_000
	rnodeBands        = 4
	rnodeBandWindows  = 15
)

// RNodeTiming is how an RNode uses the channel at one modulation.
type RNodeTiming struct {
	// PreambleSymbols as programmed. RNodes with an SX127x program 4 less, so
	// this is exact for SX126x and long by 4 symbols for SX127x: never too short
	// for a duty-cycle ledger.
	PreambleSymbols uint16
	Slot            time.Duration // of the contention window
	DIFS            time.Duration // the channel must be free this long before the window counts
	// Flushes tells that one channel access sends everything queued, back to
	// back. Above 14 kbit/s the firmware sends one frame per access instead.
	Flushes bool
}

// RNode is the timing an RNode chooses at this modulation.
func RNode(m Modulation) RNodeTiming {
	symbol := m.SymbolTime()
	if symbol == 0 || m.CodingRate == 0 {
		return RNodeTiming{}
	}
	bps := m.bitRate()
	preamble, slotMin := rnodePreambleTime, rnodeSlotMin
	if bps > rnodeFastBPS {
		preamble, slotMin = preamble-rnodeFastDelta, slotMin-rnodeFastDelta
	}
	slot := min(symbol*rnodeSlotSymbols, rnodeSlotMax).Truncate(time.Millisecond)
	if slot < rnodeSlotMin {
		slot = slotMin
	}
	return RNodeTiming{
		PreambleSymbols: uint16(max(rnodePreambleMin, (preamble+symbol-1)/symbol)),
		Slot:            slot,
		DIFS:            2 * slot,
		Flushes:         bps <= rnodeGuardBPS,
	}
}

// Windows is the range of slots [low, high) from which an RNode draws its wait,
// given its own share of airtime over the last 15 seconds in percent. The busier
// it has been, the longer it yields.
func (t RNodeTiming) Windows(airtimePercent int) (low, high int) {
	const quiet, busy = 7, 85
	band := 1
	if airtimePercent > quiet {
		band = min(2+airtimePercent*(rnodeBands-2)/(busy-quiet), rnodeBands)
	}
	return (band - 1) * rnodeBandWindows, band*rnodeBandWindows - 1
}

// Access is the mean wait for a free channel before a burst leaves.
func (t RNodeTiming) Access(airtimePercent int) time.Duration {
	low, high := t.Windows(airtimePercent)
	return t.DIFS + time.Duration(low+high-1)*t.Slot/2
}

// RNodeModulation is m with the preamble an RNode will use for it.
func RNodeModulation(m Modulation) Modulation {
	m.PreambleSymbols = RNode(m).PreambleSymbols
	return m
}

// bitRate is the nominal LoRa bit rate, SF * 4/CR * BW / 2^SF, rounded down.
func (m Modulation) bitRate() uint64 {
	return uint64(m.SpreadingFactor) * 4 * uint64(m.BandwidthHz) / (uint64(m.CodingRate) << m.SpreadingFactor)
}
