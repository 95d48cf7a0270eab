package sx127x

import (
	"fmt"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

const oscillatorHz = 32_000_000

// Configure sets modulation and power for packets with header and checksum, and the board's sync word. The chip is in
// standby then.
func (d *Driver) Configure(m phy.Modulation, powerDBm int) error {
	return d.configure(phy.Wave{Modulation: m, SyncWord: d.opts.SyncWord, CRC: true}, powerDBm)
}

// SetWave is Configure for packets of any form, to talk to devices that are not Packhorse's, at the power of the last
// Configure, which must have been.
func (d *Driver) SetWave(w phy.Wave) error {
	if !d.configured() {
		return chip.ErrNotConfigured
	}
	return d.configure(w, d.powerDBm)
}

func (d *Driver) configured() bool { return d.wave.FrequencyHz != 0 }

func (d *Driver) configure(w phy.Wave, powerDBm int) error {
	if err := d.opts.check(w, powerDBm); err != nil {
		return err
	}
	d.powerDBm = powerDBm
	d.wave = w
	steps := []func() error{
		d.Standby,
		func() error { return d.tune(w.FrequencyHz) },
		func() error { return d.putAll(d.modem()...) },
		d.amplifier,
		d.detector,
		d.verify,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// frf is RegFrf: the frequency in steps of 32 MHz / 2^19, to the nearest.
func frf(hz uint32) [3]byte {
	n := (uint64(hz)<<19 + oscillatorHz/2) / oscillatorHz
	return [3]byte{byte(n >> 16), byte(n >> 8), byte(n)}
}

// tune sets the carrier. It takes effect with the last octet, which is therefore always written.
func (d *Driver) tune(hz uint32) error {
	f := frf(hz)
	return d.put(regFrfMsb, f[:]...)
}

// bandwidthCode is RegModemConfig1 bits 7-4: the places of the bandwidths in order.
func bandwidthCode(hz uint32) byte {
	codes := map[uint32]byte{
		7812: 0, 10416: 1, 15625: 2, 20833: 3, 31250: 4, 41666: 5, 62500: 6, 125000: 7, 250000: 8, 500000: 9,
	}
	return codes[hz]
}

// modem is all that shapes a packet, and what others may have left in a chip without a reset line.
func (d *Driver) modem() []setting {
	w := d.wave
	iq, iq2 := d.receiveIQ()
	return []setting{
		{regModemConfig1, d.modemConfig1()},
		{regModemConfig2, d.modemConfig2()},
		{regModemConfig3, d.modemConfig3()},
		{regPreambleMsb, byte(w.PreambleSymbols >> 8)},
		{regPreambleLsb, byte(w.PreambleSymbols)},
		{regSyncWord, w.SyncWord},
		{regInvertIQ, iq},
		{regInvertIQ2, iq2},
		{regFIFOTxBase, 0}, // half duplex: all of the FIFO serves both directions
		{regFIFORxBase, 0},
		{regMaxPayload, 0xFF},
		{regHopPeriod, 0},
		{regPpmCorrection, 0},
		{regIrqMask, 0},
		{regLna, d.lna()},
	}
}

func (d *Driver) modemConfig1() byte {
	b := bandwidthCode(d.wave.BandwidthHz)<<4 | (d.wave.CodingRate-4)<<1
	if d.wave.Implicit {
		b |= bitImplicit
	}
	return b
}

func (d *Driver) modemConfig2() byte {
	b := d.wave.SpreadingFactor << 4
	if d.wave.CRC {
		b |= bitRxCRC
	}
	return b
}

func (d *Driver) modemConfig3() byte {
	var b byte
	if d.wave.LowDataRate() {
		b |= bitLowDataRate
	}
	if d.opts.Gain == 0 {
		b |= bitAGC
	}
	return b
}

func (d *Driver) lna() byte { return byte(max(1, d.opts.Gain))<<5 | lnaBoost }

// receiveIQ and transmitIQ are RegInvertIQ and RegInvertIQ2: the two directions have a bit each, of opposite meaning
// (LoRaMac-node, SX1276SetRxConfig and SX1276SetTxConfig).
func (d *Driver) receiveIQ() (byte, byte) {
	if d.wave.Inverted {
		return 0x67, 0x19
	}
	return 0x27, 0x1D
}

func (d *Driver) transmitIQ() (byte, byte) {
	if d.wave.Inverted {
		return 0x26, 0x19
	}
	return 0x27, 0x1D
}

func (d *Driver) amplifier() error {
	config, dac := d.opts.paConfig(d.powerDBm)
	if err := d.putAll(setting{regPaConfig, config}, setting{regOcp, d.opts.ocp(d.powerDBm)}); err != nil {
		return err
	}
	return d.change(regPaDac, 0x07, dac)
}

// verify reads back what decides where the chip sends.
func (d *Driver) verify() error {
	want := frf(d.wave.FrequencyHz)
	got, err := d.read(regFrfMsb, len(want))
	if err != nil {
		return err
	}
	if [3]byte(got) == want {
		if got, err = d.read(regModemConfig1, 2); err != nil {
			return err
		}
		if [2]byte(got) == [2]byte{d.modemConfig1(), d.modemConfig2()} {
			return nil
		}
	}
	return &chip.FaultError{
		What: fmt.Sprintf("sx127x: the chip does not keep its settings (it read back % X)", got),
		Fix:  "check MOSI and the clock wire, use shorter wires or a slower SPI clock",
		Err:  chip.ErrWrongMode,
	}
}
