package main

import (
	"errors"
	"strings"
	"testing"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio/phy"
)

func TestRadioPlanFollowsRegionFileAndLaw(t *testing.T) {
	dipole, yagi, twenty := phy.DipoleDBi, 15.0, 20
	for _, tc := range []struct {
		name, region string
		r            config.Radio
		hz           uint32
		sf           uint8
		dBm          float64
		fails        string
	}{
		{"the region's plan", "EU868", config.Radio{AntennaGainDBi: &dipole}, 869_525_000, 7, 17, ""},
		{"the file's setting", "EU868", config.Radio{AntennaGainDBi: &dipole, SpreadingFactor: 10, PowerDBm: &twenty}, 869_525_000, 10, 20, ""},
		{"a strong antenna weakens", "EU868", config.Radio{AntennaGainDBi: &yagi}, 869_525_000, 7, 14, ""},
		{"a cable makes up for it", "EU868", config.Radio{AntennaGainDBi: &yagi, CableLossDB: 2.5}, 869_525_000, 7, 16, ""},
		{"a short spreading factor has its preamble", "EU868", config.Radio{AntennaGainDBi: &dipole, SpreadingFactor: 5}, 869_525_000, 5, 17, ""},
		{"too strong by hand", "EU868", config.Radio{Name: "lora0", AntennaGainDBi: &yagi, PowerDBm: &twenty}, 0, 0, 0, "radio lora0: region EU868: 20 dBm"},
		{"no such region", "XX", config.Radio{AntennaGainDBi: &dipole}, 0, 0, 0, "unknown region"},
		{"a closed band", "EU868", config.Radio{AntennaGainDBi: &dipole, FrequencyHz: 869_300_000}, 0, 0, 0, "alarms"},
	} {
		tc.r.Kind = config.RNode
		p, err := (&app{}).radioPlan(tc.region, &config.Loaded{}, tc.r)
		if tc.fails != "" {
			if err == nil || !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%s: got %v, want %q", tc.name, err, tc.fails)
			}
			continue
		}
		if err != nil || p.Modulation.FrequencyHz != tc.hz || p.Modulation.SpreadingFactor != tc.sf || p.Power().ConductedDBm != tc.dBm || p.Rule.Region != tc.region {
			t.Errorf("%s: got %+v, %v", tc.name, p, err)
		}
	}
	if _, err := (&app{}).radioPlan("EU868", &config.Loaded{}, config.Radio{Kind: config.RNode, AntennaGainDBi: &dipole, FrequencyHz: 915_000_000}); !errors.Is(err, phy.ErrNotAllowed) {
		t.Errorf("got %v, want what the law forbids", err)
	}
}
