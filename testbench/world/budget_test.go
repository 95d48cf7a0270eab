package world

import (
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
)

// onePercent is the law of 868.0-868.6 MHz: 36 s in any hour.
func onePercent(t *testing.T) phy.Rule {
	t.Helper()
	m := sf7
	m.FrequencyHz = 868_300_000
	g, err := phy.LookupRegion("EU868")
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.Rule(m, phy.Power{ConductedDBm: 14, AntennaDBi: phy.DipoleDBi})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eta is what the node says of the only transfer it has.
func eta(t *testing.T, n *LinkNode) link.TransferInfo {
	t.Helper()
	for _, info := range n.core.Transfers() {
		if info.Out {
			return info
		}
	}
	t.Fatalf("%s sends nothing", n.Name)
	return link.TransferInfo{}
}

func TestETAUnderADutyCycle(t *testing.T) {
	for _, c := range []struct {
		name string
		loss float64
		size int
	}{
		{"without loss", 0, 36_000}, {"with loss", 0.2, 36_000}, {"within the hour", 0, 10_000},
	} {
		for seed := range uint64(3) {
			w, a, b := linked(t, Config{Seed: 20 + seed, Loss: c.loss, Burst: 2 * time.Second, Rule: onePercent(t)})
			w.Run(2*time.Hour, nil)
			start := w.Now()
			d := a.Submit(b, 1, link.Bulk, octets(seed, c.size))
			w.Run(10*time.Second, nil)
			said, last, back, steps := eta(t, a).ETA+10*time.Second, eta(t, a).ETA, time.Duration(0), 0
			for !w.Run(time.Minute, func() bool { return !a.Custody[d].IsZero() }) {
				now := eta(t, a).ETA
				if slip := now + time.Minute - last; slip > 30*time.Minute {
					steps++ // the loss that was just measured costs one more hour of the law
				} else {
					back = max(back, slip)
				}
				last = now
			}
			took := w.Now().Sub(start)
			t.Logf("%s, seed %d: said %v, took %v, most it slipped in a minute %v", c.name, seed, said, took, back)
			if off := (said - took).Abs(); off > took*15/100 && off > 10*time.Second {
				t.Errorf("%s, seed %d: said %v, took %v: want within 15 %%", c.name, seed, said, took)
			}
			if back > took*15/100 || steps > 1 {
				t.Errorf("%s, seed %d: it slipped by %v in a minute, and by an hour %d times", c.name, seed, back, steps)
			}
		}
	}
}

// An emergency goes at once although bulk has used all it may.
func TestEmergencyDoesNotWaitBehindBulkForTheLaw(t *testing.T) {
	w, a, b := linked(t, Config{Seed: 30, Burst: 2 * time.Second, Rule: onePercent(t)})
	a.Submit(b, 1, link.Bulk, octets(1, 50_000))
	w.Run(20*time.Minute, nil)
	if info := eta(t, a); info.PerHour != 36*time.Second || info.Waiting != "the radio has used its airtime" {
		t.Fatalf("bulk after 20 minutes: got %+v, want it to wait for the law's 36 s an hour", info)
	}
	for _, c := range []struct {
		p    link.Priority
		size int
	}{{link.Message, 500}, {link.Emergency, 500}} {
		start := w.Now()
		d := a.Submit(b, 1, c.p, octets(uint64(c.p)+2, c.size))
		if !w.Run(time.Minute, func() bool { return !a.Custody[d].IsZero() }) {
			t.Errorf("priority %d: no custody after a minute", c.p)
		}
		t.Logf("priority %d: %v", c.p, w.Now().Sub(start))
	}
}

// With faster settings in two bands what was said is still of use: neither the slow common setting nor the
// small account of the second band is taken for all there is.
func TestETAWithExcursions(t *testing.T) {
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
	w, a, b := linked(t, Config{Seed: 40, Modulation: m, Burst: 2 * time.Second, Loss: 0.05, Rule: r, Ladder: phy.Ladder(g, m, p, true)})
	w.Run(10*time.Minute, nil)
	start := w.Now()
	d := a.Submit(b, 1, link.Bulk, octets(1, 100_000))
	soon := eta(t, a).ETA
	w.Run(10*time.Second, nil)
	said := eta(t, a).ETA + 10*time.Second
	if !w.Run(6*time.Hour, func() bool { return !a.Custody[d].IsZero() }) {
		t.Fatal("no custody after six hours")
	}
	took := w.Now().Sub(start)
	t.Logf("said %v on the common setting, %v on the faster one, took %v", soon, said, took)
	if max(soon, said) > 3*took || min(soon, said) < took/3 {
		t.Errorf("said %v on the common setting, %v on the faster one, took %v: want within a factor of three", soon, said, took)
	}
}
