package phy

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func at(hz, bw uint32) Modulation {
	return Modulation{FrequencyHz: hz, BandwidthHz: bw, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}
}

func TestRuleForAModulation(t *testing.T) {
	for _, c := range []struct {
		name, region string
		m            Modulation
		dBm, dBi     float64
		allowed      time.Duration // per hour; -1 = refused
		says         string
	}{
		{"the European band for gateways", "EU868", at(869_525_000, 125_000), 27, DipoleDBi, 360 * time.Second, ""},
		{"its 250 kHz channel has no margin for the crystal", "EU868", at(869_525_000, 250_000), 14, DipoleDBi, -1, "crystal"},
		{"too strong names the most", "EU868", at(869_525_000, 125_000), 28, DipoleDBi, -1, "27 dBm or less"},
		{"antenna gain counts", "EU868", at(869_525_000, 125_000), 25, 6, -1, "23 dBm or less"},
		{"LoRaWAN's first channel", "EU868", at(868_100_000, 125_000), 14, DipoleDBi, 36 * time.Second, ""},
		{"a sub-band of 0.1 %", "EU868", at(868_900_000, 125_000), 14, DipoleDBi, 3600 * time.Millisecond, ""},
		{"across the edge of two sub-bands", "EU868", at(868_600_000, 125_000), 10, DipoleDBi, -1, "not inside one allowed band"},
		{"the alarm band", "EU868", at(868_650_000, 31_250), 5, DipoleDBi, -1, "alarms"},
		{"far away", "EU868", at(915_000_000, 125_000), 5, DipoleDBi, -1, "869.4-869.65 MHz"},
		{"weak signals at 869.85 have no limit", "EU868", at(869_850_000, 125_000), 7, DipoleDBi, 0, ""},
		{"stronger ones have", "EU868", at(869_850_000, 125_000), 8, DipoleDBi, 36 * time.Second, ""},
		{"EU433", "EU433", at(433_925_000, 125_000), 10, DipoleDBi, 360 * time.Second, ""},
		{"EU433 narrow", "EU433", at(434_400_000, 20_833), 10, DipoleDBi, 0, ""},
		{"New Zealand has no time limit", "NZ915", at(921_500_000, 125_000), 22, DipoleDBi, 0, ""},
		{"the United States want 500 kHz", "US915", at(915_000_000, 500_000), 22, DipoleDBi, 0, ""},
		{"not 125", "US915", at(915_000_000, 125_000), 17, DipoleDBi, -1, "-4 dBm or less"},
		{"but up to so much", "US915", at(915_000_000, 125_000), 17, DipoleDBi, -1, "so much is for (30 dBm conducted less the gain above 6 dBi, 8 dBm in any 3 kHz, bandwidth 500 kHz or wider"},
		{"Japan, after listening", "JP920", at(921_000_000, 125_000), 13, DipoleDBi, 0, ""},
		{"Japan, above, for a tenth of the time", "JP920", at(925_000_000, 125_000), 13, DipoleDBi, 360 * time.Second, ""},
		{"between two channels of Japan", "JP920", at(921_100_000, 125_000), 13, DipoleDBi, -1, "the centre would be 921.2 MHz"},
		{"Korea's lower channels are weaker", "KR920", at(921_900_000, 125_000), 11, DipoleDBi, -1, "7 dBm or less"},
		{"500 mW with power control", "EU868", at(866_300_000, 125_000), 20, DipoleDBi, -1, "14 dBm or less"},
		{"a plan is not a law", "AS923", at(923_200_000, 125_000), 10, DipoleDBi, -1, "unchecked"},
		{"an impossible modulation", "NZ915", at(921_500_000, 1), 10, DipoleDBi, -1, "bandwidth"},
	} {
		g, err := LookupRegion(c.region)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r, err := g.Rule(c.m, Power{ConductedDBm: c.dBm, AntennaDBi: c.dBi})
		switch {
		case c.allowed < 0 && err == nil:
			t.Errorf("%s: got %v, want a refusal", c.name, r)
		case c.allowed < 0 && !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: got %q, want it to say %q", c.name, err, c.says)
		case c.allowed >= 0 && err != nil:
			t.Errorf("%s: got %v, want a rule", c.name, err)
		case c.allowed >= 0 && r.Allowed() != c.allowed:
			t.Errorf("%s: got %v an hour, want %v", c.name, r.Allowed(), c.allowed)
		}
	}
}

func TestDefaultPlansAreAllowed(t *testing.T) {
	for _, name := range Regions() {
		g, err := LookupRegion(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Rule(g.Plan, g.PlanPower); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeniedRegionHasNoPlanButAReason(t *testing.T) {
	for _, name := range []string{"IN865", "CN470", "AS923", "NZ865"} {
		g, err := LookupRegion(name)
		if err != nil {
			t.Fatal(err)
		}
		if g.Plan.BandwidthHz != 0 {
			t.Errorf("%s: got plan %v, want none", name, g.Plan)
		}
		hz := g.Rules[0].LowHz + 1_000_000
		if _, err := g.Rule(at(hz, 125_000), Power{}); !errors.Is(err, ErrNotAllowed) || !strings.Contains(err.Error(), "closed to us: "+g.Rules[0].Denied) {
			t.Errorf("%s: got %v, want a refusal with its reason", name, err)
		}
	}
}

func TestLookupRegion(t *testing.T) {
	if g, err := LookupRegion("eu868"); err != nil || g.Name != "EU868" {
		t.Errorf("got %q, %v, want EU868", g.Name, err)
	}
	for _, name := range []string{"", "EU"} {
		if _, err := LookupRegion(name); err == nil || !strings.Contains(err.Error(), "NZ915") {
			t.Errorf("%q: got %v, want an error listing the regions", name, err)
		}
	}
}

func TestEveryRowIsSourced(t *testing.T) {
	for _, r := range rules() {
		if r.Source == "" || r.Checked == "" || r.LowHz >= r.HighHz {
			t.Errorf("%v: source %q, checked %q", r, r.Source, r.Checked)
		}
		if r.Kind == DutyCycle && r.DutyPPM == 0 || r.DutyPPM > 0 && r.Kind != DutyCycle && r.Kind != CarrierSense {
			t.Errorf("%v: a duty cycle and its figure go together", r)
		}
		if r.Open() && (r.Seen == OneSource || (r.Kind == CarrierSense) != (r.Sensing.For > 0) || (r.Kind == Dwell) != (r.Hopping.Channels > 0)) {
			t.Errorf("%v: seen in %s, %+v, %+v: an open row says all that it wants, after two sources", r, r.Seen, r.Sensing, r.Hopping)
		}
	}
}
