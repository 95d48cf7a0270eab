package sx127x

import (
	"fmt"
	"time"

	"packhorse/radio/chip"
)

const (
	versionSX1272 = 0x22
	modeTries     = 10
	modePause     = 100 * time.Microsecond
)

// known versions of RegVersion: 12 is what they all say; RadioLib also met 11 and 13.
func known(version byte) bool { return version >= 0x11 && version <= 0x13 }

// enter changes the mode and sees that the chip is there.
func (d *Driver) enter(m mode) error {
	op := bitLoRa | byte(m)
	if d.configured() && d.lowPort() {
		op |= bitLowFrequency
	}
	if err := d.put(regOpMode, op); err != nil {
		return err
	}
	asleep := d.mode == modeSleep && m != modeSleep
	if d.mode = m; asleep {
		time.Sleep(wakeUp)
	}
	var got byte
	for range modeTries {
		var err error
		if got, err = d.get(regOpMode); err != nil {
			return err
		}
		if d.plausible(got, irqAll) {
			return nil
		}
		time.Sleep(modePause)
	}
	return d.lost(got)
}

// plausible tells whether a chip that was told d.mode may be in this one: on the way there its synthesizer locks, and
// what ends by itself, with one of these flags, leaves it in standby.
func (d *Driver) plausible(op, flags byte) bool {
	if op == 0xFF || op&bitLoRa == 0 {
		return false
	}
	got := mode(op & 0x07)
	switch d.mode {
	case modeTx:
		return got == modeTx || got == modeFSTx || got == modeStandby && flags&irqTxDone != 0
	case modeRx:
		return got == modeRx || got == modeFSRx
	case modeRxSingle:
		return got == modeRxSingle || got == modeFSRx || got == modeStandby && flags&(irqRxDone|irqRxTimeout) != 0
	case modeCAD:
		return got == modeCAD || got == modeFSRx || got == modeStandby && flags&irqCadDone != 0
	}
	return got == d.mode
}

// lost says why a chip is not in the mode that it was told: it is not there, or it has reset itself.
func (d *Driver) lost(op byte) error {
	version, err := d.get(regVersion)
	switch {
	case err != nil:
		return err
	case !known(version):
		return d.stranger(version)
	}
	return &chip.FaultError{
		What: fmt.Sprintf("sx127x: the chip was told %s, but its mode register reads %02X", d.mode, op),
		Fix:  "it has most likely reset itself: check that its supply holds 3.3 V while it transmits, and the wire of RESET; if this happens at once, check MOSI and the clock wire",
		Err:  chip.ErrWrongMode,
	}
}

// stranger says what answers instead of our chip.
func (d *Driver) stranger(version byte) error {
	fix := "this driver knows the SX1276, SX1277, SX1278 and SX1279, which say 12: check the kind of radio in the configuration, and for loose wires"
	switch version {
	case 0x00:
		fix = "MISO stays low: the module has no 3.3 V, its RESET is held low, or MISO is shorted or on a wrong pin (Raspberry Pi: GPIO9, pin 21); check that SPI is enabled (dtparam=spi=on)"
	case 0xFF:
		fix = "MISO stays high: the module is not selected or not connected: check the chip select (Raspberry Pi: CE0 is GPIO8, pin 24; CE1 is GPIO7, pin 26), MISO, and ground"
	case versionSX1272:
		fix = "this is an SX1272 or SX1273, which has other registers and is not supported: use a module with an SX1276 or SX1262"
	}
	return &chip.FaultError{
		What: fmt.Sprintf("sx127x: no SX127x on %s: the version register reads %02X", d.bus, version),
		Fix:  fix,
		Err:  chip.ErrNoChip,
	}
}
