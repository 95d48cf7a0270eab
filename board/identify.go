package board

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/spi"
)

const (
	// settle is what a board gets after its power is switched on, resetLow and resetWait are longer than any of these
	// chips asks for (SX1276 datasheet section 7.2.2; SX1261/2 datasheet sections 8.1 and 8.3.1).
	settle    = 10 * time.Millisecond
	resetLow  = time.Millisecond
	resetWait = 10 * time.Millisecond
	// busyLimit is how long BUSY may stay high after a wake-up or a reset; 3.5 ms are usual.
	busyLimit = 100 * time.Millisecond
)

// Commands and registers that are read, and one that is written and lost again with the next reset.
const (
	cmdGetStatus    = 0xC0   // SX1261/2 datasheet section 13.5.1
	cmdReadRegister = 0x1D   // section 13.2.2
	cmdSetStandby   = 0x80   // section 13.1.2
	cmdCalibrate    = 0x89   // section 13.1.12: BUSY is high for 3.5 ms, nothing is transmitted
	regText         = 0x0320 // the version as text
	regSyncWord     = 0x0740 // 14 24 after a reset (section 12.1)
	scratchMark     = 0x5A
	regScratch      = 0x39 // SX127x: sync word or node address, 8 bits that nothing acts on in standby
)

// wire is a chip on a bus with its chip select, one transaction at a time.
type wire struct {
	conn spi.Conn
	hw   *Hardware
	p    *Profile
	// both: the port would not leave its own chip select alone, so that a chip on that one hears everything too.
	both bool
	deaf bool // keep the chip select high
}

// connect prepares the lines that only listen, and the chip select.
func (b *wire) connect() (err error) {
	hw, mode := b.hw, spi.Mode0
	if hw.Select != nil {
		mode |= spi.NoCS
		if err := b.rest(); err != nil {
			return err
		}
	}
	b.conn, err = hw.SPI.Connect(probeClock, mode, 8)
	if b.both = err != nil && hw.Select != nil; b.both {
		b.conn, err = hw.SPI.Connect(probeClock, spi.Mode0, 8)
	}
	if err != nil {
		return fmt.Errorf("board: connect to %s: %w", hw.SPI, err)
	}
	if hw.Busy == nil {
		return nil
	}
	if err := hw.Busy.In(gpio.PullDown, gpio.NoEdge); err != nil {
		return fmt.Errorf("board: BUSY (%s): %w", hw.Busy, err)
	}
	return nil
}

// rest raises the chip select, unless something holds it low: on another board the line may be an output, such as BUSY
// or an interrupt, which must not be fought. A chip select floats or has a pull-up.
func (b *wire) rest() error {
	sel := b.hw.Select
	if sel.In(gpio.PullUp, gpio.NoEdge) == nil && sel.Read() == gpio.Low {
		return &WiringError{Fix: fmt.Sprintf("%s is held low, which no chip select is at rest: it is another board, or the wire is shorted", sel)}
	}
	if err := sel.Out(gpio.High); err != nil {
		return fmt.Errorf("board: chip select %s: %w", sel, err)
	}
	return nil
}

// tx exchanges w and gives as many octets as came back.
func (b *wire) tx(w ...byte) ([]byte, error) {
	r := make([]byte, len(w))
	if b.hw.Select == nil || b.deaf {
		return r, b.conn.Tx(w, r)
	}
	if err := b.hw.Select.Out(gpio.Low); err != nil {
		return nil, err
	}
	return r, errors.Join(b.conn.Tx(w, r), b.hw.Select.Out(gpio.High))
}

// wake switches the board's power on and resets the chip. It is for boards that did not answer without.
func (b *wire) wake() error {
	for _, p := range b.hw.Power {
		if err := p.Out(gpio.High); err != nil {
			return fmt.Errorf("board: power (%s): %w", p, err)
		}
	}
	if len(b.hw.Power) > 0 {
		time.Sleep(settle)
	}
	return b.reset()
}

// reset lets the line rise by its pull-up: on another board it may be an output of the chip.
func (b *wire) reset() error {
	if b.hw.Reset == nil {
		return nil
	}
	if err := b.hw.Reset.Out(gpio.Low); err != nil {
		return fmt.Errorf("board: reset (%s): %w", b.hw.Reset, err)
	}
	time.Sleep(resetLow)
	if err := b.hw.Reset.In(gpio.PullUp, gpio.NoEdge); err != nil {
		return fmt.Errorf("board: reset (%s): %w", b.hw.Reset, err)
	}
	time.Sleep(resetWait)
	return nil
}

// identify reads what chip is there, and makes sure that it is the profile's chip select that it listens to.
func (b *wire) identify() (Chip, error) {
	chip, err := b.ask()
	if err != nil || !b.both {
		return chip, err
	}
	b.deaf = true
	_, err = b.ask()
	if b.deaf = false; err == nil {
		return Chip{}, &WiringError{Version: chip.Version, Fix: fmt.Sprintf("a chip answers, but to the chip select of %s and not to %s: it is another board", b.p.SPI.Device, b.hw.Select)}
	}
	return chip, nil
}

func (b *wire) ask() (Chip, error) {
	if b.p.Radio.Kind == KindSX126x {
		return b.ask126x()
	}
	first, err := b.tx(regVersion, 0)
	if err != nil {
		return Chip{}, err
	}
	again, err := b.tx(regVersion, 0)
	if err != nil {
		return Chip{}, err
	}
	chip, err := judge(first[1], again[1])
	if err == nil {
		err = b.takesWrites(chip.Version)
	}
	return chip, err
}

