package hop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/testbench/world"
)

// cost is what bringing bodies took.
type cost struct{ air, time time.Duration }

// meeting lets A and C bring 10 kB each to B, which is between them, in rounds, and tells what the last one took and how
// many turns B gave. near: A and C hear each other.
func meeting(t *testing.T, cfg world.Config, near bool, loss float64, rounds int) (c cost, turns uint64) {
	t.Helper()
	l := openWith(t, cfg, 3, loss)
	if near {
		l.Air.SetLink(0, 2, 110)
		l.Run(10*time.Minute, nil)
	}
	for _, n := range l.nodes {
		n.Onward = nil
	}
	for i := range rounds {
		c = l.round(i)
		l.Run(rest, nil)
	}
	return c, l.nodes[1].Stats().Clears
}

// round is one body from each side. The second comes up to two seconds after the first.
func (l *line) round(i int) cost {
	a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
	r := l.Rand(fmt.Sprintf("round %d", i))
	x, y := make([]byte, 10_000), make([]byte, 10_000)
	_, _ = r.Read(x)
	_, _ = r.Read(y)
	start, used := l.Now(), l.Airtime()
	dx := a.Submit(b, 1, link.Message, x)
	l.Run(time.Duration(r.Uint64()%uint64(2*time.Second)), nil)
	dy := c.Submit(b, 1, link.Message, y)
	if !l.Run(longest, func() bool { return !a.Custody[dx].IsZero() && !c.Custody[dy].IsZero() }) {
		l.Fatalf("seed %d: not delivered in round %d", l.Seed, i)
	}
	if b.Took[dx] != 1 || b.Took[dy] != 1 {
		l.Errorf("seed %d: B took the bodies %d and %d times, want once", l.Seed, b.Took[dx], b.Took[dy])
	}
	return cost{l.Airtime() - used, l.Now().Sub(start)}
}

// medianCost is that of airtime and of time, each for itself.
func medianCost(all []cost) cost {
	var air, times []time.Duration
	for _, c := range all {
		air, times = append(air, c.air), append(times, c.time)
	}
	slices.Sort(air)
	slices.Sort(times)
	return cost{air[len(air)/2], times[len(times)/2]}
}

func (c cost) String() string {
	return fmt.Sprintf("%5.1f s / %5.1f s", c.air.Seconds(), c.time.Seconds())
}

// gains is how much less airtime and time the third round takes when B gives turns, at least.
var gains = map[bool]map[float64][2]float64{
	false: {0: {.12, .20}, .1: {.09, .19}},
	true:  {0: {.12, .19}, .1: {.11, .15}},
}

// TestTurnsPayAmongHiddenStations has A and C send to B at once, who do not hear each other.
func TestTurnsPayAmongHiddenStations(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "10 kB from each of two hidden stations, third round, medians of %d seeds: airtime / time\n", seeds())
	for _, own := range []bool{false, true} {
		for _, loss := range []float64{0, .1} {
			var with, without []cost
			for seed := range seeds() {
				cfg := hiddenConfig(seed, own)
				c, _ := meeting(t, cfg, false, loss, 3)
				cfg.NoClears = true
				d, _ := meeting(t, cfg, false, loss, 3)
				with, without = append(with, c), append(without, d)
			}
			w, o := medianCost(with), medianCost(without)
			air, span := 1-w.air.Seconds()/o.air.Seconds(), 1-w.time.Seconds()/o.time.Seconds()
			if least := gains[own][loss]; air < least[0] || span < least[1] {
				t.Errorf("own access %v, %.0f %% loss: turns save %.3f of the airtime and %.3f of the time, want %v", own, 100*loss, air, span, least)
			}
			fmt.Fprintf(&b, "chips %-5v %3.0f %%   without %v   with %v   saved %2.0f %% / %2.0f %%\n", own, 100*loss, o, w, 100*air, 100*span)
		}
	}
	t.Log("\n" + b.String())
}

func hiddenConfig(seed uint64, own bool) world.Config {
	cfg := world.Config{Seed: seed, Modulation: nz915, Burst: burst}
	if own {
		cfg.Bare, cfg.Burst = bare, 0
	}
	return cfg
}

// TestNoTurnsWhereAllHearEachOther has the same stations in reach of each other.
func TestNoTurnsWhereAllHearEachOther(t *testing.T) {
	for _, own := range []bool{false, true} {
		for seed := range uint64(5) {
			if _, turns := meeting(t, hiddenConfig(seed, own), true, 0, 3); turns != 0 {
				t.Errorf("own access %v, seed %d: %d turns, want none", own, seed, turns)
			}
		}
	}
}
