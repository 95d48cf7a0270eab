package sim

import (
	"fmt"
	"slices"
)

// sx6Violations is how many are kept.
const sx6Violations = 100

// violate notes once what a host should not have done, and what the datasheet asks for.
func (c *sx126x) violate(format string, args ...any) {
	v := fmt.Sprintf(format, args...)
	if c.dazed {
		return
	}
	if len(c.violations) < sx6Violations && !slices.Contains(c.violations, v) {
		c.violations = append(c.violations, v)
	}
}

// mayUseRadio notes what a transmission or reception lacks and tells whether the chip can do without.
func (c *sx126x) mayUseRadio(by string) bool {
	for _, need := range []struct {
		op   byte
		name string
	}{{opSetRfFrequency, "SetRfFrequency"}, {opSetModulationParams, "SetModulationParams"}, {opSetPacketParams, "SetPacketParams"}} {
		if c.sent[need.op] == nil {
			c.violate("%s without %s", by, need.name)
			return false
		}
	}
	if !c.oscillates() || !c.locks() {
		c.violate("%s: the oscillator does not run or the synthesiser does not lock (device errors %04X)", by, c.errors)
		return false
	}
	c.checkSetup(by)
	return true
}

// checkSetup notes what works badly, for both directions.
func (c *sx126x) checkSetup(by string) {
	m, p := c.sent[opSetModulationParams], c.sent[opSetPacketParams]
	switch w := c.wave(); {
	case m[0] >= 7 && (m[3] == 1) != w.LowDataRate():
		c.violate("%s: the low data rate optimisation of SetModulationParams is %d at a symbol of %v", by, m[3], w.SymbolTime())
	case w.PreambleSymbols != uint16(p[0])<<8|uint16(p[1]):
		c.violate("%s: a preamble of %d symbols at SF%d is too short", by, uint16(p[0])<<8|uint16(p[1]), m[0])
	case (c.regs[regIQPolarity]&bitIQPolarity == 0) != w.Inverted:
		c.violate("%s: bit 2 of 0x0736 does not fit the IQ polarity of SetPacketParams", by)
	case c.regs[regSyncWord]&0x0F != 4 || c.regs[regSyncWord+1]&0x0F != 4:
		c.violate("%s: sync word %02X %02X: the low nibbles are 4", by, c.regs[regSyncWord], c.regs[regSyncWord+1])
	}
	switch {
	case c.errors != 0:
		c.violate("%s with device errors %04X", by, c.errors)
	case !c.calibrated:
		c.violate("%s without Calibrate: with a TCXO the calibration after reset has failed", by)
	case !c.imageFits():
		c.violate("%s at %d MHz: the image is calibrated for %d to %d MHz", by, c.frequency()/1_000_000, c.imageLow, c.imageHigh)
	case c.dio(1):
		c.violate("%s with flags %04X: DIO1 is high and cannot rise", by, c.irq)
	}
}

// checkAmplifier notes what is missing of the transmitter's setup.
func (c *sx126x) checkAmplifier(by string) {
	switch pa := c.sent[opSetPaConfig]; {
	case pa == nil:
		c.violate("%s without SetPaConfig", by)
	case c.sent[opSetTxParams] == nil:
		c.violate("%s without SetTxParams", by)
	case (c.o.Model == SX1261) != (pa[2] == 1):
		c.violate("%s: SetPaConfig is for another chip than an %s", by, sx6ModelNames[c.o.Model])
	case c.o.Model != SX1261 && c.regs[regTxClamp]&maskTxClamp != maskTxClamp:
		c.violate("%s: bits 4 to 1 of 0x08D8 are not set", by)
	}
}

// checkQuality notes a wrong 0x0889, and a right one that nobody has looked at since the modulation was set.
func (c *sx126x) checkQuality() {
	switch {
	case c.spoils():
		c.violate("SetTx: bit 2 of 0x0889 is wrong for %d Hz", c.modulation().BandwidthHz)
	case !c.seen0889:
		c.violate("SetTx: 0x0889 was neither written nor read since SetModulationParams")
	}
}

// checkReceiver notes a timer that still runs.
func (c *sx126x) checkReceiver(by string) {
	if !c.ghost.IsZero() {
		c.violate("%s: the timer of the last reception was not stopped (0x0902, 0x0944)", by)
	}
}

func (c *sx126x) checkSwitch(by string, tx bool) {
	if c.switchLoss(tx) > 0 {
		c.violate("%s: the antenna switch is on the wrong side", by)
	}
}