// takesWrites tells an SX1272 from an SX126x, which answers its status to everything: 22 is in use by both.
func (b *wire) takesWrites(version byte) error {
	before, err := b.tx(regScratch, 0)
	if err != nil {
		return err
	}
	mark := before[1] ^ scratchMark
	if _, err := b.tx(regScratch|0x80, mark); err != nil {
		return err
	}
	got, err := b.tx(regScratch, 0)
	if err != nil {
		return err
	}
	if _, err := b.tx(regScratch|0x80, before[1]); err != nil {
		return err
	}
	if got[1] != mark {
		return &WiringError{Version: version, Fix: "the chip can be read but not written: check MOSI (pin 19); or it is an SX126x, which needs another profile"}
	}
	return nil
}

// ask126x wakes the chip, which loses the waking transaction, and reads only while BUSY is low.
func (b *wire) ask126x() (Chip, error) {
	if _, err := b.tx(cmdGetStatus, 0); err != nil {
		return Chip{}, err
	}
	if err := b.notBusy(); err != nil {
		return Chip{}, err
	}
	status, err := b.tx(cmdGetStatus, 0)
	if err != nil {
		return Chip{}, err
	}
	text, err := b.read(regText, 16)
	if err != nil {
		return Chip{}, err
	}
	sync, err := b.read(regSyncWord, 2)
	if err != nil {
		return Chip{}, err
	}
	return judge126x(status[1], text, sync)
}

// notBusy waits until BUSY is low. Where the line is not wired it gives the chip time.
func (b *wire) notBusy() error {
	if b.hw.Busy == nil {
		time.Sleep(settle)
		return nil
	}
	for range busyLimit / time.Millisecond {
		if b.hw.Busy.Read() == gpio.Low {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return &WiringError{Version: 0xFF, Fix: fmt.Sprintf(
		"BUSY (%s) stays high: check that wire, RESET, and the module's 3.3 V; or another chip drives this line because the board is a different one", b.hw.Busy)}
}

// read gives n octets of an SX126x's registers; the status octet before them is dropped.
func (b *wire) read(register uint16, n int) ([]byte, error) {
	w := make([]byte, 4+n)
	w[0], w[1], w[2] = cmdReadRegister, byte(register>>8), byte(register)
	r, err := b.tx(w...)
	if err != nil {
		return nil, err
	}
	return r[4:], b.notBusy()
}

// judge126x takes the version text, or a sync word as after reset or as radios of this kind set it, for an answer.
func judge126x(status byte, text, sync []byte) (Chip, error) {
	mode := status >> 4 & 7
	name, _, _ := strings.Cut(string(text), "\x00")
	switch {
	case strings.HasPrefix(name, "SX12") || strings.HasPrefix(name, "LLCC68"):
		return Chip{Name: "SX1261, SX1262, SX1268 or LLCC68 (" + strings.TrimSpace(name) + ")", Version: status, Kind: KindSX126x}, nil
	case mode >= 2 && mode <= 6 && sync[0]&0x0F == 4 && sync[1]&0x0F == 4:
		return Chip{Name: "SX1261, SX1262, SX1268 or LLCC68", Version: status, Kind: KindSX126x}, nil
	case status == 0x00 || status == 0xFF:
		_, err := judge(status, status)
		return Chip{}, err
	}
	return Chip{}, &WiringError{Version: status, Fix: fmt.Sprintf(
		"something answers that is no SX126x (status %02X, sync word % X): an SX127x needs another profile; otherwise check for swapped MOSI and MISO (pins 19 and 21), and for a second device on the same chip select", status, sync)}
}

// proven tells whether a line of the profile besides the bus does what it should, which tells boards apart that
// share a chip select: BUSY of an SX126x rises while it calibrates; RESET of an SX127x undoes what was written.
// Without such a line the answer is false.
func (b *wire) proven() (bool, error) {
	switch {
	case b.p.Radio.Kind == KindSX126x && b.hw.Busy != nil:
		if _, err := b.tx(cmdSetStandby, 0); err != nil {
			return false, err
		}
		if err := b.notBusy(); err != nil {
			return false, err
		}
		if _, err := b.tx(cmdCalibrate, 0x7F); err != nil {
			return false, err
		}
		rose := b.hw.Busy.Read() == gpio.High
		time.Sleep(resetWait)
		return rose, nil
	case b.p.Radio.Kind == KindSX127x && b.hw.Reset != nil:
		return b.resetWorks()
	}
	return false, nil
}

func (b *wire) resetWorks() (bool, error) {
	before, err := b.tx(regScratch, 0)
	if err != nil {
		return false, err
	}
	mark := before[1] ^ scratchMark
	if _, err := b.tx(regScratch|0x80, mark); err != nil {
		return false, err
	}
	if err := b.reset(); err != nil {
		return false, err
	}
	after, err := b.tx(regScratch, 0)
	if err != nil || after[1] != mark {
		return err == nil, err
	}
	_, err = b.tx(regScratch|0x80, before[1])
	return false, err
}

// quiet lets go of every line that was driven: reset and chip select are pulled up, power and switches float.
func (b *wire) quiet() {
	for _, p := range b.hw.lines() {
		pull := gpio.Float
		if p == b.hw.Select || p == b.hw.Reset {
			pull = gpio.PullUp
		}
		p.In(pull, gpio.NoEdge)
	}
}
