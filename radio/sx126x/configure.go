package sx126x

import (
	"fmt"

	"packhorse/radio/phy"
)

// Configure sets modulation and power for packets as Packhorse and RNodes send them: explicit header, checksum, IQ as
// it is, the sync word of Opts. What the chip or the board cannot do is refused before anything changes.
func (d *Driver) Configure(m phy.Modulation, powerDBm int) error {
	return d.configure(phy.Wave{Modulation: m, SyncWord: d.opts.SyncWord, CRC: true}, powerDBm)
}

// SetWave is Configure for packets of another form, at the power of the last Configure, which must have been.
func (d *Driver) SetWave(w phy.Wave) error {
	if !d.ready {
		return fmt.Errorf("%v: configure it first", d.opts.Model)
	}
	return d.configure(w, d.powerDBm)
}

func (d *Driver) configure(w phy.Wave, powerDBm int) error {
	if err := d.opts.check(w, powerDBm); err != nil {
		return err
	}
	if w.Implicit && w.Length == 0 {
		return fmt.Errorf("%v: packets without a header need a length", d.opts.Model)
	}
	if err := d.standby(standbyRC); err != nil {
		return err
	}
	d.ready, d.wave, d.powerDBm = false, w, powerDBm
	err := steps(
		d.calibrateImage,
		func() error { return d.command(opFrequency, frequencyWord(w.FrequencyHz)...) },
		d.setPower,
		func() error { return d.command(opModulation, modulationParams(w.Modulation)...) },
		func() error { return d.setPacket(d.receiveLength()) },
		func() error { return d.setSyncWord(w.SyncWord) },
		func() error { return d.command(opCADParams, cadParams(w.SpreadingFactor)...) },
		d.expectNoErrors,
		d.expectStandby,
	)
	d.ready = err == nil
	return err
}

// calibrateImage is due after each reset, and when the channel moves far or to another band (SX1261/2 datasheet section
// 9.2.1).
func (d *Driver) calibrateImage() error {
	const far = 20_000_000
	hz := d.wave.FrequencyHz
	pair := imagePair(hz)
	if d.imageHz != 0 && pair == imagePair(d.imageHz) && max(hz, d.imageHz)-min(hz, d.imageHz) < far {
		return nil
	}
	if err := d.command(opCalibrateImage, pair[:]...); err != nil {
		return err
	}
	d.imageHz = hz
	return nil
}

// setPower sets the limit of the current last: SetPaConfig has its own (SX1261/2 datasheet section 5.1).
func (d *Driver) setPower() error {
	const ramp200us = 4
	pa, power := amplifier(d.opts.Model, d.opts.OptimalPA, d.powerDBm)
	return steps(
		func() error { return d.command(opPAConfig, pa[:]...) },
		func() error { return d.command(opTxParams, byte(power), ramp200us) },
		func() error { return d.writeRegister(regOCP, byte(d.opts.CurrentLimitMA*2/5)) },
	)
}

// receiveLength is the payload length to receive with.
func (d *Driver) receiveLength() byte {
	if d.wave.Implicit {
		return d.wave.Length
	}
	return maxFrame
}

// setPacket sets the form of packets, and then what inverted IQ needs (SX1261/2 datasheet section 15.4): Semtech's
// drivers do it after each SetPacketParams, which may undo it.
func (d *Driver) setPacket(length byte) error {
	if err := d.command(opPacketParams, packetParams(d.wave, length)...); err != nil {
		return err
	}
	const standard = 1 << 2
	if d.wave.Inverted {
		return d.change(regIQPolarity, standard, 0)
	}
	return d.change(regIQPolarity, 0, standard)
}

// expectNoErrors fails where a calibration or the synthesiser has.
func (d *Driver) expectNoErrors() error {
	errors, err := d.deviceErrors()
	if err != nil {
		return err
	}
	if errors&errXOSCStart != 0 {
		return d.oscillatorFault(d.opts.TCXOMillivolts)
	}
	if errors != 0 {
		return d.calibrationFault(errors)
	}
	return nil
}
