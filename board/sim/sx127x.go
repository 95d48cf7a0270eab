package sim

import (
	"errors"
	"fmt"
	"sync"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// Fault is a wiring mistake on the bus of a simulated chip.
type Fault uint8

const (
	Healthy   Fault = iota
	MISOLow         // no power, or held in reset, or shorted to ground
	MISOHigh        // not selected, or not connected to a line with a pull-up
	MISONoise       // not connected, without a pull-up
)

const (
	sxFIFO     = 0x00
	sxOpMode   = 0x01
	sxFIFOAddr = 0x0D
	sxVersion  = 0x42
	sxWrite    = 0x80 // first octet, bit 7: write
	sxLoRa     = 0x80 // OpMode bit 7; changes only in sleep mode
	sxModeBits = 0x07
	sxSleep    = 0x00
)

// SX127x is the register file of an SX1276 behind an SPI port: one octet of
// address, then data; the address counts up except at the FIFO (SX1276
// datasheet section 4.3). It does not transmit. Safe for concurrent use.
type SX127x struct {
	mu        sync.Mutex
	regs      [128]byte
	fifo      [256]byte
	fault     Fault
	noise     uint32
	connected bool
	closed    bool
}

// NewSX127x is a chip after reset, with this version in its register 0x42.
func NewSX127x(version byte) *SX127x {
	c := &SX127x{noise: 0x9E3779B9}
	c.regs[sxOpMode] = 0x09 // FSK, low-frequency registers, standby
	c.regs[0x0E] = 0x80     // FifoTxBaseAddr
	c.regs[sxVersion] = version
	return c
}

// Break puts a wiring fault on the bus.
func (c *SX127x) Break(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// Register reads a register from inside, past any fault.
func (c *SX127x) Register(address byte) byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.regs[address&0x7F]
}

// String names the port.
func (c *SX127x) String() string { return "sim-sx127x" }

// Connect may be called once, as on a real port; the chip knows mode 0, up to 10 MHz.
func (c *SX127x) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.connected:
		return nil, errors.New("sim: the port is connected already")
	case mode&^spi.NoCS != spi.Mode0 || bits != 8:
		return nil, fmt.Errorf("sim: an SX127x speaks mode 0 with 8 bits, not %v with %d", mode, bits)
	case f > 10*physic.MegaHertz:
		return nil, fmt.Errorf("sim: an SX127x takes at most 10 MHz, not %v", f)
	}
	c.connected = true
	return &sxConn{c}, nil
}

// LimitSpeed is accepted and has no effect.
func (c *SX127x) LimitSpeed(physic.Frequency) error { return nil }

// Close ends the port.
func (c *SX127x) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

var _ spi.PortCloser = (*SX127x)(nil)

// sxConn is the connected bus.
type sxConn struct{ chip *SX127x }

func (s *sxConn) String() string      { return s.chip.String() }
func (s *sxConn) Duplex() conn.Duplex { return conn.Full }

// Tx is one transaction with chip select held throughout.
func (s *sxConn) Tx(w, r []byte) error {
	return s.TxPackets([]spi.Packet{{W: w, R: r}})
}

// TxPackets joins packets that keep chip select into one transaction.
func (s *sxConn) TxPackets(packets []spi.Packet) error {
	s.chip.mu.Lock()
	defer s.chip.mu.Unlock()
	if s.chip.closed {
		return errors.New("sim: the port is closed")
	}
	var t sxTransaction
	for _, p := range packets {
		if len(p.W) != 0 && len(p.R) != 0 && len(p.W) != len(p.R) {
			return fmt.Errorf("sim: %d octets to write and %d to read in one transfer", len(p.W), len(p.R))
		}
		for i := range max(len(p.W), len(p.R)) {
			var out byte
			if i < len(p.W) {
				out = p.W[i]
			}
			in := s.chip.miso(t.octet(s.chip, out))
			if i < len(p.R) {
				p.R[i] = in
			}
		}
		if !p.KeepCS {
			t = sxTransaction{}
		}
	}
	return nil
}

var _ spi.Conn = (*sxConn)(nil)

// sxTransaction is what the chip remembers while it is selected.
type sxTransaction struct {
	addressed, write bool
	address          byte
}

func (t *sxTransaction) octet(c *SX127x, out byte) (in byte) {
	if !t.addressed {
		t.addressed, t.write, t.address = true, out&sxWrite != 0, out&^sxWrite
		return 0
	}
	if t.write {
		in = c.regs[t.address]
		c.write(t.address, out)
	} else {
		in = c.read(t.address)
	}
	if t.address != sxFIFO {
		t.address = (t.address + 1) & 0x7F
	}
	return in
}

func (c *SX127x) read(address byte) byte {
	if address != sxFIFO {
		return c.regs[address]
	}
	b := c.fifo[c.regs[sxFIFOAddr]]
	c.regs[sxFIFOAddr]++
	return b
}

func (c *SX127x) write(address, v byte) {
	switch address {
	case sxFIFO:
		c.fifo[c.regs[sxFIFOAddr]] = v
		c.regs[sxFIFOAddr]++
	case sxVersion: // read only
	case sxOpMode:
		c.setMode(v)
	case 0x12: // IrqFlags: writing 1 clears
		c.regs[address] &^= v
	default:
		c.regs[address] = v
	}
}

// setMode keeps the LoRa bit unless the chip sleeps; sleep loses the FIFO.
func (c *SX127x) setMode(v byte) {
	old := c.regs[sxOpMode]
	if old&sxModeBits != sxSleep {
		v = v&^sxLoRa | old&sxLoRa
	}
	if v&sxModeBits == sxSleep {
		c.fifo = [256]byte{}
	}
	c.regs[sxOpMode] = v
}

// miso is what arrives at the host's pin.
func (c *SX127x) miso(b byte) byte {
	switch c.fault {
	case MISOLow:
		return 0x00
	case MISOHigh:
		return 0xFF
	case MISONoise:
		c.noise ^= c.noise << 13
		c.noise ^= c.noise >> 17
		c.noise ^= c.noise << 5
		return byte(c.noise)
	}
	return b
}
