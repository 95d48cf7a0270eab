package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"periph.io/x/conn/v3/physic"
)

// ADS1115 is an I2C bus with nothing on it but such a converter, down to its registers. The zero value is at address 0
// with all inputs at ground. Safe for concurrent use.
type ADS1115 struct {
	Address uint16

	mu     sync.Mutex
	volts  [4]float64
	fails  error
	stuck  bool
	config uint16
	result uint16
	ends   time.Time // of the conversion; zero: none runs
	reads  int
}

// ErrNoDevice: nobody acknowledges an address.
var ErrNoDevice = errors.New("sim: no device at this address")

// adsTime is a conversion at 128 a second by an oscillator that is slow by a tenth (data sheet section 7.5).
const adsTime = time.Second / 128 * 11 / 10

// Set sets the voltage at an input.
func (a *ADS1115) Set(input int, volts float64) { a.look(func() { a.volts[input] = volts }) }

// Fail lets everything on the bus fail from now on; nil: nothing.
func (a *ADS1115) Fail(err error) { a.look(func() { a.fails = err }) }

// Stick lets conversions begin and never end.
func (a *ADS1115) Stick() { a.look(func() { a.stuck = true }) }

// Conversions are those that were begun.
func (a *ADS1115) Conversions() (n int) {
	a.look(func() { n = a.reads })
	return n
}

func (a *ADS1115) look(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// String names the bus.
func (a *ADS1115) String() string { return "sim-i2c" }

// Close does nothing: the bus may be opened again.
func (a *ADS1115) Close() error { return nil }

// SetSpeed takes any speed.
func (a *ADS1115) SetSpeed(physic.Frequency) error { return nil }

// Tx is a transfer: a pointer, two octets to write or to read.
func (a *ADS1115) Tx(address uint16, w, r []byte) (err error) {
	a.look(func() { err = a.tx(address, w, r) })
	return err
}

func (a *ADS1115) tx(address uint16, w, r []byte) error {
	switch {
	case a.fails != nil:
		return a.fails
	case address != a.Address:
		return ErrNoDevice
	case len(w) == 3 && w[0] == 1 && len(r) == 0:
		a.write(binary.BigEndian.Uint16(w[1:]))
	case len(w) == 1 && w[0] == 1 && len(r) == 2:
		binary.BigEndian.PutUint16(r, a.state())
	case len(w) == 1 && w[0] == 0 && len(r) == 2:
		a.state()
		binary.BigEndian.PutUint16(r, a.result)
	default:
		return fmt.Errorf("sim: an ADS1115 does not know the transfer %X, %d", w, len(r))
	}
	return nil
}

func (a *ADS1115) write(config uint16) {
	a.config = config &^ 0x8000
	if config&0x8000 != 0 {
		a.reads++
		a.ends = time.Now().Add(adsTime)
	}
}

// state is the configuration with its first bit set when nothing is being converted; the result of an earlier conversion
// stays until the end of the next one.
func (a *ADS1115) state() uint16 {
	if a.ends.IsZero() {
		return a.config | 0x8000
	}
	if a.stuck || time.Now().Before(a.ends) {
		return a.config
	}
	a.ends, a.result = time.Time{}, a.convert()
	return a.config | 0x8000
}

// convert measures an input against ground; other settings of the multiplexer measure nothing here.
func (a *ADS1115) convert() uint16 {
	full := [8]float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256}[a.config>>9&7]
	input := int(a.config>>12&7) - 4
	if input < 0 {
		return 0
	}
	return uint16(int16(min(max(math.Round(a.volts[input]/full*32768), -32768), 32767)))
}
