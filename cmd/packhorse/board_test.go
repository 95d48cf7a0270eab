package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"periph.io/x/conn/v3/spi"

	"packhorse/board"
	"packhorse/board/sim"
	"packhorse/gateway/pki"
)

// direct runs one command with what stands in for the computer.
func direct(b *bench, make func(*app) *cobra.Command, args ...string) int {
	var out, errs strings.Builder
	a := &app{out: &out, err: &errs, getenv: func(k string) string { return b.env[k] }}
	c := make(a)
	c.SilenceErrors, c.SilenceUsage = true, true
	c.Flags().BoolVar(&a.json, "json", false, "")
	c.SetArgs(append([]string{}, args...))
	code := a.fail(c.Execute())
	b.out, b.err = out.String(), errs.String()
	return code
}

// scan runs board probe; the boards that are named have these chips, all others find their bus missing.
func scan(t *testing.T, b *bench, chips map[string]spi.PortCloser, args ...string) int {
	t.Helper()
	open := func(p *board.Profile) (*board.Hardware, error) {
		if c := chips[p.Name]; c != nil {
			return &board.Hardware{Profile: p, SPI: c}, nil
		}
		return nil, fmt.Errorf("%s: %w", p.Name, &board.DeviceError{What: "there is no " + p.SPI.Device, Fix: "SPI is not enabled: add dtparam=spi=on to config.txt", Err: os.ErrNotExist})
	}
	return direct(b, func(a *app) *cobra.Command { return a.boardProbe(nil, open) }, args...)
}

// showSerial runs board serial on a computer with something in every field.
func showSerial(t *testing.T, b *bench, args ...string) int {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{"proc/device-tree/compatible": "raspberrypi,4-model-b\x00brcm,bcm2711\x00", "sys/class/tty/console/active": "ttyS0",
		"dev/ttyS0": "", "dev/ttyUSB0": "", "sys/devices/usb1/idVendor": "10c4", "sys/devices/usb1/idProduct": "ea60", "sys/devices/usb1/product": "CP2102",
		"sys/devices/usb1/if0/dev": "", "sys/class/tty/ttyUSB0/uevent": ""} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../../devices/usb1/if0", filepath.Join(root, "sys/class/tty/ttyUSB0/device")); err != nil {
		t.Fatal(err)
	}
	return direct(b, func(a *app) *cobra.Command { return a.boardSerial(board.Host{Root: root}) }, args...)
}

func TestBoardSerialTellsWhatIsBehindAPort(t *testing.T) {
	b := newBench(t, nil)
	if code := showSerial(t, b); code != 0 || b.out != "/dev/ttyUSB0  /dev/ttyUSB0  10c4:ea60  CP2102  likely rnode, meshtastic, sik\n/dev/ttyS0  /dev/ttyS0  mini UART  held by console\n" ||
		!strings.Contains(b.err, "/dev/ttyS0 is held by the console; fix: sudo raspi-config") {
		t.Errorf("got %d\n%s%s", code, b.out, b.err)
	}
}

func TestBoardProbeFindsTheBoardOrSaysWhy(t *testing.T) {
	b := newBench(t, nil)
	if code := scan(t, b, map[string]spi.PortCloser{"uputronics-ce0": sim.NewSX127x(0x12)}); code != 0 || !strings.HasPrefix(b.out, "ok    uputronics-ce0: SX1276") {
		t.Errorf("one: got exit %d, %q", code, b.out)
	}
	if code := scan(t, b, map[string]spi.PortCloser{"uputronics-ce0": sim.NewSX127x(0x12), "uputronics-ce1": sim.NewSX127x(0x12)}); code != 6 || !strings.Contains(b.out, "fix: more than one board answers alike") {
		t.Errorf("two: got exit %d, %q", code, b.out)
	}
	if code := scan(t, b, nil); code != 6 || !strings.Contains(b.out, "fail  no radio board answers") || !strings.Contains(b.out, "fix: ") || !strings.Contains(b.out, "dtparam=spi=on") ||
		!strings.Contains(b.err, "\ndragino-lora-gps: there is no /dev/spidev0.0: SPI") {
		t.Errorf("none: got exit %d, %q", code, b.out)
	}
	if code := scan(t, b, map[string]spi.PortCloser{"uputronics-ce1": sim.NewSX127x(0x12)}, "uputronics-ce0"); code != 6 || strings.Contains(b.err, "ce1") {
		t.Errorf("one that is not there: got exit %d, %q", code, b.out)
	}
	if code := scan(t, b, nil, "nosuch"); code != 2 || !strings.Contains(b.err, "zebrahat-1w") {
		t.Errorf("unknown: got exit %d, %q", code, b.err)
	}
}

func TestBoardListHasTheUsersOwn(t *testing.T) {
	b := newBench(t, nil)
	dir := filepath.Join(b.dir, "boards.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b.env["PACKHORSE_CONFIG"] = filepath.Join(b.dir, "packhorse.toml")
	own := "name = \"mine\"\ntitle = \"Mine\"\nsource = \"me\"\n[radio]\nkind = \"ebyte\"\nchip = \"e32\"\nmax_chip_dbm = 20\n[uart]\ndevice = \"/dev/ttyUSB0\"\n"
	put := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "mine.toml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(own)
	list := func(a *app) *cobra.Command { return a.boardList() }
	if code := direct(b, list); code != 0 || !strings.Contains(b.out, "your own") || !strings.Contains(b.out, "waveshare-sx1262-spi") || !strings.Contains(b.out, "30 dBm") {
		t.Errorf("got %d\n%s%s", code, b.out, b.err)
	}
	put(own + "nosuch = 1\n")
	if code := direct(b, list); code != 2 || !strings.Contains(b.err, `mine.toml:10: unknown key "uart.nosuch"`) || !strings.Contains(b.err, "docs/BOARDS.md") {
		t.Errorf("a mistake: got %d, %q", code, b.err)
	}
}

func TestBoardTellsWhichComputerThisIs(t *testing.T) {
	b := newBench(t, nil)
	b.want(0, []string{"computer ", "system ", "Linux", "spi ", "gpio "}, "board")
}

func TestClockQualityOfTheBoard(t *testing.T) {
	for _, c := range []struct {
		q       board.ClockQuality
		trusted bool
		want    pki.Quality
	}{{board.ClockNone, true, pki.ClockNone}, {board.ClockSet, false, pki.ClockNeighbour}, {board.ClockSet, true, pki.ClockNTP}, {board.ClockNTP, false, pki.ClockNTP},
		{board.ClockGPS, false, pki.ClockGPS}, {board.ClockRTC, false, pki.ClockRTC}} {
		if got := qualityOf(c.q, c.trusted); got != c.want {
			t.Errorf("%v, trusted %v: got %v, want %v", c.q, c.trusted, got, c.want)
		}
	}
}
