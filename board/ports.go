package board

import (
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// SerialPort is a serial device that is plugged in, or a UART of the board.
type SerialPort struct {
	Path   string // what to put into the configuration; by-id where there is one
	Device string // "/dev/ttyUSB0"

	// What Host.SerialPorts adds; empty is unknown.
	USB    string   // "10c4:ea60", vendor and product
	Name   string   // what the device calls itself
	Likely []string // what is often behind such a port, as in the configuration: rnode, meshtastic, sik, e22, kiss, gps
	HeldBy string   // "console", "bluetooth"
	Fix    string   // how to get it from there
}

// ListSerial lists the serial ports below a device directory ("/dev"), those
// with a lasting name first. Built-in UARTs are listed only through the alias
// that Raspberry Pi OS gives them: most boards name ports that lead nowhere.
func ListSerial(dev string) []SerialPort {
	return listSerial(dev, "serial/by-id/*", "ttyUSB*", "ttyACM*", "serial0")
}

func listSerial(dev string, patterns ...string) []SerialPort {
	var out []SerialPort
	seen := map[string]bool{}
	for _, pattern := range patterns {
		paths, _ := filepath.Glob(filepath.Join(dev, pattern)) // fails only on a bad pattern
		sort.Strings(paths)
		for _, p := range paths {
			device, err := filepath.EvalSymlinks(p)
			if err != nil || seen[device] {
				continue // a link left behind by an unplugged device
			}
			if i, err := os.Stat(device); err != nil || i.IsDir() {
				continue
			}
			seen[device] = true
			out = append(out, SerialPort{Path: p, Device: device})
		}
	}
	return out
}

// SerialPorts lists the ports that a radio may be on, what it likely is, and who has the UARTs of the board. Only
// sysfs is read: no port is opened.
func (h Host) SerialPorts() []SerialPort {
	patterns := []string{"serial/by-id/*", "ttyUSB*", "ttyACM*", "serial0"}
	m := h.Model()
	if m.RaspberryPi() {
		patterns = append(patterns, "ttyAMA*", "ttyS0")
	}
	list := listSerial(h.path("/dev"), patterns...)
	root, _ := filepath.EvalSymlinks(h.path("/"))
	for i := range list {
		p := &list[i]
		p.Path = strip(p.Path, h.path("/"))
		p.Device = strip(p.Device, root)
		h.describeUSB(p)
		h.describeUART(p, m)
	}
	return list
}

func strip(path, root string) string {
	return "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
}

// describeUSB climbs from the port to the USB device that it is a part of.
func (h Host) describeUSB(p *SerialPort) {
	dir := h.target("/sys/class/tty/" + filepath.Base(p.Device) + "/device")
	for ; len(dir) > len("/sys/") && strings.HasPrefix(dir, "/sys/"); dir = filepath.Dir(dir) {
		vendor := h.text(dir + "/idVendor")
		if vendor == "" {
			continue
		}
		p.USB = vendor + ":" + h.text(dir+"/idProduct")
		p.Name = strings.TrimSpace(h.text(dir+"/manufacturer") + " " + h.text(dir+"/product"))
		p.Likely = likely(p.USB, p.Name)
		return
	}
}

// usbKinds are the USB devices that people have radios behind. The same bridge chip is in many of them, so that the
// answer is a hint and several kinds at once.
var usbKinds = []struct {
	prefix string // of vendor:product
	kinds  []string
}{
	{"10c4:ea60", []string{"rnode", "meshtastic", "sik"}}, // CP2102: LilyGO, Heltec, 3DR clones
	{"1a86:55d4", []string{"rnode", "meshtastic"}},        // CH9102: LilyGO T-Beam
	{"1a86:7523", []string{"rnode", "meshtastic", "e22"}}, // CH340
	{"1a86:55d3", []string{"e22", "rnode"}},               // CH343: USB sticks with an E22
	{"303a:", []string{"rnode", "meshtastic"}},            // ESP32-S3 without a bridge
	{"239a:", []string{"meshtastic", "rnode"}},            // nRF52840: RAK4631, T-Echo
	{"2886:", []string{"meshtastic"}},                     // Seeed nRF52840, ESP32
	{"2e8a:", []string{"meshtastic", "rnode"}},            // RP2040
	{"0403:6015", []string{"sik", "rnode"}},               // FT230X: 3DR radios, RNode
	{"0403:6001", []string{"sik", "kiss"}},                // FT232R
	{"0483:5740", []string{"kiss"}},                       // STM32 virtual port: TNCs
	{"1546:", []string{"gps"}},                            // u-blox
	{"067b:2303", []string{"gps", "kiss"}},                // PL2303
}

func likely(usb, name string) []string {
	if strings.Contains(strings.ToLower(name), "rnode") {
		return []string{"rnode"}
	}
	for _, k := range usbKinds {
		if strings.HasPrefix(usb, k.prefix) {
			return slices.Clone(k.kinds)
		}
	}
	return nil
}

// describeUART tells who has a UART of the board.
func (h Host) describeUART(p *SerialPort, m Model) {
	name := filepath.Base(p.Device)
	if p.USB != "" || !strings.HasPrefix(name, "ttyAMA") && !strings.HasPrefix(name, "ttyS") {
		return
	}
	p.Name = m.uartName(name)
	boot := h.BootFiles()
	console := slices.Contains(strings.Fields(h.text("/sys/class/tty/console/active")), name) ||
		slices.ContainsFunc(consoles(h.text("/proc/cmdline")), func(c string) bool { return filepath.Base(h.target("/dev/"+c)) == name || c == name })
	switch {
	case console:
		p.HeldBy = "console"
		p.Fix = "sudo raspi-config nonint do_serial_cons 1, then restart"
		if !m.RaspberryPi() {
			p.Fix = "take console=" + name + " out of the kernel's command line and restart"
		}
	case name == "ttyAMA0" && m.bluetoothTakesUART() && bluetoothOn(ParseConfigTxt(boot.Config, m)):
		p.HeldBy = "bluetooth"
		p.Fix = "add dtoverlay=disable-bt to " + boot.ConfigPath + " and restart"
	}
}

func bluetoothOn(c BootConfig) bool {
	for _, o := range []string{"disable-bt", "pi3-disable-bt", "miniuart-bt", "pi3-miniuart-bt"} {
		if _, loaded := c.overlay(o); loaded {
			return false
		}
	}
	return true
}

// uartName says where a UART of a Raspberry Pi ends (raspberrypi.com/documentation, "Configure UARTs").
func (m Model) uartName(device string) string {
	switch {
	case m.SoC == "bcm2712" && device == "ttyAMA10":
		return "UART of the debug connector"
	case device == "ttyAMA0" && m.RaspberryPi():
		return "full UART (PL011)"
	case device == "ttyS0" && m.RaspberryPi():
		return "mini UART"
	}
	return "UART"
}
