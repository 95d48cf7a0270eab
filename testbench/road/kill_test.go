package road

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKillsLoseNothing stops each gateway, as a kill does, at 50 seeded moments of a transfer and starts it a
// second later. Each letter arrives once; the log tells what airtime the kills cost.
func TestKillsLoseNothing(t *testing.T) {
	const moments = 50
	content := letter(1)
	calm := line(t, 1, 2)
	undisturbed := calm.finish(calm.send(content), content)
	var out strings.Builder
	for victim, name := range names[:2] {
		var costs []float64
		for k := range moments {
			at := time.Duration(rand.New(rand.NewPCG(uint64(victim), uint64(k))).Int64N(int64(undisturbed.took)))
			r := line(t, 1, 2)
			p := r.send(content)
			r.After(at, func() { r.nodes[victim].Stop() })
			r.After(at+time.Second, func() {
				if err := r.nodes[victim].Start(); err != nil {
					t.Error(err)
				}
			})
			r.Run(at+2*time.Second, nil)
			got := r.finish(p, content)
			costs = append(costs, got.airtime.Seconds()/undisturbed.airtime.Seconds())
		}
		slices.Sort(costs)
		fmt.Fprintf(&out, "%s: airtime against undisturbed: median %.2f, 9 of 10 %.2f, worst %.2f\n", name, costs[moments/2], costs[moments*9/10], costs[moments-1])
	}
	t.Log("\n" + out.String())
}
