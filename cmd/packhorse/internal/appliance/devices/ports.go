package devices

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
)

// port is a serial port and the names that it claims, without what is not known of it.
type port struct {
	device string // "/dev/ttyUSB0"
	names  []string
}

// claim is a name and the device that it leads to.
type claim struct{ name, device string }

// choose gives each name to one device: the one that has it, else the first by name. lost are the claims that went
// away empty: two adapters of one kind without serial numbers have only their paths to tell them apart.
func choose(ports []port, have map[string]string) (links map[string]string, lost []claim) {
	links = map[string]string{}
	for _, p := range ports {
		for _, n := range p.names {
			if have[n] == p.device {
				links[n] = p.device
			}
		}
	}
	for _, p := range ports {
		for _, n := range p.names {
			if links[n] == "" {
				links[n] = p.device
			} else if links[n] != p.device {
				lost = append(lost, claim{n, p.device})
			}
		}
	}
	return links, lost
}

// ports lists the serial ports that udev would name (60-serial.rules of systemd; serial0 by 99-com.rules of
// Raspberry Pi OS).
func (t tree) ports() (out []port) {
	for _, pattern := range []string{"/dev/ttyUSB[0-9]*", "/dev/ttyACM[0-9]*", "/dev/ttyAMA[0-9]*", "/dev/ttyS[0-9]*"} {
		for _, device := range t.glob(pattern) {
			p := port{device: device}
			name := filepath.Base(device)
			if strings.HasPrefix(name, "ttyUSB") || strings.HasPrefix(name, "ttyACM") {
				p.names = t.usbNames(name)
			} else if alias := t.alias(name); alias != "" {
				p.names = []string{alias}
			}
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b port) int {
		return cmp.Or(cmp.Compare(len(a.device), len(b.device)), cmp.Compare(a.device, b.device))
	})
	return out
}

// usbNames climbs from the port over the USB interface to the device.
func (t tree) usbNames(tty string) (names []string) {
	at := t.real("/sys/class/tty/" + tty + "/device")
	number, suffix := t.text(at+"/port_number"), ""
	if t.subsystem(at) == "usb-serial" && number != "" {
		suffix = "-port" + safe(number)
	}
	if path := t.idPath(at); path != "" {
		names = append(names, "/dev/serial/by-path/"+path+suffix)
	}
	if id := t.idUSB(at); id != "" {
		names = append(names, "/dev/serial/by-id/"+id+suffix)
	}
	return names
}

// idUSB is ID_BUS, ID_SERIAL and the number of the interface; empty where the port is not a USB device's.
func (t tree) idUSB(at string) string {
	number := ""
	for ; inDevices(at); at = filepath.Dir(at) {
		if number == "" {
			number = t.text(at + "/bInterfaceNumber")
		}
		vendor := t.text(at + "/idVendor")
		if vendor == "" {
			continue
		}
		if number == "" {
			return ""
		}
		u := usbStrings{vendor, t.text(at + "/idProduct"), t.text(at + "/manufacturer"), t.text(at + "/product"), t.text(at + "/serial")}
		return "usb-" + u.id() + "-if" + safe(number)
	}
	return ""
}

// idPath is udev's ID_PATH for what is behind USB: from the plug to the processor (builtin path_id of systemd).
func (t tree) idPath(at string) string {
	var parts []string
	for inDevices(at) {
		name, kind := filepath.Base(at), t.subsystem(at)
		switch kind {
		case "usb":
			if _, plug, ok := strings.Cut(name, "-"); ok {
				parts = append(parts, "usb-0:"+plug)
			}
		case "pci", "platform":
			parts = append(parts, kind+"-"+name)
		}
		for at = filepath.Dir(at); kind != "" && t.subsystem(at) == kind; at = filepath.Dir(at) {
		}
	}
	if len(parts) < 2 { // no bus behind it: not a place that stays
		return ""
	}
	slices.Reverse(parts)
	return safe(strings.Join(parts, "-"))
}

func inDevices(at string) bool { return strings.HasPrefix(at, "/sys/devices/") }

// subsystem is what the kernel counts a device to; empty for a directory that is no device.
func (t tree) subsystem(at string) string {
	real := t.real(at + "/subsystem")
	if real == "" {
		return ""
	}
	return filepath.Base(real)
}

const aliases = "/proc/device-tree/aliases/"

// alias is /dev/serial0 for the UART on the header of a Raspberry Pi, /dev/serial1 for Bluetooth's.
func (t tree) alias(tty string) string {
	node, ok := t.treeNode(tty)
	if !ok || !strings.HasPrefix(t.text("/proc/device-tree/compatible"), "raspberrypi,") {
		return ""
	}
	switch node {
	case strings.TrimSuffix(t.text(aliases+"bluetooth"), "/bluetooth"):
		return "/dev/serial1"
	case t.text(aliases + "console"), t.text(aliases + "serial0"):
		return "/dev/serial0"
	case t.text(aliases + "serial1"):
		return "/dev/serial1"
	}
	return ""
}

// treeNode is the place of a UART in the device tree. Newer kernels have devices of their own between the port and the
// UART.
func (t tree) treeNode(tty string) (node string, ok bool) {
	for at := t.real("/sys/class/tty/" + tty + "/device"); inDevices(at); at = filepath.Dir(at) {
		if _, node, ok = strings.Cut(t.real(at+"/of_node"), "/base"); ok {
			return node, true
		}
	}
	return "", false
}
