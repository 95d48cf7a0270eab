package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/spi"
)

// Hardware is what a profile describes, opened: the bus and every line that is wired. A nil line is not wired. The
// lines are not driven yet, except by whoever takes them.
type Hardware struct {
	Profile                                      *Profile
	SPI                                          spi.PortCloser // nil for a serial module
	Select, Reset, IRQ, Busy, TxEnable, RxEnable gpio.PinIO
	Power                                        []gpio.PinIO
	M0, M1, AUX                                  gpio.PinIO
	locks                                        []*os.File
}

// OpenHardware opens the bus and finds the lines of a profile. Another packhorse on the same radio, and any program
// that holds one of its lines, are errors that say what to stop.
func OpenHardware(p *Profile) (*Hardware, error) { return Host{}.openHardware(p, OpenSPI) }

func (h Host) openHardware(p *Profile, openSPI func(string) (spi.PortCloser, error)) (*Hardware, error) {
	hw := &Hardware{Profile: p}
	err := hw.open(h, openSPI)
	if err != nil {
		hw.Close()
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return hw, nil
}

func (hw *Hardware) open(h Host, openSPI func(string) (spi.PortCloser, error)) error {
	p := hw.Profile
	if p.OnSPI() {
		if err := h.checkNode(p.SPI.Device, "spi", spiFix(h.Model())); err != nil {
			return err
		}
		lock, err := lockDevice(h.path(p.SPI.Device), string(p.Pins.Select))
		if err != nil {
			return err
		}
		hw.locks = append(hw.locks, lock)
		if hw.SPI, err = openSPI(p.SPI.Device); err != nil {
			return err
		}
	}
	return hw.findPins(h)
}

// findPins looks the lines up in one listing of the chips.
func (hw *Hardware) findPins(h Host) error {
	if len(hw.Profile.uses()) == 0 {
		return nil
	}
	chips, err := h.chips()
	if err != nil {
		return err
	}
	m, u := hw.Profile.Pins, hw.Profile.UART
	for _, role := range []struct {
		what string
		ref  PinRef
		pin  *gpio.PinIO
	}{{"chip select", m.Select, &hw.Select}, {"reset", m.Reset, &hw.Reset}, {"interrupt", m.IRQ, &hw.IRQ}, {"BUSY", m.Busy, &hw.Busy},
		{"transmit enable", m.TxEnable, &hw.TxEnable}, {"receive enable", m.RxEnable, &hw.RxEnable}, {"M0", u.M0, &hw.M0}, {"M1", u.M1, &hw.M1}, {"AUX", u.AUX, &hw.AUX}} {
		if role.ref == "" {
			continue
		}
		if *role.pin, err = h.claimable(chips, role.ref); err != nil {
			return fmt.Errorf("%s: %w", role.what, err)
		}
	}
	for _, ref := range m.Power {
		pin, err := h.claimable(chips, ref)
		if err != nil {
			return fmt.Errorf("power: %w", err)
		}
		hw.Power = append(hw.Power, pin)
	}
	return nil
}

// checkNode tells apart the reasons why a device node cannot be used.
func (h Host) checkNode(node, group, missing string) error {
	if !h.exists(node) {
		return &DeviceError{What: "there is no " + node, Fix: missing, Err: fs.ErrNotExist}
	}
	if err := h.access(node); errors.Is(err, fs.ErrPermission) {
		return noPermission(node, group)
	}
	return nil
}

func spiFix(m Model) string {
	if m.RaspberryPi() {
		return "SPI is not enabled: add dtparam=spi=on to /boot/firmware/config.txt (older systems: /boot/config.txt) and restart"
	}
	return "enable SPI for user space on this board (Armbian: armbian-config, overlay spi-spidev) and restart"
}

// lines are all pins that are wired.
func (hw *Hardware) lines() []gpio.PinIO {
	all := append([]gpio.PinIO{hw.Select, hw.Reset, hw.IRQ, hw.Busy, hw.TxEnable, hw.RxEnable, hw.M0, hw.M1, hw.AUX}, hw.Power...)
	wired := all[:0]
	for _, p := range all {
		if p != nil {
			wired = append(wired, p)
		}
	}
	return wired
}

// Close releases the lines and the bus. Whoever drives the radio must have ended before; that it closed the bus
// already does no harm.
func (hw *Hardware) Close() {
	for _, p := range hw.lines() {
		Release(p)
	}
	if hw.SPI != nil {
		hw.SPI.Close()
	}
	for _, l := range hw.locks {
		unlockPort(l)
	}
	hw.locks = nil
}
