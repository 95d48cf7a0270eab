package sx126x

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"periph.io/x/conn/v3/gpio"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

const (
	resetPulse = time.Millisecond     // SX1261/2 datasheet section 8.1: at least 100 us
	resetRest  = 5 * time.Millisecond // until standby: 3.5 ms (table 8-2)
	powerRest  = 10 * time.Millisecond
	sleepRest  = time.Millisecond // SX1261/2 datasheet section 13.1.1: deaf for 500 us after SetSleep
)

// Reset brings the chip from any state to STDBY_RC, finds out whether it is one of this family that hears us, starts
// its oscillator, calibrates it, and sets what the board wants. All settings of Configure are lost. That the
// oscillator does not start means that the board file is wrong about it, and the error says so.
func (d *Driver) Reset(ctx context.Context) error {
	return d.reset(ctx, d.opts.TCXOMillivolts, d.setBoard)
}

// OtherOscillator is a diagnosis for a board whose Reset has failed because its oscillator does not start: it tries the
// kind that Opts do not name, a crystal (0 mV) or the usual TCXO (1800 mV), and tells which that was and whether it
// starts. Nothing is transmitted. Reset must follow.
func (d *Driver) OtherOscillator(ctx context.Context) (millivolts int, err error) {
	if d.opts.TCXOMillivolts == 0 {
		millivolts = 1800
	}
	return millivolts, d.reset(ctx, millivolts)
}

// reset leaves the chip in STDBY_RC, its oscillator tried, and goes on with what follows.
func (d *Driver) reset(ctx context.Context, millivolts int, then ...func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.ready, d.imageHz, d.header, d.preamble, d.task, d.before = false, 0, false, time.Time{}, idle, 0
	return steps(append([]func() error{
		func() error { return d.pins.Route(chip.PathOff) },
		d.restart,
		d.identify,
		ctx.Err,
		func() error { return d.startOscillator(millivolts) },
	}, then...)...)
}

// restart resets the chip by its line, or by sleep without memory where it has none.
func (d *Driver) restart() error {
	if len(d.pins.Power) > 0 {
		time.Sleep(powerRest)
	}
	if d.pins.Reset == nil {
		return d.restartByCommand()
	}
	if err := d.pins.Reset.Out(gpio.Low); err != nil {
		return err
	}
	time.Sleep(resetPulse)
	if err := d.pins.Reset.Out(gpio.High); err != nil {
		return err
	}
	time.Sleep(resetRest)
	d.asleep = false
	return d.awaitReady()
}

func (d *Driver) restartByCommand() error {
	d.asleep = !d.readyWithin(resetRest) // BUSY is high in sleep
	if err := d.sleepCold(); err != nil {
		return err
	}
	return d.wake()
}

// sleepCold is sleep in which everything is forgotten. It is allowed in standby only.
func (d *Driver) sleepCold() error {
	if err := steps(
		func() error { return d.command(opStandby, 0) },
		func() error { return d.command(opSleep, 0) },
	); err != nil {
		return err
	}
	d.asleep, d.ready, d.task = true, false, idle
	time.Sleep(sleepRest)
	return nil
}

// identify finds out that a chip of the family is there. One that has just been reset does not refuse anything: then it is
// the noise of a bus without chip.
func (d *Driver) identify() error {
	err := d.lookAround()
	if errors.Is(err, chip.ErrWrongMode) {
		return d.noiseFault(err)
	}
	return err
}

// lookAround reads what a chip is after a reset, and whether it takes what we write. Its name is not in the datasheet, so
// the sync word that each has after a reset will do too.
func (d *Driver) lookAround() error {
	if err := d.command(opStandby, 0); err != nil {
		return err
	}
	if err := d.expectStandby(); err != nil {
		return err
	}
	text, err := d.readRegister(regVersion, 16)
	if err != nil {
		return err
	}
	d.version = printable(text)
	word, err := d.readRegister(regSyncWord, 2)
	if err != nil {
		return err
	}
	known := strings.HasPrefix(d.version, "SX126") || strings.HasPrefix(d.version, "LLCC68")
	if !known && !slices.Equal(word, syncWord(phy.SyncPrivate)) {
		return d.strangerFault(word)
	}
	return d.setSyncWord(phy.SyncPublic)
}

