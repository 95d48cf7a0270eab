package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"periph.io/x/conn/v3/spi"
)

func TestLinesAreFoundByNameOffsetOrNumber(t *testing.T) {
	rp1 := []GPIOChip{header("pinctrl-rp1", false), {Label: "gpio-brcmstb@107d508500", Lines: []GPIOLine{{Name: "2712_WAKE"}}}}
	old := []GPIOChip{header("pinctrl-bcm2835", true), {Label: "raspberrypi-exp-gpio", Lines: make([]GPIOLine, 8)}}
	unnamed := []GPIOChip{{Label: "300b000.pinctrl", Lines: make([]GPIOLine, 288)}}
	for _, c := range []struct {
		chips        []GPIOChip
		ref          PinRef
		header       string
		chip, offset int
		says         string
	}{
		{rp1, "GPIO25", "pinctrl-rp1", 0, 25, ""},
		{rp1, "2712_WAKE", "pinctrl-rp1", 1, 0, ""},
		{rp1, "pinctrl-rp1:17", "", 0, 17, ""},
		{rp1, "pinctrl-rp1:GPIO17", "", 0, 17, ""},
		{old, "GPIO7", "pinctrl-bcm2835", 0, 7, ""},
		{old, "GPIO25", "pinctrl-bcm2835", 0, 25, ""},
		{old, "pinctrl-bcm2835:GPIO25", "pinctrl-bcm2835", 0, 25, ""},
		{old, "raspberrypi-exp-gpio:7", "", 1, 7, ""},
		{unnamed, "300b000.pinctrl:75", "", 0, 75, ""},
		{old, "GPIO25", "", 0, 0, "there is no GPIO line GPIO25"},
		{unnamed, "GPIO25", "", 0, 0, `the chips are 300b000.pinctrl; name the line as "300b000.pinctrl:OFFSET"`},
		{rp1, "pinctrl-rp1:54", "", 0, 0, "has the lines 0 to 53"},
		{rp1, "GPIO99", "pinctrl-rp1", 0, 0, "no GPIO line GPIO99"},
		{nil, "GPIO25", "pinctrl-rp1", 0, 0, "CHIP:OFFSET"},
		{rp1, "25", "", 0, 0, `write "GPIO25"`},
	} {
		chip, offset, err := locate(c.chips, c.ref, c.header)
		if c.says == "" && (err != nil || chip != c.chip || offset != c.offset) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %d, %d, %v, want %+v", c.ref, chip, offset, err, c)
		}
	}
}

func TestWhoHoldsALine(t *testing.T) {
	for _, c := range []struct{ consumer, holder, fix string }{
		{fmt.Sprintf("packhorse@%d", os.Getpid()), "", ""},
		{"packhorse@1", "packhorse@1", "another packhorse uses it: stop process 1"},
		{"meshtasticd@812", "meshtasticd@812", "systemctl disable --now meshtasticd, or kill 812"},
		{"meshtastic", "meshtastic", "meshtasticd"},
		{"spi0 CS0", "spi0 CS0", "leave pins.select out"},
		{"", "another program", "overlay"},
	} {
		who := heldBy(GPIOLine{Used: true, Consumer: c.consumer})
		if who != c.holder || who != "" && !strings.Contains((&HeldError{"GPIO25", who}).Error(), c.fix) {
			t.Errorf("%q: got %q, %v", c.consumer, who, &HeldError{"GPIO25", who})
		}
	}
	if heldBy(GPIOLine{Consumer: "left over"}) != "" {
		t.Error("a line that is not used is free")
	}
}

func TestPinErrorsSayWhatToDo(t *testing.T) {
	h := tree(t, pi4)
	if _, err := h.pin("GPIO25"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no /dev/gpiochip0") {
		t.Errorf("no chip: got %v", err)
	}
	h = tree(t, pi4, map[string]string{"/dev/gpiochip0": "", "/dev/gpiochip4": "-> gpiochip0"})
	if _, err := h.pin("GPIO25"); err == nil || !strings.Contains(err.Error(), "/dev/gpiochip0") {
		t.Errorf("no GPIO chip behind the node: got %v", err)
	}
	h.Chips = func() ([]GPIOChip, error) { return nil, noPermission("/dev/gpiochip0", "gpio") }
	if _, err := h.pin("GPIO25"); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "usermod -aG gpio") {
		t.Errorf("no permission: got %v", err)
	}
	chip := header("pinctrl-bcm2711", false)
	chip.Lines[25].Used, chip.Lines[25].Consumer = true, "meshtasticd@812"
	h.Chips = func() ([]GPIOChip, error) { return []GPIOChip{chip}, nil }
	var held *HeldError
	if _, err := h.pin("GPIO25"); !errors.As(err, &held) || held.By != "meshtasticd@812" {
		t.Errorf("held: got %v", err)
	}
}

