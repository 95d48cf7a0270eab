package phy

import "testing"

func ladderOf(t *testing.T, region string, sf uint8, rnode bool) (Region, Modulation, []Setting) {
	t.Helper()
	g, err := LookupRegion(region)
	if err != nil {
		t.Fatal(err)
	}
	m := g.Plan
	m.SpreadingFactor = sf
	return g, m, Ladder(g, m, g.PlanPower, rnode)
}

// On every rung: the law allows it, it is faster than the common setting and the rungs before it, and its
// name is its own.
func TestLaddersClimbWithinTheLaw(t *testing.T) {
	for _, region := range Regions() {
		for sf := uint8(7); sf <= 12; sf++ {
			for _, rnode := range []bool{false, true} {
				g, common, ladder := ladderOf(t, region, sf, rnode)
				seen, last := map[[6]byte]bool{}, common.TimeOnAir(255)
				if len(ladder) > MaxLadder {
					t.Errorf("%s SF%d: %d rungs, want %d at most", region, sf, len(ladder), MaxLadder)
				}
				for _, s := range ladder {
					p := Power{ConductedDBm: float64(s.PowerDBm), AntennaDBi: g.PlanPower.AntennaDBi}
					if r, err := g.Rule(s.Modulation, p); err != nil || r != s.Rule {
						t.Errorf("%s SF%d: %v: %v, %v", region, sf, s, r, err)
					}
					if s.PowerDBm > int(g.PlanPower.ConductedDBm) || seen[s.Code] {
						t.Errorf("%s SF%d: %v is stronger than the plan or doubled", region, sf, s)
					}
					if air := s.Modulation.TimeOnAir(255); air > last {
						t.Errorf("%s SF%d: %v takes %v, the rung before %v", region, sf, s, air, last)
					} else {
						last = air
					}
					if rnode && !RNode(s.Modulation).Flushes {
						t.Errorf("%s SF%d: %v sends one frame each access", region, sf, s)
					}
					seen[s.Code] = true
				}
			}
		}
	}
}

func TestLadderOfNewZealand(t *testing.T) {
	_, common, ladder := ladderOf(t, "NZ915", 10, true)
	if len(ladder) < 8 {
		t.Fatalf("%d rungs above %v, want 8 at least: %v", len(ladder), common, ladder)
	}
	top := ladder[len(ladder)-1]
	if top.Modulation.BandwidthHz != 500_000 || top.Modulation.SpreadingFactor != 8 || top.Modulation.FrequencyHz == common.FrequencyHz {
		t.Errorf("the fastest is %v, want SF8/BW500 on the second frequency", top)
	}
	if want := -10 + 6.02; top.NeedsSNRdB < want-.01 || top.NeedsSNRdB > want+.01 {
		t.Errorf("it needs %.2f dB, want %.2f", top.NeedsSNRdB, want)
	}
}

// In 869.4 to 869.65 nothing wider than 125 kHz fits; the second frequency has 25 mW.
func TestLadderOfEurope(t *testing.T) {
	_, common, ladder := ladderOf(t, "EU868", 10, true)
	for _, s := range ladder {
		switch {
		case s.Modulation.FrequencyHz == common.FrequencyHz:
			if s.Modulation.BandwidthHz > 125_000 || s.PowerDBm != 17 {
				t.Errorf("%v does not fit the band of %v", s, common)
			}
		case s.PowerDBm != 14 || s.Rule.DutyPPM != 10_000:
			t.Errorf("%v under %v, want 14 dBm and 1 %%", s, s.Rule)
		}
	}
}

func TestSNRIsRestated(t *testing.T) {
	m := eu(500_000, 7, 5, 8)
	s := Setting{Modulation: m, ShiftDB: 6}
	if got := s.OnCommon(-3, -114); got != 3 {
		t.Errorf("below the ceiling: got %v, want 3", got)
	}
	if got, want := s.OnCommon(9, -80), -80-NoiseFloorDBm(500_000)+6; got != want {
		t.Errorf("at the ceiling: got %v, want %v", got, want)
	}
	if got := CommonSetting(m, 14, Rule{}).OnCommon(5, -90); got != 5 {
		t.Errorf("on the common setting: got %v, want 5", got)
	}
}
