package phy

import "math"

// noiseFigureDB is the receiver noise figure that the sensitivity tables of the
// SX1276 and SX1262 datasheets imply.
const noiseFigureDB = 6

// SNRLimitDB is the lowest signal-to-noise ratio at which a receiver still
// decodes this spreading factor: -7.5 dB at SF7 down to -20 dB at SF12, 2.5 dB a
// step (SX1276 datasheet table 13; SF5 and SF6 as SX1261/2 datasheet table 6-1).
func SNRLimitDB(spreadingFactor uint8) float64 {
	return -2.5 * (float64(spreadingFactor) - 4)
}

// NoiseFloorDBm is thermal noise in the bandwidth plus the receiver's own.
func NoiseFloorDBm(bandwidthHz uint32) float64 {
	return -174 + noiseFigureDB + 10*math.Log10(float64(bandwidthHz))
}

// SensitivityDBm is the weakest signal that is still decoded.
func (m Modulation) SensitivityDBm() float64 {
	return NoiseFloorDBm(m.BandwidthHz) + m.SNRLimitDB()
}

// streamSNRDB is what a receiver of FSK without coherence needs for one wrong bit in a thousand.
const streamSNRDB = 11

// SNRLimitDB is the lowest signal-to-noise ratio, in the modulation's bandwidth, at which a frame is still received.
func (m Modulation) SNRLimitDB() float64 {
	if m.Stream() {
		return streamSNRDB
	}
	return SNRLimitDB(m.SpreadingFactor)
}
