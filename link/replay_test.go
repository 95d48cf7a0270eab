package link

import (
	"math/rand/v2"
	"testing"
)

func TestReplayWindow(t *testing.T) {
	var r replay
	steps := []struct {
		counter uint64
		fresh   bool
	}{
		{0, true}, {0, false}, {5, true}, {3, true}, {3, false}, {5, false}, {1023, true}, {4, true},
		{1030, true}, {6, false}, {7, true}, {5000, true}, {1031, false}, {3977, true}, {3976, false}, {5000, false}, {4999, true},
	}
	for i, s := range steps {
		if got := r.fresh(s.counter); got != s.fresh {
			t.Fatalf("step %d, counter %d: fresh %v, want %v", i, s.counter, got, s.fresh)
		}
		if s.fresh {
			r.mark(s.counter)
		}
	}
}

func TestReplayWindowAgainstASet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var r replay
	seen := map[uint64]bool{}
	top := uint64(0)
	for range 200_000 {
		c := uint64(max(0, int64(top)+rng.Int64N(2200)-2000))
		want := !seen[c] && c+replayWindow >= top
		if c >= top {
			want = true
		}
		if got := r.fresh(c); got != want {
			t.Fatalf("counter %d, top %d: fresh %v, want %v", c, top, got, want)
		}
		if r.fresh(c) {
			r.mark(c)
			seen[c] = true
			top = max(top, c+1)
		}
	}
}

func TestCounterIsRebuilt(t *testing.T) {
	for _, next := range []uint64{0, 1, 1000, 65535, 65536, 65537, 1 << 20, 1<<20 + 40000, 1 << 40} {
		r := replay{next: next}
		for d := int64(-1000); d < 30000; d += 77 {
			want := int64(next) + d
			if want < 0 {
				continue
			}
			if got := r.rebuild(uint16(want)); got != uint64(want) {
				t.Fatalf("next %d, counter %d: got %d", next, want, got)
			}
		}
	}
}
