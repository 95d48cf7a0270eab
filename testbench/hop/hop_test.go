package hop

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
	"packhorse/testbench/world"
)

// nz915 is SF7/BW125 under NZ915, which knows no duty cycle and no dwell time.
var nz915 = phy.Modulation{FrequencyHz: 917_500_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

const (
	burst = 8 * time.Second  // of airtime that may wait in a modem
	rest  = 30 * time.Second // between the last session and the transfer
)

// seeds is how many a median is taken of.
func seeds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("PACKHORSE_BENCH"), 10, 16); err == nil && n > 0 {
		return n
	}
	return 20
}

// line is a world of nodes of which each hears only its neighbours, with open sessions.
type line struct {
	*testing.T
	*world.World
	nodes []*world.LinkNode
}

// open makes the nodes and lets their sessions open and come to rest before there is loss.
func open(t *testing.T, seed uint64, nodes int, loss float64) *line {
	t.Helper()
	return openWith(t, world.Config{Seed: seed, Modulation: nz915, Burst: burst}, nodes, loss)
}

// openWith is open with other radios.
func openWith(t *testing.T, cfg world.Config, nodes int, loss float64) *line {
	t.Helper()
	cfg.Stations, cfg.PowerDBm = nodes, 14
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Air.Line()
	l := &line{T: t, World: w}
	if l.nodes, err = w.LinkNodes([]string{"A", "B", "C"}[:nodes]...); err != nil {
		t.Fatal(err)
	}
	for i, n := range l.nodes[:nodes-1] {
		n.Onward = l.nodes[i+1]
	}
	if !w.Run(10*time.Minute, l.met) {
		t.Fatalf("seed %d: no sessions after ten minutes", cfg.Seed)
	}
	w.Run(rest, nil)
	w.Air.SetLoss(loss)
	return l
}

// Run hides testing's.
func (l *line) Run(d time.Duration, done func() bool) bool { return l.World.Run(d, done) }

// met tells whether all who hear each other have sessions.
func (l *line) met() bool {
	for i, n := range l.nodes {
		near := 2
		if i == 0 || i == len(l.nodes)-1 {
			near = 1
		}
		if len(n.Peers) < near {
			return false
		}
	}
	return true
}

// body is what a seed sends.
func (l *line) body(octets int) []byte {
	b := make([]byte, octets)
	_, _ = l.Rand("body").Read(b)
	return b
}

// send brings a body from the first node to the last, and tells what that took.
func (l *line) send(octets int) shares {
	l.Helper()
	last, body := l.nodes[len(l.nodes)-1], l.body(octets)
	air, begun := l.Airtime(), l.Now()
	d := l.nodes[0].Submit(l.nodes[1], 1, link.Message, body)
	done := func() bool { return !l.nodes[len(l.nodes)-2].Custody[d].IsZero() }
	if !l.Run(longest, done) {
		l.Fatalf("seed %d: %d octets did not arrive in %v", l.Seed, octets, longest)
	}
	for _, n := range l.nodes[1:] {
		if n.Took[d] != 1 || !bytes.Equal(n.Delivered[d], body) {
			l.Errorf("seed %d: %s took %d octets %d times, want %d once", l.Seed, n.Name, len(n.Delivered[d]), n.Took[d], octets)
		}
	}
	var s shares
	s.air, s.time = l.Shares(octets, l.Airtime()-air, last.Received[d].Sub(begun))
	return s
}

// median is that of air and of time, each for itself.
func median(all []shares) shares {
	var air, times []float64
	for _, s := range all {
		air, times = append(air, s.air), append(times, s.time)
	}
	slices.Sort(air)
	slices.Sort(times)
	mid := func(x []float64) float64 { return (x[(len(x)-1)/2] + x[len(x)/2]) / 2 }
	return shares{mid(air), mid(times)}
}

// TestHopsReachTheirShares sends bodies of three sizes at three losses, and one over two hops on one channel.
func TestHopsReachTheirShares(t *testing.T) {
	var rows []row
	for _, k := range kinds {
		var all []shares
		for seed := range seeds() {
			all = append(all, open(t, seed, k.hops+1, k.loss).send(k.octets))
		}
		r := row{kind: k, got: median(all)}
		if least := floors[k]; r.got.air < least.air || r.got.time < least.time {
			t.Errorf("%d octets over %d hops at %.0f %% loss: air %.3f time %.3f, want %v at least", k.octets, k.hops, 100*k.loss, r.got.air, r.got.time, least)
		}
		rows = append(rows, r)
	}
	t.Log("\n" + table(rows))
	if err := save(rows); err != nil {
		t.Error(err)
	}
}
