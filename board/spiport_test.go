package board

import (
	"errors"
	"testing"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spireg"
)

// oncePort is a port as periph's are: connected once, whatever comes of it, and never closed twice.
type oncePort struct {
	spi.PortCloser
	connected, closed bool
}

func (p *oncePort) String() string { return "SPI77.0" }

func (p *oncePort) Connect(_ physic.Frequency, m spi.Mode, _ int) (spi.Conn, error) {
	if p.connected || p.closed {
		return nil, errors.New("Connect() can only be called exactly once")
	}
	if p.connected = true; m&spi.NoCS != 0 {
		return nil, errors.New("invalid argument")
	}
	return &fakePort{}, nil
}

func (p *oncePort) Close() error {
	if p.closed {
		panic("closed twice")
	}
	p.closed = true
	return nil
}

// A Raspberry Pi 5 refuses to leave its chip select alone; boards with a chip select of their own work there too, and
// both the driver and the Hardware close the bus.
func TestAPortThatRefusesAModeTakesTheNextOne(t *testing.T) {
	var opened []*oncePort
	open := func() (spi.PortCloser, error) {
		opened = append(opened, &oncePort{})
		return opened[len(opened)-1], nil
	}
	if err := spireg.Register("SPI77.0", nil, -1, open); err != nil {
		t.Fatal(err)
	}
	defer spireg.Unregister("SPI77.0")
	port, err := OpenSPI("SPI77.0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := port.Connect(physic.MegaHertz, spi.NoCS, 8); err == nil {
		t.Fatal("the mode was not refused")
	}
	if _, err := port.Connect(physic.MegaHertz, spi.Mode0, 8); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	}
	for i, p := range opened {
		if !p.closed {
			t.Errorf("handle %d of %d was left open", i+1, len(opened))
		}
	}
	if _, err := port.Connect(physic.MegaHertz, spi.Mode0, 8); err == nil {
		t.Error("a closed port was connected")
	}
}
