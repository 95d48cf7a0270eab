package sim

// The receiver's errata (SX1276/77/78 errata note, 2.1 and 2.3). What they cost is our guess of its size, so that a driver
// that forgets them hears less: wrong high-bandwidth registers 3 dB, the automatic intermediate frequency 2 dB, half of
// a remedy 10 dB.
const (
	highBandwidthDB = 3
	automaticIfDB   = 2
	halfRemedyDB    = 10
)

// narrow tells of bandwidths at which the receiver's frequency must be moved.
func (c *sx127x) narrow() bool { return c.regs[sxModemConfig1]>>4 <= 5 }

func (c *sx127x) widest() bool { return c.regs[sxModemConfig1]>>4 == 9 }

// erratum23 tells whether the remedy for spurious reception is complete.
func (c *sx127x) erratum23() bool {
	if c.widest() {
		return c.regs[sxDetect]&0x80 != 0
	}
	return c.regs[sxDetect]&0x80 == 0 && c.regs[sxIfFreq1] == 0 && c.regs[sxIfFreq2] == c.ifFreq2()
}

func (c *sx127x) ifFreq2() byte {
	switch code := c.regs[sxModemConfig1] >> 4; {
	case code == 0:
		return 0x48
	case code <= 5:
		return 0x44
	}
	return 0x40
}

// untouched23 tells whether nothing of that remedy is there.
func (c *sx127x) untouched23() bool {
	return c.regs[sxDetect]&0x80 != 0 && c.regs[sxIfFreq1] == sxReset[sxIfFreq1] && c.regs[sxIfFreq2] == sxReset[sxIfFreq2]
}

// erratum21 tells whether the registers for 500 kHz are right for the band and the bandwidth.
func (c *sx127x) erratum21() bool {
	hz := c.form().FrequencyHz
	one, two := c.regs[sxHighBW1], c.regs[sxHighBW2]
	switch {
	case !c.widest():
		return one == 0x03
	case hz >= 862_000_000 && hz <= 1020_000_000:
		return one == 0x02 && two == 0x64
	case hz >= 410_000_000 && hz <= 525_000_000:
		return one == 0x02 && two == 0x7F
	}
	return true
}

// handicapDB is what missing remedies cost the receiver.
func (c *sx127x) handicapDB() (dB float64) {
	if !c.erratum21() {
		dB += highBandwidthDB
	}
	switch {
	case c.erratum23():
	case c.untouched23():
		dB += automaticIfDB
	default:
		dB += halfRemedyDB
	}
	return dB
}

// checkErrata: at narrow bandwidths the remedy of 2.3 may be left out as a whole.
func (c *sx127x) checkErrata(name string) {
	if !c.erratum21() {
		c.violate("%s: erratum 2.1: 0x36 and 0x3A are %02X %02X at bandwidth code %d", name, c.regs[sxHighBW1], c.regs[sxHighBW2], c.regs[sxModemConfig1]>>4)
	}
	if !c.erratum23() && !(c.narrow() && c.untouched23()) {
		c.violate("%s: erratum 2.3: 0x2F, 0x30 and 0x31 are %02X %02X %02X at bandwidth code %d", name,
			c.regs[sxIfFreq2], c.regs[sxIfFreq1], c.regs[sxDetect], c.regs[sxModemConfig1]>>4)
	}
}
