package board

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
)

// told is findings in short: level, subject and what.
func told(found []Finding) string {
	s := ""
	for _, f := range found {
		s += fmt.Sprintf("%s %s: %s\n", f.Level, f.Subject, f.What)
	}
	return s
}

// complete finds empty fields, which a person could not act on.
func complete(t *testing.T, found []Finding) {
	t.Helper()
	for _, f := range found {
		if f.Subject == "" || f.What == "" || (f.Fix == "") != (f.Level == OK) {
			t.Errorf("incomplete: %+v", f)
		}
	}
}

func ready(t *testing.T, label string, trees ...map[string]string) Host {
	h := tree(t, trees...)
	h.Chips = func() ([]GPIOChip, error) { return []GPIOChip{header(label, false)}, nil }
	return h
}

func TestAHealthyBoard(t *testing.T) {
	for label, model := range map[string]map[string]string{"pinctrl-bcm2835": zeroW, "pinctrl-bcm2711": pi4, "pinctrl-rp1": pi5} {
		got := ready(t, label, model).Check(mustFind(t, "zebrahat-1w"))
		complete(t, got)
		want := fmt.Sprintf("ok board: %s, 428 MiB, Debian GNU/Linux 13 (trixie), Linux 6.12.47+rpt-rpi-v8\nok hat: no EEPROM; most LoRa boards have none\n"+
			"ok overlays: /boot/firmware/config.txt has dtparam=spi=on\nok spi: /dev/spidev0.0 is there and may be used\n"+
			"ok GPIO24 (select): free, line 24 of %[2]s\nok GPIO17 (reset): free, line 17 of %[2]s\nok GPIO22 (irq): free, line 22 of %[2]s\nok GPIO27 (busy): free, line 27 of %[2]s\n"+
			"ok power: the supply holds its voltage\nok temperature: 48 °C\n", strings.TrimSuffix(model["/proc/device-tree/model"], "\x00"), label)
		if told(got) != want {
			t.Errorf("got\n%swant\n%s", told(got), want)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	held := header("pinctrl-bcm2711", false)
	held.Lines[17].Used, held.Lines[17].Consumer = true, "meshtasticd@812"
	for _, c := range []struct {
		name string
		edit func(h *Host)
		want string
		fix  string
	}{
		{"no SPI", func(h *Host) { os.Remove(h.path("/dev/spidev0.0")) }, "fail spi: there is no /dev/spidev0.0", "dtparam=spi=on"},
		{"no group", func(h *Host) {
			h.Access = func(p string) error {
				return map[bool]error{true: fs.ErrPermission}[strings.HasPrefix(p, "/dev/spi")]
			}
		}, "fail spi: this user may not use /dev/spidev0.0", "usermod -aG spi"},
		{"held", func(h *Host) { h.Chips = func() ([]GPIOChip, error) { return []GPIOChip{held}, nil } }, "fail GPIO17 (reset): held by meshtasticd@812", "systemctl disable --now meshtasticd"},
		{"other chip", func(h *Host) {
			h.Chips = func() ([]GPIOChip, error) { return []GPIOChip{{Label: "exp", Lines: make([]GPIOLine, 4)}}, nil }
		}, "fail GPIO24 (select): there is no GPIO line GPIO24", "exp:OFFSET"},
		{"no GPIO", func(h *Host) { h.Chips = nil }, "fail gpio: there is no /dev/gpiochip0", "container"},
		{"weak supply", func(h *Host) { put(h, "/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n") }, "warn power: the supply sagged", "power supply"},
		{"warm", func(h *Host) { put(h, "/sys/class/thermal/thermal_zone0/temp", "80000\n") }, "warn temperature: 80 °C", "shade"},
		{"hot", func(h *Host) { put(h, "/sys/class/thermal/thermal_zone0/temp", "85100\n") }, "fail temperature: 85 °C", "shade"},
		{"config.txt", func(h *Host) { put(h, "/boot/firmware/config.txt", "#dtparam=spi=on\n") }, "fail overlays: /boot/firmware/config.txt has dtparam=spi=on only as a comment", "[all]"},
		{"no boot partition", func(h *Host) { os.RemoveAll(h.path("/boot")) }, "warn overlays: there is neither", "mount the boot partition"},
		{"other HAT", func(h *Host) { put(h, "/proc/device-tree/hat/product", "X") }, "ok hat: X", ""},
	} {
		h := ready(t, "pinctrl-bcm2711", pi4)
		c.edit(&h)
		got := h.Check(mustFind(t, "zebrahat-1w"))
		complete(t, got)
		said := false
		for _, f := range got {
			said = said || strings.HasPrefix(told([]Finding{f}), c.want) && strings.Contains(f.Fix, c.fix)
		}
		if !said {
			t.Errorf("%s: got\n%swant %q with fix %q", c.name, told(got), c.want, c.fix)
		}
	}
}

func put(h *Host, path, text string) {
	if err := os.MkdirAll(h.path(path[:strings.LastIndexByte(path, '/')]), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(h.path(path), []byte(text), 0o644); err != nil {
		panic(err)
	}
}

func TestAHATThatIsNotTheConfiguredOne(t *testing.T) {
	h := ready(t, "pinctrl-bcm2711", pi4, map[string]string{"/proc/device-tree/hat/product": "MeshAdv Mini"})
	if got := told(h.Check(mustFind(t, "meshadv-pi"))); !strings.Contains(got, "warn hat: the EEPROM says  MeshAdv Mini, the configuration meshadv-pi") && !strings.Contains(got, "warn hat: the EEPROM says MeshAdv Mini") {
		t.Errorf("got\n%s", got)
	}
}

func TestCheckOfOtherComputers(t *testing.T) {
	for _, c := range []struct {
		tree map[string]string
		want string
	}{
		{orange, "ok board: Xunlong Orange Pi Zero3, 976 MiB, Armbian 24.8 bookworm, Linux 6.6.44-current-sunxi64\nok hat: no EEPROM; most LoRa boards have none\n"},
		{pc, "ok board: LENOVO 20L5, 7812 MiB, Linux 6.1.0-18-amd64\nok hat: no EEPROM; most LoRa boards have none\n"},
		{map[string]string{"/proc/sys/kernel/osrelease": "6.1"}, "warn board: this computer does not say what it is; it runs Linux 6.1\nok hat: no EEPROM; most LoRa boards have none\n"},
	} {
		got := tree(t, c.tree).Check(nil)
		complete(t, got)
		if told(got) != c.want {
			t.Errorf("got\n%swant\n%s", told(got), c.want)
		}
	}
	h := tree(t, orange)
	h.Chips = func() ([]GPIOChip, error) {
		return []GPIOChip{{Label: "300b000.pinctrl", Lines: make([]GPIOLine, 288)}}, nil
	}
	p, err := ParseProfile("o.toml", []byte(strings.NewReplacer("GPIO18", "300b000.pinctrl:73", "pinctrl-bcm2711:16", "300b000.pinctrl:70", "GPIO20", "300b000.pinctrl:74", "spidev0.0", "spidev1.1").Replace(good)))
	if err != nil {
		t.Fatal(err)
	}
	if got := told(h.Check(p)); !strings.Contains(got, "fail spi: there is no /dev/spidev1.1") || !strings.Contains(got, "ok 300b000.pinctrl:70 (irq): free, line 70 of 300b000.pinctrl") {
		t.Errorf("got\n%s", got)
	}
}

func TestUARTChecks(t *testing.T) {
	e22 := mustFind(t, "waveshare-e22-uart")
	for _, c := range []struct {
		name            string
		tree            map[string]string
		config, cmdline string
		want            []string
	}{
		{"ready", pi4, "enable_uart=1\ndtoverlay=disable-bt\n", "console=tty1", []string{"ok overlays: /boot/firmware/config.txt has enable_uart=1", "ok uart: the header has the full UART", "ok uart: /dev/serial0"}},
		{"console", pi4, "enable_uart=1\ndtoverlay=disable-bt\n", "console=serial0,115200 console=tty1", []string{"fail uart: /boot/firmware/cmdline.txt gives serial0 to the serial console"}},
		{"console by name", zeroW, "enable_uart=1\n", "console=ttyAMA0,115200", []string{"fail uart: /boot/firmware/cmdline.txt gives ttyAMA0"}},
		{"Bluetooth", zero2, "enable_uart=1\n", "console=tty1", []string{"warn uart: Bluetooth has the full UART"}},
		{"slow Bluetooth", pi3, "enable_uart=1\ndtoverlay=miniuart-bt\n", "", []string{"ok uart: the header has the full UART"}},
		{"off", pi4, "", "", []string{"fail overlays: /boot/firmware/config.txt lacks enable_uart=1"}},
		{"Pi 5", pi5, "enable_uart=1\n", "", []string{"fail overlays: /boot/firmware/config.txt lacks dtparam=uart0=on"}},
		{"Pi 5 ready", pi5, "dtparam=uart0=on\n", "", []string{"ok overlays: /boot/firmware/config.txt has dtparam=uart0=on"}},
	} {
		files := maps.Clone(c.tree)
		files["/boot/firmware/config.txt"], files["/boot/firmware/cmdline.txt"], files["/dev/serial0"] = c.config, c.cmdline, ""
		got := ready(t, "pinctrl-bcm2711", files).Check(e22)
		complete(t, got)
		for _, w := range c.want {
			if !strings.Contains(told(got), w) {
				t.Errorf("%s: got\n%swant %q", c.name, told(got), w)
			}
		}
		if c.name == "Pi 5 ready" && strings.Contains(told(got), "Bluetooth") {
			t.Errorf("a Raspberry Pi 5 has a UART for Bluetooth alone, got\n%s", told(got))
		}
	}
	h := ready(t, "pinctrl-bcm2711", pi4)
	if got := told(h.Check(e22)); !strings.Contains(got, "fail uart: there is no /dev/serial0") {
		t.Errorf("got\n%s", got)
	}
}

func TestOverlaysThatTakeTheChipSelect(t *testing.T) {
	for config, want := range map[string]string{
		"dtparam=spi=on\ndtoverlay=spi0-0cs\n":            "fail overlays: dtoverlay=spi0-0cs takes away",
		"dtparam=spi=on\ndtoverlay=spi0-1cs,cs0_pin=21\n": "warn overlays: dtoverlay=spi0-1cs,cs0_pin=21 moves",
		"dtparam=spi=on\ndtoverlay=spi1-3cs\n":            "fail overlays: dtoverlay=spi1-3cs takes GPIO16",
	} {
		b := BootFiles{ConfigPath: "/boot/config.txt", Config: config}
		if got := told(CheckBoot(b, Model{}, mustFind(t, "meshadv-mini"))); !strings.Contains(got, want) {
			t.Errorf("%q: got\n%s", config, got)
		}
		if got := told(CheckBoot(b, Model{}, mustFind(t, "zebrahat-1w"))); strings.Contains(got, "takes away") || strings.Contains(got, "moves") {
			t.Errorf("%q: a board with its own chip select is not concerned, got\n%s", config, got)
		}
	}
	if got := told(CheckBoot(BootFiles{ConfigPath: "/boot/config.txt", Config: "dtparam=spi"}, Model{}, nil)); got != "ok overlays: /boot/config.txt has dtparam=spi=on\n" {
		t.Errorf("got %s", got)
	}
}

func TestConfigTxt(t *testing.T) {
	text := `# comment
dtparam=i2c_arm=on,spi=on   # here too
[pi4]
dtparam=spi=off
[pi5]
enable_uart=1
[all]
dtoverlay=uart2
dtoverlay=w1-gpio
dtparam=gpiopin=4
 camera_auto_detect = 1
`
	c := ParseConfigTxt(text, tree(t, pi4).Model())
	if c.on("spi") || !c.on("i2c_arm") || c.Params["enable_uart"] != "" || c.Params["camera_auto_detect"] != "1" || c.Params["gpiopin"] != "" || fmt.Sprint(c.Overlays) != "[uart2 w1-gpio]" {
		t.Errorf("Pi 4: got %+v", c)
	}
	c = ParseConfigTxt(text, tree(t, pi5).Model())
	if !c.on("spi") || c.Params["enable_uart"] != "1" {
		t.Errorf("Pi 5: got %+v", c)
	}
	for line, want := range map[string]bool{"dtparam=spi=on": true, "dtparam=spi": true, "enable_uart=1": true, "enable_uart=0": false, "dtoverlay=uart2": true, "dtoverlay=uart2,ctsrts": false, "dtoverlay=uart3": false, "dtparam=i2c=on": false} {
		if c.Has(line) != want {
			t.Errorf("%s: got %v", line, !want)
		}
	}
}

func FuzzConfigTxt(f *testing.F) {
	f.Add("dtparam=spi=on\n[pi4]\ndtoverlay=x,y=z\n", "console=ttyS0,9600 console=tty1")
	f.Add("dtparam=a,b=1,,=\n[]\n[", "console= console=tty")
	f.Fuzz(func(t *testing.T, config, cmdline string) {
		b := BootFiles{"/c", config, "/d", cmdline}
		for _, p := range []string{"", "name"} {
			profile := &Profile{Name: p, Radio: RadioPart{Kind: KindEByte}, UART: UARTPart{Device: "/dev/serial0"}, ConfigTxt: []string{"enable_uart=1"}}
			complete(t, CheckBoot(b, Model{Compatible: "raspberrypi,4-model-b", SoC: "bcm2711"}, profile))
		}
		for _, port := range consoles(cmdline) {
			if !strings.Contains(cmdline, port) {
				t.Errorf("%q is not in %q", port, cmdline)
			}
		}
	})
}
