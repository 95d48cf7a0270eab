package link

import (
	"slices"
	"testing"
	"time"
)

// shares runs one transfer over an open session and returns payload time over
// airtime, and over time until the receiver has it.
func shares(t testing.TB, seed uint64, size int, loss float64) (air, span float64) {
	w, a, b, ch := pair(t, seed, 0)
	w.run(time.Minute, met(a, b))
	w.run(30*time.Second, never)
	ch.loss = loss
	used, start := ch.airUsed, w.now
	d := a.send(b, size, Message)
	if !w.run(time.Hour, delivered(a, b, d)) {
		t.Fatalf("seed %d: %d octets at %.0f%% were not delivered", seed, size, loss*100)
	}
	ideal := float64(size) / 255 * sf7(255).Seconds()
	return ideal / (ch.airUsed - used).Seconds(), ideal / w.now.Sub(start).Seconds()
}

// leastShares is air and time by size and loss.
var leastShares = map[int]map[float64][2]float64{
	1000:  {0: {.84, .73}, .1: {.70, .52}, .3: {.45, .20}, .5: {.25, .08}},
	10000: {0: {.93, .83}, .1: {.83, .73}, .3: {.62, .48}, .5: {.35, .15}},
	50000: {0: {.94, .84}, .1: {.84, .74}, .3: {.62, .52}, .5: {.43, .28}},
}

// The medians over nine seeds or more, in this package's own small world. The channel there
// is kinder than a modem's: testbench measures with the real one.
func TestSharesOfTheLimit(t *testing.T) {
	for _, size := range []int{1000, 10000, 50000} {
		for _, loss := range []float64{0, 0.1, 0.3, 0.5} {
			var airs, spans []float64
			want := leastShares[size][loss]
			n := uint64(9)
			if size <= 1000 {
				n = 61 // single frames weigh more
			}
			for seed := range n {
				air, span := shares(t, seed, size, loss)
				airs, spans = append(airs, air), append(spans, span)
			}
			slices.Sort(airs)
			slices.Sort(spans)
			if airs[n/2] < want[0] || spans[n/2] < want[1] {
				t.Errorf("%d octets at %.0f %% loss: air %.3f time %.3f, want %v at least", size, loss*100, airs[n/2], spans[n/2], want)
			}
			t.Logf("%5d octets %2.0f %% loss: air %.3f time %.3f (worst %.3f %.3f)", size, loss*100, airs[n/2], spans[n/2], airs[0], spans[0])
		}
	}
}
