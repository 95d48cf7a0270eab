package reference

import (
	"math"
	"testing"
	"time"
)

// TestTimesOnAir holds the exact airtime against what RadioLib computes: equal where it uses exact bandwidths, within 0.2 %
// where it uses their rounded names, and rounded up to a millisecond in its class for the SX127x.
func TestTimesOnAir(t *testing.T) {
	table := load[struct{ Rows [][7]float64 }](t, "time-on-air.json")
	exact := map[float64]bool{31.25: true, 62.5: true, 125: true, 250: true, 500: true}
	for _, r := range table.Rows {
		p := params{FreqMHz: 869.525, BWkHz: r[0], SF: uint8(r[1]), CR: uint8(r[2]), Preamble: uint16(r[3]), CRC: true}
		got := p.wave().TimeOnAir(int(r[4]))
		want := time.Duration(r[5]) * time.Microsecond
		off := math.Abs(float64(got-want)) / float64(want)
		if exact[r[0]] && got != want || off > 0.002 {
			t.Errorf("%v: %v, want %v", r, got, want)
		}
		slow := time.Duration(r[6]) * time.Microsecond
		if slow != 0 && math.Abs(float64(slow-want)) > 0.002*float64(want)+float64(time.Millisecond) {
			t.Errorf("%v: the class for the SX127x says %v", r, slow)
		}
	}
	if len(table.Rows) < 200 {
		t.Errorf("only %d rows", len(table.Rows))
	}
}
