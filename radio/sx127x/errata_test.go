package sx127x

import (
	"testing"

	"packhorse/radio/phy"
)

func at(hz, bw uint32) phy.Modulation {
	return with(func(m *phy.Modulation) { m.FrequencyHz, m.BandwidthHz = hz, bw })
}

// Erratum 2.1: the receiver is deaf at 500 kHz without two registers, which differ between the bands.
func TestErratumWideband(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		d, f := ready(t, Opts{}, at(868_100_000, 500_000), 14)
		f.want(t, map[byte]byte{regHighBwOptimize1: 0x02, regHighBwOptimize2: 0x64})
		must(t, d.Configure(at(433_175_000, 500_000), 14))
		f.want(t, map[byte]byte{regHighBwOptimize1: 0x02, regHighBwOptimize2: 0x7F})
		must(t, d.Configure(at(868_100_000, 125_000), 14))
		f.want(t, map[byte]byte{regHighBwOptimize1: 0x03})
		must(t, d.Configure(at(800_000_000, 500_000), 14))
		f.want(t, map[byte]byte{regHighBwOptimize1: 0x03})
	})
}

// Erratum 2.3: spurious receptions with the automatic intermediate frequency, except at 500 kHz. The reserved bits of
// the register stay.
func TestErratumSpurious(t *testing.T) {
	for _, c := range []struct {
		bw       uint32
		narrowIF bool
		detect   byte
		if1      byte
		if2      byte
		offset   uint32
	}{
		{500_000, false, 0xC3, 0x45, 0x55, 0},
		{250_000, false, 0x43, 0x40, 0x00, 0},
		{125_000, false, 0x43, 0x40, 0x00, 0},
		{62_500, false, 0x43, 0x40, 0x00, 0},
		{62_500, true, 0x43, 0x40, 0x00, 0},
		{41_666, false, 0xC3, 0x45, 0x55, 0},
		{7812, false, 0xC3, 0x45, 0x55, 0},
		{41_666, true, 0x43, 0x44, 0x00, 41_666},
		{10_416, true, 0x43, 0x44, 0x00, 10_416},
		{7812, true, 0x43, 0x48, 0x00, 7812},
	} {
		virtual(t, "", func(t *testing.T) {
			d, f := ready(t, Opts{NarrowIF: c.narrowIF}, at(869_525_000, c.bw), 14)
			f.want(t, map[byte]byte{regDetectOptimize: c.detect, regIfFreq1: c.if1, regIfFreq2: c.if2})
			carrier := frf(869_525_000)
			moved := frf(869_525_000 + c.offset)
			must(t, d.Receive())
			if got := [3]byte(f.regs[regFrfMsb:]); got != moved {
				t.Errorf("%d Hz: receives on % X, want % X", c.bw, got, moved)
			}
			must(t, d.Transmit([]byte{1}))
			if got := [3]byte(f.regs[regFrfMsb:]); got != carrier {
				t.Errorf("%d Hz: sends on % X, want % X", c.bw, got, carrier)
			}
		})
	}
}

// The automatic frequency comes back with the bandwidths that want it.
func TestErratumSpuriousEnds(t *testing.T) {
	virtual(t, "", func(t *testing.T) {
		d, f := ready(t, Opts{}, sf7, 14)
		must(t, d.Configure(at(869_525_000, 500_000), 14))
		f.want(t, map[byte]byte{regDetectOptimize: 0xC3})
		must(t, d.Configure(sf7, 14))
		must(t, d.Configure(at(869_525_000, 31_250), 14))
		f.want(t, map[byte]byte{regDetectOptimize: 0xC3, regIfFreq1: 0x45, regIfFreq2: 0x55})
	})
}
