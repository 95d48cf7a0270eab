package devices

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files is a system of files below a directory.
type files struct {
	t *testing.T
	tree
}

func newFiles(t *testing.T) files { return files{t, tree{t.TempDir()}} }

func (f files) put(path, text string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(path)), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.path(path), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// point makes a link to another place of the same system.
func (f files) to(path, target string) {
	f.t.Helper()
	for _, dir := range []string{f.path(filepath.Dir(path)), f.path(target)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			f.t.Fatal(err)
		}
	}
	rel, _ := filepath.Rel(filepath.Dir(path), target)
	if err := os.Symlink(rel, f.path(path)); err != nil {
		f.t.Fatal(err)
	}
}

// in counts directories to subsystems.
func (f files) in(kind string, dirs ...string) {
	for _, d := range dirs {
		f.to(d+"/subsystem", "/sys/bus/"+kind)
	}
}

func (f files) remove(path string) {
	if err := os.RemoveAll(f.path(path)); err != nil {
		f.t.Fatal(err)
	}
}

const (
	pi3 = "/sys/devices/platform/soc/3f980000.usb"
	pi4 = "/sys/devices/platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0"
)

// pi3Bus and pi4Bus are what is between processor and USB.
func (f files) pi3Bus() string {
	f.in("platform", pi3, filepath.Dir(pi3))
	f.in("usb", pi3+"/usb1")
	return pi3 + "/usb1"
}

func (f files) pi4Bus() string {
	f.in("platform", "/sys/devices/platform/scb/fd500000.pcie", "/sys/devices/platform/scb")
	f.in("pci", pi4, filepath.Dir(pi4))
	f.in("usb", pi4+"/usb1")
	return pi4 + "/usb1"
}

// plug puts an adapter with one port into the plugs that are named from the hub on, as "1-1", "1-1.2".
func (f files) plug(bus, tty, serial string, plugs ...string) {
	at := bus
	for _, p := range plugs {
		at += "/" + p
		f.in("usb", at)
	}
	for name, text := range map[string]string{"idVendor": "10c4\n", "idProduct": "ea60\n", "manufacturer": "Silicon Labs\n", "product": "CP2102 USB to UART Bridge Controller\n", "serial": serial} {
		f.put(at+"/"+name, text)
	}
	at += "/" + plugs[len(plugs)-1] + ":1.0"
	f.in("usb", at)
	f.put(at+"/bInterfaceNumber", "00\n")
	if strings.HasPrefix(tty, "ttyUSB") {
		at += "/" + tty
		f.in("usb-serial", at)
		f.put(at+"/port_number", "0\n")
	}
	f.put("/dev/"+tty, "")
	f.to("/sys/class/tty/"+tty+"/device", at)
}

func (f files) settle() map[string]string {
	f.t.Helper()
	if err := Settle(Config{UID: os.Getuid(), GID: os.Getgid(), Root: f.root}, slog.New(slog.DiscardHandler)); err != nil {
		f.t.Error(err)
	}
	return f.links()
}

