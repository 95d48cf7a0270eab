package phy

import (
	"strings"
	"testing"
	"time"
)

func eu(bw uint32, sf, cr uint8, preamble uint16) Modulation {
	return Modulation{FrequencyHz: 869_525_000, BandwidthHz: bw, SpreadingFactor: sf, CodingRate: cr, PreambleSymbols: preamble}
}

// recorded is time on air in microseconds as RadioLib 7.7.1 computes it for an
// SX1262, at the bandwidths whose symbol time it does not truncate.
var recorded = []struct {
	bw       uint32
	sf, cr   uint8
	preamble uint16
	n, us    int
}{
	{31250, 5, 5, 12, 255, 554240},
	{31250, 7, 5, 8, 51, 410624},
	{31250, 8, 5, 8, 51, 739328},
	{31250, 11, 5, 8, 51, 5259264},
	{62500, 6, 8, 12, 255, 731392},
	{62500, 7, 5, 8, 51, 205312},
	{62500, 7, 8, 8, 1, 57856},
	{62500, 7, 8, 8, 222, 1090048},
	{62500, 10, 5, 8, 1, 413696},
	{62500, 11, 5, 8, 1, 827392},
	{62500, 11, 5, 8, 51, 2629632},
	{62500, 12, 5, 8, 51, 4931584},
	{125000, 6, 5, 12, 1, 16000},
	{125000, 7, 5, 8, 222, 348416},
	{125000, 7, 8, 8, 255, 626944},
	{125000, 8, 8, 8, 255, 1106432},
	{125000, 9, 5, 8, 51, 328704},
	{125000, 9, 8, 8, 51, 476160},
	{125000, 9, 8, 8, 222, 1721344},
	{125000, 11, 5, 8, 1, 413696},
	{125000, 12, 5, 8, 255, 9019392},
	{125000, 12, 8, 8, 255, 14032896},
	{250000, 5, 5, 12, 255, 69280},
	{250000, 6, 5, 12, 255, 116800},
	{250000, 8, 8, 8, 1, 28928},
	{250000, 9, 8, 8, 1, 57856},
	{250000, 9, 8, 8, 51, 238080},
	{250000, 9, 8, 8, 222, 860672},
	{250000, 10, 5, 8, 1, 103424},
	{250000, 11, 5, 8, 255, 2091008},
	{250000, 12, 5, 8, 1, 413696},
	{250000, 12, 5, 8, 255, 4509696},
	{500000, 6, 5, 12, 255, 58400},
	{500000, 6, 8, 12, 222, 80160},
	{500000, 7, 5, 8, 222, 87104},
	{500000, 8, 5, 8, 51, 46208},
	{500000, 8, 5, 8, 222, 153728},
	{500000, 8, 8, 8, 51, 67712},
	{500000, 9, 5, 8, 51, 82176},
	{500000, 9, 8, 8, 222, 430336},
	{500000, 10, 5, 8, 1, 51712},
	{500000, 11, 5, 8, 222, 922624},
	{500000, 11, 8, 8, 1, 115712},
	{500000, 11, 8, 8, 51, 410624},
	{500000, 11, 8, 8, 255, 1623040},
	{500000, 12, 5, 8, 255, 1927168},
	{500000, 12, 8, 8, 1, 231424},
	{500000, 12, 8, 8, 255, 2983936},
}

func TestTimeOnAirMatchesRecordedDriver(t *testing.T) {
	for _, r := range recorded {
		got := eu(r.bw, r.sf, r.cr, r.preamble).TimeOnAir(r.n)
		if want := time.Duration(r.us) * time.Microsecond; got != want {
			t.Errorf("bw %d sf %d cr 4/%d preamble %d, %d octets: got %v, want %v", r.bw, r.sf, r.cr, r.preamble, r.n, got, want)
		}
	}
}

func TestTimeOnAirMatchesSemtechFormula(t *testing.T) {
	for _, c := range []struct {
		m    Modulation
		n    int
		want time.Duration
	}{
		{eu(125_000, 5, 5, 12), 51, 34_880 * time.Microsecond},
		{eu(125_000, 6, 5, 12), 51, 59_520 * time.Microsecond},
		{eu(125_000, 7, 5, 8), 51, 102_656 * time.Microsecond},
		{eu(125_000, 12, 5, 8), 51, 2_465_792 * time.Microsecond},
		{eu(125_000, 7, 5, 8), 222, 348_416 * time.Microsecond},
		{eu(500_000, 5, 5, 12), 255, 34_640 * time.Microsecond},
		{eu(125_000, 7, 5, 24), 255, 416_000 * time.Microsecond}, // 613 octets a second back to back
		{eu(7_812, 12, 5, 8), 1, 524_288 * (4*4*(8+4+8+5) + 4) / 16 * time.Microsecond},
	} {
		if got := c.m.TimeOnAir(c.n); got != c.want {
			t.Errorf("%v, %d octets: got %v, want %v", c.m, c.n, got, c.want)
		}
	}
}

func TestTimeOnAirOfNonsenseIsZero(t *testing.T) {
	for _, m := range []Modulation{{}, eu(100_000, 7, 5, 8), eu(125_000, 4, 5, 8), eu(125_000, 13, 5, 8), eu(125_000, 7, 9, 8), eu(125_000, 7, 4, 8)} {
		if got := m.TimeOnAir(10); got != 0 {
			t.Errorf("%v: got %v, want 0", m, got)
		}
	}
	if m := eu(125_000, 7, 5, 8); m.TimeOnAir(-1) != m.TimeOnAir(0) || m.TimeOnAir(256) != m.TimeOnAir(255) {
		t.Error("lengths outside 0..255 are not taken as the nearer end")
	}
}

