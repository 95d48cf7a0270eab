package road

import (
	"fmt"
	"strings"
	"testing"

	"packhorse/testbench/world"
)

// TestLettersGetThroughLoss sends 10 kB over one hop and over two, 10 seeds for each loss.
func TestLettersGetThroughLoss(t *testing.T) { throughLoss(t, "RNodes", nil) }

// TestLettersGetThroughLossOverChips does it with our own medium access, on chips that send at once what they are given.
func TestLettersGetThroughLossOverChips(t *testing.T) {
	throughLoss(t, "chips", func(int) bool { return true })
}

func throughLoss(t *testing.T, radios string, bare func(station int) bool) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%s, %d octets, SF7/BW125, shares of the PHY limit, of the content and of the whole parcel\n", radios, payload)
	fmt.Fprintf(&table, "%-8s %5s  %-12s %-12s %8s %8s\n", "hops", "loss", "air", "time", "airtime", "seconds")
	for _, hops := range []int{1, 2} {
		for _, loss := range []float64{0, 0.1, 0.3} {
			var results []result
			for seed := range uint64(10) {
				results = append(results, one(t, seed, hops, loss, bare))
			}
			m := mean(results)
			fmt.Fprintf(&table, "%-8d %5.1f  %.3f %.3f  %.3f %.3f  %8.1f %8.1f\n", hops, loss, m.air, m.airParcel, m.time, m.timeParcel, m.airtime.Seconds(), m.took.Seconds())
		}
	}
	t.Log(table.String())
}

func one(t *testing.T, seed uint64, hops int, loss float64, bare func(int) bool) result {
	t.Helper()
	cfg := config(seed, hops+1)
	cfg.Bare = bare
	r := openOver(t, cfg, hops+1, func(w *world.World) { w.Air.Line() })
	r.Air.SetLoss(loss)
	content := letter(seed)
	return r.finish(r.send(content), content)
}
