package sim

import (
	"math"
	"time"

	"packhorse/radio/phy"
)

const (
	sx6Continuous = 0xFFFFFF // timeout of SetRx: none, and go on after a packet
	// sx6ImageLossDB is how much deafer a receiver is whose image calibration is for another band: a guess.
	sx6ImageLossDB = 10

	sx6CadOnly = 0x00
	sx6CadRx   = 0x01 // receive what was detected
	sx6CadLBT  = 0x10 // transmit where nothing was
)

func (c *sx126x) setRx(now time.Time, p []byte) sx6Status {
	was := c.stop(now)
	c.limit = ticks(p)
	return c.startReceiver(now, was, sx6RX, "SetRx")
}

func (c *sx126x) setCad(now time.Time, _ []byte) sx6Status {
	was := c.stop(now)
	if c.sent[opSetCadParams] == nil {
		c.violate("SetCad without SetCadParams")
		return sx6Failed
	}
	return c.startReceiver(now, was, sx6CAD, "SetCad")
}

func (c *sx126x) setRxDutyCycle(now time.Time, p []byte) sx6Status {
	was := c.stop(now)
	c.limit = 0
	s := c.startReceiver(now, was, sx6RX, "SetRxDutyCycle")
	if s == sx6OK {
		c.duty = sx6Duty{on: true, rx: time.Duration(ticks(p)) * sx6Tick, sleep: time.Duration(ticks(p[3:])) * sx6Tick}
	}
	return s
}

func (c *sx126x) startReceiver(now time.Time, was, to sx6Mode, by string) sx6Status {
	if !c.mayUseRadio(by) {
		return sx6Failed
	}
	c.checkReceiver(by)
	c.rxNext = 0
	if p := c.sent[opSetBufferBase]; p != nil {
		c.rxNext = p[1]
	}
	c.change(now, to, switching(was, sx6RX))
	return sx6OK
}

