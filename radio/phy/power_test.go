package phy

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestChainAddsUp(t *testing.T) {
	for _, c := range []struct {
		c    Chain
		eirp float64
		says string
	}{
		{Chain{ChipDBm: 22, AntennaDBi: 2.15}, 24.15, "22 dBm of the chip + 2.15 dBi of the antenna = 24.15 dBm EIRP"},
		{Chain{ChipDBm: 10, PAGainDB: 8, CableLossDB: 1.5, AntennaDBi: 5}, 21.5, "10 dBm of the chip + 8 dB of its amplifier + 5 dBi of the antenna - 1.5 dB of cable = 21.50 dBm EIRP"},
	} {
		if got := c.c.Power().EIRPDBm(); math.Abs(got-c.eirp) > 1e-9 || c.c.String() != c.says {
			t.Errorf("got %g, %q, want %g, %q", got, c.c, c.eirp, c.says)
		}
	}
}

func TestChainNamesTheMostTheChipMayGive(t *testing.T) {
	for _, c := range []struct {
		region string
		m      Modulation
		c      Chain
		most   int // of the chip
	}{
		{"EU868", at(869_525_000, 125_000), Chain{AntennaDBi: DipoleDBi}, 27},
		{"EU868", at(869_525_000, 125_000), Chain{PAGainDB: 8, AntennaDBi: DipoleDBi}, 19},
		{"EU868", at(869_525_000, 125_000), Chain{PAGainDB: 8, AntennaDBi: 5.15, CableLossDB: 1}, 17},
		{"EU868", at(869_525_000, 125_000), Chain{PAGainDB: 7.6, AntennaDBi: DipoleDBi}, 19}, // 19.4, rounded downwards
		{"NZ915", at(921_500_000, 125_000), Chain{AntennaDBi: 0, PAGainDB: 8}, 22},           // 1 W into the antenna
		{"US915", at(915_000_000, 500_000), Chain{AntennaDBi: 9, PAGainDB: 8}, 19},
		{"US915", at(915_000_000, 125_000), Chain{AntennaDBi: DipoleDBi}, -4},
		{"JP920", at(921_000_000, 125_000), Chain{AntennaDBi: 5}, 11},
	} {
		g := region(t, c.region)
		c.c.ChipDBm = float64(c.most)
		if most, ok := g.MostChipDBm(c.m, c.c); !ok || most != c.most {
			t.Errorf("%s %v: got %d, %v, want %d", c.region, c.c, most, ok, c.most)
		}
		if _, err := g.ChainRule(c.m, c.c); err != nil {
			t.Errorf("%s %v: %v", c.region, c.c, err)
		}
		c.c.ChipDBm++
		_, err := g.ChainRule(c.m, c.c)
		if !errors.Is(err, ErrNotAllowed) || !strings.Contains(err.Error(), "set the chip to ") {
			t.Errorf("%s %v: got %v, want the most that the chip may give", c.region, c.c, err)
		}
	}
	if _, err := region(t, "EU868").ChainRule(at(869_300_000, 125_000), Chain{}); err == nil || strings.Contains(err.Error(), "set the chip") {
		t.Errorf("alarms: got %v, want no power that helps", err)
	}
}

// An antenna that is not a dipole makes the radio listen harder, whichever way it differs.
func TestListeningThresholdFollowsTheAntenna(t *testing.T) {
	for _, c := range []struct{ dBi, below float64 }{{DipoleDBi, -80}, {5.15, -83}, {-0.85, -83}} {
		r, err := region(t, "JP920").Rule(at(921_000_000, 125_000), Power{ConductedDBm: 5, AntennaDBi: c.dBi})
		if err != nil || math.Abs(r.Sensing.BelowDBm-c.below) > 1e-9 {
			t.Errorf("%g dBi: got %g dBm, %v, want %g", c.dBi, r.Sensing.BelowDBm, err, c.below)
		}
	}
}
