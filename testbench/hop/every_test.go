package hop

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/testbench/world"
)

// everyRuns is how many deliveries TestSoakEveryDelivery tries: 1,000 in make test, which has a suite for it, and in make soak.
func everyRuns() uint64 {
	if os.Getenv("PACKHORSE_SOAK") != "" {
		return 1000
	}
	return 60
}

// TestSoakEveryDelivery draws runs by seed: one or two hops, bodies of 1 to 50,000 octets both ways at once, up to half of the packets lost, in
// some runs already while the sessions open, RNodes or chips. Each body must arrive once, as it was sent.
func TestSoakEveryDelivery(t *testing.T) {
	var slowest time.Duration
	for seed := range everyRuns() {
		r := rand.New(rand.NewPCG(seed, 11))
		loss, hops := r.Float64()/2, 1+r.IntN(2)
		cfg := world.Config{Seed: seed, Modulation: nz915, Burst: burst}
		if r.IntN(4) == 0 {
			cfg.Bare = bare
		}
		if r.IntN(2) == 0 {
			cfg.Loss = loss
		}
		l := openWith(t, cfg, hops+1, loss)
		slowest = max(slowest, l.bothWays(drawn(r), drawn(r)))
	}
	t.Logf("%d runs, the slowest took %v", everyRuns(), slowest.Round(time.Second))
}

// drawn is a body of any size, small ones as often as large ones.
func drawn(r *rand.Rand) []byte {
	b := make([]byte, 1+r.IntN([]int{250, 2_000, 10_000, 50_000}[r.IntN(4)]))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// bothWays brings a body along the line and another back over its first hop, and tells how long that took.
func (l *line) bothWays(there, back []byte) time.Duration {
	l.Helper()
	begun := l.Now()
	l.nodes[0].Onward = nil // what comes back goes no further
	a, b, last := l.nodes[0], l.nodes[1], l.nodes[len(l.nodes)-1]
	d, e := a.Submit(b, 1, link.Message, there), b.Submit(a, 2, link.Bulk, back)
	done := func() bool {
		return last.Delivered[d] != nil && a.Delivered[e] != nil && !a.Custody[d].IsZero() && !b.Custody[e].IsZero()
	}
	if !l.Run(longest, done) {
		l.Fatalf("seed %d: %d octets there and %d back did not arrive in %v: %v, %v", l.Seed, len(there), len(back), longest, a.Link().Transfers(), b.Link().Transfers())
	}
	if !bytes.Equal(last.Delivered[d], there) || !bytes.Equal(a.Delivered[e], back) || last.Took[d] != 1 || a.Took[e] != 1 {
		l.Errorf("seed %d: %d and %d octets were taken %d and %d times", l.Seed, len(there), len(back), last.Took[d], a.Took[e])
	}
	return l.Now().Sub(begun)
}
