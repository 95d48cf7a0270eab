package board

import (
	"errors"
	"strings"
	"testing"

	"packhorse/board/sim"
)

func TestProbeNamesTheChip(t *testing.T) {
	for version, want := range map[byte]string{0x12: "SX1276", 0x22: "SX1272", 0x11: "SX1276 family", 0x13: "SX1276 family"} {
		got, err := Probe(sim.NewSX127x(version))
		if err != nil || !strings.HasPrefix(got.Name, want) || got.Version != version {
			t.Errorf("%02x: got %+v, %v, want %s", version, got, err, want)
		}
	}
}

func TestProbeNamesTheWrongWire(t *testing.T) {
	for _, c := range []struct {
		fault   sim.Fault
		version byte
		says    []string
	}{
		{sim.MISOLow, 0x12, []string{"MISO stays low", "3.3 V", "dtparam=spi=on"}},
		{sim.MISOHigh, 0x12, []string{"MISO stays high", "chip-select"}},
		{sim.MISONoise, 0x12, []string{"two readings differ", "ground"}},
		{sim.Healthy, 0x58, []string{"no SX127x"}},
	} {
		chip := sim.NewSX127x(c.version)
		chip.Break(c.fault)
		_, err := Probe(chip)
		var wiring *WiringError
		if !errors.As(err, &wiring) {
			t.Errorf("fault %d: got %v, want a WiringError", c.fault, err)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("fault %d: got %q, want it to say %q", c.fault, err, s)
			}
		}
	}
}

func TestProbeOfAPortInUse(t *testing.T) {
	chip := sim.NewSX127x(0x12)
	if _, err := Probe(chip); err != nil {
		t.Fatal(err)
	}
	if _, err := Probe(chip); err == nil || !strings.Contains(err.Error(), "sim-sx127x") {
		t.Errorf("got %v, want an error naming the port", err)
	}
}
