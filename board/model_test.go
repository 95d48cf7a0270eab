package board

import (
	"fmt"
	"runtime"
	"testing"
)

func TestModels(t *testing.T) {
	for _, c := range []struct {
		tree         map[string]string
		name, header string
		filters      string
		bluetooth    bool
	}{
		{zeroW, "Raspberry Pi Zero W Rev 1.1", "pinctrl-bcm2835", "[pi0 pi0w]", true},
		{zero2, "Raspberry Pi Zero 2 W Rev 1.0", "pinctrl-bcm2835", "[pi0 pi0w pi02]", true},
		{pi3, "Raspberry Pi 3 Model B Plus Rev 1.3", "pinctrl-bcm2835", "[pi3 pi3+]", true},
		{pi4, "Raspberry Pi 4 Model B Rev 1.4", "pinctrl-bcm2711", "[pi4]", true},
		{pi5, "Raspberry Pi 5 Model B Rev 1.0", "pinctrl-rp1", "[pi5]", false},
		{pi("x", "raspberrypi,model-b", "brcm,bcm2835"), "x", "pinctrl-bcm2835", "[pi1]", false},
		{pi("x", "raspberrypi,model-zero", "brcm,bcm2835"), "x", "pinctrl-bcm2835", "[pi0]", false},
		{pi("x", "raspberrypi,4-compute-module", "brcm,bcm2711"), "x", "pinctrl-bcm2711", "[pi4 cm4]", true},
		{orange, "Xunlong Orange Pi Zero3", "", "[]", false},
		{pc, "LENOVO 20L5", "", "[]", false},
		{nil, "", "", "[]", false},
	} {
		m := tree(t, c.tree).Model()
		if m.Name != c.name || m.HeaderChip() != c.header || fmt.Sprint(m.filters()) != c.filters || m.bluetoothTakesUART() != c.bluetooth {
			t.Errorf("got %+v, header %s, filters %v, Bluetooth %v; want %+v", m, m.HeaderChip(), m.filters(), m.bluetoothTakesUART(), c)
		}
	}
	want := Model{Name: "Raspberry Pi 4 Model B Rev 1.4", Compatible: "raspberrypi,4-model-b", SoC: "bcm2711", CPU: runtime.GOARCH, Cores: 2,
		RAMBytes: 439012 << 10, Kernel: "6.12.47+rpt-rpi-v8", OS: "Debian GNU/Linux 13 (trixie)"}
	if got := tree(t, pi4).Model(); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if m := tree(t, pc).Model(); m.CPU != "Some CPU @ 1.80GHz" || m.RaspberryPi() {
		t.Errorf("PC: got %+v", m)
	}
	if m := tree(t, orange).Model(); m.OS != "Armbian 24.8 bookworm" || m.SoC != "sun50i-h618" {
		t.Errorf("Orange Pi: got %+v", m)
	}
}

func TestHATIsKnownByItsEEPROM(t *testing.T) {
	for product, want := range map[string]string{"MeshAdv Mini": "[meshadv-mini]", "meshadv-pi ": "[meshadv-pi]", "POWERPI": "[meshadv-pi]",
		"RAK6421-13300-S2": "[rak6421-13300-slot2]", "Sense HAT": "[]", "": "[]"} {
		h := tree(t, pi4, map[string]string{"/proc/device-tree/hat/product": product + "\x00", "/proc/device-tree/hat/vendor": "Somebody\x00", "/proc/device-tree/hat/product_id": "0x0001\x00"})
		hat := h.HAT()
		got := []string{}
		for _, p := range hat.Known(builtIn(t)) {
			got = append(got, p.Name)
		}
		if fmt.Sprint(got) != want || hat.Vendor != "Somebody" || hat.ProductID != "0x0001" {
			t.Errorf("%q: got %v of %+v, want %s", product, got, hat, want)
		}
	}
	if hat := tree(t, pi4).HAT(); hat != (HAT{}) || hat.Known(builtIn(t)) != nil {
		t.Errorf("no EEPROM: got %+v", hat)
	}
	p := &Profile{Match: []HATMatch{{Vendor: "Me", Product: "X"}}}
	if p.matches(HAT{Vendor: "You", Product: "X"}) || !p.matches(HAT{Vendor: "ME", Product: "x"}) {
		t.Error("the vendor counts where it is given")
	}
}
