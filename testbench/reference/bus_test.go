package reference

import (
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/pin"
	"periph.io/x/conn/v3/spi"
)

// port is an SPI port to a model of a chip, which answers each transaction.
type port struct {
	transact func(w, r []byte)
}

func (p *port) String() string                    { return "model" }
func (p *port) LimitSpeed(physic.Frequency) error { return nil }
func (p *port) Close() error                      { return nil }
func (p *port) Duplex() conn.Duplex               { return conn.Full }

func (p *port) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	if mode&^spi.NoCS != spi.Mode0 || bits != 8 || f > 16*physic.MegaHertz {
		return nil, fmt.Errorf("model: %v in mode %v with %d bits", f, mode, bits)
	}
	return p, nil
}

func (p *port) Tx(w, r []byte) error {
	if len(r) != 0 && len(r) != len(w) {
		return errors.New("model: a transfer of two lengths")
	}
	in := make([]byte, len(w))
	p.transact(w, in)
	copy(r, in)
	return nil
}

func (p *port) TxPackets([]spi.Packet) error { return errors.New("model: one transfer at a time") }

var _ spi.PortCloser = (*port)(nil)

// line is a pin; out is called when the driver drives it.
type line struct {
	pin.Pin
	name  string
	level gpio.Level
	out   func(gpio.Level)
}

func (l *line) String() string                 { return l.name }
func (l *line) Name() string                   { return l.name }
func (l *line) Halt() error                    { return nil }
func (l *line) In(gpio.Pull, gpio.Edge) error  { l.drive(gpio.High); return nil }
func (l *line) Read() gpio.Level               { return l.level }
func (l *line) WaitForEdge(time.Duration) bool { return false }
func (l *line) Pull() gpio.Pull                { return gpio.Float }
func (l *line) DefaultPull() gpio.Pull         { return gpio.Float }
func (l *line) PWM(gpio.Duty, physic.Frequency) error {
	return errors.New("model: no PWM")
}

func (l *line) Out(level gpio.Level) error {
	l.level = level
	l.drive(level)
	return nil
}

func (l *line) drive(level gpio.Level) {
	if l.out != nil {
		l.out(level)
	}
}

var _ gpio.PinIO = (*line)(nil)
