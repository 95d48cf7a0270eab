package rnode

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"packhorse/radio/phy"
)

// memory is what stands in a board of this product and model.
func memory(product, model byte) []byte {
	rom := make([]byte, romOctets)
	copy(rom, []byte{product, model, 2, 0, 0, 0x12, 0xC0})
	rom[romLocked] = romSet
	return rom
}

func TestInfoFromTheBoardsMemory(t *testing.T) {
	stored := memory(0xC1, 0xCA)
	stored[romStored] = romSet
	blank := memory(0xC1, 0xCA)
	blank[romLocked] = 0xFF
	for _, c := range []struct {
		name string
		rom  []byte
		want Info
		text string
	}{
		{"a Heltec", memory(0xC1, 0xCA), Info{1, 86, 0x80, 0x81, 0xC1, 0xCA, 2, 0x12C0, false}, "RNode firmware 1.86 (ESP32, Heltec LoRa32 v3)"},
		{"with a setting of its own", stored, Info{1, 86, 0x80, 0x81, 0xC1, 0xCA, 2, 0x12C0, true}, "RNode firmware 1.86 (ESP32, Heltec LoRa32 v3)"},
		{"not set up", blank, Info{1, 86, 0x80, 0x81, 0, 0, 0, 0, false}, "RNode firmware 1.86 (ESP32)"},
		{"cut short", memory(0xC1, 0xCA)[:100], Info{1, 86, 0x80, 0x81, 0, 0, 0, 0, false}, "RNode firmware 1.86 (ESP32)"},
		{"no answer", nil, Info{1, 86, 0x80, 0x81, 0, 0, 0, 0, false}, "RNode firmware 1.86 (ESP32)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m, err := Open(context.Background(), wire(&fake{rom: c.rom}), Opts{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if got := m.Info(); got != c.want || got.String() != c.text {
				t.Errorf("%s: got %+v (%s), want %+v", c.name, got, got, c.want)
			}
			if got := m.Capabilities().Reconfigurable; got == c.want.Stored {
				t.Errorf("%s: reconfigurable is %v", c.name, got)
			}
		})
	}
}

func TestBoardsRefuseWhatTheyCannot(t *testing.T) {
	sf := func(n uint8) phy.Modulation { m := testMod; m.SpreadingFactor = n; return m }
	low := testMod
	low.FrequencyHz = 434_000_000
	for _, c := range []struct {
		name  string
		info  Info
		mod   phy.Modulation
		power int
		want  string // "": taken
	}{
		{"SX1262", Info{Product: 0xC1, Model: 0xCA}, sf(5), 22, ""},
		{"more than its power", Info{Product: 0xC1, Model: 0xCA}, sf(7), 23, "at most 22 dBm"},
		{"with an amplifier", Info{Model: 0xC8}, sf(7), 28, ""},
		{"SX1276", Info{Product: 0xE0, Model: 0xE9}, sf(7), 17, ""},
		{"SX1276 at SF6", Info{Product: 0xE0, Model: 0xE9}, sf(6), 17, "SF6: the SX1276/78 of"},
		{"SX1276 at 22 dBm", Info{Product: 0xE0, Model: 0xE9}, sf(7), 22, "LilyGO T-Beam) gives at most 17 dBm"},
		{"SX1276 at 1 dBm", Info{Model: 0xE9}, sf(7), 1, "at least 2 dBm"},
		{"the other pin of an SX1278", Info{Model: 0xA4}, low, 15, "at most 14 dBm"},
		{"wrong band", Info{Model: 0xE4}, sf(7), 17, "made for 410 to 525 MHz, not for 869.525 MHz"},
		{"2.4 GHz", Info{Model: 0xAC}, sf(7), 10, "SX1280"},
		{"unknown", Info{Platform: platformESP32, Model: 0xFE}, sf(7), 37, ""},
		{"unknown at SF5", Info{Platform: platformESP32, Model: 0xFE}, sf(5), 17, "nobody knows"},
		{"AVR at SF5", Info{Platform: platformAVR, Model: 0xFE}, sf(5), 17, "cannot do it"},
	} {
		err := c.info.able(c.mod, c.power)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestConfigureAsksWhatTheBoardCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := Open(context.Background(), wire(&fake{rom: memory(0xE0, 0xE9)}), Opts{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Configure(context.Background(), testMod, 22); err == nil || !strings.Contains(err.Error(), "17 dBm") {
			t.Errorf("got %v", err)
		}
	})
}

// A firmware with a stored setting echoes changes and makes none until its radio is switched off and on.
func TestModemWithAStoredSettingIsSetAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rom := memory(0xC1, 0xCA)
		rom[romStored] = romSet
		f := &fake{rom: rom}
		m := open(t, f, Opts{})
		defer m.Close()
		before := len(f.commands)
		next := testMod
		next.SpreadingFactor = 9
		if err := m.Configure(context.Background(), next, 17); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := f.commands[before]; got != cmdState || f.hears[before][0] != stateOff {
			t.Errorf("first command %02X % x, want the radio off", got, f.hears[before])
		}
	})
}

// The firmware's own arithmetic, in its single precision (updateBitrate in Utilities.h), never makes a preamble longer
// than phy counts.
func TestPreamblesAreTheFirmwares(t *testing.T) {
	for _, hz := range []uint32{7_812, 10_416, 15_625, 20_833, 31_250, 41_666, 62_500, 125_000, 250_000, 500_000} {
		for sf := uint8(5); sf <= 12; sf++ {
			for cr := uint8(5); cr <= 8; cr++ {
				mod := phy.RNodeModulation(phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: hz, SpreadingFactor: sf, CodingRate: cr})
				if got := firmwarePreamble(bandwidthName(hz), sf, cr); got != mod.PreambleSymbols {
					t.Errorf("SF%d %d Hz 4/%d: the firmware takes %d symbols, phy %d", sf, hz, cr, got, mod.PreambleSymbols)
				}
			}
		}
	}
}

func firmwarePreamble(bandwidth uint32, sf, cr uint8) uint16 {
	rate := float32(bandwidth) / float32(math.Pow(2, float64(sf)))
	symbol := float32(1.0 / float64(rate) * 1000)
	bps := uint32(float64(sf) * (4 / float64(cr) / (math.Pow(2, float64(sf)) / (float64(bandwidth) / 1000))) * 1000)
	target := float32(24)
	if bps > 30_000 {
		target -= 18
	}
	if target /= symbol; target < 18 {
		return 18
	}
	return uint16(math.Ceil(float64(target)))
}
