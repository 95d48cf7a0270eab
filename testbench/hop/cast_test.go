package hop

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/testbench/world"
)

// group is a row: how many neighbours get the same body at which loss, independent for each of them.
type group struct {
	neighbours, octets int
	loss               float64
}

var groups = []group{
	{4, 10_000, 0}, {4, 10_000, .1}, {4, 10_000, .3},
	{2, 10_000, .1}, {8, 10_000, .1},
	{4, 1_000, .1},
}

// groupCeilings is the airtime until all have custody over that of a transfer to one, at most.
var groupCeilings = map[group]float64{
	{4, 10_000, 0}: 1.06, {4, 10_000, .1}: 1.18, {4, 10_000, .3}: 1.31,
	{2, 10_000, .1}: 1.12, {8, 10_000, .1}: 1.33,
	{4, 1_000, .1}: 2.1,
}

// longRest is until the beacons of so many young sessions have grown rare.
const longRest = 10 * time.Minute

// groupAim is the ceiling that was asked for.
var groupAim = map[group]float64{{4, 10_000, .1}: 1.20}

// groupSeeds is fewer than seeds, because each row takes two runs among many stations.
func groupSeeds() uint64 {
	if os.Getenv("PACKHORSE_BENCH") == "" {
		return 8
	}
	return seeds()
}

// star is a world in which all hear each other, with open sessions with the first.
func star(t *testing.T, seed uint64, neighbours int, loss float64) *line {
	t.Helper()
	w, err := world.New(world.Config{Seed: seed, Stations: neighbours + 1, Modulation: nz915, PowerDBm: 14, Burst: burst})
	if err != nil {
		t.Fatal(err)
	}
	l := &line{T: t, World: w}
	var names []string
	for i := range neighbours + 1 {
		names = append(names, string(rune('A'+i)))
	}
	if l.nodes, err = w.LinkNodes(names...); err != nil {
		t.Fatal(err)
	}
	met := func() bool {
		return !slices.ContainsFunc(l.nodes, func(n *world.LinkNode) bool { return len(n.Peers) < neighbours })
	}
	if !w.Run(time.Hour, met) {
		t.Fatalf("seed %d: no sessions after an hour", seed)
	}
	w.Run(longRest, nil)
	w.Air.SetLoss(loss)
	return l
}

// sendAll brings a body from the first node to some others, and tells the airtime until all have custody.
func (l *line) sendAll(to []*world.LinkNode, octets int) time.Duration {
	l.Helper()
	body, air := l.body(octets), l.Airtime()
	d := l.nodes[0].SubmitAll(to, 1, link.Message, body)
	done := func() bool { return l.given(to, d) }
	if !l.Run(longest, done) {
		l.Fatalf("seed %d: %d octets did not arrive everywhere in %v", l.Seed, octets, longest)
	}
	air = l.Airtime() - air
	for _, n := range to {
		if n.Took[d] != 1 || !bytes.Equal(n.Delivered[d], body) {
			l.Errorf("seed %d: %s took %d octets %d times, want %d once", l.Seed, n.Name, len(n.Delivered[d]), n.Took[d], octets)
		}
	}
	return air
}

// given tells whether all have taken custody of a body of the first node.
func (l *line) given(to []*world.LinkNode, d link.Digest) bool {
	return !slices.ContainsFunc(to, func(n *world.LinkNode) bool {
		return l.nodes[0].Given[world.Given{Peer: n.Member.ID, Digest: d}].IsZero()
	})
}

// aimOf is a group's aim for the table; most have none.
func aimOf(g group) string {
	if aim, ok := groupAim[g]; ok {
		return fmt.Sprintf("%.2f", aim)
	}
	return "-"
}

// TestAGroupCostsLittleMoreThanOne sends one body to several neighbours at once, and in the same worlds to one of them.
func TestAGroupCostsLittleMoreThanOne(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "one body to several neighbours, medians of %d seeds: airtime of all until all have custody\n", groupSeeds())
	fmt.Fprintf(&b, "%10s %7s %5s  %8s %8s %7s %7s\n", "neighbours", "octets", "loss", "to one", "to all", "ratio", "aim")
	for _, g := range groups {
		var one, all []float64
		for seed := range groupSeeds() {
			l := star(t, seed, g.neighbours, g.loss)
			all = append(all, l.sendAll(l.nodes[1:], g.octets).Seconds())
			l = star(t, seed, g.neighbours, g.loss)
			one = append(one, l.sendAll(l.nodes[1:2], g.octets).Seconds())
		}
		x, y := middle(one), middle(all)
		fmt.Fprintf(&b, "%10d %7d %4.0f%%  %7.2fs %7.2fs %7.3f %7s\n", g.neighbours, g.octets, 100*g.loss, x, y, y/x, aimOf(g))
		if most := groupCeilings[g]; most > 0 && y/x > most {
			t.Errorf("%+v: %.3f times the airtime of one, want %.2f at most", g, y/x, most)
		}
	}
	t.Log("\n" + b.String())
}

// middle is the median.
func middle(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
