package sx127x

// Semtech's errata note for the SX1276/77/78, revision 1.

// narrowHz and below is where erratum 2.3 also moves the receive frequency.
const narrowHz = 41_666

// detector sets what the errata ask for, and the detector of the spreading factor, which shares a register with them.
// Erratum 2.1: sensitivity at 500 kHz. Erratum 2.3: spurious receptions, by an intermediate frequency that is not the
// automatic one; 500 kHz keeps the automatic one.
func (d *Driver) detector() error {
	optimize, threshold := byte(0x03), byte(0x0A)
	if d.wave.SpreadingFactor == 6 {
		optimize, threshold = 0x05, 0x0C
	}
	first, second, fixed := d.intermediate()
	if !fixed {
		optimize |= bitAutoIF
	}
	if err := d.change(regDetectOptimize, bitAutoIF|0x07, optimize); err != nil {
		return err
	}
	settings := append(d.wideband(), setting{regDetectThreshold, threshold}, setting{regIfFreq1, first}, setting{regIfFreq2, second})
	return d.putAll(settings...)
}

// intermediate is the intermediate frequency by erratum 2.3; where it is automatic, the registers are as after a reset.
func (d *Driver) intermediate() (first, second byte, fixed bool) {
	switch bw := d.wave.BandwidthHz; {
	case bw > 250_000:
	case bw > narrowHz:
		return 0x40, 0x00, true
	case !d.opts.NarrowIF:
	case bw > 8_000:
		return 0x44, 0x00, true
	default:
		return 0x48, 0x00, true
	}
	return 0x45, 0x55, false
}

// receiveHz is the carrier less what the fixed intermediate frequency of a narrow bandwidth takes away.
func (d *Driver) receiveHz() uint32 {
	if d.opts.NarrowIF && d.wave.BandwidthHz <= narrowHz {
		return d.wave.FrequencyHz + d.wave.BandwidthHz
	}
	return d.wave.FrequencyHz
}

// wideband is erratum 2.1. At other bandwidths the second register is the chip's own again.
func (d *Driver) wideband() []setting {
	hz := d.wave.FrequencyHz
	switch {
	case d.wave.BandwidthHz != 500_000:
	case hz >= 862_000_000 && hz <= 1_020_000_000:
		return []setting{{regHighBwOptimize1, 0x02}, {regHighBwOptimize2, 0x64}}
	case hz >= 410_000_000 && hz <= 525_000_000:
		return []setting{{regHighBwOptimize1, 0x02}, {regHighBwOptimize2, 0x7F}}
	}
	return []setting{{regHighBwOptimize1, 0x03}}
}
