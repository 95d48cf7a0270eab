package sim

import (
	"fmt"
	"slices"
)

// mostViolations are kept; each text once.
const mostViolations = 100

// violate notes that the host did what the datasheet forbids.
func (c *sx127x) violate(format string, a ...any) {
	if c.dazed {
		return
	}
	text := fmt.Sprintf(format, a...)
	if len(c.violations) < mostViolations && !slices.Contains(c.violations, text) {
		c.violations = append(c.violations, text)
	}
}

// watch looks at a write before it takes effect: configuration belongs into sleep or standby (datasheet section 4.1.4).
func (c *sx127x) watch(address byte) {
	if m := c.mode(); m > sxStandby && !sxAnyMode(address) {
		c.violate("register 0x%02X written in %s: only sleep and standby allow it", address, sxModeNames[m])
	}
}

// checkModem looks at what sending, receiving and detecting have in common.
func (c *sx127x) checkModem(mode byte) {
	w, name := c.form(), sxModeNames[mode]
	if c.fresh {
		c.violate("%s: 0x06 or 0x07 was written without 0x08 after it: the frequency is still the old one", name)
	}
	if err := w.Validate(); err != nil {
		c.violate("%s: %v", name, err)
	}
	if c.wrongRate(w) {
		c.violate("%s: low data rate optimisation (0x26 bit 3) must be %v at %v", name, w.LowDataRate(), w.Modulation)
	}
	if c.regs[sxHopPeriod] != 0 || c.regs[sxModemConfig2]&0x08 != 0 {
		c.violate("%s: frequency hopping (0x24) or continuous TX (0x1E bit 3) is on, which is not simulated", name)
	}
	if c.regs[sxDetect]&0x78 != 0x40 {
		c.violate("%s: reserved bits of 0x31 changed: %02X, bits 6-3 are 1000 after reset", name, c.regs[sxDetect])
	}
	c.checkDetection(name, w.SpreadingFactor, w.Implicit)
}

// checkDetection looks at what depends on the spreading factor (datasheet section 4.1.1.2).
func (c *sx127x) checkDetection(name string, sf uint8, implicit bool) {
	optimize, threshold := byte(3), byte(0x0A)
	if sf == 6 {
		optimize, threshold = 5, 0x0C
		if !implicit {
			c.violate("%s: SF6 has implicit headers only", name)
		}
	}
	if c.regs[sxDetect]&7 != optimize || c.regs[sxThreshold] != threshold {
		c.violate("%s: SF%d wants 0x31 bits 2-0 = %d and 0x37 = %02X, not %d and %02X",
			name, sf, optimize, threshold, c.regs[sxDetect]&7, c.regs[sxThreshold])
	}
}

// checkIQ looks at the two registers of inverted chirps.
func (c *sx127x) checkIQ(name string, inverted bool) {
	want := byte(0x1D)
	if inverted {
		want = 0x19
	}
	if c.regs[sxInvertIQ2] != want {
		c.violate("%s: 0x3B is %02X, want %02X as 0x33 is %02X", name, c.regs[sxInvertIQ2], want, c.regs[sxInvertIQ])
	}
}

// checkLines looks at the interrupt: its flag must be clear and not masked, and DIO0 must show it.
func (c *sx127x) checkLines(name string, flag, dio0 byte) {
	if c.regs[sxIrqMask]&flag != 0 {
		c.violate("%s: interrupt %02X is masked in 0x11", name, flag)
	}
	if c.regs[sxIrqFlags]&flag != 0 {
		c.violate("%s: interrupt %02X was still set in 0x12 at the start", name, flag)
	}
	if c.regs[sxDIOMapping1]>>6 != dio0 {
		c.violate("%s: DIO0 is mapped to %02b, want %02b in 0x40 bits 7-6", name, c.regs[sxDIOMapping1]>>6, dio0)
	}
}

func (c *sx127x) checkTx() {
	c.checkModem(sxTx)
	c.checkLines("TX", sxTxDone, 1)
	c.checkIQ("TX", c.regs[sxInvertIQ]&1 == 0)
	if c.regs[sxPayloadLength] == 0 {
		c.violate("TX: PayloadLength (0x22) is 0")
	}
	c.checkPower()
}

// checkPower looks at the amplifier (datasheet sections 5.4.2 to 5.4.4).
func (c *sx127x) checkPower() {
	pa, dac := c.regs[sxPaConfig], c.regs[sxPaDac]
	if dac != 0x84 && dac != 0x87 {
		c.violate("TX: PaDac (0x4D) is %02X: 84 up to 17 dBm, 87 above", dac)
	}
	if pa&sxPaBoost == 0 {
		if !c.opts.RFO {
			c.violate("TX: 0x09 is %02X: RFO is selected, and this module connects only PA_BOOST", pa)
		}
		return
	}
	dBm := 2 + int(pa&0x0F)
	if dac&7 == 7 {
		dBm += 3
	}
	if need, limit := neededMilliamps(dBm), c.limitMilliamps(); limit < need {
		c.violate("TX: %d dBm wants %d mA, and Ocp (0x0B) stops at %d mA", dBm, need, limit)
	}
	if c.regs[sxOCP]&sxOCPOn == 0 {
		c.violate("TX: overcurrent protection (0x0B bit 5) is off")
	}
}

func (c *sx127x) checkRx() {
	name := sxModeNames[c.mode()]
	c.checkModem(c.mode())
	c.checkLines(name, sxRxDone, 0)
	c.checkIQ(name, c.regs[sxInvertIQ]&0x40 != 0)
	c.checkErrata(name)
}

func (c *sx127x) checkCAD() {
	c.checkModem(sxCAD)
	c.checkLines("CAD", sxCADDone, 2)
}
