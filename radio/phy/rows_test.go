package phy

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func region(t *testing.T, name string) Region {
	t.Helper()
	g, err := LookupRegion(name)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// row is what an open row was read to allow. The edges are the lowest and the highest carrier of the bandwidth, by hand:
// half of it and 20 ppm from the ends of the band.
type row struct {
	region, item  string
	bw            uint32
	low, high     uint32
	dipole, nine  float64 // most dBm into a dipole, and into 9 dBi
	hour          time.Duration
	narrow, broad uint32        // bandwidths that it refuses; 0: none
	longest       time.Duration // a transmission
	listen        Sensing       // at a dipole, as our radios listen
}

var (
	japan    = Sensing{5 * time.Millisecond, -80, 50 * time.Millisecond}
	japanese = Sensing{5 * time.Millisecond, -80, 2 * time.Millisecond} // the law is content with 128 us
	korea    = Sensing{5 * time.Millisecond, -65, 50 * time.Millisecond}
)

var openRows = []row{
	{"EU868", "K, 46a", 125_000, 863_079_762, 864_920_201, 14, 7.15, 3600 * time.Millisecond, 0, 0, 0, Sensing{}},
	{"EU868", "L, 47", 125_000, 865_079_802, 867_920_141, 14, 7.15, 36 * time.Second, 0, 0, 0, Sensing{}},
	{"EU868", "M, 48", 125_000, 868_079_862, 868_520_129, 14, 7.15, 36 * time.Second, 0, 0, 0, Sensing{}},
	{"EU868", "N, 50", 125_000, 868_779_876, 869_120_117, 14, 7.15, 3600 * time.Millisecond, 0, 500_000, 0, Sensing{}},
	{"EU868", "O (P before V3.3.1), 54", 125_000, 869_479_890, 869_570_108, 27, 20.15, 360 * time.Second, 0, 250_000, 0, Sensing{}},
	{"EU868", "Q, 56b", 125_000, 869_779_896, 869_920_101, 14, 7.15, 36 * time.Second, 0, 500_000, 0, Sensing{}},
	{"EU868", "P, 56a", 125_000, 869_779_896, 869_920_101, 7, 0.15, 0, 0, 500_000, 0, Sensing{}},
	{"EU433", "44b", 500_000, 433_308_667, 434_531_309, 10, 3.15, 360 * time.Second, 0, 0, 0, Sensing{}},
	{"EU433", "44a", 250_000, 433_183_664, 434_656_306, 0, -6.85, 0, 0, 500_000, 0, Sensing{}},
	{"EU433", "45c", 20_833, 434_059_099, 434_770_887, 10, 3.15, 0, 0, 31_250, 0, Sensing{}},
	{"EU2400", "57a", 500_000, 2_400_298_006, 2_483_200_335, 7.85, 1, 0, 0, 0, 0, Sensing{}},
	{"US915", "digital", 500_000, 902_268_046, 927_731_445, 30, 27, 0, 250_000, 0, 0, Sensing{}},
	{"US915", "any other", 125_000, 902_080_542, 927_918_941, -3.4, -10.25, 0, 0, 0, 0, Sensing{}},
	{"AU915", "digital", 62_500, 915_049_551, 927_950_190, 24.93, 18.08, 0, 0, 0, 0, Sensing{}},
	{"AU915", "digital", 125_000, 915_080_802, 927_918_941, 27.85, 21, 0, 0, 0, 0, Sensing{}},
	{"NZ915", "", 125_000, 915_080_802, 927_918_941, 27.85, 21, 0, 0, 0, 0, Sensing{}},
	{"NZ915", "", 250_000, 920_143_403, 927_856_442, 30, 27, 0, 0, 0, 0, Sensing{}},
	{"RU864", "", 125_000, 864_079_782, 864_920_201, 14, 7.15, 3600 * time.Millisecond, 0, 0, 0, Sensing{}},
	{"RU864", "", 125_000, 866_079_822, 867_920_141, 14, 7.15, 36 * time.Second, 0, 0, 0, Sensing{}},
	{"RU864", "", 125_000, 868_779_876, 869_120_117, 20, 13.15, 360 * time.Second, 0, 500_000, 0, Sensing{}},
	{"JP920", "long listening", 125_000, 920_580_912, 922_219_055, 13, 7, 0, 0, 250_000, 4 * time.Second, japan},
	{"JP920", "short listening", 125_000, 922_380_948, 928_018_939, 13, 7, 360 * time.Second, 0, 250_000, 400 * time.Millisecond, japanese},
	{"KR920", "channels 20 to 25", 125_000, 920_880_918, 921_919_061, 7.85, 1, 0, 0, 250_000, 4 * time.Second, korea},
	{"KR920", "channels 26 to 32", 125_000, 922_080_942, 923_319_033, 11.85, 5, 0, 0, 250_000, 4 * time.Second, korea},
}

// only keeps one row of a region, so that no other one answers for it.
func (w row) only(t *testing.T) Region {
	t.Helper()
	g := region(t, w.region)
	for _, r := range g.Rules {
		if r.Open() && r.Hopping.Channels == 0 && r.Item == w.item && r.near(w.low) && r.near(w.high) {
			near := int64(w.low)-int64(r.LowHz) < 400_000
			if near {
				return Region{Name: g.Name, Rules: []Rule{r}}
			}
		}
	}
	t.Fatalf("%s has no open row %q at %s", w.region, w.item, MHz(w.low))
	return g
}

func TestEveryOpenRowAtItsLimits(t *testing.T) {
	const edge = 10 // Hz: what rounding may cost
	for _, w := range openRows {
		g := w.only(t)
		ok := func(want bool, what string, m Modulation, dBm, dBi float64) {
			t.Helper()
			if _, err := g.Rule(m, Power{ConductedDBm: dBm, AntennaDBi: dBi}); (err == nil) != want {
				t.Errorf("%s %s, %s: got %v", w.region, w.item, what, err)
			}
		}
		mid := at(w.low+edge, w.bw)
		ok(true, "lowest carrier", mid, w.dipole-1, DipoleDBi)
		ok(false, "below it", at(w.low-edge, w.bw), w.dipole-1, DipoleDBi)
		ok(true, "highest carrier", at(w.high-edge, w.bw), w.dipole-1, DipoleDBi)
		ok(false, "above it", at(w.high+edge, w.bw), w.dipole-1, DipoleDBi)
		ok(true, "all the power", mid, w.dipole, DipoleDBi)
		ok(false, "more power", mid, w.dipole+0.02, DipoleDBi)
		ok(true, "all the power into 9 dBi", mid, w.nine, 9)
		ok(false, "more into 9 dBi", mid, w.nine+0.02, 9)
		for _, bw := range []uint32{w.narrow, w.broad} {
			if bw != 0 {
				ok(false, kHz(bw)+" kHz", at((w.low+w.high)/2, bw), -20, DipoleDBi)
			}
		}
		r, err := g.Rule(mid, Power{ConductedDBm: w.dipole, AntennaDBi: DipoleDBi})
		if err != nil || r.Allowed() != w.hour || r.MaxTransmit != w.longest || r.Sensing != w.listen {
			t.Errorf("%s %s: got %v (%v), want %v an hour, %v each, %+v", w.region, w.item, r, err, w.hour, w.longest, w.listen)
		}
	}
}

func TestEveryOpenRowIsInTheList(t *testing.T) {
	listed := map[string]bool{}
	for _, w := range openRows {
		r := w.only(t).Rules[0]
		listed[r.Item+r.SubBand()] = true
	}
	for _, r := range rules() {
		if r.Open() && r.Hopping.Channels == 0 && !listed[r.Item+r.SubBand()] {
			t.Errorf("no limit of %s %q is tested", r.SubBand(), r.Item)
		}
	}
}

// strict is the law once more, by what nobody may ever exceed.
var strict = []struct {
	region              string
	lowMHz, highMHz     float64
	eirpDBm, socketDBm  float64
	minBW, maxBW        uint32
	hour                time.Duration // 0: no limit
	listen              bool
	perThreeKHzEIRPDBm  float64 // 0: no limit
	perThreeKHzSocketDB float64
}{
	{"EU868", 863, 865, 16.15, 99, 0, 1e6, 3600 * time.Millisecond, false, 0, 0},
	{"EU868", 865, 868, 16.15, 99, 0, 1e6, 36 * time.Second, false, 0, 0},
	{"EU868", 868, 868.6, 16.15, 99, 0, 1e6, 36 * time.Second, false, 0, 0},
	{"EU868", 868.7, 869.2, 16.15, 99, 0, 1e6, 3600 * time.Millisecond, false, 0, 0},
	{"EU868", 869.4, 869.65, 29.15, 99, 0, 1e6, 360 * time.Second, false, 0, 0},
	{"EU868", 869.7, 870, 16.15, 99, 0, 1e6, 36 * time.Second, false, 0, 0},
	{"EU868", 869.7, 870, 9.15, 99, 0, 1e6, 0, false, 0, 0},
	{"EU433", 433.05, 434.79, 12.15, 99, 0, 1e6, 360 * time.Second, false, 0, 0},
	{"EU433", 433.05, 434.79, 2.15, 99, 0, 250_000, 0, false, 0, 0},
	{"EU433", 434.04, 434.79, 12.15, 99, 0, 25_000, 0, false, 0, 0},
	{"EU2400", 2400, 2483.5, 10, 99, 0, 1e6, 0, false, 0, 0},
	{"US915", 902, 928, 36, 30, 500_000, 1e6, 0, false, 0, 8},
	{"US915", 902, 928, -1.25, 99, 0, 1e6, 0, false, 0, 0},
	{"AU915", 915, 928, 30, 99, 0, 1e6, 0, false, 13.98, 0},
	{"NZ915", 915, 928, 30, 99, 0, 1e6, 0, false, 0, 0},
	{"NZ915", 920, 928, 36, 30, 0, 1e6, 0, false, 0, 0},
	{"RU864", 864, 865, 16.15, 99, 0, 1e6, 3600 * time.Millisecond, false, 0, 0},
	{"RU864", 866, 868, 16.15, 99, 0, 1e6, 36 * time.Second, false, 0, 0},
	{"RU864", 868.7, 869.2, 22.15, 99, 0, 1e6, 360 * time.Second, false, 0, 0},
	{"JP920", 920.5, 923.5, 16, 13, 0, 200_000, 0, true, 0, 0},
	{"JP920", 922.3, 928.1, 16, 13, 0, 200_000, 360 * time.Second, true, 0, 0},
	{"KR920", 920.8, 922, 10, 99, 0, 200_000, 0, true, 0, 0},
	{"KR920", 922, 923.4, 14, 99, 0, 200_000, 0, true, 0, 0},
}

// lawful tells whether some line of strict allows it.
func lawful(r Rule, m Modulation, p Power) bool {
	for _, l := range strict {
		f, half, drift := float64(m.FrequencyHz)/1e6, float64(m.BandwidthHz)/2e6, float64(m.FrequencyHz)*20e-12
		per3 := p.ConductedDBm - 10*math.Log10(float64(m.BandwidthHz)/3000)
		switch {
		case l.region != r.Region, f-half-drift < l.lowMHz, f+half+drift > l.highMHz:
		case p.ConductedDBm+p.AntennaDBi > l.eirpDBm+0.01, p.ConductedDBm > l.socketDBm+0.01:
		case m.BandwidthHz < l.minBW, m.BandwidthHz > l.maxBW, l.minBW > 0 && m.Stream():
		case l.hour != 0 && (r.Allowed() == 0 || r.Allowed() > l.hour), l.listen && !r.Listens():
		case l.perThreeKHzEIRPDBm != 0 && per3+p.AntennaDBi > l.perThreeKHzEIRPDBm+0.01:
		case l.perThreeKHzSocketDB != 0 && per3 > l.perThreeKHzSocketDB+0.01:
		default:
			return true
		}
	}
	return false
}

// anything draws a setting near an edge of some row.
func anything(rng *rand.Rand, g Region) (Modulation, Power) {
	r := g.Rules[rng.IntN(len(g.Rules))]
	bw := 500_000 / bandwidthDivisors[rng.IntN(len(bandwidthDivisors))]
	m := at(r.LowHz+rng.Uint32N(r.HighHz-r.LowHz), bw)
	switch rng.IntN(3) {
	case 0:
		m.FrequencyHz = r.LowHz + rng.Uint32N(2*bw)
	case 1:
		m.FrequencyHz = r.HighHz - rng.Uint32N(2*bw)
	}
	if rng.IntN(4) == 0 {
		m = Modulation{FrequencyHz: m.FrequencyHz, BandwidthHz: 1 + rng.Uint32N(900_000), BitRate: 9600}
	}
	return m, Power{ConductedDBm: float64(rng.IntN(50) - 12), AntennaDBi: float64(rng.IntN(30)-10) / 2}
}

// Nothing is accepted that no line of the law allows, and whatever is accepted is limited as that line wants.
func TestNothingIsAcceptedThatNoRowAllows(t *testing.T) {
	rng, accepted, settings := rand.New(rand.NewPCG(1, 1)), 0, 5_000
	if testing.Short() {
		settings = 1_000
	}
	for _, g := range AllRegions() {
		for range settings {
			m, p := anything(rng, g)
			r, err := g.Rule(m, p)
			if err != nil {
				continue
			}
			accepted++
			if !lawful(r, m, p) {
				t.Fatalf("%s at %+v was accepted by %s", m, p, r)
			}
		}
	}
	if accepted < settings {
		t.Errorf("only %d settings were accepted: the test proves little", accepted)
	}
}

func TestClosedRowsStayClosed(t *testing.T) {
	for _, r := range rules() {
		if r.Open() {
			continue
		}
		g := Region{Name: r.Region, Rules: []Rule{r}}
		mid := r.LowHz + (r.HighHz-r.LowHz)/2
		if rule, err := g.Rule(at(mid, 7_812), Power{ConductedDBm: -20}); err == nil {
			t.Errorf("%s: got %v, want it closed", r.SubBand(), rule)
		} else if !strings.Contains(err.Error(), r.Denied) {
			t.Errorf("%s: got %v, want the reason", r.SubBand(), err)
		}
		if rule, err := g.HopRule(r.LowHz+60_000, r.HighHz-60_000, 1_000, 2, Power{ConductedDBm: -20}); err == nil {
			t.Errorf("%s: got %v for hopping, want it closed", r.SubBand(), rule)
		}
	}
}

// A row that only one source names is closed whatever else it says.
func TestARowWithoutEvidenceIsClosed(t *testing.T) {
	for _, r := range rules() {
		if r.Seen == OneSource && r.Open() {
			t.Errorf("%s is open with %s", r, r.Seen)
		}
	}
}

func TestWhatOneSourceSaysIsClosed(t *testing.T) {
	rows := denied([]Rule{{Region: "A"}, {Region: "B", Seen: TwoSources}, {Region: "C", Seen: Text}, {Region: "D", Denied: "a reason of its own"}})
	for i, want := range []string{one, "", "", "a reason of its own"} {
		if rows[i].Denied != want {
			t.Errorf("%s: got %q, want %q", rows[i].Region, rows[i].Denied, want)
		}
	}
}

// One hertz decides at either end of a band and of a channel.
func TestEdges(t *testing.T) {
	r := Rule{LowHz: 920_500_000, HighHz: 922_300_000, ChannelHz: 200_000}
	for _, c := range []struct {
		low, high int64
		want      bool
	}{
		{920_500_000, 920_700_000, true}, {920_499_999, 920_700_000, false}, {920_500_000, 920_700_001, false},
		{920_700_000, 920_900_000, true}, {920_699_999, 920_900_000, false}, {920_700_000, 920_900_001, false},
		{922_100_000, 922_300_000, true}, {922_100_000, 922_300_001, false},
	} {
		if got := r.holds(c.low, c.high); got != c.want {
			t.Errorf("%d to %d: got %v", c.low, c.high, got)
		}
	}
}
