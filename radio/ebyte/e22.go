package ebyte

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/stream"
)

// Commands of the E22 (manuals, "register read and write control").
const (
	cmdSaved    = 0xC0 // C0 address length data: for good; it wears the module's flash
	cmdVolatile = 0xC2 // the same until power goes
	cmdAnswer   = 0xC1 // C1 address length: read; the answer has the data behind it
)

// Registers of the E22.
const (
	regFirst     = 0x00 // address, high
	regRates     = 0x03
	regPower     = 0x04
	regChannel   = 0x05
	regMode      = 0x06
	regReadable  = 7 // the key behind them reads as 0
	regWritable  = 9
	regProduct   = 0x80
	productLen   = 7
	productKind  = 2 // octet of the product information by which newer modules show
	kindNewer    = 0x40
	ratesNewer   = 2_400 // the slowest that those have
	bitAmbient   = 1 << 5
	bitSignal    = 1 << 7
	bitLBT       = 1 << 4
	wakePeriod   = 3 // 2 s, as modules come; unused in transparent mode
	e22SubPacket = 240
)

// E22 is an open E22-xxxT module. It implements radio.Radio and, where it is ours to configure, listens by its ambient
// signal (radio.Sensor).
type E22 struct {
	*modem
	info    sync.Mutex
	product [productLen]byte
	asked   bool
}

var (
	_ radio.Radio   = (*E22)(nil)
	_ radio.Clearer = (*E22)(nil)
	_ radio.Sensor  = (*E22)(nil)
)

// e22MaxFrame is the longest frame that with its marks fits one packet of the module.
var e22MaxFrame = e22SubPacket - stream.Overhead(e22SubPacket-framing(0))

// OpenE22 takes over a port with an E22. Where the mode pins are wired it verifies that the module answers. On error
// the port is closed.
func OpenE22(ctx context.Context, port Port, opts Opts) (*E22, error) {
	e := &E22{modem: newModem(port, opts, e22MaxFrame, rates[:], 1, opts.M0 != nil)}
	if err := e.start(E22Band900, E22Band400); err != nil {
		port.Close()
		return nil, err
	}
	go e.read()
	if err := e.identify(ctx); err != nil {
		port.Close()
		<-e.gone
		return nil, err
	}
	return e, nil
}

// Product is the product information that the module gives: seven octets, whose third is 40 hex in newer modules.
// false where the mode pins are tied.
func (e *E22) Product() ([7]byte, bool) {
	e.info.Lock()
	defer e.info.Unlock()
	return e.product, e.asked
}

// identify reads the product information.
func (e *E22) identify(ctx context.Context) error {
	e.command.Lock()
	defer e.command.Unlock()
	if e.strapped() {
		if err := e.setBaud(e.lineRate(rate{})); err != nil {
			return err
		}
		return e.ready(ctx) // it may have got its power with us
	}
	return e.configured(ctx, e22Config, configBaud, func() error {
		got, err := e.readRegisters(ctx, regProduct, productLen)
		if err != nil {
			return err
		}
		e.info.Lock()
		defer e.info.Unlock()
		copy(e.product[:], got)
		e.asked = true
		return nil
	})
}

// Capabilities of an E22. It senses by itself only with LBT; without, the caller listens by Sense. Where the mode pins are tied
// nothing can be changed.
func (e *E22) Capabilities() radio.Capabilities {
	c := radio.Capabilities{
		MaxFrame: e22MaxFrame, Reconfigurable: !e.strapped(), OwnMediumAccess: e.opts.LBT, HalfDuplex: true, QueueDepth: 1,
		AirOverhead: framing(e22MaxFrame), Retune: 8 * settle,
	}
	c.Listen, c.Turn = e.slow()
	if e.opts.AUX != nil {
		c.QueueDepth, c.Retune = 2, 2*settle
	}
	if e.opts.LBT {
		c.Access = accessLBT
	}
	return c
}

