package sx126x

import (
	"fmt"
	"strings"

	"packhorse/radio/chip"
)

func (d *Driver) fault(err error, fix, what string, args ...any) error {
	return &chip.FaultError{What: d.opts.Model.String() + ": " + fmt.Sprintf(what, args...), Fix: fix, Err: err}
}

func (d *Driver) busyFault() error {
	return d.fault(chip.ErrStuck, "check the wires of BUSY and RESET and the power of the module, and the pin of BUSY in the board file",
		"BUSY (%s) stays high", d.pins.Busy.Name())
}

// noAnswerFault is about a status octet that no chip sends.
func (d *Driver) noAnswerFault(octet byte) error {
	fix := "check power, ground, SCK, MOSI and the chip select (NSS), whose pin is in the board file"
	switch octet {
	case 0x00:
		fix = "check the power of the module, the wire of MISO and the chip select (NSS), whose pin is in the board file"
	case 0xFF:
		fix = "the chip is not selected, or MISO is not connected: check both wires, and the chip select (NSS) in the board file"
	}
	return d.fault(chip.ErrNoChip, fix, "the bus answers %02X, which is no status of this chip", octet)
}

func (d *Driver) noiseFault(cause error) error {
	return d.fault(chip.ErrNoChip, "check power, ground, MISO and the chip select (NSS), whose pin is in the board file",
		"the bus answers, but not as a chip after a reset (%v)", cause)
}

func (d *Driver) strangerFault(seen []byte) error {
	return d.fault(chip.ErrNoChip, "another chip is on this chip select, or wires of the bus are swapped or too long: check the board's name, then the wires",
		"its registers read %X and %q, as of no chip of this family after a reset", seen, d.version)
}

func (d *Driver) forgetfulFault(wrote, read []byte) error {
	return d.fault(chip.ErrNoChip, "check MOSI and SCK, and try shorter wires or a slower clock",
		"it was told %X and remembers %X", wrote, read)
}

func (d *Driver) refusedFault(op byte, why string) error {
	return d.fault(chip.ErrWrongMode, "it is reset and tried again; if that recurs, check its supply, and try shorter wires or a slower clock",
		"command %02X %s", op, why)
}

func (d *Driver) modeFault(is mode, told string) error {
	return d.fault(chip.ErrWrongMode, "it is reset and tried again; if that recurs, its supply breaks down or it cannot hear us: check power and MOSI",
		"it is in %v, and was told to %s%s", is, told, d.errorsInWords())
}

func (d *Driver) lostFault() error {
	return d.fault(chip.ErrWrongMode, "it is reset and set again; if that recurs, its supply dips: check power and ground",
		"it has lost its settings")
}

func (d *Driver) transmitFault() error {
	return d.fault(chip.ErrStuck, "it is reset and tried again; if that recurs, check its supply: transmitting takes up to 120 mA",
		"its transmission did not end in time%s", d.errorsInWords())
}

func (d *Driver) calibrationFault(errors uint16) error {
	return d.fault(chip.ErrStuck, "check the supply of the module; if it is steady, the module is broken",
		"it reports the device errors %s", inWords(errors))
}

// oscillatorFault: the board file is wrong about the oscillator, or it is broken.
func (d *Driver) oscillatorFault(millivolts int) error {
	if millivolts == 0 {
		return d.fault(chip.ErrStuck, "this board needs its TCXO supplied by DIO3: state the voltage in the board file (1800 mV is the usual one)",
			"its oscillator does not start (XOSC_START) as a crystal")
	}
	return d.fault(chip.ErrStuck, "this board has a crystal, or a TCXO of another voltage: correct the TCXO in the board file",
		"its oscillator does not start (XOSC_START) with %d mV on DIO3", millivolts)
}

// errorsInWords adds the device errors to a message, if there are any.
func (d *Driver) errorsInWords() string {
	errors, err := d.deviceErrors()
	if err != nil || errors == 0 {
		return ""
	}
	return " (device errors " + inWords(errors) + ")"
}

func inWords(errors uint16) string {
	var words []string
	for i, name := range deviceErrors {
		if errors>>i&1 == 1 {
			words = append(words, name)
		}
	}
	if rest := errors >> len(deviceErrors) << len(deviceErrors); rest != 0 {
		words = append(words, fmt.Sprintf("%04X", rest))
	}
	return strings.Join(words, ", ")
}
