package board

import (
	"errors"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// spiPort makes up for two habits of periph's ports (sysfs-spi v3.8.5): Connect works once, also when the controller
// refused the mode, so that no other mode could be tried; and a second Close crashes.
type spiPort struct {
	open func() (spi.PortCloser, error)
	port spi.PortCloser // nil: closed
	used bool           // Connect has failed on it
}

// NewSPIPort is a port that may be connected again after Connect has failed, and closed again after Close. open opens
// it, now and whenever Connect needs another one.
func NewSPIPort(open func() (spi.PortCloser, error)) (spi.PortCloser, error) {
	port, err := open()
	if err != nil {
		return nil, err
	}
	return &spiPort{open: open, port: port}, nil
}

// String names the bus.
func (p *spiPort) String() string {
	if p.port == nil {
		return "closed SPI bus"
	}
	return p.port.String()
}

// Connect opens the port anew where it has failed before.
func (p *spiPort) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	if p.port == nil {
		return nil, errClosedBus
	}
	if p.used {
		fresh, err := p.open()
		if err != nil {
			return nil, err
		}
		p.port.Close()
		p.port, p.used = fresh, false
	}
	c, err := p.port.Connect(f, mode, bits)
	p.used = err != nil
	return c, err
}

var errClosedBus = errors.New("board: the SPI bus is closed")

// LimitSpeed is the port's.
func (p *spiPort) LimitSpeed(f physic.Frequency) error {
	if p.port == nil {
		return errClosedBus
	}
	return p.port.LimitSpeed(f)
}

// Close may be called again.
func (p *spiPort) Close() error {
	if p.port == nil {
		return nil
	}
	port := p.port
	p.port = nil
	return port.Close()
}
