package board

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/host/v3/sysfs"
)

// ADC is an input of an ADS1015 or ADS1115 on I2C (Texas Instruments data sheets SBAS473E and SBAS444D; where Volts
// uses them the two are alike). It sleeps between readings. Not for concurrent use.
type ADC struct {
	dev    i2c.Dev
	config uint16
}

// Registers and fields of the data sheets' section 8.6.
const (
	adcConversion = 0
	adcConfig     = 1

	adcStart   = 0x8000 // written: convert once; read: nothing is being converted
	adcInput0  = 0x4000 // input 0 against ground; each further one 0x1000 more
	adcRange   = 0x0200 // full scale is 4.096 V
	adcOnce    = 0x0100
	adcRate    = 0x0080 // 128 a second (ADS1115), 1600 (ADS1015)
	adcNoAlert = 0x0003
)

const (
	adcFullScale = 4.096
	adcLook      = 3 * time.Millisecond // a conversion takes 7.8 ms, give or take a tenth
	adcLooks     = 10
)

// ErrADC: what answers is no such converter, or its input is above what it can measure.
var ErrADC = errors.New("board: no reading of the converter")

// NewADC is input 0 to 3 of the converter at an address of a bus. Nothing is sent.
func NewADC(bus i2c.Bus, address uint16, input int) *ADC {
	return &ADC{i2c.Dev{Bus: bus, Addr: address}, adcStart | adcInput0 + uint16(input)<<12 | adcRange | adcOnce | adcRate | adcNoAlert}
}

// OpenI2C opens a bus by its path ("/dev/i2c-1").
func OpenI2C(path string) (i2c.BusCloser, error) {
	number, err := strconv.Atoi(strings.TrimPrefix(path, "/dev/i2c-"))
	if err != nil || number < 0 {
		return nil, &DeviceError{What: path + " is no I2C bus", Fix: "name one such as /dev/i2c-1", Err: fs.ErrNotExist}
	}
	bus, err := sysfs.NewI2C(number)
	if err != nil {
		return nil, &DeviceError{What: "the I2C bus " + path + " cannot be opened: " + err.Error(), Fix: "enable it (Raspberry Pi: dtparam=i2c_arm=on in config.txt, or raspi-config) and let this user use it (group i2c)", Err: err}
	}
	return bus, nil
}

// Volts measures the voltage at the input. It takes about ten milliseconds.
func (a *ADC) Volts() (float64, error) {
	if err := a.dev.Tx(binary.BigEndian.AppendUint16([]byte{adcConfig}, a.config), nil); err != nil {
		return 0, fmt.Errorf("%w: nothing answers at address %d: %w", ErrADC, a.dev.Addr, err)
	}
	if err := a.wait(); err != nil {
		return 0, err
	}
	raw, err := a.read(adcConversion)
	switch {
	case err != nil:
		return 0, err
	case int16(raw)>>4 == 0x7ff:
		return 0, fmt.Errorf("%w: the input is above 4.096 V: it needs a divider", ErrADC)
	}
	return float64(int16(raw)) / 32768 * adcFullScale, nil
}

// wait waits for the end of the conversion. A device that keeps other settings than those written is another one.
func (a *ADC) wait() error {
	for range adcLooks {
		time.Sleep(adcLook)
		c, err := a.read(adcConfig)
		switch {
		case err != nil:
			return err
		case c|adcStart != a.config:
			return fmt.Errorf("%w: what answers at address %d is another device", ErrADC, a.dev.Addr)
		case c&adcStart != 0:
			return nil
		}
	}
	return fmt.Errorf("%w: the conversion does not end", ErrADC)
}

func (a *ADC) read(register byte) (uint16, error) {
	var b [2]byte
	if err := a.dev.Tx([]byte{register}, b[:]); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrADC, err)
	}
	return binary.BigEndian.Uint16(b[:]), nil
}
