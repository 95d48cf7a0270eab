package sx126x

import (
	"fmt"
	"time"

	"packhorse/radio/chip"
)

const (
	standbyRC   = 0
	standbyXOSC = 1
	forever     = 0xFFFFFF
)

// Transmit starts to send a frame of 1 to 255 octets; without a header it should have the length of the wave.
func (d *Driver) Transmit(frame []byte) error {
	if len(frame) == 0 || len(frame) > maxFrame {
		return fmt.Errorf("%v: a frame of %d octets: use 1 to %d", d.opts.Model, len(frame), maxFrame)
	}
	if err := d.prepare(); err != nil {
		return err
	}
	if err := steps(
		func() error { return d.command(opWriteBuffer, append([]byte{0}, frame...)...) },
		func() error { return d.setPacket(byte(len(frame))) },
		d.shapeModulation,
		func() error { return d.pins.Route(chip.PathTransmit) },
		d.expectSettings, // the last word before the carrier: what a dip has reset would send on another frequency
		func() error { return d.command(opTx, u24(d.transmitLimit(len(frame)))...) },
	); err != nil {
		return err
	}
	d.task = sending
	return d.expectTask("transmit")
}

// transmitLimit is when a transmission must have ended: its time on air and a bit, as far as the timer goes.
func (d *Driver) transmitLimit(n int) uint32 {
	air := d.wave.TimeOnAir(n)
	return ticks(air + air/8 + timerSpare + d.opts.TCXODelay)
}

// shapeModulation is due before each packet (SX1261/2 datasheet section 15.1).
func (d *Driver) shapeModulation() error {
	const narrow = 1 << 2
	if d.wave.BandwidthHz == 500_000 {
		return d.change(regTxModulation, narrow, 0)
	}
	return d.change(regTxModulation, 0, narrow)
}

// Receive starts to listen until told otherwise.
func (d *Driver) Receive() error { return d.listen(forever, listening) }

// ReceiveFor listens for one packet, at most so long, of at most 262 s; then Events tells TimedOut. The chip is in
// standby afterwards.
func (d *Driver) ReceiveFor(limit time.Duration) error {
	if limit <= 0 {
		return fmt.Errorf("%v: to listen for %v is not to listen", d.opts.Model, limit)
	}
	return d.listen(ticks(limit), listeningOnce)
}

func (d *Driver) listen(limit uint32, t task) error {
	if err := d.prepare(); err != nil {
		return err
	}
	if err := steps(
		func() error { return d.setPacket(d.receiveLength()) },
		func() error { return d.pins.Route(chip.PathReceive) },
		func() error { return d.command(opRx, u24(limit)...) },
	); err != nil {
		return err
	}
	d.task = t
	return steps(func() error { return d.expectTask("receive") }, d.expectSettings)
}

// Detect starts channel activity detection. The channel is clear until Events tells otherwise.
func (d *Driver) Detect() error {
	if err := d.prepare(); err != nil {
		return err
	}
	if err := steps(
		func() error { return d.pins.Route(chip.PathReceive) },
		func() error { return d.command(opCAD) },
	); err != nil {
		return err
	}
	d.task = detecting
	return d.expectTask("detect activity")
}

// prepare is standby, configured.
func (d *Driver) prepare() error {
	if !d.ready {
		return fmt.Errorf("%v: configure it first", d.opts.Model)
	}
	return steps(d.Standby, d.expectSettings)
}

// expectSettings finds a chip that has reset itself, by a dip of its supply: it is no longer in LoRa mode. It must not be
// let on the air, and what it hears is nothing.
func (d *Driver) expectSettings() error {
	got, err := d.query(opPacketType, 1)
	if err == nil && got[0] != loRa {
		return d.lostFault()
	}
	return err
}

// Standby ends whatever the chip does, also sleep, and clears its flags. A TCXO stays on, so that the next
// transmission or reception need not wait for it.
func (d *Driver) Standby() error {
	if d.opts.TCXOMillivolts != 0 {
		return d.standby(standbyXOSC)
	}
	return d.standby(standbyRC)
}

func (d *Driver) standby(oscillator byte) error {
	once := d.task == listeningOnce
	err := bestEffort(
		func() error { return d.command(opStandby, oscillator) },
		func() error { return d.pins.Route(chip.PathOff) },
	)
	if err == nil {
		err = d.rescue()
	}
	if err != nil {
		return err
	}
	d.task, d.header, d.preamble = idle, false, time.Time{}
	return steps(
		func() error { return d.stopTimer(once) },
		func() error { return d.clearFlags(irqAll) },
		d.expectStandby,
	)
}

// stopTimer is due after each reception with a time limit and without headers, whose timer else runs on into what comes
// next (SX1261/2 datasheet section 15.3).
func (d *Driver) stopTimer(timed bool) error {
	if !timed || !d.wave.Implicit {
		return nil
	}
	const timeout = 1 << 1
	if err := d.writeRegister(regTimer, 0); err != nil {
		return err
	}
	return d.change(regTimerEvent, 0, timeout)
}

// Sleep takes the least current while keeping the settings. Standby, and so also Transmit and Receive, wakes the chip.
func (d *Driver) Sleep() error {
	if err := d.standby(standbyRC); err != nil {
		return err
	}
	const warm = 4
	if err := d.command(opSleep, warm); err != nil {
		return err
	}
	d.asleep = true
	time.Sleep(sleepRest)
	return nil
}

// Level is the power in the channel now, in dBm; only while receiving.
func (d *Driver) Level() (float64, error) {
	if d.task != listening && d.task != listeningOnce {
		return 0, fmt.Errorf("%v: the level of the channel is only known while receiving", d.opts.Model)
	}
	r, err := d.query(opRSSI, 1)
	if err != nil {
		return 0, err
	}
	return -float64(r[0]) / 2, nil
}

// expectTask finds out whether the chip does what it was told, or has done it already.
func (d *Driver) expectTask(told string) error {
	s, err := d.status()
	if err != nil || d.doing(s.mode()) {
		return err
	}
	flags, s, err := d.flags()
	if err != nil || flags != 0 || d.doing(s.mode()) {
		return err
	}
	return d.modeFault(s.mode(), told)
}

// doing tells whether a mode is one of the present task.
func (d *Driver) doing(m mode) bool {
	switch d.task {
	case sending:
		return m == modeTx || m == modeFS
	case listening, listeningOnce:
		return m == modeRx || m == modeFS
	case detecting:
		return !m.standby()
	}
	return m.standby()
}

func (d *Driver) expectStandby() error {
	s, err := d.status()
	if err != nil || s.mode().standby() {
		return err
	}
	return d.modeFault(s.mode(), "be in standby")
}