// setSyncWord reads back what it writes.
func (d *Driver) setSyncWord(word byte) error {
	want := syncWord(word)
	if err := d.writeRegister(regSyncWord, want...); err != nil {
		return err
	}
	got, err := d.readRegister(regSyncWord, 2)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return d.forgetfulFault(want, got)
	}
	return nil
}

// printable is the text up to the first octet that is none.
func printable(b []byte) string {
	end := slices.IndexFunc(b, func(c byte) bool { return c < 0x20 || c > 0x7E })
	if end < 0 {
		end = len(b)
	}
	return strings.TrimSpace(string(b[:end]))
}

// startOscillator says what DIO3 is for, calibrates everything, and runs the oscillator once.
func (d *Driver) startOscillator(millivolts int) error {
	err := d.tryOscillator(millivolts) // why it failed is among the device errors
	flags, unread := d.deviceErrors()
	switch {
	case unread == nil && flags&errXOSCStart != 0:
		return d.oscillatorFault(millivolts)
	case err != nil:
		return err
	case unread != nil:
		return unread
	case flags != 0:
		return d.calibrationFault(flags)
	}
	return d.command(opStandby, 0)
}

// tryOscillator ends in STDBY_XOSC. XOSC_START is among the device errors after each reset of a board with a TCXO, as
// the chip has tried a crystal then (SX1261/2 datasheet section 13.3.6).
func (d *Driver) tryOscillator(millivolts int) error {
	if code, ok := tcxoCode(millivolts); ok {
		if err := d.command(opTCXO, append([]byte{code}, u24(ticks(d.opts.TCXODelay))...)...); err != nil {
			return err
		}
	}
	const everything = 0x7F
	return steps(
		func() error { return d.command(opClearErrors, 0, 0) },
		func() error { return d.command(opCalibrate, everything) },
		func() error { return d.command(opStandby, 1) },
		d.expectStandby,
	)
}

// setBoard sets what does not depend on the channel. The packet type comes first: by it each later command finds out
// whether the chip has reset itself since, and with that lost what follows here.
func (d *Driver) setBoard() error {
	const fallbackRC, fallbackXOSC = 0x20, 0x30
	fallback := byte(fallbackRC)
	if d.opts.TCXOMillivolts != 0 {
		fallback = fallbackXOSC
	}
	return steps(
		func() error { return d.command(opSetPacketType, loRa) },
		d.expectLoRa,
		func() error { return d.command(opRegulator, bit(!d.opts.LDO)) },
		func() error { return d.command(opDIO2Switch, bit(d.opts.DIO2Switch)) },
		func() error { return d.command(opFallback, fallback) },
		func() error { return d.command(opBufferBase, 0, 0) },
		d.routeFlags,
		d.resistMismatch,
		d.setGain,
	)
}

// routeFlags has all that matters raise DIO1.
func (d *Driver) routeFlags() error {
	noted, onDIO1 := u16(irqNoted), u16(irqEvents)
	return d.command(opDIOIRQ, append(append(noted, onDIO1...), 0, 0, 0, 0)...)
}

// expectLoRa finds out whether commands are carried out: after a reset it is another packet type.
func (d *Driver) expectLoRa() error {
	got, err := d.query(opPacketType, 1)
	if err != nil {
		return err
	}
	if got[0] != loRa {
		return d.forgetfulFault([]byte{loRa}, got)
	}
	return nil
}

// resistMismatch keeps the large amplifier from cutting its power at a poor antenna (SX1261/2 datasheet section 15.2:
// after each reset and cold start).
func (d *Driver) resistMismatch() error {
	if d.opts.Model == SX1261 {
		return nil
	}
	return d.change(regTxClamp, 0, 0x1E)
}

// setGain sets the receiver's gain and has warm sleep keep it (SX1261/2 datasheet section 9.6).
func (d *Driver) setGain() error {
	const saving, boosted = 0x94, 0x96
	if d.opts.PowerSavingGain {
		return d.writeRegister(regRxGain, saving)
	}
	if err := d.writeRegister(regRxGain, boosted); err != nil {
		return err
	}
	const one = 1
	return d.writeRegister(regRetention, one, regRxGain>>8, regRxGain&0xFF)
}
