package sim

import (
	"time"

	"packhorse/radio/phy"
)

const (
	// sx6SwitchLossDB is what a wrong antenna switch costs: what still leaks through.
	sx6SwitchLossDB = 30
	// sx6ClampLossDB is what the amplifier takes back from an antenna that is not perfect, and none is, while 0x08D8
	// is as after reset (datasheet section 15.2).
	sx6ClampLossDB = 6
	// sx6Spoiled of the packets sent with the wrong 0x0889 arrive damaged: a guess, made to be seen.
	sx6Spoiled = 0.5
)

func (c *sx126x) setTx(now time.Time, p []byte) sx6Status {
	was := c.stop(now)
	c.limit = ticks(p)
	if !c.mayTransmit() {
		return sx6Failed
	}
	c.change(now, sx6TX, switching(was, sx6TX))
	return sx6OK
}

// setContinuousWave keeps the transmitter on without a packet. Nothing of it is on the air.
func (c *sx126x) setContinuousWave(now time.Time, _ []byte) sx6Status {
	was := c.stop(now)
	if !c.oscillates() || !c.locks() {
		return sx6Failed
	}
	c.checkAmplifier("SetTxContinuousWave")
	c.limit = sx6Carrier
	c.change(now, sx6TX, switching(was, sx6TX))
	return sx6OK
}

// sx6Carrier marks a transmission without a packet; no timeout has this value.
const sx6Carrier = 1 << 24

// mayTransmit notes what the host has forgotten and tells whether the chip can do without.
func (c *sx126x) mayTransmit() bool {
	if !c.mayUseRadio("SetTx") {
		return false
	}
	c.checkAmplifier("SetTx")
	c.checkQuality()
	if c.sent[opSetPacketParams][3] == 0 {
		c.violate("SetTx: the length in SetPacketParams is 0")
		return false
	}
	return true
}

// transmit puts the packet on the air.
func (c *sx126x) transmit(now time.Time) {
	c.mode = sx6TX
	c.checkSwitch("SetTx", true)
	if c.limit == sx6Carrier {
		return
	}
	w := c.wave()
	w.Broken = c.spoils() && c.rand.Float64() < sx6Spoiled || c.garbles(w)
	c.sentDBm = c.powerDBm()
	end, err := c.ether.Emit(now, c.station, w, c.sentDBm, c.payload())
	if err != nil {
		c.violate("SetTx: the air does not carry it: %v", err)
		c.mode, c.status = sx6StandbyRC, sx6Failed
		return
	}
	c.emitting, c.timers[sx6LastSymbol] = true, end
	if c.limit != 0 {
		c.timers[sx6Deadline] = now.Add(time.Duration(c.limit) * sx6Tick)
	}
}

// payload is what the buffer holds from the transmitter's base on; it goes round at its end.
func (c *sx126x) payload() []byte {
	var base byte
	if p := c.sent[opSetBufferBase]; p != nil {
		base = p[0]
	}
	data := make([]byte, c.sent[opSetPacketParams][3])
	for i := range data {
		data[i] = c.buffer[base+byte(i)]
	}
	return data
}

// packetLeft ends a transmission.
func (c *sx126x) packetLeft(now time.Time) {
	c.emitting, c.timers[sx6Deadline] = false, time.Time{}
	c.mode, c.status = c.fallback(), sx6Sent
	c.raise(sx6IrqTxDone)
}

// fallback is the mode after a packet.
func (c *sx126x) fallback() sx6Mode {
	if p := c.sent[opSetFallback]; p != nil {
		return sx6Mode(p[0] >> 4)
	}
	return sx6StandbyRC
}

// spoils tells whether the modulator is set wrongly: bit 2 of 0x0889 is for all but 500 kHz (datasheet section 15.1).
func (c *sx126x) spoils() bool {
	wide := c.modulation().BandwidthHz == 500_000
	return c.regs[regTxModulation]&bitTxModulation != 0 == wide
}

// garbles tells whether a setting makes the packets of this form unreadable for others, and those of others for us.
// That 0x0736 spoils every packet is harsher than the datasheet (section 15.4: losses of longer packets).
func (c *sx126x) garbles(w phy.Wave) bool {
	polarity := c.regs[regIQPolarity]&bitIQPolarity == 0
	optimised := c.sent[opSetModulationParams][3] == 1
	return polarity != w.Inverted || w.SpreadingFactor >= 7 && optimised != w.LowDataRate()
}

