package world

import (
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
)

// What is said of a transfer holds at any phase of it: on the common setting, on an excursion into a band with an account
// of its own, and when that is used up.
func TestETAWhileExcursionsUseAnotherBand(t *testing.T) {
	g, err := phy.LookupRegion("EU868")
	if err != nil {
		t.Fatal(err)
	}
	m, p := sf7, phy.Power{ConductedDBm: 14, AntennaDBi: phy.DipoleDBi}
	m.FrequencyHz, m.SpreadingFactor = g.Plan.FrequencyHz, 10
	r, err := g.Rule(m, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{100_000, 250_000, 500_000} {
		w, a, b := linked(t, Config{Seed: 41, Modulation: m, Burst: 2 * time.Second, Rule: r, Ladder: phy.Ladder(g, m, p, true)})
		w.Run(10*time.Minute, nil)
		start := w.Now()
		d := a.Submit(b, 1, link.Bulk, octets(1, size))
		type word struct {
			at   time.Duration
			said time.Duration
			on   string
		}
		var words []word
		done := func() bool { return !a.Custody[d].IsZero() }
		for every := 10 * time.Second; !w.Run(every, done); {
			words = append(words, word{w.Now().Sub(start), eta(t, a).ETA, a.Setting().String()})
			if len(words) > 10_000 {
				t.Fatal("no custody")
			}
		}
		took := w.Now().Sub(start)
		var worst time.Duration
		for i, k := range words {
			if i%(len(words)/12+1) == 0 {
				t.Logf("%d kB: after %v on %s: said %v, was %v", size/1000, k.at, k.on, k.said.Round(time.Second), (took - k.at).Round(time.Second))
			}
			worst = max(worst, (k.said - (took - k.at)).Abs())
		}
		t.Logf("%d kB took %v, most it was off %v", size/1000, took, worst)
		if worst > took/5 {
			t.Errorf("%d kB took %v: said wrong by %v, want a fifth at most", size/1000, took, worst)
		}
	}
}
