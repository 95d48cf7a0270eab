package route

import (
	"math/rand/v2"
	"testing"

	"packhorse/link"
)

func id(n byte) link.PeerID { return link.PeerID{n} }

func open(cost uint16) func(link.PeerID) (uint16, bool) {
	return func(link.PeerID) (uint16, bool) { return cost, true }
}

func TestNextPrefersTheCheapestUsableNeighbour(t *testing.T) {
	tab := NewTable(4)
	tab.Learn(id(9), 1, id(1), 10, 5)
	tab.Learn(id(9), 1, id(2), 3, 5)
	if via, cost, ok := tab.Next(id(9), open(5)); !ok || via != id(2) || cost != 8 {
		t.Fatalf("got %v cost %d %v, want neighbour 2 at 8", via[0], cost, ok)
	}
	without2 := func(p link.PeerID) (uint16, bool) { return 5, p != id(2) }
	if via, _, ok := tab.Next(id(9), without2); ok {
		t.Fatalf("used neighbour %d, whose reported 10 is above our own best of 8: it may come back to us", via[0])
	}
	tab.Learn(id(9), 2, id(1), 10, 5)
	if via, cost, ok := tab.Next(id(9), without2); !ok || via != id(1) || cost != 15 {
		t.Fatalf("after a newer number: got %v cost %d %v, want neighbour 1 at 15", via[0], cost, ok)
	}
}

func TestOlderNumbersAndFullTablesChangeNothing(t *testing.T) {
	tab := NewTable(1)
	if !tab.Learn(id(9), 5, id(1), 0, 1) {
		t.Fatal("the first report changed nothing")
	}
	if tab.Learn(id(9), 4, id(2), 0, 1) {
		t.Fatal("an older number was taken")
	}
	if tab.Learn(id(8), 1, id(1), 0, 1) || tab.Known(id(8)) {
		t.Fatal("the table grew beyond its limit")
	}
	tab.Forget(id(1))
	if _, _, ok := tab.Next(id(9), open(1)); ok {
		t.Fatal("a forgotten neighbour is still used")
	}
}

// Random graphs, links that come and go: following Next from anywhere never meets a gateway twice.
func TestRoutesNeverLoop(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		const n = 8
		var cost [n][n]uint16
		for a := range n {
			for b := range a {
				if rng.IntN(3) > 0 {
					c := uint16(1 + rng.IntN(9))
					cost[a][b], cost[b][a] = c, c
				}
			}
		}
		tabs := make([]*Table, n)
		for i := range tabs {
			tabs[i] = NewTable(n)
		}
		hop := func(at int) func(link.PeerID) (uint16, bool) {
			return func(p link.PeerID) (uint16, bool) { c := cost[at][p[0]]; return c, c > 0 }
		}
		report := func(from int) (uint16, bool) {
			if from == 0 {
				return 0, true
			}
			_, c, ok := tabs[from].Next(id(0), hop(from))
			return c, ok
		}
		seq := uint64(1)
		for range 300 {
			a, b := rng.IntN(n), rng.IntN(n)
			switch rng.IntN(8) {
			case 0:
				cost[a][b], cost[b][a] = 0, 0
			case 1:
				seq++
			case 2:
				if a != b {
					cost[a][b], cost[b][a] = 4, 4
				}
			default:
				// a tells b; only the destination itself knows the newest number.
				s := seq
				if a != 0 {
					d := tabs[a].dest[id(0)]
					if d == nil {
						continue
					}
					s = d.seq
				}
				if r, ok := report(a); ok && b != 0 && cost[a][b] > 0 {
					tabs[b].Learn(id(0), s, id(byte(a)), r, cost[a][b])
				}
			}
			for start := range n {
				seen := map[int]bool{}
				for at := start; at != 0; {
					if seen[at] {
						t.Fatalf("seed %d: loop from %d at %d", seed, start, at)
					}
					seen[at] = true
					via, _, ok := tabs[at].Next(id(0), hop(at))
					if !ok {
						break
					}
					at = int(via[0])
				}
			}
		}
	}
}
