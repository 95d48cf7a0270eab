package board

import (
	"fmt"
	"testing"
)

// usb is a serial port on USB: its sysfs directories and device nodes.
func usb(tty, id, vendor, product, maker, name string) map[string]string {
	dev := "/sys/devices/platform/usb1/1-1/1-1.2"
	return map[string]string{
		dev + "/idVendor": vendor + "\n", dev + "/idProduct": product + "\n", dev + "/manufacturer": maker + "\n", dev + "/product": name + "\n",
		dev + "/1-1.2:1.0/" + tty + "/dev":  "188:0\n",
		"/sys/class/tty/" + tty + "/device": "-> ../../../devices/platform/usb1/1-1/1-1.2/1-1.2:1.0/" + tty,
		"/dev/" + tty:                       "",
		"/dev/serial/by-id/" + id:           "-> ../../" + tty,
	}
}

func TestWhatIsLikelyBehindAPort(t *testing.T) {
	for _, c := range []struct{ vendor, product, name, want string }{
		{"10c4", "ea60", "CP2102 USB to UART Bridge Controller", "[rnode meshtastic sik]"},
		{"1a86", "55d4", "USB Single Serial", "[rnode meshtastic]"},
		{"303a", "1001", "USB JTAG/serial debug unit", "[rnode meshtastic]"},
		{"0403", "6015", "FT230X Basic UART", "[sik rnode]"},
		{"1546", "01a8", "u-blox GNSS receiver", "[gps]"},
		{"0403", "6015", "RNode v2", "[rnode]"},
		{"ffff", "0001", "Something", "[]"},
	} {
		got := tree(t, usb("ttyUSB0", "usb-x", c.vendor, c.product, "Maker", c.name)).SerialPorts()
		if len(got) != 1 || got[0].Path != "/dev/serial/by-id/usb-x" || got[0].Device != "/dev/ttyUSB0" || got[0].USB != c.vendor+":"+c.product ||
			got[0].Name != "Maker "+c.name || fmt.Sprint(got[0].Likely) != c.want || got[0].HeldBy != "" {
			t.Errorf("%s: got %+v, want %s", c.name, got, c.want)
		}
	}
}

func TestWhoHasTheUARTs(t *testing.T) {
	for name, c := range map[string]struct {
		trees []map[string]string
		want  string
	}{
		"Pi 4 as it comes": {[]map[string]string{pi4, {"/dev/ttyS0": "", "/dev/ttyAMA0": "", "/dev/serial0": "-> ttyS0"}},
			"/dev/serial0 mini UART []; /dev/ttyAMA0 full UART (PL011) [bluetooth]; "},
		"Pi 4 with a console": {[]map[string]string{pi4, {"/dev/ttyS0": "", "/dev/serial0": "-> ttyS0", "/sys/class/tty/console/active": "tty1 ttyS0\n"}},
			"/dev/serial0 mini UART [console]; "},
		"console of the command line": {[]map[string]string{zeroW, {"/dev/ttyAMA0": "", "/dev/serial0": "-> ttyAMA0", "/proc/cmdline": "console=serial0,115200 console=tty1\n"}},
			"/dev/serial0 full UART (PL011) [console]; "},
		"no Bluetooth": {[]map[string]string{pi3, {"/boot/config.txt": "dtoverlay=disable-bt", "/dev/ttyAMA0": "", "/dev/serial0": "-> ttyAMA0"}},
			"/dev/serial0 full UART (PL011) [bluetooth]; "}, // /boot/firmware/config.txt counts, and lacks it
		"Pi 5": {[]map[string]string{pi5, {"/dev/ttyAMA10": "", "/dev/ttyAMA0": "", "/dev/serial0": "-> ttyAMA10"}},
			"/dev/serial0 UART of the debug connector []; /dev/ttyAMA0 full UART (PL011) []; "},
		"PC": {[]map[string]string{pc, {"/dev/ttyS0": ""}}, ""},
	} {
		got := ""
		for _, p := range tree(t, c.trees...).SerialPorts() {
			got += fmt.Sprintf("%s %s [%s]; ", p.Path, p.Name, p.HeldBy)
			if (p.HeldBy == "") != (p.Fix == "") {
				t.Errorf("%s: got %+v", name, p)
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	h := tree(t, pi3, map[string]string{"/dev/ttyAMA0": "", "/dev/serial0": "-> ttyAMA0"})
	put(&h, "/boot/firmware/config.txt", "dtoverlay=disable-bt\n")
	if got := h.SerialPorts(); len(got) != 1 || got[0].HeldBy != "" {
		t.Errorf("Bluetooth off: got %+v", got)
	}
}
