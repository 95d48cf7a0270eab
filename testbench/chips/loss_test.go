//go:build linux

package chips

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// seeds is how many letters a row is the mean of.
func seeds(least uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv("PACKHORSE_BENCH"), 10, 16); err == nil && n > 0 {
		return n
	}
	return least
}

// rows are the radios of the table.
var rows = []plan{
	{kinds: []kind{sx1276, sx1262}},
	{kinds: []kind{sx1276, sx1262}, plain: true},
	{kinds: []kind{modem, modem}},
	{kinds: []kind{sx1276, sx1262, sx1276}},
	{kinds: []kind{sx1276, modem, sx1262}},
}

// least is what a row must reach of the limit by airtime and by time, over one hop and over two.
var least = map[float64][2]result{
	0:   {{air: .71, time: .58}, {air: .35, time: .31}},
	0.1: {{air: .61, time: .52}, {air: .28, time: .25}},
	0.3: {{air: .39, time: .33}, {air: .20, time: .17}},
}

// TestLettersGetThroughLoss sends 10 kB between gateways with chips, over one hop and two, also with a modem between.
func TestLettersGetThroughLoss(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d octets, SF7/BW125, shares of the PHY limit\n%-24s %5s  %5s %5s  %8s %8s\n", payload, "radios", "loss", "air", "time", "airtime", "seconds")
	for _, p := range rows {
		for _, loss := range []float64{0, 0.1, 0.3} {
			var all []result
			for seed := range seeds(1) {
				p.seed, p.loss = seed, loss
				play(t, p, func(r *road) {
					content := p.letter(payload)
					all = append(all, r.finish(r.send(content), content))
				})
			}
			m := mean(all)
			if floor := least[loss][len(p.kinds)-2]; m.air < floor.air || m.time < floor.time {
				t.Errorf("%v: air %.3f time %.3f, want %.3f and %.3f at least", p, m.air, m.time, floor.air, floor.time)
			}
			name := fmt.Sprint(p.kinds)
			if p.plain {
				name += " plain"
			}
			fmt.Fprintf(&table, "%-24s %5.1f  %.3f %.3f  %8.1f %8.1f\n", name, loss, m.air, m.time, m.airtime.Seconds(), m.took.Seconds())
		}
	}
	t.Log(table.String())
}
