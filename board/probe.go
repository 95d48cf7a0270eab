package board

import (
	"errors"
	"fmt"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spireg"
)

const (
	probeClock = 1 * physic.MegaHertz // slow enough for loose jumper wires
	regVersion = 0x42                 // SX1276 datasheet section 6.4, RegVersion
)

// ErrNoSPI: the computer offers no SPI bus, or not to this user.
var ErrNoSPI = errors.New("board: this computer offers no SPI bus")

// Chip is what Probe or Scan found.
type Chip struct {
	Name    string
	Kind    string // KindSX127x or KindSX126x
	Version byte   // the version register of an SX127x, the status of an SX126x
}

// WiringError: the bus answers, but no chip does. Fix says where to look.
type WiringError struct {
	Version byte
	Fix     string
}

func (e *WiringError) Error() string {
	return fmt.Sprintf("board: no radio chip on this bus (version register reads %02X): %s", e.Version, e.Fix)
}

// Probe reads the version register of an SX127x. Reading is all it does: no
// radio starts to send by being probed. The port is connected by this call and
// must be closed by the caller.
func Probe(port spi.Port) (Chip, error) {
	conn, err := port.Connect(probeClock, spi.Mode0, 8)
	if err != nil {
		return Chip{}, fmt.Errorf("board: connect to %s: %w", port, err)
	}
	first, err := readVersion(conn)
	if err != nil {
		return Chip{}, err
	}
	again, err := readVersion(conn)
	if err != nil {
		return Chip{}, err
	}
	return judge(first, again)
}

func readVersion(c spi.Conn) (byte, error) {
	w, r := []byte{regVersion, 0}, make([]byte, 2)
	if err := c.Tx(w, r); err != nil {
		return 0, fmt.Errorf("board: read from %s: %w", c, err)
	}
	return r[1], nil
}

func judge(v, again byte) (Chip, error) {
	if v != again {
		return Chip{}, &WiringError{Version: again, Fix: fmt.Sprintf(
			"two readings differ (%02X, %02X): the wires are loose or too long, or MISO is not connected; check MISO and the ground wire", v, again)}
	}
	switch v {
	case 0x12:
		return Chip{Name: "SX1276 (RFM95W, RFM96W, RFM98W)", Kind: KindSX127x, Version: v}, nil
	case 0x11, 0x13:
		return Chip{Name: "SX1276 family, other revision", Kind: KindSX127x, Version: v}, nil
	case 0x22:
		return Chip{Name: "SX1272", Kind: KindSX127x, Version: v}, nil
	case 0x00:
		return Chip{}, &WiringError{Version: v, Fix: "MISO stays low: the module has no 3.3 V, its RESET is held low, or MISO is shorted to ground or on a wrong pin (Raspberry Pi: GPIO9, pin 21); check that SPI is enabled (dtparam=spi=on)"}
	case 0xFF:
		return Chip{}, &WiringError{Version: v, Fix: "MISO stays high: the chip is not selected or its MISO is not connected; check the chip-select wire (CE0 is pin 24, CE1 is pin 26; some boards use another GPIO), MISO (pin 21), and that this is the right bus"}
	}
	return Chip{}, &WiringError{Version: v, Fix: "something answers that is no SX127x: an SX126x needs its own driver; otherwise check for swapped MOSI and MISO (pins 19 and 21), and for a second device on the same chip select"}
}

// OpenSPI opens an SPI bus by its name, "/dev/spidev0.1" or "SPI0.1"; an empty
// name is the first there is. Without any bus the error is ErrNoSPI. The port is one of NewSPIPort's.
func OpenSPI(name string) (spi.PortCloser, error) {
	if err := startDrivers(); err != nil {
		return nil, fmt.Errorf("board: start the SPI drivers: %w", err)
	}
	if len(spireg.All()) == 0 {
		return nil, ErrNoSPI
	}
	port, err := NewSPIPort(func() (spi.PortCloser, error) { return spireg.Open(name) })
	if err != nil {
		return nil, fmt.Errorf("board: open SPI bus %q: %w (there are %s)", name, err, busNames())
	}
	return port, nil
}

func busNames() string {
	s := ""
	for _, ref := range spireg.All() {
		if s != "" {
			s += ", "
		}
		s += ref.Name
	}
	return s
}