func TestHardwareErrorsNameBoardAndRole(t *testing.T) {
	noPort := func(string) (spi.PortCloser, error) { return nil, errors.New("no such port") }
	p := mustFind(t, "zebrahat-1w")
	h := tree(t, pi4)
	h.Chips = func() ([]GPIOChip, error) { return []GPIOChip{header("pinctrl-bcm2711", false)}, nil }
	if _, err := h.openHardware(p, noPort); err == nil || !strings.Contains(err.Error(), "zebrahat-1w: no such port") {
		t.Errorf("got %v", err)
	}
	os.Remove(h.path("/dev/spidev0.0"))
	if _, err := h.openHardware(p, noPort); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "dtparam=spi=on") {
		t.Errorf("no bus: got %v", err)
	}
	h = tree(t, pi4)
	h.Access = func(string) error { return fs.ErrPermission }
	if _, err := h.openHardware(p, noPort); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "group spi") {
		t.Errorf("no permission: got %v", err)
	}
	h = tree(t, pi4)
	chip := header("pinctrl-bcm2711", false)
	chip.Lines[27].Used, chip.Lines[27].Consumer = true, "meshtasticd@812"
	h.Chips = func() ([]GPIOChip, error) { return []GPIOChip{chip}, nil }
	e22 := mustFind(t, "waveshare-e22-uart")
	if _, err := h.openHardware(e22, noPort); err == nil || !strings.Contains(err.Error(), "M") || !strings.Contains(err.Error(), "board:") {
		t.Errorf("got %v", err)
	}
}

// TestOneRadioIsOpenedOnce: two programs of ours on one radio would reset it under each other.
func TestOneRadioIsOpenedOnce(t *testing.T) {
	h := tree(t, pi4)
	first, err := lockDevice(h.path("/dev/spidev0.0"), "GPIO21")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDevice(h.path("/dev/spidev0.0"), "GPIO21"); !errors.Is(err, ErrDeviceBusy) {
		t.Errorf("got %v, want ErrDeviceBusy", err)
	}
	other, err := lockDevice(h.path("/dev/spidev0.0"), "GPIO25")
	if err != nil {
		t.Errorf("another chip select: %v", err)
	}
	unlockPort(other)
	unlockPort(first)
	again, err := lockDevice(h.path("/dev/spidev0.0"), "GPIO21")
	if err != nil {
		t.Error(err)
	}
	unlockPort(again)
}

// A probe of a bus disturbs the radio on its chip select, and all radios of the bus whose chip select is a line.
func TestABusIsNotProbedUnderARadio(t *testing.T) {
	h := tree(t, pi4)
	device := h.path("/dev/spidev0.0")
	for _, c := range []struct {
		device, part string
		held         bool
	}{{device, "", true}, {device, "GPIO21", true}, {h.path("/dev/spidev0.1"), "GPIO24", true}, {h.path("/dev/spidev0.1"), "", false}} {
		radio, err := lockDevice(c.device, c.part)
		if err != nil {
			t.Fatal(err)
		}
		me := fmt.Sprintf("(process %d)", os.Getpid())
		unlock, err := LockSPI(device)
		if c.held != errors.Is(err, ErrDeviceBusy) || c.held && !strings.Contains(err.Error(), me) {
			t.Errorf("%s %s: got %v, want that %s has it: %v", c.device, c.part, err, me, c.held)
		}
		if unlock != nil {
			unlock()
		}
		unlockPort(radio)
	}
	unlock, err := LockSPI(device)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDevice(device, ""); !errors.Is(err, ErrDeviceBusy) {
		t.Errorf("while it is probed: got %v", err)
	}
	unlock()
}

// A daemon's lock counts for root and for every other user.
func TestALockOfAnotherUserCounts(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	kernel := func(name string, flag int, perm fs.FileMode) (*os.File, error) {
		if _, err := os.Stat(name); err == nil && flag&os.O_CREATE != 0 {
			return nil, fs.ErrPermission // fs.protected_regular
		}
		return os.OpenFile(name, flag, perm)
	}
	for range 2 {
		f, err := openLock(name, kernel)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
}
