package sx127x

// base is what RSSI values count from (SX1276 datasheet section 5.5.5).
func base(lowPort bool) float64 {
	if lowPort {
		return -164
	}
	return -157
}

// packetRSSI is the power of a packet: below the noise it is that of the channel and the packet's share in it.
func packetRSSI(lowPort bool, raw byte, snr int8) float64 {
	if snr < 0 {
		return base(lowPort) + float64(raw) + float64(snr)/4
	}
	return base(lowPort) + float64(raw)*16/15
}

// frequencyError is RegFei, 20 bits with sign, in Hz (SX1276 datasheet section 4.1.5).
func frequencyError(fei [3]byte, bandwidthHz uint32) float64 {
	raw := int32(uint32(fei[0])<<28|uint32(fei[1])<<20|uint32(fei[2])<<12) >> 12
	return float64(raw) * (1 << 24) / oscillatorHz * float64(bandwidthHz) / 500_000
}
