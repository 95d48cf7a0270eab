package board

import (
	"fmt"
	"slices"
	"strings"
)

// BootFiles are the two files that a Raspberry Pi starts by.
type BootFiles struct {
	ConfigPath, Config   string // path and text of config.txt
	CmdlinePath, Cmdline string
}

// BootFiles reads them from where the appliance keeps those of the system that runs, where today's systems have them, or
// where older ones had them. Paths are empty where there are none.
func (h Host) BootFiles() BootFiles {
	var b BootFiles
	for _, dir := range []string{"/etc/", "/boot/firmware/", "/boot/"} {
		if b.ConfigPath == "" && h.exists(dir+"config.txt") {
			b.ConfigPath, b.Config = dir+"config.txt", h.text(dir+"config.txt")
		}
		if b.CmdlinePath == "" && h.exists(dir+"cmdline.txt") {
			b.CmdlinePath, b.Cmdline = dir+"cmdline.txt", h.text(dir+"cmdline.txt")
		}
	}
	return b
}

// CheckBoot judges config.txt and cmdline.txt of a Raspberry Pi for a board; without a profile it looks for SPI
// alone. It is a pure function.
func CheckBoot(b BootFiles, m Model, p *Profile) []Finding {
	if b.ConfigPath == "" {
		return []Finding{warn("overlays", "there is neither /boot/firmware/config.txt nor /boot/config.txt", "mount the boot partition at /boot/firmware, or run this on the board itself")}
	}
	c := ParseConfigTxt(b.Config, m)
	need := []string{"dtparam=spi=on"}
	if p != nil {
		need = p.ConfigTxt
	}
	found := b.needed(c, need, m)
	if p == nil {
		return found
	}
	if p.OnSPI() {
		return append(found, b.checkSelects(c, p)...)
	}
	if strings.HasPrefix(p.UART.Device, "/dev/serial") || strings.HasPrefix(p.UART.Device, "/dev/ttyAMA") || strings.HasPrefix(p.UART.Device, "/dev/ttyS") {
		found = append(found, b.checkUART(c, m)...)
	}
	return found
}

// needed finds lines that are missing. A Raspberry Pi 5 has its UART under another name.
func (b BootFiles) needed(c BootConfig, lines []string, m Model) []Finding {
	var found []Finding
	for _, line := range lines {
		if line == "enable_uart=1" && m.SoC == "bcm2712" {
			line = "dtparam=uart0=on"
		}
		switch {
		case c.Has(line):
			found = append(found, ok("overlays", b.ConfigPath+" has "+line))
		case mentions(b.Config, line):
			found = append(found, fail("overlays", fmt.Sprintf("%s has %s only as a comment, in a section for other boards, or undone further down", b.ConfigPath, line),
				fmt.Sprintf("write %s at the end of %s, below a line [all], and restart", line, b.ConfigPath)))
		default:
			found = append(found, fail("overlays", fmt.Sprintf("%s lacks %s", b.ConfigPath, line), fmt.Sprintf("add %s at the end of %s, below a line [all], and restart", line, b.ConfigPath)))
		}
	}
	return found
}

// mentions tells whether a line stands in the text somewhere, also as a comment.
func mentions(text, line string) bool {
	for l := range strings.Lines(text) {
		if strings.Contains(strings.ReplaceAll(l, " ", ""), line) {
			return true
		}
	}
	return false
}

// checkSelects finds overlays that move or take away the chip select that the board is wired to.
func (b BootFiles) checkSelects(c BootConfig, p *Profile) []Finding {
	var found []Finding
	for _, o := range []struct {
		overlay string
		takes   []string // the devices that it removes
	}{{"spi0-0cs", []string{"/dev/spidev0.0", "/dev/spidev0.1"}}, {"spi0-1cs", []string{"/dev/spidev0.1"}}} {
		params, loaded := c.overlay(o.overlay)
		if !loaded || p.Pins.Select != "" {
			continue
		}
		if slices.Contains(o.takes, p.SPI.Device) {
			found = append(found, fail("overlays", fmt.Sprintf("dtoverlay=%s takes away the chip select of %s", o.overlay, p.SPI.Device),
				fmt.Sprintf("take dtoverlay=%s out of %s and restart", o.overlay, b.ConfigPath)))
		} else if strings.Contains(params, "cs0_pin") {
			found = append(found, warn("overlays", fmt.Sprintf("dtoverlay=%s,%s moves the chip select; %s has it on CE0", o.overlay, params, p.Name),
				fmt.Sprintf("take cs0_pin out of %s unless you wired the board so", b.ConfigPath)))
		}
	}
	if _, loaded := c.overlay("spi1-3cs"); loaded && usesAny(p, "GPIO16", "GPIO17", "GPIO18", "GPIO19", "GPIO20", "GPIO21") {
		found = append(found, fail("overlays", "dtoverlay=spi1-3cs takes GPIO16 to GPIO21, which "+p.Name+" uses", fmt.Sprintf("take dtoverlay=spi1-3cs out of %s and restart", b.ConfigPath)))
	}
	return found
}

func usesAny(p *Profile, pins ...PinRef) bool {
	return slices.ContainsFunc(p.uses(), func(u use) bool { return slices.Contains(pins, u.pin) })
}

// checkUART looks at who has the UART of the header: the console, Bluetooth, nobody.
func (b BootFiles) checkUART(c BootConfig, m Model) []Finding {
	var found []Finding
	for _, port := range consoles(b.Cmdline) {
		found = append(found, fail("uart", fmt.Sprintf("%s gives %s to the serial console", b.CmdlinePath, port),
			fmt.Sprintf("take the word console=%s,... out of %s (or: sudo raspi-config nonint do_serial_cons 1) and restart", port, b.CmdlinePath)))
	}
	if !m.bluetoothTakesUART() {
		return found
	}
	_, off := c.overlay("disable-bt")
	_, old := c.overlay("pi3-disable-bt")
	_, mini := c.overlay("miniuart-bt")
	if off || old || mini {
		return append(found, ok("uart", "the header has the full UART, not Bluetooth"))
	}
	return append(found, warn("uart", "Bluetooth has the full UART; the header has the mini UART, whose rate follows the clock of the core",
		fmt.Sprintf("add dtoverlay=disable-bt to %s (or dtoverlay=miniuart-bt to keep a slow Bluetooth) and restart", b.ConfigPath)))
}

// bluetoothTakesUART: boards with Bluetooth before the Raspberry Pi 5 have one good UART for both.
func (m Model) bluetoothTakesUART() bool {
	return slices.ContainsFunc([]string{"model-zero-w", "model-zero-2", "3-", "4-", "400"}, func(s string) bool {
		return strings.HasPrefix(m.Compatible, "raspberrypi,"+s)
	})
}