// accessLBT is about how long a module with LBT takes to find a free channel free.
const accessLBT = 2 * gap

// Configure sets the module for good, where it differs, and reads back what it was given. Where the mode pins are tied it
// only takes note: nobody can verify then that the module is set so. mod is one of Modulation.
func (e *E22) Configure(ctx context.Context, mod phy.Modulation, powerDBm int) error {
	r, registers, err := e.registers(mod, powerDBm)
	if err != nil {
		return err
	}
	e.command.Lock()
	defer e.command.Unlock()
	baud := e.lineRate(r)
	if !e.strapped() {
		if err := e.fits(r); err != nil {
			return err
		}
		e.mod = phy.Modulation{}
		err = e.configured(ctx, e22Config, baud, func() error { return e.writeRegisters(ctx, registers) })
	}
	if err == nil {
		e.mod = mod
	}
	return err
}

// fits refuses what newer modules take without a word and do not do (xreef/EByte_LoRa_E22_Series_Library, issue 19).
func (e *E22) fits(r rate) error {
	if p, ok := e.Product(); ok && p[productKind] == kindNewer && r.nominal < ratesNewer {
		return fmt.Errorf("ebyte: this module is of a newer kind (product information % X) that stays at an air rate of %d bit/s when it is set to %d: use %d or faster on all modules", p, ratesNewer, r.nominal, ratesNewer)
	}
	return nil
}

// registers 00 to 08 for a setting: broadcast within address 0 and network 0, transparent, no repeater, no key.
func (e *E22) registers(mod phy.Modulation, powerDBm int) (r rate, regs [regWritable]byte, err error) {
	if err = mod.Validate(); err != nil {
		return r, regs, err
	}
	if r, err = rateOf(e.rates, mod, e.packets); err != nil {
		return r, regs, err
	}
	if regs[regChannel], err = e.opts.Band.channel(mod.FrequencyHz); err != nil {
		return r, regs, err
	}
	p := e22Powers
	if e.opts.Watt {
		p = wattPowers
	}
	if regs[regPower], err = p.code(powerDBm); err != nil {
		return r, regs, err
	}
	baud, err := baudCode(e.lineRate(r))
	regs[regRates] = baud<<5 | r.code
	regs[regPower] |= bitAmbient
	regs[regMode] = bitSignal | wakePeriod
	if e.opts.LBT {
		regs[regMode] |= bitLBT
	}
	return r, regs, err
}

// writeRegisters gives the module its registers and compares what it has made of them. What it had is written for good where it
// differs: after a dip of its power, which nobody notices, it would else send with what somebody left in it, such as 22 dBm on
// 868.125 MHz, as modules come.
func (e *E22) writeRegisters(ctx context.Context, want [regWritable]byte) error {
	has, err := e.readRegisters(ctx, regFirst, regReadable)
	if err != nil {
		return err
	}
	command := append([]byte{cmdSaved, regFirst, regWritable}, want[:]...)
	if bytes.Equal(has, want[:regReadable]) {
		command[0] = cmdVolatile // for the key, which cannot be read
	}
	got, err := e.ask(ctx, command, len(command))
	if err != nil {
		return err
	}
	if err := judge(command, got, []byte{cmdAnswer, regFirst, regWritable}, len(command)); err != nil {
		return err
	}
	regs, err := e.readRegisters(ctx, regFirst, regReadable)
	if err != nil {
		return err
	}
	for i, b := range regs {
		if b != want[i] {
			return &RegisterError{Address: byte(i), Want: want[i], Got: b}
		}
	}
	return nil
}

func (e *E22) readRegisters(ctx context.Context, from, octets byte) ([]byte, error) {
	command := []byte{cmdAnswer, from, octets}
	n := len(command) + int(octets)
	got, err := e.ask(ctx, command, n)
	if err == nil {
		err = judge(command, got, command, n)
	}
	if err != nil {
		return nil, err
	}
	return got[len(command):], nil
}