// receive opens the receiver.
func (c *sx126x) receive(now time.Time) {
	if !c.listen(now, sx6RX) {
		return
	}
	c.deadline, c.during = time.Time{}, time.Time{}
	if c.limit != 0 && c.limit != sx6Continuous {
		c.deadline = now.Add(time.Duration(c.limit) * sx6Tick)
		c.timers[sx6Deadline] = c.deadline
	}
	if p := c.sent[opSetSymbolTimeout]; p != nil && p[0] > 0 && c.limit != sx6Continuous && !c.duty.on {
		c.timers[sx6NoSymbol] = now.Add(time.Duration(p[0]) * c.modulation().SymbolTime())
	}
	if !c.ghost.IsZero() {
		c.timers[sx6Ghost] = later(c.ghost, now.Add(sx6Tick))
	}
	if c.duty.on {
		c.timers[sx6Window] = now.Add(c.duty.rx)
	}
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

func (c *sx126x) listen(now time.Time, mode sx6Mode) bool {
	c.mode = mode
	c.checkSwitch("the receiver", false)
	c.ether.Fade(c.station, c.deafness())
	if err := c.ether.Listen(now, c.station, c.wave()); err != nil {
		c.violate("the receiver cannot be set so: %v", err)
		c.mode, c.status = sx6StandbyRC, sx6Failed
		return false
	}
	return true
}

// deafness is what is lost between antenna and receiver.
func (c *sx126x) deafness() float64 {
	loss := c.switchLoss(false)
	if !c.imageFits() {
		loss += sx6ImageLossDB
	}
	return loss
}

// arrived is what the ether tells the receiver.
func (c *sx126x) arrived(a phy.Arrival) {
	if c.mode != sx6RX {
		return
	}
	now := a.At
	switch a.Stage {
	case phy.PreambleFound:
		c.preambleFound(now)
	case phy.HeaderFound:
		c.raise(sx6IrqHeader)
		c.noteHeader(a)
		c.timers[sx6Deadline], c.timers[sx6Window] = time.Time{}, time.Time{}
	case phy.HeaderBad:
		c.raise(sx6IrqHeaderErr)
		c.stats[2]++
		if c.limit != sx6Continuous && !c.duty.on {
			c.leave(now, sx6StandbyRC)
		}
	case phy.PacketEnd:
		c.packetEnded(now, a)
	}
}

func (c *sx126x) preambleFound(now time.Time) {
	c.raise(sx6IrqPreamble)
	c.timers[sx6NoSymbol] = time.Time{}
	if w := c.wave(); w.Implicit {
		c.during = now.Add(w.TimeOnAir(int(w.Length)))
	}
	if c.duty.on && !c.duty.heardSignal {
		c.duty.heardSignal = true
		c.timers[sx6Window] = now.Add(2*c.duty.rx + c.duty.sleep)
	}
}

// noteHeader keeps coding rate, checksum and frequency error where hosts read them; the error is in units of
// 1.55 * bandwidth / 1.6 MHz.
func (c *sx126x) noteHeader(a phy.Arrival) {
	c.regs[regHeaderCR] = c.regs[regHeaderCR]&0x8F | (a.CodingRate-4)&7<<4
	crc := byte(0)
	if a.CRC || c.o.Mutation == HidesMissingCRC {
		crc = 1 << 4
	}
	khz := float64(c.modulation().BandwidthHz) / 1000
	raw := uint32(int32(math.Round(a.ErrorHz * 1600 / 1.55 / khz)))
	c.regs[regHeaderCRC] = crc | byte(raw>>16)&0x0F
	c.regs[regHeaderCRC+1], c.regs[regHeaderCRC+2] = byte(raw>>8), byte(raw)
}

// packetEnded takes a packet. A wrong checksum is told beside RxDone, not instead of it.
func (c *sx126x) packetEnded(now time.Time, a phy.Arrival) {
	w := c.wave()
	flags := uint16(sx6IrqRxDone)
	garbled := c.garbles(w) && len(a.Data) > 0
	if garbled {
		a.Data[0] ^= 0x55
	}
	c.stats[0]++
	if (a.Damaged || garbled) && a.CRC {
		c.stats[1]++
		if c.o.Mutation != HidesCRCError {
			flags |= sx6IrqCRCErr
		}
	}
	c.store(a)
	c.noteHeader(a)
	c.status = sx6Data
	c.raise(flags)
	c.timers[sx6Deadline] = time.Time{}
	switch {
	case c.duty.on:
		c.leave(now, sx6StandbyRC)
	case c.limit != sx6Continuous:
		if w.Implicit && !c.deadline.IsZero() { // datasheet section 15.3: nothing stops this timer
			c.ghost = c.deadline
		}
		c.leave(now, c.fallback())
	}
}

// store puts the packet into the buffer, round its end; the next follows it.
func (c *sx126x) store(a phy.Arrival) {
	for i, b := range a.Data {
		c.buffer[c.rxNext+byte(i)] = b
	}
	noise := math.Pow(10, (a.RSSIdBm-a.SNRdB)/10)
	all := 10 * math.Log10(math.Pow(10, a.RSSIdBm/10)+noise)
	c.packet = sx6Packet{
		length: byte(len(a.Data)), start: c.rxNext,
		rssi: halves(-all), snr: byte(int8(max(-128, min(127, math.Round(4*a.SNRdB))))), despRSS: halves(-a.RSSIdBm),
	}
	c.rxNext += byte(len(a.Data))
	switch c.o.Mutation {
	case HidesBufferStart:
		c.packet.start = 0
	case SwapsRSSI:
		c.packet.rssi, c.packet.despRSS = c.packet.despRSS, c.packet.rssi
	}
}

func halves(v float64) byte { return byte(max(0, min(255, math.Round(2*v)))) }

// leave closes the receiver.
func (c *sx126x) leave(now time.Time, to sx6Mode) {
	c.stop(now)
	c.mode = to
}

// deadlinePassed is the timeout of SetTx and SetRx. A packet without header that is coming in may end first.
func (c *sx126x) deadlinePassed(now time.Time) {
	if c.mode == sx6RX && now.Before(c.during) {
		c.timers[sx6Deadline] = c.during.Add(sx6Tick)
		return
	}
	c.timedOut(now)
}

func (c *sx126x) timedOut(now time.Time) {
	c.ghost = time.Time{}
	c.stop(now)
	c.mode, c.status = sx6StandbyRC, sx6Timeout
	c.raise(sx6IrqTimeout)
}

// windowEnded goes on with SetRxDutyCycle.
func (c *sx126x) windowEnded(now time.Time) {
	duty := c.duty
	duty.heardSignal = false
	if c.mode == sx6RX {
		c.stop(now)
		c.duty = duty
		c.regs[regRxGain] = c.retainedGain()
		c.mode, c.asleep, c.timers[sx6Window] = sx6Sleep, now, now.Add(duty.sleep)
		return
	}
	c.mode = sx6StandbyRC
	c.change(now, sx6RX, sx6WarmWake+switching(sx6StandbyRC, sx6RX))
}

// detect looks for a packet for some symbols.
func (c *sx126x) detect(now time.Time) {
	if !c.listen(now, sx6CAD) {
		return
	}
	symbols := time.Duration(1) << c.sent[opSetCadParams][0]
	c.timers[sx6CadEnd] = now.Add(symbols * c.modulation().SymbolTime())
}

func (c *sx126x) cadEnded(now time.Time) {
	p := c.sent[opSetCadParams]
	found := c.ether.Detects(now, c.station, c.wave())
	flags := uint16(sx6IrqCadDone)
	if found {
		flags |= sx6IrqCadDetected
	}
	c.limit = ticks(p[4:])
	switch {
	case found && p[3] == sx6CadRx:
		c.receive(now)
	case !found && p[3] == sx6CadLBT:
		c.stop(now)
		if c.status = sx6Failed; c.mayTransmit() {
			c.status = sx6OK
			c.change(now, sx6TX, switching(sx6RX, sx6TX))
		}
	default:
		c.leave(now, sx6StandbyRC)
	}
	c.raise(flags)
}

// rssiNow is the power in the channel, of a receiver.
func (c *sx126x) rssiNow(now time.Time) []byte {
	if c.mode == sx6RX || c.mode == sx6CAD {
		c.lastLevel = c.ether.Level(now, c.station, c.modulation())
	} else {
		c.violate("GetRssiInst in mode %s", sx6ModeNames[c.mode])
	}
	return []byte{halves(-c.lastLevel)}
}
