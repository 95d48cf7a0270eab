package world

import (
	"time"

	"packhorse/radio/phy"
)

// PHYLimit is what a channel could carry at most, in octets a second: full LoRa packets back to back
// with an RNode's preamble.
func PHYLimit(m phy.Modulation) float64 {
	const packet = 255
	return packet / phy.RNodeModulation(m).TimeOnAir(packet).Seconds()
}

// Airtime is that of all stations together.
func (w *World) Airtime() (sum time.Duration) {
	for i := range w.Stations {
		sum += w.Air.Airtime(i)
	}
	return sum
}

// Shares compares a transfer with the limit of the channel: air is payload over
// airtime of all stations, time is payload over the time until the receiver
// had it, both over PHYLimit.
func (w *World) Shares(payload int, air, took time.Duration) (airShare, timeShare float64) {
	limit := PHYLimit(w.Modulation)
	return float64(payload) / air.Seconds() / limit, float64(payload) / took.Seconds() / limit
}