func TestLowDataRateIsOnAbove16ms(t *testing.T) {
	for _, c := range []struct {
		bw   uint32
		sf   uint8
		want bool
	}{{125_000, 10, false}, {125_000, 11, true}, {250_000, 11, false}, {250_000, 12, true}, {500_000, 12, false}, {7_812, 6, false}, {7_812, 7, true}} {
		if got := eu(c.bw, c.sf, 5, 8).LowDataRate(); got != c.want {
			t.Errorf("bw %d sf %d: got %v, want %v", c.bw, c.sf, got, c.want)
		}
	}
}

func TestMaxFrameUnderDwell(t *testing.T) {
	m := RNodeModulation(eu(125_000, 7, 5, 8))
	for _, c := range []struct {
		limit time.Duration
		want  int
	}{{400 * time.Millisecond, 243}, {time.Second, 255}, {time.Millisecond, -1}} {
		got := m.MaxFrame(c.limit)
		if got != c.want {
			t.Errorf("%v: got %d, want %d", c.limit, got, c.want)
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	if err := eu(125_000, 7, 5, 8).Validate(); err != nil {
		t.Errorf("a good modulation: got %v, want no error", err)
	}
	for word, m := range map[string]Modulation{
		"frequency": {BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8},
		"bandwidth": eu(125_001, 7, 5, 8),
		"spreading": eu(125_000, 4, 5, 8),
		"coding":    eu(125_000, 7, 4, 8),
		"preamble":  eu(125_000, 6, 5, 8),
	} {
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: got %v, want an error naming it", word, err)
		}
	}
}

func TestModulationString(t *testing.T) {
	got, want := eu(62_500, 9, 6, 8).String(), "869.525 MHz SF9 BW62.5 CR4/6"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := MHz(915_000_000), "915.0 MHz"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSNRLimits(t *testing.T) {
	for sf, want := range map[uint8]float64{5: -2.5, 7: -7.5, 9: -12.5, 12: -20} {
		if got := SNRLimitDB(sf); got != want {
			t.Errorf("SF%d: got %v, want %v", sf, got, want)
		}
	}
	// Thermal noise in 125 kHz is -123 dBm, the receiver adds 6 dB.
	for sf, want := range map[uint8]float64{7: -124.5, 12: -137} {
		if got := eu(125_000, sf, 5, 8).SensitivityDBm(); got < want-0.1 || got > want+0.1 {
			t.Errorf("SF%d: got %.1f, want %.1f", sf, got, want)
		}
	}
}

func TestRNodeTiming(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		m    Modulation
		want RNodeTiming
	}{
		{eu(125_000, 7, 5, 8), RNodeTiming{24, 24 * ms, 48 * ms, true}},
		{eu(125_000, 9, 5, 8), RNodeTiming{18, 49 * ms, 98 * ms, true}},
		{eu(125_000, 12, 5, 8), RNodeTiming{18, 100 * ms, 200 * ms, true}},
		{eu(500_000, 7, 5, 8), RNodeTiming{94, 24 * ms, 48 * ms, false}},
		{eu(250_000, 5, 5, 12), RNodeTiming{47, 6 * ms, 12 * ms, false}}, // above 30 kbit/s
		{Modulation{}, RNodeTiming{}},
	} {
		if got := RNode(c.m); got != c.want {
			t.Errorf("%v: got %+v, want %+v", c.m, got, c.want)
		}
	}
}

func TestRNodeYieldsMoreTheBusierItIs(t *testing.T) {
	timing := RNode(eu(125_000, 7, 5, 8))
	for percent, want := range map[int][2]int{0: {0, 14}, 7: {0, 14}, 8: {15, 29}, 38: {15, 29}, 39: {30, 44}, 78: {45, 59}, 100: {45, 59}} {
		low, high := timing.Windows(percent)
		if low != want[0] || high != want[1] {
			t.Errorf("%d %%: got %d..%d, want %v", percent, low, high, want)
		}
	}
	if got, want := timing.Access(0), 48*time.Millisecond+13*12*time.Millisecond; got != want {
		t.Errorf("quiet access: got %v, want %v", got, want)
	}
}

func TestTimeOnAirOfAWave(t *testing.T) {
	w := Wave{Modulation: Modulation{FrequencyHz: 868_000_000, BandwidthHz: 125_000, SpreadingFactor: 6, CodingRate: 5, PreambleSymbols: 12}, CRC: true, Implicit: true}
	if got := w.TimeOnAir(10); got != 21_120*time.Microsecond {
		t.Errorf("SF6 implicit: %v, want 21.120 ms", got)
	}
	w.Implicit, w.SpreadingFactor, w.PreambleSymbols = false, 7, 8
	if got := w.TimeOnAir(51); got != w.Modulation.TimeOnAir(51) {
		t.Errorf("explicit with checksum: %v", got)
	}
	if got := w.HeaderTime(); got != 20_736*time.Microsecond {
		t.Errorf("header after %v, want 20.25 symbols", got)
	}
	w.CRC = false // 16 bits of 28 a block
	if got := w.TimeOnAir(51); got != 97_536*time.Microsecond {
		t.Errorf("without checksum: %v, want one block less", got)
	}
}
