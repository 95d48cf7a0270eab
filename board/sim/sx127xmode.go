package sim

import "time"

// setMode is a write to OpMode. The LoRa bit changes in sleep only; sleep loses the FIFO.
func (c *sx127x) setMode(now time.Time, v byte) {
	old := c.regs[sxOpMode]
	if v&sxModeBits == sxSleep {
		c.dazed = false
	}
	if old&sxModeBits != sxSleep && (v^old)&sxLoRa != 0 {
		c.violate("the LoRa bit is changed in %s: only sleep allows it", sxModeNames[old&sxModeBits])
		v = v&^sxLoRa | old&sxLoRa
	}
	if (v^old)&sxLoRa != 0 {
		v &^= sxLowFreq
	}
	c.regs[sxOpMode] = v
	mode := v & sxModeBits
	if mode == old&sxModeBits {
		return
	}
	c.hush(now)
	c.after(time.Time{}, nil)
	if mode == sxSleep {
		c.fifo = [256]byte{}
		return
	}
	c.enter(now, mode, old&sxModeBits)
}

// enter begins the change to a mode other than sleep.
func (c *sx127x) enter(now time.Time, mode, from byte) {
	if from == sxSleep {
		c.clockReady = now.Add(sxOscillator)
	}
	begin := now
	if c.clockReady.After(now) {
		begin = c.clockReady
	}
	if mode > sxStandby && !c.lora() {
		c.violate("%s in FSK mode, which is not simulated", sxModeNames[mode])
		return
	}
	switch mode {
	case sxTx:
		c.checkTx()
		c.after(begin.Add(sxSynth+sxToTx), c.transmit)
	case sxRxCont, sxRxSingle:
		c.checkRx()
		c.after(begin.Add(sxSynth+sxToRx), c.receive)
	case sxCAD:
		c.checkCAD()
		c.after(begin.Add(sxSynth+sxToRx), c.detect)
	}
}

// hush ends what is on the air, and what is heard.
func (c *sx127x) hush(now time.Time) {
	if c.ether != nil && c.sending {
		c.ether.Quit(now, c.station)
	}
	if c.ether != nil && c.receiving {
		c.ether.Deaf(now, c.station)
	}
	c.sending, c.receiving = false, false
	c.modemIdle()
}

// standby is where the chip falls when it has done what it was told.
func (c *sx127x) standby(now time.Time) {
	c.hush(now)
	c.regs[sxOpMode] = c.regs[sxOpMode]&^sxModeBits | sxStandby
}

// detect listens for about two symbols for a preamble (datasheet section 4.1.6).
func (c *sx127x) detect(now time.Time) {
	w := c.rxWave()
	c.after(now.Add(2*w.SymbolTime()), func(now time.Time) {
		c.standby(now)
		c.raise(sxCADDone)
		if c.ether != nil && c.ether.Detects(now, c.station, w) {
			c.raise(sxCADDetected)
		}
	})
}
