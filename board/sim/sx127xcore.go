package sim

import (
	"time"

	"packhorse/radio/phy"
)

// How long an SX1276 takes (datasheet tables 7 and 8, section 7.2; typical values). A receiver is ready a little after
// its synthesiser, an amplifier after its ramp too.
const (
	sxOscillator = 250 * time.Microsecond // from sleep
	sxSynth      = 60 * time.Microsecond
	sxToTx       = 120 * time.Microsecond
	sxToRx       = 100 * time.Microsecond
	sxAfterReset = 5 * time.Millisecond
	sxAfterPower = 10 * time.Millisecond
	sxResetPulse = 100 * time.Microsecond
)

// sx127x is the chip: a register file and what it does. It implements chipCore.
type sx127x struct {
	ether   Ether // nil: it sends and hears nothing
	station int
	opts    SX127xOpts

	regs  [128]byte
	fsk   [128]byte // the other page of 0x0D to 0x3F
	fifo  [256]byte
	frf   uint32 // in effect, since 0x08 was written
	fresh bool   // 0x06 or 0x07 was written since

	addressed, write bool
	address          byte

	resetSince time.Time // the reset line is low; zero: it is high
	ready      time.Time // the chip answers from here on
	clockReady time.Time // the oscillator runs from here on

	due  time.Time // of what is under way
	next func(now time.Time)

	sending   bool // a packet is on the air
	receiving bool
	wave      phy.Wave // that the receiver listens to
	mangles   bool     // its settings cannot decode what it hears
	rxPointer byte
	signal    time.Time // a preamble was found: a header is expected until then
	sentDBm   int

	// dazed: power was lost and the host cannot know it yet, so that it breaks no rules until it resets the chip or
	// sends it to sleep.
	dazed      bool
	violations []string
}

var _ chipCore = (*sx127x)(nil)

func newSX127xCore(ether Ether, station int, o SX127xOpts) *sx127x {
	c := &sx127x{ether: ether, station: station, opts: o}
	c.reset()
	return c
}

// reset brings all registers to their values after reset.
func (c *sx127x) reset() {
	c.regs, c.fsk, c.fifo = [128]byte{}, [128]byte{}, [256]byte{}
	for address, v := range sxReset {
		c.regs[address] = v
	}
	c.regs[sxVersion] = c.opts.Version
	c.frf, c.fresh, c.rxPointer, c.signal = c.programmed(), false, 0, time.Time{}
	c.addressed = false
	c.due, c.next = time.Time{}, nil
}

func (c *sx127x) mode() byte { return c.regs[sxOpMode] & sxModeBits }

func (c *sx127x) lora() bool { return c.regs[sxOpMode]&sxLoRa != 0 }

// power: without it the chip knows nothing; with it again it starts as after reset.
func (c *sx127x) power(now time.Time, on bool) {
	c.hush(now)
	c.reset()
	c.resetSince, c.dazed = time.Time{}, true
	c.ready = now.Add(sxAfterPower)
}

// input is the reset line.
func (c *sx127x) input(now time.Time, l line, high bool) {
	switch {
	case l != lineReset:
	case !high && c.resetSince.IsZero():
		c.resetSince = now
	case high && !c.resetSince.IsZero():
		if now.Sub(c.resetSince) < sxResetPulse {
			c.violate("reset is low for %v: hold it for 100 us", now.Sub(c.resetSince))
		} else {
			c.hush(now)
			c.reset()
			c.ready, c.dazed = now.Add(sxAfterReset), false
		}
		c.resetSince = time.Time{}
	}
}

// level is DIO0 or DIO1 as mapped (datasheet table 18).
func (c *sx127x) level(_ time.Time, l line) bool {
	flags, mapping := c.regs[sxIrqFlags], c.regs[sxDIOMapping1]
	if !c.lora() || !c.resetSince.IsZero() {
		return false
	}
	switch l {
	case lineDIO0:
		return flags&[...]byte{sxRxDone, sxTxDone, sxCADDone, 0}[mapping>>6] != 0
	case lineDIO1:
		return flags&[...]byte{sxRxTimeout, sxFHSSChange, sxCADDetected, 0}[mapping>>4&3] != 0
	}
	return false
}

// raise sets interrupt flags that are not masked.
func (c *sx127x) raise(flags byte) { c.regs[sxIrqFlags] |= flags &^ c.regs[sxIrqMask] }

