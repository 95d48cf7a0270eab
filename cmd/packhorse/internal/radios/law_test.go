//go:build linux

package radios

import (
	"errors"
	"strings"
	"testing"

	"packhorse/link/port"
	"packhorse/radio/phy"
	"packhorse/radio/sik"
)

func TestTheLawIsAskedOfEachKindAsItIs(t *testing.T) {
	in := func(region, more string) string {
		return "region = \"" + region + "\"\n[[radio]]\nname = \"r\"\n" + more
	}
	const port = "port = \"p\"\n"
	for _, c := range []struct {
		name, text string
		law        bool // it is the law that refuses
		says       string
	}{
		{"listening before talking", in("JP920", port), true, `kind "rnode" decides by itself`},
		{"a node of somebody's", in("JP920", port+"kind = \"meshtastic\"\npreset = \"LongMod\"\n"), true, `kind "meshtastic" decides by itself`},
		{"an amplifier too strong", in("EU868", "board = \"meshadv-pi\"\npower_dbm = 29\n"), true, "set the chip to 19 dBm or less"},
		{"an amplifier that cannot be weak", in("EU868", "board = \"meshadv-pi\"\nfrequency_hz = 868300000\nantenna_gain_dbi = 24\n"), true, "is too strong"},
		{"more than the board gives", in("EU868", "board = \"waveshare-sx1262-spi\"\npower_dbm = 25\n"), false, "no 25 dBm at the antenna socket: -9 to 22"},
		{"less than the board gives", in("EU868", "board = \"adafruit-rfm9x-bonnet\"\npower_dbm = 1\n"), false, "2 to 20"},
		{"what a chip cannot do", in("EU868", "board = \"adafruit-rfm9x-bonnet\"\nspreading_factor = 6\n"), false, "SF6"},
		{"a pair that is never silent", in("EU868", port+"kind = \"sik\"\nfrequency_hz = 868300000\n"), true, "EU868 868.0-868.6 MHz allows 1 % of the time, and a SiK radio can be held to no limit so low: use a band that allows 10 % or more"},
		{"a rate at which a pair fills its limit", in("EU868", port+"kind = \"sik\"\nbit_rate = 16000\n"), true, "sends 5.9 % of the time at 16 kbit/s with nothing to carry"},
		{"more power than its firmware can with so little duty", in("EU868", port+"kind = \"sik\"\npower_dbm = 21\n"), false, "power_dbm = 20"},
		{"less than a percent", in("EU868", port+"kind = \"sik\"\nfrequency_hz = 864000000\n"), true, "allows 0.1 %"},
		{"hops out of the band", in("EU868", port+"kind = \"sik\"\nbit_rate = 4000\nchannels = 10\nspan_hz = 400000\n"), true, "10 channels"},
		{"a rate of no SiK radio", in("EU868", port+"kind = \"sik\"\nbit_rate = 5000\n"), false, "has no 5000 bit/s"},
		{"no channel there", in("EU868", "board = \"generic-e22\"\nfrequency_hz = 869525000\n"), false, "no e22 has a channel at 869.525 MHz"},
		{"a module of another band", in("EU868", port+"kind = \"ebyte\"\nmodule = \"e22-400t22\"\nfrequency_hz = 869125000\n"), false, "no channel at 869.125"},
		{"a step that it lacks", in("EU868", "board = \"generic-e22\"\nfrequency_hz = 866125000\npower_dbm = 12\n"), false, "no 12 dBm: it takes [22 17 13 10]"},
		{"a wide band for a wide preset", in("EU868", port+"kind = \"meshtastic\"\npreset = \"LongFast\"\n"), true, "with crystal error"},
		{"no such preset", in("EU868", port+"kind = \"meshtastic\"\npreset = \"FastFast\"\n"), false, `no modem preset "FastFast"`},
		{"too slow for the dwell", in("JP920", "board = \"waveshare-sx1262-spi\"\nfrequency_hz = 925000000\nspreading_factor = 12\n"), true, "the link needs 72"},
		{"an SX1272", in("EU868", "board = \"my-sx1272\"\n"), false, "has other registers"},
	} {
		_, err := plan(t, c.text)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "radio r: ") || errors.Is(err, phy.ErrNotAllowed) != c.law {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
	}
}

