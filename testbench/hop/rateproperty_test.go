package hop

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
	"packhorse/testbench/world"
)

// troubles is a small world drawn by seed in which stations change settings and much goes wrong.
type troubles struct {
	*line
	rng  *rand.Rand
	sent []parcel
	ends map[*world.LinkNode]int // lives that were ended
}

type parcel struct {
	from, to *world.LinkNode
	digest   link.Digest
	body     []byte
}

const (
	troubled = 3 * time.Minute // in which things happen
	settled  = 3 * time.Minute // afterwards all must be back on the common setting
)

func trouble(t *testing.T, seed uint64) *troubles {
	rng := rand.New(rand.NewPCG(seed, 11))
	names := []string{"A", "B", "C"}[:2+rng.IntN(2)]
	cfg := world.Config{Seed: seed, Ladder: ladder(t), Trace: os.Getenv("PACKHORSE_TRACE") != ""}
	if rng.IntN(4) == 0 {
		cfg.Fixed = []int{rng.IntN(len(names))}
	}
	if rng.IntN(3) == 0 {
		fails := rand.New(rand.NewPCG(seed, 12))
		cfg.TuneFails = func(_, rate int) bool { return fails.IntN(4) == 0 }
	}
	tr := &troubles{line: meet(t, cfg, 12, names...), rng: rng, ends: map[*world.LinkNode]int{}}
	tr.Air.SetLoss(float64(rng.IntN(4)) / 10)
	tr.draw()
	return tr
}

// sometime runs f at a random moment of the trouble.
func (tr *troubles) sometime(f func()) {
	tr.After(time.Duration(tr.rng.Int64N(int64(troubled))), f)
}

// draw decides what happens when.
func (tr *troubles) draw() {
	for range 1 + tr.rng.IntN(5) {
		i, j := tr.two()
		size, p := []int{50, 900, 4000, 20_000}[tr.rng.IntN(4)]+tr.rng.IntN(100), link.Priority(tr.rng.IntN(3))
		tr.sometime(func() { tr.submit(tr.nodes[i], tr.nodes[j], size, p) })
	}
	for range tr.rng.IntN(8) {
		i, j := tr.two()
		spare := 1 + 24*tr.rng.Float64()
		tr.sometime(func() { tr.Air.SetLink(i, j, pathLoss(spare)) })
	}
	for range tr.rng.IntN(3) {
		n := tr.nodes[tr.rng.IntN(len(tr.nodes))]
		tr.sometime(func() { tr.restart(n) })
	}
}

func (tr *troubles) two() (i, j int) {
	i = tr.rng.IntN(len(tr.nodes))
	return i, (i + 1 + tr.rng.IntN(len(tr.nodes)-1)) % len(tr.nodes)
}

func (tr *troubles) submit(from, to *world.LinkNode, size int, p link.Priority) {
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(tr.rng.Uint32())
	}
	tr.sent = append(tr.sent, parcel{from, to, from.Submit(to, 1, p, body), body})
}

func (tr *troubles) restart(n *world.LinkNode) {
	tr.ends[n]++
	n.Stop()
	if err := n.Start(); err != nil {
		tr.Fatal(err)
	}
}

// check lets all come to rest and looks at it.
func (tr *troubles) check() {
	tr.World.Run(troubled, nil)
	arrived := func() bool {
		for _, s := range tr.sent {
			if s.from.Custody[s.digest].IsZero() {
				return false
			}
		}
		return true
	}
	if !tr.World.Run(longest, arrived) {
		tr.Fatalf("seed %d: not all arrived in %v\n%s", tr.Seed, longest, tr.TraceText())
	}
	tr.World.Run(settled, nil)
	for _, s := range tr.sent {
		if n := s.to.Took[s.digest]; n < 1 || n > 1+tr.ends[s.to] || !bytes.Equal(s.to.Delivered[s.digest], s.body) {
			tr.Errorf("seed %d: %s took %d octets %d times, want %d once", tr.Seed, s.to.Name, len(s.to.Delivered[s.digest]), n, len(s.body))
		}
	}
	for _, n := range tr.nodes {
		if got := n.Setting().Modulation; got != phy.RNodeModulation(sf10) {
			tr.Errorf("seed %d: %s is on %v in the end\n%s", tr.Seed, n.Name, got, tr.TraceText())
		}
	}
}

// Path losses that change, lost frames, restarts, changes that fail, radios that stay where they are: everything
// arrives once, and all stations meet on the common setting in the end.
func TestRatesSurviveTroubleSoak(t *testing.T) {
	n := uint64(150)
	if os.Getenv("PACKHORSE_SOAK") != "" {
		n = 5000
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { trouble(t, seed).check() })
	}
}
