package board

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree is a computer made of files. A content that begins with "-> " is a link.
func tree(t testing.TB, files ...map[string]string) Host {
	t.Helper()
	h := Host{Root: t.TempDir(), Access: func(string) error { return nil }}
	for _, set := range files {
		for path, text := range set {
			full := h.path(path)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			var err error
			if target, link := strings.CutPrefix(text, "-> "); link {
				err = os.Symlink(target, full)
			} else {
				err = os.WriteFile(full, []byte(text), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

// pi is the tree of a Raspberry Pi: its name, and the names of its device tree.
func pi(name string, compatible ...string) map[string]string {
	return map[string]string{
		"/proc/device-tree/model":                 name + "\x00",
		"/proc/device-tree/compatible":            strings.Join(compatible, "\x00") + "\x00",
		"/proc/sys/kernel/osrelease":              "6.12.47+rpt-rpi-v8\n",
		"/proc/cpuinfo":                           "processor\t: 0\nBogoMIPS\t: 38.40\n\nprocessor\t: 1\nBogoMIPS\t: 38.40\n",
		"/proc/meminfo":                           "MemTotal:         439012 kB\nMemFree:          12 kB\n",
		"/etc/os-release":                         "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n",
		"/boot/firmware/config.txt":               "dtparam=spi=on\n",
		"/boot/firmware/cmdline.txt":              "console=tty1 root=PARTUUID=1-02 rootwait\n",
		"/dev/spidev0.0":                          "",
		"/dev/spidev0.1":                          "",
		"/sys/class/hwmon/hwmon1/name":            "rpi_volt\n",
		"/sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
		"/sys/class/thermal/thermal_zone0/type":   "cpu-thermal\n",
		"/sys/class/thermal/thermal_zone0/temp":   "48312\n",
	}
}

var (
	zeroW  = pi("Raspberry Pi Zero W Rev 1.1", "raspberrypi,model-zero-w", "brcm,bcm2835")
	zero2  = pi("Raspberry Pi Zero 2 W Rev 1.0", "raspberrypi,model-zero-2-w", "brcm,bcm2837")
	pi3    = pi("Raspberry Pi 3 Model B Plus Rev 1.3", "raspberrypi,3-model-b-plus", "brcm,bcm2837")
	pi4    = pi("Raspberry Pi 4 Model B Rev 1.4", "raspberrypi,4-model-b", "brcm,bcm2711")
	pi5    = pi("Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b", "brcm,bcm2712")
	orange = map[string]string{"/proc/device-tree/model": "Xunlong Orange Pi Zero3\x00", "/proc/device-tree/compatible": "xunlong,orangepi-zero3\x00allwinner,sun50i-h618\x00",
		"/proc/sys/kernel/osrelease": "6.6.44-current-sunxi64\n", "/etc/os-release": "PRETTY_NAME='Armbian 24.8 bookworm'\n", "/proc/meminfo": "MemTotal: 1000000 kB\n"}
	pc = map[string]string{"/sys/class/dmi/id/sys_vendor": "LENOVO\n", "/sys/class/dmi/id/product_name": "20L5\n", "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
		"/proc/cpuinfo": "processor\t: 0\nmodel name\t: Some CPU @ 1.80GHz\n", "/proc/meminfo": "MemTotal: 8000000 kB\n"}
)

// header is the GPIO chip of a Raspberry Pi; old kernels name the lines of the SPI bus by that.
func header(label string, old bool) GPIOChip {
	c := GPIOChip{Path: "/dev/gpiochip0", Label: label, Lines: make([]GPIOLine, 54)}
	for i := range c.Lines {
		c.Lines[i].Name = "GPIO" + itoa(i)
	}
	c.Lines[0].Name, c.Lines[1].Name = "ID_SDA", "ID_SCL"
	if old {
		c.Lines[7].Name, c.Lines[8].Name, c.Lines[25].Name = "SPI_CE1_N", "SPI_CE0_N", ""
	}
	c.Lines[8].Used, c.Lines[8].Consumer = true, "spi0 CS0"
	c.Lines[7].Used, c.Lines[7].Consumer = true, "spi0 CS1"
	return c
}

func itoa(n int) string {
	return strings.TrimPrefix(string(rune('0'+n/10)), "0") + string(rune('0'+n%10))
}