func (c *sx127x) wakeAt() time.Time { return c.due }

func (c *sx127x) timeout(now time.Time) {
	if c.due.IsZero() || now.Before(c.due) {
		return
	}
	next := c.next
	c.due, c.next = time.Time{}, nil
	next(now)
}

// after lets next happen at a time, in place of what was to happen.
func (c *sx127x) after(at time.Time, next func(now time.Time)) { c.due, c.next = at, next }

func (c *sx127x) selected(time.Time) { c.addressed = false }

func (c *sx127x) deselected(time.Time) {}

// octet: first the address, then data; the address counts up except at the FIFO (datasheet section 4.3).
func (c *sx127x) octet(now time.Time, out byte) (in byte) {
	if !c.resetSince.IsZero() || now.Before(c.ready) {
		c.violate("SPI while reset is low or within 5 ms of it")
		return 0
	}
	if !c.addressed {
		c.addressed, c.write, c.address = true, out&sxWrite != 0, out&^sxWrite
		return 0
	}
	address := c.address
	if address != sxFIFO {
		c.address = (address + 1) & 0x7F
	}
	if !c.write {
		return c.read(now, address)
	}
	in = c.peek(address)
	c.store(now, address, out)
	return in
}

// page is where a register lies now.
func (c *sx127x) page(address byte) *byte {
	if address >= sxFirstPaged && address <= sxLastPaged && (!c.lora() || c.regs[sxOpMode]&sxShared != 0) {
		return &c.fsk[address]
	}
	return &c.regs[address]
}

func (c *sx127x) peek(address byte) byte {
	if address == sxFIFO {
		return 0
	}
	return *c.page(address)
}

func (c *sx127x) read(now time.Time, address byte) byte {
	switch address {
	case sxFIFO:
		return c.readFIFO(now)
	case sxRSSI:
		c.measure(now)
	case sxModemStat:
		c.settleModemStat(now)
	}
	v := c.peek(address)
	if address == sxIrqFlags && c.opts.Mutation == FlagsClearOnRead {
		c.regs[sxIrqFlags] = 0
	}
	return v
}

func (c *sx127x) store(now time.Time, address, v byte) {
	c.watch(address)
	switch {
	case address == sxFIFO:
		c.writeFIFO(now, v)
	case address == sxOpMode:
		c.setMode(now, v)
	case sxReadOnly(address):
	case address == sxIrqFlags && c.page(address) == &c.regs[address]:
		c.regs[address] &^= v
	default:
		*c.page(address) = v
		c.latch(address)
	}
}

// latch takes the frequency into use when its last octet is written.
func (c *sx127x) latch(address byte) {
	switch {
	case address == sxFrfLSB && c.opts.Mutation != FrequencyStays:
		c.frf, c.fresh = c.programmed(), false
	case address == sxFrfMSB, address == sxFrfMSB+1:
		c.fresh = true
	}
}

func (c *sx127x) programmed() uint32 {
	return uint32(c.regs[sxFrfMSB])<<16 | uint32(c.regs[sxFrfMSB+1])<<8 | uint32(c.regs[sxFrfLSB])
}

func (c *sx127x) writeFIFO(now time.Time, v byte) {
	if !c.fifoOpen(now, "written", sxTx, sxRxCont, sxRxSingle, sxCAD) {
		return
	}
	c.fifo[c.regs[sxFIFOAddr]] = v
	c.regs[sxFIFOAddr]++
}

func (c *sx127x) readFIFO(now time.Time) byte {
	if !c.fifoOpen(now, "read", sxTx) {
		return 0
	}
	b := c.fifo[c.regs[sxFIFOAddr]]
	c.regs[sxFIFOAddr]++
	return b
}

// fifoOpen tells whether the FIFO can be used at all, and watches that it is not used in some modes.
func (c *sx127x) fifoOpen(now time.Time, how string, not ...byte) bool {
	switch {
	case !c.lora():
		c.violate("FIFO %s in FSK mode", how)
		return false
	case c.mode() == sxSleep:
		c.violate("FIFO %s in sleep", how)
		return false
	case now.Before(c.clockReady):
		c.violate("FIFO %s within 250 us of leaving sleep", how)
	}
	for _, m := range not {
		if c.mode() == m {
			c.violate("FIFO %s in %s", how, sxModeNames[m])
		}
	}
	return true
}