// The losses of the amplifier's two settings against the full output, which agree with Semtech's optimised settings and
// with those that RadioLib measured (SX1262.cpp). Duty cycles 5 and up count as 4.
var (
	sx6DutyLoss  = [...]int{6, 4, 2, 1, 0}
	sx6SizeLoss  = [...]int{10, 7, 6, 3, 2, 1, 1, 0}
	sx61261Loss  = [...]int{4, 3, 2, 1, 0, 0, -1, -1}
	sx6OCPLimits = []struct{ steps, dBm int }{{20, 14}, {30, 17}, {40, 20}} // below so many steps of 2.5 mA
)

// powerDBm is what leaves the antenna's plug.
func (c *sx126x) powerDBm() int {
	pa, tx := c.sent[opSetPaConfig], c.sent[opSetTxParams]
	if pa == nil || tx == nil {
		return -sx6SwitchLossDB
	}
	dBm := min(int(int8(tx[0])), c.mostPower())
	switch small := c.o.Model == SX1261; {
	case small != (pa[2] == 1): // the other chip's amplifier is not connected
		dBm -= sx6SwitchLossDB
	case small:
		dBm -= sx61261Loss[pa[0]&7]
	default:
		dBm = c.bigAmplifier(dBm - sx6DutyLoss[min(pa[0], 4)] - sx6SizeLoss[min(pa[1], 7)])
	}
	return dBm - int(c.switchLoss(true))
}

// bigAmplifier is limited by current and, without the workaround, by its clamp.
func (c *sx126x) bigAmplifier(dBm int) int {
	for _, l := range sx6OCPLimits {
		if int(c.regs[regOCP]&0x3F) < l.steps {
			dBm = min(dBm, l.dBm)
		}
	}
	if c.regs[regTxClamp]&maskTxClamp != maskTxClamp {
		dBm -= sx6ClampLossDB
	}
	return dBm
}

func (c *sx126x) mostPower() int {
	if c.o.Model == SX1261 {
		return 14
	}
	return 22
}

func (c *sx126x) leastPower() int {
	if c.o.Model == SX1261 {
		return -17
	}
	return -9
}

// setPaConfig sets the current limit of the amplifier anew.
func (c *sx126x) setPaConfig(_ time.Time, p []byte) sx6Status {
	c.regs[regOCP] = ocpHigh
	if p[2] == 1 {
		c.regs[regOCP] = ocpLow
	}
	most := byte(4)
	if c.o.Model == SX1261 && (c.sent[opSetRfFrequency] == nil || c.frequency() >= 400_000_000) {
		most = 7
	}
	if p[0] > most || p[1] > 7 || p[2] > 1 || p[3] != 1 {
		c.violate("SetPaConfig % X: this ruins an %s", p, sx6ModelNames[c.o.Model])
	}
	return sx6OK
}

func (c *sx126x) setTxParams(_ time.Time, p []byte) sx6Status {
	if dBm := int(int8(p[0])); dBm > c.mostPower() || dBm < c.leastPower() {
		c.violate("SetTxParams: an %s has no %d dBm", sx6ModelNames[c.o.Model], dBm)
	}
	if p[1] > 7 {
		return sx6Failed
	}
	return sx6OK
}

var sx6ModelNames = [...]string{SX1262: "SX1262", SX1261: "SX1261", SX1268: "SX1268", LLCC68: "LLCC68"}

// dio2Switches tells whether DIO2 turns the antenna switch.
func (c *sx126x) dio2Switches() bool {
	p := c.sent[opSetDIO2AsRfSwitch]
	return p != nil && p[0] == 1 && c.o.Mutation != LosesSwitch
}

// switchLoss is what the antenna switch costs as it stands.
func (c *sx126x) switchLoss(tx bool) float64 {
	if c.o.DIO2Switch && tx && !c.dio2Switches() || c.o.TxEnable && c.txEnable != tx || c.o.RxEnable && c.rxEnable == tx {
		return sx6SwitchLossDB
	}
	return 0
}
