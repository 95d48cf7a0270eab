package sim

import (
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// chipPort is a handle to the SPI port of a chip: as with periph's ports, Connect works once, also when the controller
// refuses, and Close is final.
type chipPort struct {
	seat              *chipSeat
	connected, closed bool
}

// String names the port.
func (p *chipPort) String() string { return p.seat.name }

// Connect may be called once, as on periph's ports; the chip knows mode 0, up to its clock.
func (p *chipPort) Connect(f physic.Frequency, mode spi.Mode, bits int) (c spi.Conn, err error) {
	p.seat.look(func() { c, err = p.connect(f, mode, bits) })
	return c, err
}

func (p *chipPort) connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	s := p.seat
	switch {
	case p.connected:
		return nil, errors.New("sim: the port is connected already")
	case mode&^spi.NoCS != spi.Mode0 || bits != 8:
		return nil, fmt.Errorf("sim: an %s speaks mode 0 with 8 bits, not %v with %d", s.name, mode, bits)
	case mode&spi.NoCS != 0 && s.noNoCS:
		p.connected = true // of no more use: so are periph's ports
		return nil, errors.New("sim: this controller cannot leave chip select alone")
	case f > s.clock:
		return nil, fmt.Errorf("sim: an %s takes at most %v, not %v", s.name, s.clock, f)
	}
	p.connected = true
	return &chipConn{p, mode&spi.NoCS == 0}, nil
}

// LimitSpeed is accepted and has no effect.
func (p *chipPort) LimitSpeed(physic.Frequency) error { return nil }

// Close ends the use of the port.
func (p *chipPort) Close() error {
	p.seat.look(func() { p.closed = true })
	return nil
}

var _ spi.PortCloser = (*chipPort)(nil)

// chipConn is the connected bus.
type chipConn struct {
	port    *chipPort
	selects bool // the controller drives its chip select
}

func (c *chipConn) String() string      { return c.port.String() }
func (c *chipConn) Duplex() conn.Duplex { return conn.Full }

// Tx is one transaction with chip select held throughout.
func (c *chipConn) Tx(w, r []byte) error {
	return c.TxPackets([]spi.Packet{{W: w, R: r}})
}

// TxPackets joins packets that keep chip select into one transaction.
func (c *chipConn) TxPackets(packets []spi.Packet) error {
	for _, p := range packets {
		if len(p.W) != 0 && len(p.R) != 0 && len(p.W) != len(p.R) {
			return fmt.Errorf("sim: %d octets to write and %d to read in one transfer", len(p.W), len(p.R))
		}
	}
	closed := false
	s := c.port.seat
	alive := s.on(func(now time.Time) {
		if closed = c.port.closed; !closed {
			c.exchange(now, packets)
			s.refresh(now)
		}
	})
	if closed {
		return errors.New("sim: the port is closed")
	}
	if !alive {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.off = true
		for _, p := range packets {
			s.shift(time.Now(), p)
		}
	}
	return nil
}

// exchange is all packets of one call.
func (c *chipConn) exchange(now time.Time, packets []spi.Packet) {
	s := c.port.seat
	held := false
	for _, p := range packets {
		if c.selects && !s.byHand && !held {
			s.choose(now, true)
		}
		s.shift(now, p)
		held = p.KeepCS
		if c.selects && !s.byHand && !held {
			s.choose(now, false)
		}
	}
	if held && !s.byHand {
		s.choose(now, false)
	}
}

// shift moves the octets of one packet over the bus.
func (s *chipSeat) shift(now time.Time, p spi.Packet) {
	for i := range max(len(p.W), len(p.R)) {
		var out byte
		if i < len(p.W) {
			out = p.W[i]
		}
		if in := s.miso(now, out); i < len(p.R) {
			p.R[i] = in
		}
	}
}

// miso is what arrives at the host's pin: noise where nobody is chosen.
func (s *chipSeat) miso(now time.Time, out byte) byte {
	in := s.dead
	if !s.off && s.isChosen {
		in = s.core.octet(now, out)
	}
	switch {
	case s.fault == MISOLow:
		return 0x00
	case s.fault == MISOHigh:
		return 0xFF
	case s.off:
		return in
	case s.fault == MISONoise || !s.isChosen:
		s.noise ^= s.noise << 13
		s.noise ^= s.noise >> 17
		s.noise ^= s.noise << 5
		return byte(s.noise)
	}
	return in
}

var _ spi.Conn = (*chipConn)(nil)
