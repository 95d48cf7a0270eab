package sim

import "time"

// How long BUSY stays high. Modes: SX1261/2 datasheet, switching times, and the same table of the STM32WL reference
// manual RM0453 (BUSY switching time); the rest as noted.
const (
	sx6Plain     = time.Microsecond        // a command that changes no mode; the datasheet names no value
	sx6Boot      = 3500 * time.Microsecond // after reset, and waking without configuration
	sx6WarmWake  = 340 * time.Microsecond
	sx6StartXOSC = 31 * time.Microsecond
	sx6ResetLow  = 100 * time.Microsecond
	// sx6Calibration is of all blocks; the image alone is a guess.
	sx6Calibration      = 3500 * time.Microsecond
	sx6ImageCalibration = 1000 * time.Microsecond
	// sx6SleepEntry: NSS must stay high so long after SetSleep (RM0453, sleep mode).
	sx6SleepEntry = 500 * time.Microsecond
	// sx6TCXOStart is how long a TCXO needs at least: a guess on the fast side.
	sx6TCXOStart = time.Millisecond
	sx6Tick      = 15625 * time.Nanosecond // of timeouts
)

// switching is how long it takes from a mode to one that uses the synthesiser, without the start of a TCXO.
func switching(from, to sx6Mode) time.Duration {
	times := map[sx6Mode][3]time.Duration{ // to FS, RX, TX, in microseconds
		sx6StandbyRC: {50, 83, 126}, sx6StandbyXOSC: {40, 62, 105}, sx6FS: {40, 41, 76}, sx6RX: {15, 41, 92},
	}
	t, ok := times[from]
	if !ok {
		t = times[sx6RX]
	}
	switch to {
	case sx6FS:
		return t[0] * time.Microsecond
	case sx6TX:
		return t[2] * time.Microsecond
	}
	return t[1] * time.Microsecond
}

func ticks(p []byte) uint32 { return uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2]) }

// change makes BUSY high until the chip is in another mode.
func (c *sx126x) change(now time.Time, to sx6Mode, after time.Duration) {
	if c.mode == sx6StandbyRC && to > sx6StandbyRC {
		after += c.tcxoDelay()
	}
	c.target, c.timers[sx6Settle] = to, now.Add(after)
}

// settled ends what BUSY was high for.
func (c *sx126x) settled(now time.Time) {
	to := c.target
	c.target = sx6Off
	switch to {
	case sx6Off:
	case sx6TX:
		c.transmit(now)
	case sx6RX:
		c.receive(now)
	case sx6CAD:
		c.detect(now)
	default:
		c.mode = to
	}
}

// stop ends what goes on and returns what it was.
func (c *sx126x) stop(now time.Time) (was sx6Mode) {
	was = c.mode
	switch {
	case was == sx6RX || was == sx6CAD:
		c.ether.Deaf(now, c.station)
	case was == sx6TX && c.emitting:
		c.ether.Quit(now, c.station)
	}
	if was > sx6StandbyXOSC {
		c.mode = sx6StandbyRC
	}
	c.emitting, c.target, c.duty = false, sx6Off, sx6Duty{}
	c.timers = [sx6Timers]time.Time{}
	return was
}

// cutOff is the chip without power, or held in reset.
func (c *sx126x) cutOff(now time.Time) {
	c.stop(now)
	c.mode = sx6Off
}

// boot starts the chip with nothing set.
func (c *sx126x) boot(now time.Time) {
	c.forget()
	c.mode, c.status = sx6StandbyRC, sx6OK
	c.change(now, sx6StandbyRC, sx6Boot)
	c.calibrated, c.imageLow, c.imageHigh = c.o.TCXOVolts == 0, 902, 928
	if !c.calibrated {
		// It looks for a crystal first, and there is none.
		c.errors, c.status, c.imageLow, c.imageHigh = sx6ErrXOSC, sx6Failed, 0, 0
	}
}

// forget is what a reset and a cold sleep lose.
func (c *sx126x) forget() {
	clear(c.sent)
	c.resetRegisters()
	c.irq, c.errors, c.stats, c.buffer, c.packet = 0, 0, [3]uint16{}, [256]byte{}, sx6Packet{}
	c.seen0889, c.warm, c.rxNext, c.ghost, c.lastLevel = false, false, 0, time.Time{}, 0
}

