package store

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lingering opens a store that waits 20 ms for company, and calls f in virtual time.
func lingering(t *testing.T, f func(t *testing.T, s *Store, begun func() time.Duration)) {
	synctest.Test(t, func(t *testing.T) {
		o := small
		o.Linger = 20 * time.Millisecond
		s := open(t, t.TempDir(), o)
		defer s.Close()
		apply(t, s, Op{Key: "first"})
		start := time.Now()
		f(t, s, func() time.Duration { return time.Since(start) })
	})
}

func TestWritersWithinLingerShareASync(t *testing.T) {
	lingering(t, func(t *testing.T, s *Store, begun func() time.Duration) {
		before := s.Stats().Syncs
		var all sync.WaitGroup
		for i, c := range []struct{ at, done time.Duration }{{0, 20}, {5, 20}, {19, 20}, {21, 41}, {30, 41}} {
			all.Go(func() {
				time.Sleep(c.at * time.Millisecond)
				if err := s.Apply(Op{Key: strconv.Itoa(i)}); err != nil {
					t.Error(err)
				}
				if got, want := begun(), c.done*time.Millisecond; got != want {
					t.Errorf("put at %d ms: done at %v, want %v", c.at, got, want)
				}
			})
		}
		all.Wait()
		if got := s.Stats().Syncs - before; got != 2 {
			t.Errorf("got %d syncs, want 2", got)
		}
	})
}

func TestFullGroupWaitsForNoMore(t *testing.T) {
	for name, op := range map[string]Op{"records": {}, "octets": {Value: make([]byte, groupBytes/4)}} {
		t.Run(name, func(t *testing.T) {
			lingering(t, func(t *testing.T, s *Store, begun func() time.Duration) {
				n := groupRecords
				if len(op.Value) > 0 {
					n = 4
				}
				var all sync.WaitGroup
				for i := range n {
					all.Go(func() {
						op := op
						op.Key = strconv.Itoa(i)
						if err := s.Apply(op); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if got := begun(); got != 0 {
					t.Errorf("got %v, want no wait", got)
				}
			})
		})
	}
}

func TestGroupStaysWithinItsLimits(t *testing.T) {
	for _, c := range []struct{ ops, value, groups int }{{40, 0, 3}, {1, 150_000, 3}, {100, 10, 3}, {1, 10, 1}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			lingering(t, func(t *testing.T, s *Store, begun func() time.Duration) {
				s.o.BucketBytes = 1 << 30
				before := s.Stats().Syncs
				var all sync.WaitGroup
				for n := range 3 {
					ops := make([]Op, c.ops)
					for i := range ops {
						ops[i] = Op{Key: fmt.Sprint(n, i), Value: make([]byte, c.value)}
					}
					all.Go(func() {
						if err := s.Apply(ops...); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if got := s.Stats().Syncs - before; got != int64(c.groups) {
					t.Errorf("got %d syncs, want %d", got, c.groups)
				}
			})
		})
	}
}
