//go:build linux

package chips

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a kill may cost, in airtime against the undisturbed transfer: as in testbench/road.
const (
	medianCost = 1.17
	worstCost  = 1.35
)

// down is how long a killed gateway is away.
const down = time.Second

// TestKillsLoseNothing stops each gateway, as SIGKILL does, at seeded moments of a transfer. The chip goes on with what it was
// told until the gateway is back. Each letter arrives once, and what was there already is not sent again.
func TestKillsLoseNothing(t *testing.T) {
	for _, kinds := range [][]kind{{sx1276, sx1262}, {sx1276, modem, sx1262}} {
		var calm result
		p := plan{seed: 1, kinds: kinds}
		content := p.letter(payload)
		play(t, p, func(r *road) { calm = r.finish(r.send(content), content) })
		var out strings.Builder
		for victim := range kinds {
			var costs []float64
			for k := range seeds(3) {
				at := time.Duration(rand.New(rand.NewPCG(uint64(victim), k)).Int64N(int64(calm.took)))
				play(t, p, func(r *road) {
					costs = append(costs, r.killed(victim, at, content).airtime.Seconds()/calm.airtime.Seconds())
				})
			}
			slices.Sort(costs)
			median, worst := costs[len(costs)/2], costs[len(costs)-1]
			if median > medianCost || worst > worstCost {
				t.Errorf("%v: a kill of %s costs %.3f of the undisturbed airtime, at worst %.3f; want %v and %v at most", kinds, names[victim], median, worst, medianCost, worstCost)
			}
			fmt.Fprintf(&out, "%v: %s killed %d times: airtime against undisturbed: median %.3f, 9 of 10 %.3f, worst %.3f\n", kinds, names[victim], len(costs), median, costs[len(costs)*9/10], worst)
		}
		t.Log("\n" + out.String())
	}
}

// killed sends content and kills a gateway after a while.
func (r *road) killed(victim int, at time.Duration, content []byte) result {
	p := r.send(content)
	time.Sleep(at)
	r.nodes[victim].kill()
	time.Sleep(down)
	r.nodes[victim].start()
	return r.finish(p, content)
}

// TestAllRestart starts three in a line anew at the same moment, at 10 % loss, and then sends 64 octets from end to end.
func TestAllRestart(t *testing.T) {
	for seed := range seeds(2) {
		play(t, plan{seed: seed, kinds: []kind{sx1276, sx1262, sx1276}, loss: 0.1}, func(r *road) {
			for _, g := range r.nodes {
				g.kill()
			}
			time.Sleep(down)
			for _, g := range r.nodes {
				g.start()
			}
			begun := time.Now()
			r.await(10*time.Minute, "way", func() bool { return r.nodes[0].reaches(r.last().name) })
			way := time.Since(begun)
			time.Sleep(2 * time.Minute)
			content := r.letter(64)
			got := r.finish(r.send(content), content)
			t.Logf("%v: a way after %.1f s, a text took %.1f s", r.plan, way.Seconds(), got.took.Seconds())
			if way > 30*time.Second || got.took > 25*time.Second {
				t.Errorf("%v: a way after %v and a text in %v: want 30 s and 25 s at most", r.plan, way, got.took)
			}
		})
	}
}
