package sim

import (
	"math"
	"time"

	"packhorse/radio/phy"
)

// transmit puts on the air what the registers say and the FIFO holds.
func (c *sx127x) transmit(now time.Time) {
	n := int(c.regs[sxPayloadLength])
	data := make([]byte, n)
	for i := range data {
		data[i] = c.fifo[c.regs[sxTxBase]+byte(i)]
	}
	w := c.txWave()
	end := now.Add(w.TimeOnAir(n))
	c.sentDBm = c.outputDBm()
	if c.ether != nil {
		at, err := c.ether.Emit(now, c.station, w, c.sentDBm, data)
		if err != nil {
			c.violate("TX: %v", err)
			return
		}
		c.sending, end = true, at
	}
	if c.opts.Mutation == TxDoneNever {
		return
	}
	c.after(end, c.sent)
}

func (c *sx127x) sent(now time.Time) {
	c.sending = false
	if c.opts.Mutation != StaysInTx {
		c.standby(now)
	}
	c.raise(sxTxDone)
}

// wave is what modem registers describe, whatever their sense.
func (c *sx127x) form() phy.Wave {
	config1, config2 := c.regs[sxModemConfig1], c.regs[sxModemConfig2]
	m := phy.Modulation{
		FrequencyHz:     uint32((uint64(c.frf)*32_000_000 + 1<<18) >> 19),
		SpreadingFactor: config2 >> 4,
		CodingRate:      4 + config1>>1&7,
		PreambleSymbols: uint16(c.regs[sxPreamble])<<8 | uint16(c.regs[sxPreamble+1]),
	}
	if code := int(config1 >> 4); code < len(sxBandwidths) {
		m.BandwidthHz = sxBandwidths[code]
	}
	return phy.Wave{
		Modulation: m, SyncWord: c.regs[sxSyncWord],
		Implicit: config1&sxImplicit != 0, CRC: config2&sxCRCOn != 0,
	}
}

// txWave is what is sent. With the low data rate optimisation or the detection registers wrong nobody can decode it.
func (c *sx127x) txWave() phy.Wave {
	w := c.form()
	w.Inverted = c.regs[sxInvertIQ]&0x01 == 0
	w.Broken = c.wrongRate(w)
	return w
}

// wrongRate tells that the low data rate optimisation is not as the symbol time wants it.
func (c *sx127x) wrongRate(w phy.Wave) bool {
	return (c.regs[sxModemConfig3]&sxLowRate != 0) != w.LowDataRate()
}

// nothingDBm is what leaves a pin that is not connected, through the air inside the module.
const nothingDBm = -40

// outputDBm is the power that leaves the antenna socket (datasheet section 5.4.2).
func (c *sx127x) outputDBm() int {
	pa := c.regs[sxPaConfig]
	out := float64(pa & 0x0F)
	if pa&sxPaBoost == 0 {
		if !c.opts.RFO {
			return nothingDBm
		}
		return int(math.Round(10.8 + 0.6*float64(pa>>4&7) - 15 + out))
	}
	dBm := 2 + int(out)
	if c.regs[sxPaDac]&7 == 7 {
		dBm = 5 + int(out)
	}
	// Where the overcurrent protection cuts in, about 1 dB is lost with each 10 mA that are missing.
	return dBm - max(0, neededMilliamps(dBm)-c.limitMilliamps())/10
}

// neededMilliamps is what the amplifier on PA_BOOST draws at a power, with some reserve (datasheet table 6: 87 mA at
// 17 dBm, 120 mA at 20 dBm).
func neededMilliamps(dBm int) int {
	switch {
	case dBm <= 14:
		return 60
	case dBm <= 17:
		return 60 + 10*(dBm-14)
	}
	return 140 - 10*(20-dBm)
}

// limitMilliamps is the overcurrent protection (datasheet section 5.4.4).
func (c *sx127x) limitMilliamps() int {
	trim := int(c.regs[sxOCP] & 0x1F)
	switch {
	case c.regs[sxOCP]&sxOCPOn == 0:
		return math.MaxInt
	case trim <= 15:
		return 45 + 5*trim
	case trim <= 27:
		return -30 + 10*trim
	}
	return 240
}
