package board

import (
	"errors"
	"fmt"
	"strings"
)

// Check looks at the computer for a radio board, without touching the board: model, kernel, overlays, SPI, GPIO,
// permissions, lines that somebody holds, the UART, power and heat. p may be nil, for no board or a radio on USB. The
// result has no empty fields and always the same order.
func (h Host) Check(p *Profile) []Finding {
	m := h.Model()
	found := []Finding{h.checkModel(m)}
	found = append(found, h.checkHAT(p))
	if m.RaspberryPi() {
		found = append(found, CheckBoot(h.BootFiles(), m, p)...)
	}
	if p != nil && p.OnSPI() {
		found = append(found, h.checkSPI(p, m))
	}
	if p != nil && !p.OnSPI() {
		found = append(found, h.checkPort(p, m))
	}
	if p != nil && len(p.uses()) > 0 {
		found = append(found, h.checkLines(p, m)...)
	}
	return append(found, h.checkPower()...)
}

func (h Host) checkModel(m Model) Finding {
	if m.Name == "" {
		return warn("board", "this computer does not say what it is; it runs Linux "+m.Kernel, "name the pins of its board by chip label and offset (gpioinfo)")
	}
	system := strings.TrimSpace(strings.Join([]string{m.OS, "Linux " + m.Kernel}, ", "))
	return ok("board", fmt.Sprintf("%s, %d MiB, %s", m.Name, m.RAMBytes>>20, strings.TrimPrefix(system, ", ")))
}

func (h Host) checkHAT(p *Profile) Finding {
	hat := h.HAT()
	switch {
	case hat.Product == "":
		return ok("hat", "no EEPROM; most LoRa boards have none")
	case p != nil && len(p.Match) > 0 && !p.matches(hat):
		return warn("hat", fmt.Sprintf("the EEPROM says %s %s, the configuration %s", hat.Vendor, hat.Product, p.Name), "name the board that is plugged in")
	}
	return ok("hat", strings.TrimSpace(hat.Vendor+" "+hat.Product))
}

func (h Host) checkSPI(p *Profile, m Model) Finding {
	if err := h.checkNode(p.SPI.Device, "spi", spiFix(m)); err != nil {
		return failure("spi", err)
	}
	return ok("spi", p.SPI.Device+" is there and may be used")
}

func (h Host) checkPort(p *Profile, m Model) Finding {
	missing := "enable the UART of this board and restart"
	if m.RaspberryPi() {
		missing = "enable it with enable_uart=1 in config.txt (Raspberry Pi 5: dtparam=uart0=on, and name /dev/ttyAMA0) and restart"
	}
	if err := h.checkNode(p.UART.Device, "dialout", missing); err != nil {
		return failure("uart", err)
	}
	return ok("uart", p.UART.Device+" is there and may be used")
}

// failure is what an error of this package says, taken apart.
func failure(subject string, err error) Finding {
	var device *DeviceError
	if errors.As(err, &device) {
		return fail(subject, device.What, device.Fix)
	}
	return fail(subject, err.Error(), "look at the log of the kernel: sudo dmesg")
}

// checkLines finds every line of the board, and who has it.
func (h Host) checkLines(p *Profile, m Model) []Finding {
	chips, err := h.chips()
	if err != nil {
		return []Finding{failure("gpio", err)}
	}
	var found []Finding
	for _, u := range p.uses() {
		subject := fmt.Sprintf("%s (%s)", u.pin, u.key[strings.IndexByte(u.key, '.')+1:])
		i, offset, err := locate(chips, u.pin, m.HeaderChip())
		switch {
		case err != nil:
			found = append(found, failure(subject, err))
		case heldBy(chips[i].Lines[offset]) != "":
			who := heldBy(chips[i].Lines[offset])
			found = append(found, fail(subject, "held by "+who, releaseHint(who)))
		default:
			found = append(found, ok(subject, fmt.Sprintf("free, line %d of %s", offset, chips[i].Label)))
		}
	}
	return found
}