func TestPowerIsThatAtTheSocket(t *testing.T) {
	for _, c := range []struct {
		name, text string
		socket     int
		chip, eirp float64
		ladder     bool
	}{
		{"the plan's behind an amplifier", onMeshAdv.text, 17, 9, 19.15, true},
		{"cable and antenna", eu + "board = \"meshadv-pi\"\nantenna_gain_dbi = 15\ncable_loss_db = 2.5\n", 16, 8, 28.5, true},
		{"no more than the module has", onE22.text, 13, 13, 15.15, false},
		{"the module's next step", strings.Replace(onE22.text, "power_dbm = 13\n", "", 1), 13, 13, 15.15, false},
		{"what a node may be set to", eu + "port = \"p\"\nkind = \"meshtastic\"\npreset = \"LongMod\"\n", 27, 27, 29.15, false},
		{"no ladder on request", eu + "port = \"p\"\nrates = \"off\"\n", 17, 17, 19.15, false},
	} {
		p, err := plan(t, c.text)
		if err != nil || p.PowerDBm != c.socket || p.Chain.ChipDBm != c.chip || p.Power().EIRPDBm() != c.eirp || len(p.Ladder) > 0 != c.ladder {
			t.Errorf("%s: got %d dBm, %v, %d settings, %v", c.name, p.PowerDBm, p.Chain, len(p.Ladder), err)
		}
		for _, s := range p.Ladder {
			if err := p.kind.can(s.Modulation, p.kind.chipDBm(s.PowerDBm)); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

func TestASiKRadioKeepsTheDutyCycleItself(t *testing.T) {
	for ppm, want := range map[uint32]int{0: 0, 100_000: 5, 1_000_000: 100} {
		o := sik.Opts{}
		if err := keepDuty(&o, 64, phy.Rule{DutyPPM: ppm}); err != nil || o.DutyPercent != want {
			t.Errorf("%d ppm: got %d %% (%v), want %d", ppm, o.DutyPercent, err, want)
		}
	}
	for _, ppm := range []uint32{1_000, 10_000, 27_777} { // it would exceed 1 % by almost as much
		if err := keepDuty(&sik.Opts{}, 64, phy.Rule{DutyPPM: ppm}); !errors.Is(err, phy.ErrNotAllowed) {
			t.Errorf("%d ppm: got %v, want a refusal", ppm, err)
		}
	}
}

func TestTheLadderLeavesOutWhatTheChipCannotDo(t *testing.T) {
	base := eu + "board = \"my-llcc68\"\n"
	p, err := plan(t, base)
	must(t, err)
	for _, s := range p.Ladder {
		if m := s.Modulation; m.BandwidthHz < 125_000 || m.BandwidthHz == 125_000 && m.SpreadingFactor > 9 {
			t.Errorf("an LLCC68 cannot do %v", m)
		}
	}
	if _, err := plan(t, base+"spreading_factor = 12\n"); err == nil || !strings.Contains(err.Error(), "use at most SF9") {
		t.Errorf("got %v, want what an LLCC68 lacks", err)
	}
}

func TestASettingSuitsTheRadio(t *testing.T) {
	listening := phy.Rule{Kind: phy.CarrierSense}
	for _, c := range []struct {
		name string
		k    kind
		s    phy.Setting
		want bool
	}{
		{"any", kind{most: 20}, phy.Setting{PowerDBm: 14}, true},
		{"too strong", kind{most: 20}, phy.Setting{PowerDBm: 21}, false},
		{"with an amplifier", kind{most: 20, gainDB: 8}, phy.Setting{PowerDBm: 28}, true},
		{"too weak for one", kind{least: 2, most: 20, gainDB: 8}, phy.Setting{PowerDBm: 9}, false},
		{"listening", kind{most: 20, senses: true}, phy.Setting{Rule: listening}, true},
		{"listening, and cannot", kind{most: 20}, phy.Setting{Rule: listening}, false},
		{"what the chip cannot", kind{most: 20, can: func(phy.Modulation, int) error { return errNoBoard }}, phy.Setting{}, false},
	} {
		if got := c.k.suits(c.s); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAModuleThatCannotBeAskedSaysSo(t *testing.T) {
	for _, c := range []struct {
		name, text string
		says       []string
	}{
		{"an E22 on a stick", onStick.text, []string{"frequency, air rate and power", "(LBT)", "not verified"}},
		{"an E32 on a stick", strings.NewReplacer("e22-900t22", "e32-868t20", "866125000", "866000000", "power_dbm = 13\n", "").Replace(onStick.text), []string{"not verified"}},
		{"an E22 with its pins", onE22.text, nil},
		{"a chip", onWaveshare.text, nil},
	} {
		p, err := plan(t, c.text)
		must(t, err)
		s := &shell{}
		alarmed{s, nil, p}.Health(port.Health{OK: true})
		note := s.health[0]
		if (note.Note == "") != (c.says == nil) || (note.NoteFix == "") != (note.Note == "") {
			t.Errorf("%s: got %+v", c.name, note)
		}
		for _, w := range c.says {
			if !strings.Contains(note.Note, w) {
				t.Errorf("%s: got %q, want %q in it", c.name, note.Note, w)
			}
		}
		if strings.Contains(c.text, "e32") == strings.Contains(note.Note, "LBT") && c.says != nil {
			t.Errorf("%s: only an E22 listens: %q", c.name, note.Note)
		}
	}
}