// setStandby ends everything.
func (c *sx126x) setStandby(now time.Time, p []byte) sx6Status {
	if p[0] > 1 {
		return sx6Failed
	}
	was := c.stop(now)
	switch {
	case p[0] == 0:
		c.mode = sx6StandbyRC
		if was > sx6StandbyXOSC {
			c.change(now, sx6StandbyRC, switching(sx6RX, sx6FS))
		}
	case !c.oscillates():
		return sx6Failed
	case was <= sx6StandbyRC:
		c.change(now, sx6StandbyXOSC, sx6StartXOSC)
	default:
		c.mode = sx6StandbyXOSC
	}
	return sx6OK
}

func (c *sx126x) setFS(now time.Time, _ []byte) sx6Status {
	was := c.stop(now)
	if !c.oscillates() || !c.locks() {
		return sx6Failed
	}
	c.change(now, sx6FS, switching(was, sx6FS))
	return sx6OK
}

const sx6Warm = 1 << 2 // of SetSleep: keep the configuration

// setSleep works from standby.
func (c *sx126x) setSleep(now time.Time, p []byte) sx6Status {
	if c.mode != sx6StandbyRC && c.mode != sx6StandbyXOSC {
		return sx6Failed
	}
	c.stop(now)
	c.warm = p[0]&sx6Warm != 0
	c.fallAsleep(now)
	return sx6OK
}

func (c *sx126x) fallAsleep(now time.Time) {
	c.mode, c.asleep, c.buffer = sx6Sleep, now, [256]byte{}
	c.regs[regRxGain] = c.retainedGain()
}

// wake is NSS falling in sleep: also between the windows of SetRxDutyCycle, which it ends.
func (c *sx126x) wake(now time.Time) {
	if d := now.Sub(c.asleep); d < sx6SleepEntry && !c.duty.on {
		c.violate("NSS fell %v after SetSleep: wait %v", d, sx6SleepEntry)
	}
	warm := c.warm || c.duty.on
	c.stop(now)
	if !warm {
		c.boot(now)
		return
	}
	c.mode, c.status = sx6StandbyRC, sx6OK
	c.change(now, sx6StandbyRC, sx6WarmWake)
}

// oscillates tells whether the crystal or TCXO runs; both need the right choice of the host.
func (c *sx126x) oscillates() bool {
	p := c.sent[opSetDIO3AsTCXO]
	ok := p == nil && c.o.TCXOVolts == 0 ||
		p != nil && c.o.TCXOVolts > 0 && sx6Volts[p[0]&7] >= c.o.TCXOVolts && c.tcxoDelay() >= sx6TCXOStart
	if !ok {
		c.errors |= sx6ErrXOSC
	}
	return ok
}

var sx6Volts = [8]float64{1.6, 1.7, 1.8, 2.2, 2.4, 2.7, 3.0, 3.3}

// tcxoDelay is what the chip waits for its TCXO.
func (c *sx126x) tcxoDelay() time.Duration {
	if p := c.sent[opSetDIO3AsTCXO]; p != nil {
		return time.Duration(ticks(p[1:])) * sx6Tick
	}
	return 0
}

// locks tells whether the synthesiser reaches the frequency.
func (c *sx126x) locks() bool {
	if c.sent[opSetRfFrequency] == nil {
		c.errors |= sx6ErrPLL
		return false
	}
	low, high := uint32(150_000_000), uint32(960_000_000)
	if c.o.Model == SX1268 {
		low, high = 410_000_000, 810_000_000
	}
	f := c.frequency()
	if f < low || f > high {
		c.errors |= sx6ErrPLL
	}
	return f >= low && f <= high
}

// calibrate needs the oscillator; bit 6 calibrates the image for 902 to 928 MHz.
func (c *sx126x) calibrate(now time.Time, p []byte) sx6Status {
	c.change(now, sx6Off, sx6Calibration+c.tcxoDelay())
	if !c.oscillates() {
		return sx6Failed
	}
	if p[0]&0x3F == 0x3F {
		c.calibrated = true
	}
	if p[0]&0x40 != 0 {
		c.imageLow, c.imageHigh = 902, 928
	}
	return sx6OK
}

// calibrateImage is told the band in steps of 4 MHz.
func (c *sx126x) calibrateImage(now time.Time, p []byte) sx6Status {
	c.change(now, sx6Off, sx6ImageCalibration+c.tcxoDelay())
	switch {
	case !c.oscillates():
		return sx6Failed
	case c.o.Mutation != LosesImage:
		c.imageLow, c.imageHigh = 4*int(p[0]), 4*int(p[1])
	}
	return sx6OK
}

// imageFits tells whether the receiver is calibrated for its frequency.
func (c *sx126x) imageFits() bool {
	mhz := int(c.frequency() / 1_000_000)
	return mhz >= c.imageLow && mhz < c.imageHigh
}
