package chip

import (
	"errors"
	"fmt"
	"sync"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// Pins are the lines of a chip besides SPI. nil is not wired.
type Pins struct {
	Select gpio.PinOut // chip select driven by hand; nil: the SPI port does it
	Reset  gpio.PinIO  // low resets
	IRQ    gpio.PinIn  // DIO0 of an SX127x, DIO1 of an SX126x
	Busy   gpio.PinIn  // SX126x
	// TxEnable and RxEnable are the sides of an antenna switch outside the chip.
	TxEnable, RxEnable gpio.PinOut
	Power              []gpio.PinOut // high before anything else
}

// Bus is SPI with a chip select, one transaction at a time. It is not safe for concurrent use.
type Bus struct {
	port spi.PortCloser
	conn spi.Conn
	sel  gpio.PinOut
}

// NewBus connects to the port at this clock, in mode 0. Where the chip select is a pin of its own, the port's stays
// unused (spi.NoCS), or toggles a wire that leads nowhere where the controller refuses that: then the port is connected
// a second time, which it must allow. On error the port is closed.
func NewBus(port spi.PortCloser, clock physic.Frequency, sel gpio.PinOut) (*Bus, error) {
	mode := spi.Mode0
	if sel != nil {
		mode |= spi.NoCS
		if err := sel.Out(gpio.High); err != nil {
			return nil, errors.Join(fmt.Errorf("chip: chip select %s: %w", sel.Name(), err), port.Close())
		}
	}
	conn, err := port.Connect(clock, mode, 8)
	if err != nil && sel != nil {
		conn, err = port.Connect(clock, spi.Mode0, 8)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("chip: connect to %s: %w", port, err), port.Close())
	}
	return &Bus{port: port, conn: conn, sel: sel}, nil
}

// wires keeps the chips of this program apart that share SCK, MOSI and MISO. The kernel does so for one transfer, which
// is not all of a transaction where a chip select is a GPIO: what another chip is told meanwhile, this one would take in.
var wires sync.Mutex

// Tx is one transaction with the chip selected: w goes out while r comes in; they are as long as each other, or r is nil.
// No other Bus has a transaction meanwhile.
func (b *Bus) Tx(w, r []byte) error {
	wires.Lock()
	defer wires.Unlock()
	if b.sel == nil {
		return b.conn.Tx(w, r)
	}
	if err := b.sel.Out(gpio.Low); err != nil {
		return fmt.Errorf("chip: chip select %s: %w", b.sel.Name(), err)
	}
	err := b.conn.Tx(w, r)
	return errors.Join(err, b.sel.Out(gpio.High))
}

// String names the port.
func (b *Bus) String() string { return b.port.String() }

// Close ends the use of the port.
func (b *Bus) Close() error { return b.port.Close() }
