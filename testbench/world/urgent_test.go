package world

import (
	"slices"
	"testing"
	"time"

	"packhorse/link"
)

// urgentWaits are how long an emergency of C waits while A sends B bulk, sorted, over 20 seeds.
func urgentWaits(t *testing.T, bare bool, loss float64, size int, from, to string) (waits []time.Duration) {
	t.Helper()
	for seed := range uint64(20) {
		cfg := Config{Seed: seed, Stations: 3, Modulation: sf7, PowerDBm: 14, Burst: 8 * time.Second}
		if bare {
			cfg.Bare = func(int) bool { return true }
		}
		w, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := w.LinkNodes("A", "B", "C")
		if err != nil {
			t.Fatal(err)
		}
		if !w.Run(10*time.Minute, func() bool { return meshed(nodes) }) {
			t.Fatalf("seed %d: not all met", seed)
		}
		w.Run(30*time.Second, nil)
		w.Air.SetLoss(loss)
		by := map[string]*LinkNode{"A": nodes[0], "B": nodes[1], "C": nodes[2]}
		by["A"].Submit(by["B"], 1, link.Bulk, octets(seed, 50_000))
		w.Run(10*time.Second+time.Duration(seed)*2170*time.Millisecond, nil)
		start := w.Now()
		d := by[from].Submit(by[to], 1, link.Emergency, octets(seed+100, size))
		if !w.Run(10*time.Minute, func() bool { return by[to].Delivered[d] != nil }) {
			t.Fatalf("seed %d: the emergency did not arrive", seed)
		}
		waits = append(waits, w.Now().Sub(start))
	}
	slices.Sort(waits)
	return waits
}

// An emergency gets into a bulk transfer of its own station or of others. The waits of 2,000 octets have their bursts and
// answers in them: without bulk they take 5 s.
func TestEmergenciesGetIn(t *testing.T) {
	type limit struct{ median, worst time.Duration }
	for _, c := range []struct {
		bare bool
		size int
		own  limit // A, who sends the bulk
		peer limit // B, who receives it, and C, a third
	}{
		{false, 200, limit{4 * time.Second, 12 * time.Second}, limit{8 * time.Second, 35 * time.Second}},
		{false, 2000, limit{12 * time.Second, 26 * time.Second}, limit{18 * time.Second, 40 * time.Second}},
		{true, 200, limit{time.Second, 4 * time.Second}, limit{6 * time.Second, 28 * time.Second}},
		{true, 2000, limit{6 * time.Second, 10 * time.Second}, limit{12 * time.Second, 32 * time.Second}},
	} {
		for _, loss := range []float64{0, 0.1} {
			for _, way := range [][2]string{{"C", "B"}, {"C", "A"}, {"A", "B"}, {"A", "C"}, {"B", "A"}, {"B", "C"}} {
				want := c.peer
				if way[0] == "A" {
					want = c.own
				}
				waits := urgentWaits(t, c.bare, loss, c.size, way[0], way[1])
				t.Logf("bare %v, %2.0f %% loss, %4d octets, %s to %s: median %v, worst %v", c.bare, 100*loss, c.size, way[0], way[1],
					waits[10].Round(10*time.Millisecond), waits[19].Round(10*time.Millisecond))
				if waits[10] > want.median || waits[19] > want.worst {
					t.Errorf("bare %v, %2.0f %% loss, %4d octets, %s to %s: median %v, worst %v, want %v and %v at most",
						c.bare, 100*loss, c.size, way[0], way[1], waits[10], waits[19], want.median, want.worst)
				}
			}
		}
	}
}