func (f files) want(what string, got, want map[string]string) {
	f.t.Helper()
	if !maps.Equal(got, want) {
		f.t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

const cp2102 = "/dev/serial/by-id/usb-Silicon_Labs_CP2102_USB_to_UART_Bridge_Controller_"

func TestSerialNames(t *testing.T) {
	f := newFiles(t)
	f.plug(f.pi3Bus(), "ttyUSB0", "0001\n", "1-1", "1-1.2")
	f.plug(f.pi4Bus(), "ttyACM0", "0002\n", "1-1", "1-1.3")
	want := map[string]string{
		"/dev/serial/by-path/platform-3f980000.usb-usb-0:1.2:1.0-port0":             "/dev/ttyUSB0",
		cp2102 + "0001-if00-port0":                                                  "/dev/ttyUSB0",
		"/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0": "/dev/ttyACM0",
		cp2102 + "0002-if00":                                                        "/dev/ttyACM0",
	}
	f.want("plugged in", f.settle(), want)
	if to, err := os.Readlink(f.path(cp2102 + "0002-if00")); to != "../../ttyACM0" {
		t.Errorf("leads to %s, %v", to, err)
	}
	f.remove("/dev/ttyACM0")
	delete(want, cp2102+"0002-if00")
	delete(want, "/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0")
	f.want("unplugged", f.settle(), want)
}

func TestTwinsKeepTheirNames(t *testing.T) {
	f := newFiles(t)
	bus := f.pi3Bus()
	name := cp2102 + "0001-if00-port0"
	f.plug(bus, "ttyUSB1", "0001\n", "1-2")
	if got := f.settle()[name]; got != "/dev/ttyUSB1" {
		t.Fatal(got)
	}
	f.plug(bus, "ttyUSB0", "0001\n", "1-3")
	if got := f.settle(); got[name] != "/dev/ttyUSB1" || len(got) != 3 {
		t.Errorf("a twin took the name: %v", got)
	}
	f.remove("/dev/ttyUSB1")
	if got := f.settle(); got[name] != "/dev/ttyUSB0" || len(got) != 2 {
		t.Errorf("the name was not inherited: %v", got)
	}
}

// TestSerialAlias has a Pi 3: the mini UART on the header, the other at Bluetooth.
func TestSerialAlias(t *testing.T) {
	f := newFiles(t)
	f.put("/proc/device-tree/compatible", "raspberrypi,3-model-b\x00brcm,bcm2837\x00")
	f.put(aliases+"serial0", "/soc/serial@7e215040\x00")
	f.put(aliases+"bluetooth", "/soc/serial@7e201000/bluetooth\x00")
	const soc = "/sys/devices/platform/soc/"
	for tty, uart := range map[string]string{"ttyS0": "3f215040.serial", "ttyAMA0": "3f201000.serial"} {
		f.put("/dev/"+tty, "")
		f.to(soc+uart+"/of_node", "/sys/firmware/devicetree/base/soc/serial@7e"+uart[2:8])
		f.to("/sys/class/tty/"+tty+"/device", soc+uart+"/"+uart+":0/"+uart+":0.0") // as kernels since 6.6 have it
	}
	want := map[string]string{"/dev/serial0": "/dev/ttyS0", "/dev/serial1": "/dev/ttyAMA0"}
	f.want("a Pi 3", f.settle(), want)
	f.put("/proc/device-tree/compatible", "linux,dummy-virt\x00")
	f.want("another board", f.settle(), map[string]string{})
}

func TestNodesForTheGateway(t *testing.T) {
	f := newFiles(t)
	f.put("/sys/class/tty/console/active", "tty1 ttyAMA0\n")
	ours := []string{"/dev/spidev0.0", "/dev/gpiochip0", "/dev/i2c-1", "/dev/ttyS0"}
	others := []string{"/dev/ttyAMA0", "/dev/watchdog", "/dev/tty1", "/dev/mmcblk0", "/dev/mem"}
	for _, p := range append(ours, others...) {
		f.put(p, "")
		if err := os.Chmod(f.path(p), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.settle()
	mode := func(p string) os.FileMode {
		i, err := os.Stat(f.path(p))
		if err != nil {
			t.Fatal(err)
		}
		return i.Mode().Perm()
	}
	for _, p := range ours {
		if mode(p) != 0o660 {
			t.Errorf("%s was not given: %v", p, mode(p))
		}
	}
	for _, p := range others {
		if mode(p) != 0o600 {
			t.Errorf("%s was given: %v", p, mode(p))
		}
	}
}

func TestAnEmptySystem(t *testing.T) {
	f := newFiles(t)
	f.want("nothing", f.settle(), map[string]string{})
	f.put("/dev/ttyUSB0", "") // a node whose device is gone from sysfs
	f.want("a node without a device", f.settle(), map[string]string{})
}
