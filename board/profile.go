package board

import (
	"fmt"
	"strings"
)

// Kinds of radio that a Profile describes.
const (
	KindSX127x = "sx127x"
	KindSX126x = "sx126x"
	KindEByte  = "ebyte"
)

// Profile is a radio board: what is on it and by which pins it is reached. It is data, one TOML file a board, and
// names no driver. The zero of a field means that the board has no such thing.
type Profile struct {
	Name  string `toml:"name"`  // lower-case letters, digits and dashes; what the configuration calls it
	Title string `toml:"title"` // what is printed on the board or its box
	// Source tells where the pin map was read. Confirmed is whether a second, independent source agrees; nobody needs to
	// have tried the board.
	Source    string `toml:"source"`
	Confirmed bool   `toml:"confirmed"`
	Notes     string `toml:"notes"` // what a person who wires it must know
	// Template marks a profile to copy and change: it describes no board that is sold, and Scan tries it last.
	Template bool `toml:"template"`
	// Match are contents of HAT EEPROMs by which the board is known without a probe.
	Match []HATMatch `toml:"match"`
	Radio RadioPart  `toml:"radio"`
	SPI   SPIPart    `toml:"spi"`
	Pins  PinMap     `toml:"pins"`
	UART  UARTPart   `toml:"uart"`
	LEDs  LEDMap     `toml:"leds"`
	// ConfigTxt are the lines that a Raspberry Pi's config.txt needs for this board.
	ConfigTxt []string `toml:"config_txt"`

	Origin string `toml:"-"` // the file it was read from; "built in"
}

// HATMatch is what /proc/device-tree/hat says on such a board. Both are compared without regard to case; an empty
// Vendor fits every vendor.
type HATMatch struct {
	Vendor  string `toml:"vendor"`
	Product string `toml:"product"`
}

// RadioPart is the radio and what stands between it and the antenna socket.
type RadioPart struct {
	Kind string `toml:"kind"` // KindSX127x, KindSX126x, KindEByte
	Chip string `toml:"chip"` // "sx1276", "sx1262", "e22"
	// TCXOVolts is what DIO3 must supply to a TCXO; 0 is a crystal.
	TCXOVolts float64 `toml:"tcxo_volts"`
	// DIO2Switch tells that DIO2 drives the antenna switch.
	DIO2Switch bool `toml:"dio2_switch"`
	// Output is the SX127x pin that is wired: "pa_boost" or "rfo".
	Output string `toml:"output"`
	// PAGainDB is the largest gain of an amplifier behind the chip, and MaxChipDBm the most that may go into it, or that
	// the chip may give.
	PAGainDB   float64 `toml:"pa_gain_db"`
	MaxChipDBm int     `toml:"max_chip_dbm"`
}

// SPIPart is the bus of a chip.
type SPIPart struct {
	Device  string `toml:"device"` // "/dev/spidev0.0"; the last number is the chip select of the controller
	ClockHz int64  `toml:"clock_hz"`
}

// PinMap are the lines besides the bus. An empty Select means that the bus does it.
type PinMap struct {
	Select   PinRef   `toml:"select"`
	Reset    PinRef   `toml:"reset"`
	IRQ      PinRef   `toml:"irq"` // DIO0 of an SX127x, DIO1 of an SX126x
	Busy     PinRef   `toml:"busy"`
	DIO1     PinRef   `toml:"dio1"` // SX127x: wired, and not needed
	DIO2     PinRef   `toml:"dio2"`
	TxEnable PinRef   `toml:"tx_enable"`
	RxEnable PinRef   `toml:"rx_enable"`
	Power    []PinRef `toml:"power"` // high before anything else
}

// UARTPart is how a serial module is wired.
type UARTPart struct {
	Device string `toml:"device"`
	M0     PinRef `toml:"m0"`
	M1     PinRef `toml:"m1"`
	AUX    PinRef `toml:"aux"`
}

// LEDMap names lamps: a line, or "led:NAME" for one of /sys/class/leds.
type LEDMap struct {
	Rx    string `toml:"rx"`
	Tx    string `toml:"tx"`
	Alarm string `toml:"alarm"`
}

// use is a pin of a profile with the key that names it.
type use struct {
	key string
	pin PinRef
}

// uses lists the pins that the profile names, in the order of the file format.
func (p *Profile) uses() []use {
	all := []use{{"pins.select", p.Pins.Select}, {"pins.reset", p.Pins.Reset}, {"pins.irq", p.Pins.IRQ}, {"pins.busy", p.Pins.Busy},
		{"pins.dio1", p.Pins.DIO1}, {"pins.dio2", p.Pins.DIO2}, {"pins.tx_enable", p.Pins.TxEnable}, {"pins.rx_enable", p.Pins.RxEnable},
		{"uart.m0", p.UART.M0}, {"uart.m1", p.UART.M1}, {"uart.aux", p.UART.AUX}}
	for i, pin := range p.Pins.Power {
		all = append(all, use{fmt.Sprintf("pins.power[%d]", i), pin})
	}
	for _, l := range []struct{ key, ref string }{{"leds.rx", p.LEDs.Rx}, {"leds.tx", p.LEDs.Tx}, {"leds.alarm", p.LEDs.Alarm}} {
		if _, named := ledName(l.ref); !named {
			all = append(all, use{l.key, PinRef(l.ref)})
		}
	}
	wired := all[:0]
	for _, u := range all {
		if u.pin != "" {
			wired = append(wired, u)
		}
	}
	return wired
}

// OnSPI tells whether the radio is a chip on an SPI bus, and not a module on a UART.
func (p *Profile) OnSPI() bool { return p.Radio.Kind != KindEByte }

// MaxDBm is the most that the board can give at its antenna socket.
func (p *Profile) MaxDBm() float64 { return float64(p.Radio.MaxChipDBm) + p.Radio.PAGainDB }

// Wiring gives the line of each role, as the keys of the file format call them: "reset", "busy", "m0", "power[0]".
func (p *Profile) Wiring() map[string]string {
	wired := map[string]string{}
	for _, u := range p.uses() {
		_, role, _ := strings.Cut(u.key, ".")
		wired[role] = string(u.pin)
	}
	return wired
}
