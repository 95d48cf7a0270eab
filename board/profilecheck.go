package board

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var profileName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// chipsOf are the chips of each kind that a profile may name.
var chipsOf = map[string][]string{
	KindSX127x: {"sx1272", "sx1276", "sx1277", "sx1278", "sx1279"},
	KindSX126x: {"sx1261", "sx1262", "sx1268", "llcc68"},
	KindEByte:  {"e22", "e32"},
}

// maxChip is the most that a chip or module of each kind can give, in dBm.
var maxChip = map[string]int{KindSX127x: 20, KindSX126x: 22, KindEByte: 33}

// tcxoVolts are the supplies that DIO3 can give (SX1261/2 datasheet table 13-35).
var tcxoVolts = []float64{0, 1.6, 1.7, 1.8, 2.2, 2.4, 2.7, 3.0, 3.3}

// busLines are lines of the Raspberry Pi's header that a device of the kernel holds.
var busLines = map[string][]string{
	"/dev/spidev0.0": {"GPIO9", "GPIO10", "GPIO11", "GPIO8"},
	"/dev/spidev0.1": {"GPIO9", "GPIO10", "GPIO11", "GPIO7"},
	"/dev/serial0":   {"GPIO14", "GPIO15"},
}

// check finds the first mistake of a profile and says what to write.
func (p *Profile) check() error {
	if !profileName.MatchString(p.Name) || len(p.Name) > 40 {
		return fmt.Errorf("name: %q is no name: use at most 40 lower-case letters, digits and dashes", p.Name)
	}
	if p.Title == "" || p.Source == "" {
		return fmt.Errorf("title and source: say what the board is called and where its pin map was read")
	}
	for _, m := range p.Match {
		if strings.TrimSpace(m.Product) == "" {
			return fmt.Errorf("match: give product as /proc/device-tree/hat/product has it")
		}
	}
	for _, part := range []func() error{p.checkRadio, p.checkBus, p.checkPins} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Profile) checkRadio() error {
	r := p.Radio
	chips := chipsOf[r.Kind]
	switch {
	case chips == nil:
		return fmt.Errorf("radio.kind: %q is not a kind: use sx127x, sx126x or ebyte", r.Kind)
	case !slices.Contains(chips, r.Chip):
		return fmt.Errorf("radio.chip: %q is no chip of kind %s: use one of %s", r.Chip, r.Kind, strings.Join(chips, ", "))
	case r.MaxChipDBm < 2 || r.MaxChipDBm > maxChip[r.Kind]:
		return fmt.Errorf("radio.max_chip_dbm: %d does not fit: an %s gives 2 to %d dBm", r.MaxChipDBm, r.Chip, maxChip[r.Kind])
	case !(r.PAGainDB >= 0 && r.PAGainDB <= 30):
		return fmt.Errorf("radio.pa_gain_db: %g dB is no amplifier: give 0 to 30, the largest gain of its data sheet", r.PAGainDB)
	}
	if sx126x := r.Kind == KindSX126x; !sx126x && (r.TCXOVolts != 0 || r.DIO2Switch || p.Pins.Busy != "") {
		return fmt.Errorf("radio: tcxo_volts, dio2_switch and pins.busy are for an sx126x: an %s has none of them", r.Chip)
	} else if sx126x && !slices.Contains(tcxoVolts, r.TCXOVolts) {
		return fmt.Errorf("radio.tcxo_volts: DIO3 cannot give %g V: use 1.6, 1.7, 1.8, 2.2, 2.4, 2.7, 3.0 or 3.3, or leave it out for a crystal", r.TCXOVolts)
	}
	if sx127x := r.Kind == KindSX127x; sx127x && r.Output != "pa_boost" && r.Output != "rfo" {
		return fmt.Errorf("radio.output: say which pin of the chip is wired: \"pa_boost\" (all RFM modules) or \"rfo\"")
	} else if !sx127x && r.Output != "" {
		return fmt.Errorf("radio.output: only an sx127x has a choice of outputs")
	}
	if r.Output == "rfo" && r.MaxChipDBm > 15 {
		return fmt.Errorf("radio.max_chip_dbm: the output rfo gives at most 15 dBm")
	}
	return nil
}

func (p *Profile) checkBus() error {
	if !p.OnSPI() {
		if !strings.HasPrefix(p.UART.Device, "/dev/") {
			return fmt.Errorf("uart.device: name the serial port, such as \"/dev/serial0\"")
		}
		if p.SPI != (SPIPart{}) {
			return fmt.Errorf("spi: a serial module has no SPI bus")
		}
		return nil
	}
	switch {
	case !strings.HasPrefix(p.SPI.Device, "/dev/spidev"):
		return fmt.Errorf("spi.device: name the bus, such as \"/dev/spidev0.0\"")
	case p.SPI.ClockHz < 100_000 || p.SPI.ClockHz > 16_000_000 || p.Radio.Kind == KindSX127x && p.SPI.ClockHz > 10_000_000:
		return fmt.Errorf("spi.clock_hz: %d Hz does not fit: give 2000000; the chip takes at most %s", p.SPI.ClockHz, map[bool]string{true: "10 MHz", false: "16 MHz"}[p.Radio.Kind == KindSX127x])
	case p.UART != (UARTPart{}):
		return fmt.Errorf("uart: a chip on SPI has no UART")
	}
	return nil
}

func (p *Profile) checkPins() error {
	if err := p.missingPin(); err != nil {
		return err
	}
	seen := map[PinRef]string{}
	for _, device := range []string{p.SPI.Device, p.UART.Device} {
		for _, line := range busLines[device] {
			seen[PinRef(line)] = device
		}
	}
	for _, u := range p.uses() {
		if _, _, _, err := u.pin.split(); err != nil {
			return fmt.Errorf("%s: %w", u.key, err)
		}
		if other := seen[u.pin]; strings.HasPrefix(other, "/dev/spi") && u.key == "pins.select" {
			return fmt.Errorf("pins.select: %s is the chip select of %s itself: leave pins.select out", u.pin, other)
		} else if other != "" {
			return fmt.Errorf("%s: %s is taken by %s already", u.key, u.pin, other)
		}
		seen[u.pin] = u.key
	}
	return nil
}

// missingPin names a line without which the driver cannot work.
func (p *Profile) missingPin() error {
	switch {
	case !p.OnSPI():
		if p.Pins.Select != "" || p.Pins.IRQ != "" || p.Pins.Busy != "" {
			return fmt.Errorf("pins: a serial module has m0, m1 and aux in [uart] instead")
		}
		return nil
	case p.Pins.IRQ == "":
		return fmt.Errorf("pins.irq: missing: it is DIO0 of an sx127x, DIO1 of an sx126x")
	case p.Radio.Kind == KindSX126x && p.Pins.Busy == "":
		return fmt.Errorf("pins.busy: missing: an sx126x may only be spoken to while BUSY is low")
	case p.Radio.Kind == KindSX126x && p.Pins.Reset == "":
		return fmt.Errorf("pins.reset: missing: nothing else frees an sx126x that is stuck")
	}
	return nil
}
