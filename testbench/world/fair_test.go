package world

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"packhorse/link"
)

// jain is the fairness index of Jain, Chiu and Hawe: 1 when all have as much, 1/n when one has all.
func jain(x []float64) float64 {
	var sum, squares float64
	for _, v := range x {
		sum, squares = sum+v, squares+v*v
	}
	return sum * sum / squares / float64(len(x))
}

// pairsShare lets pairs within reach of each other move bulk, and returns the index over their airtimes in a time, and
// how much of that time was used.
func pairsShare(t *testing.T, seed uint64, pairs int, loss float64, span time.Duration) (index, used float64) {
	t.Helper()
	w, err := New(Config{Seed: seed, Stations: 2 * pairs, Modulation: sf7, PowerDBm: 14, Burst: 8 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range 2 * pairs {
		names = append(names, fmt.Sprintf("S%02d", i))
	}
	nodes, err := w.LinkNodes(names...)
	if err != nil {
		t.Fatal(err)
	}
	if !w.Run(time.Hour, func() bool { return meshed(nodes) }) {
		t.Fatalf("seed %d: not all met", seed)
	}
	w.Run(time.Minute, nil)
	w.Air.SetLoss(loss)
	for i := range pairs {
		nodes[2*i].Submit(nodes[2*i+1], 1, link.Bulk, octets(seed+uint64(i), 600_000))
	}
	w.Run(20*time.Second, nil)
	before := make([]time.Duration, 2*pairs)
	for i := range before {
		before[i] = w.Air.Airtime(i)
	}
	w.Run(span, nil)
	took := make([]float64, pairs)
	for i := range before {
		took[i/2] += (w.Air.Airtime(i) - before[i]).Seconds()
		used += (w.Air.Airtime(i) - before[i]).Seconds() / span.Seconds()
	}
	return jain(took), used
}

// Pairs within reach of each other share the air.
func TestPairsShareTheAir(t *testing.T) {
	for _, loss := range []float64{0, 0.1} {
		for pairs := 2; pairs <= 4; pairs++ {
			var all, used []float64
			for seed := range uint64(20) {
				index, share := pairsShare(t, seed, pairs, loss, 5*time.Minute)
				all, used = append(all, index), append(used, share)
			}
			slices.Sort(all)
			slices.Sort(used)
			t.Logf("%d pairs, %2.0f %% loss: index %.3f, worst %.3f; %.2f of the time used", pairs, 100*loss, all[10], all[0], used[10])
			if all[10] < .90 {
				t.Errorf("%d pairs, %2.0f %% loss: median index %.3f, want .90", pairs, 100*loss, all[10])
			}
		}
	}
}
