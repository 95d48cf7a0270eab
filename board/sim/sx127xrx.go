package sim

import (
	"math"
	"time"

	"packhorse/radio/phy"
)

// ModemStat bits.
const (
	sxModemClear    = 0x10
	sxHeaderValid   = 0x08
	sxOngoing       = 0x04
	sxSynchronised  = 0x02
	sxSignalPresent = 0x01
)

// receive opens the receiver.
func (c *sx127x) receive(now time.Time) {
	w := c.rxWave()
	c.wave, c.mangles, c.rxPointer = w, c.wrongRate(w), c.regs[sxRxBase]
	clear(c.regs[sxHeaderCount : sxPacketCount+2])
	if c.ether != nil {
		c.ether.Fade(c.station, c.handicapDB())
		if err := c.ether.Listen(now, c.station, w); err != nil {
			c.violate("RX: %v", err)
			return
		}
		c.receiving = true
		c.modemIdle()
	}
	if c.mode() == sxRxSingle {
		symbols := time.Duration(c.regs[sxModemConfig2]&3)<<8 | time.Duration(c.regs[sxSymbTimeout])
		c.after(now.Add(symbols*w.SymbolTime()), c.gaveUp)
	}
}

// gaveUp is the end of a single reception without a packet.
func (c *sx127x) gaveUp(now time.Time) {
	c.standby(now)
	c.raise(sxRxTimeout)
}

// rxWave is what the receiver listens to. With the settings of erratum 2.3 for narrow bandwidths its intermediate
// frequency is not zero: it hears one bandwidth below the programmed frequency.
func (c *sx127x) rxWave() phy.Wave {
	w := c.form()
	w.Inverted, w.Length = c.regs[sxInvertIQ]&0x40 != 0, c.regs[sxPayloadLength]
	if !w.Implicit {
		w.CRC, w.Length, w.CodingRate = true, 0, 5 // the header says
	}
	if c.narrow() && c.erratum23() {
		w.FrequencyHz -= w.BandwidthHz
	}
	return w
}

func (c *sx127x) arrived(n phy.Arrival) {
	if !c.receiving {
		return
	}
	switch n.Stage {
	case phy.PreambleFound:
		c.preambleFound(n)
	case phy.HeaderFound:
		c.headerFound(n)
	case phy.HeaderBad:
		c.modemIdle()
		if c.mode() == sxRxSingle {
			c.gaveUp(n.At)
		}
	case phy.PacketEnd:
		c.packetEnd(n)
	}
}

func (c *sx127x) preambleFound(n phy.Arrival) {
	c.regs[sxModemStat] = c.regs[sxModemStat]&0xE0 | sxSignalPresent | sxOngoing
	c.signal = n.At.Add(c.wave.HeaderTime())
	if c.wave.Implicit {
		c.signal = n.At.Add(c.wave.TimeOnAir(int(c.wave.Length)))
	}
	if c.mode() == sxRxSingle {
		c.after(c.signal.Add(time.Nanosecond), c.gaveUp)
	}
}

func (c *sx127x) headerFound(n phy.Arrival) {
	c.regs[sxModemStat] = (n.CodingRate-4)<<5 | sxSignalPresent | sxSynchronised | sxOngoing | sxHeaderValid
	c.signal = time.Time{}
	c.after(time.Time{}, nil)
	c.regs[sxHopChannel] &^= sxHopCRC
	if n.CRC || c.opts.Mutation == AlwaysCRC {
		c.regs[sxHopChannel] |= sxHopCRC
	}
	c.count(sxHeaderCount)
	c.raise(sxValidHeader)
}

// settleModemStat forgets a preamble after which nothing came.
func (c *sx127x) settleModemStat(now time.Time) {
	if !c.signal.IsZero() && now.After(c.signal) {
		c.modemIdle()
	}
}

// modemIdle: nothing is coming in. The coding rate of the last header stays. A receiver that is open says that it is
// receiving all the time (register traces of an SX1278, RNode_Firmware issue 3).
func (c *sx127x) modemIdle() {
	idle := byte(sxModemClear)
	if c.receiving {
		idle |= sxOngoing
	}
	c.regs[sxModemStat], c.signal = c.regs[sxModemStat]&0xE0|idle, time.Time{}
}

// packetEnd puts a packet into the FIFO, after the one before, and tells.
func (c *sx127x) packetEnd(n phy.Arrival) {
	c.modemIdle()
	if len(n.Data) > int(c.regs[sxMaxPayload]) {
		return
	}
	if c.mangles {
		n.Damaged = true
		for i := range n.Data {
			n.Data[i] ^= 0x5A
		}
	}
	c.regs[sxRxCurrent], c.regs[sxRxBytes] = c.rxPointer, byte(len(n.Data))
	if c.opts.Mutation == RxAlwaysAtBase {
		c.regs[sxRxCurrent] = c.regs[sxRxBase]
	}
	for _, b := range n.Data {
		c.fifo[c.rxPointer] = b
		c.regs[sxRxByteAddr] = c.rxPointer
		c.rxPointer++
	}
	c.quality(n)
	flags := byte(sxRxDone)
	if n.Damaged && n.CRC && c.opts.Mutation != NoCRCError {
		flags |= sxCRCError
	} else {
		c.count(sxPacketCount)
	}
	if c.mode() == sxRxSingle {
		c.after(time.Time{}, nil)
		c.standby(n.At)
	}
	c.raise(flags)
}

// count counts in two octets up.
func (c *sx127x) count(address byte) {
	if c.regs[address+1]++; c.regs[address+1] == 0 {
		c.regs[address]++
	}
}

// base is the RSSI of register value 0 (datasheet section 5.5.5): the ports split between 525 and 779 MHz.
func (c *sx127x) base() float64 {
	if c.wave.FrequencyHz < 600_000_000 {
		return -164
	}
	return -157
}

// quality writes down how well a packet was heard. Below the noise the RSSI register shows the noise.
func (c *sx127x) quality(n phy.Arrival) {
	snr := math.Round(min(max(n.SNRdB*4, -128), 127))
	c.regs[sxPktSNR] = byte(int8(snr))
	rssi := (n.RSSIdBm - c.base()) * 15 / 16
	if n.SNRdB < 0 {
		rssi = n.RSSIdBm - n.SNRdB - c.base()
	}
	c.regs[sxPktRSSI] = octetOf(rssi)
	raw := int32(math.Round(n.ErrorHz * 32e6 / (1 << 24) * 500 / (float64(c.wave.BandwidthHz) / 1000)))
	c.regs[sxFEI], c.regs[sxFEI+1], c.regs[sxFEI+2] = byte(raw>>16)&0x0F, byte(raw>>8), byte(raw)
}

// measure is the power in the channel, while the receiver is open.
func (c *sx127x) measure(now time.Time) {
	if c.receiving {
		c.regs[sxRSSI] = octetOf(c.ether.Level(now, c.station, c.wave.Modulation) - c.base())
	}
}

func octetOf(v float64) byte { return byte(math.Round(min(max(v, 0), 255))) }
