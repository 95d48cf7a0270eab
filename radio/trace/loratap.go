package trace

import (
	"encoding/binary"
	"math"

	"packhorse/radio"
	"packhorse/radio/phy"
)

// LoRaTap, version 0 (github.com/eriknl/LoRaTap, loratap.h), big endian: the version that every Wireshark since 2.6 reads.
// Version 1 would add the coding rate, which the comments of the packets tell; Wireshark before 4.2 shows it as payload.
const (
	tapVersion = 0
	tapLength  = 15

	tapRSSIZero = -139 // dBm
	tapNoRSSI   = 0xFF
)

// loraTap is the header before a frame; signal is nil for one that we send.
func loraTap(m phy.Modulation, signal *radio.Packet) []byte {
	b := make([]byte, 0, tapLength+255)
	b = append(b, tapVersion, 0)
	b = binary.BigEndian.AppendUint16(b, tapLength)
	b = binary.BigEndian.AppendUint32(b, m.FrequencyHz)
	b = append(b, bandwidthStep(m), m.SpreadingFactor)
	rssi, snr := tapSignal(signal)
	return append(b, rssi, tapNoRSSI, tapNoRSSI, snr, phy.SyncPrivate)
}

// bandwidthStep is the bandwidth in steps of 125 kHz; 0 for narrower ones, which LoRaTap cannot tell.
func bandwidthStep(m phy.Modulation) byte {
	if m.Stream() {
		return 0
	}
	return byte(m.BandwidthHz / 125_000)
}

func tapSignal(p *radio.Packet) (rssi, snr byte) {
	if p == nil || !p.HasSignal {
		return tapNoRSSI, 0
	}
	rssi = byte(math.Round(clamp(p.RSSIdBm-tapRSSIZero, 0, tapNoRSSI-1)))
	return rssi, byte(int8(math.Round(clamp(4*p.SNRdB, -128, 127))))
}

func clamp(x, low, high float64) float64 { return math.Max(low, math.Min(high, x)) }
