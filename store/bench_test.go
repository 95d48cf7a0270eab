package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/tidwall/wal"
)

// BenchmarkPut is durable puts of 4 KiB by so many writers; its yardsticks are bare tidwall/wal and
// bare write and sync with one.
func BenchmarkPut(b *testing.B) {
	value := make([]byte, 4096)
	b.Run("write+sync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "f"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		for b.Loop() {
			f.Write(value)
			f.Sync()
		}
	})
	b.Run("wal", func(b *testing.B) {
		l, err := wal.Open(filepath.Join(b.TempDir(), "w"), &wal.Options{SegmentSize: 4 << 20})
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		for i := uint64(1); b.Loop(); i++ {
			if err := l.Write(i, value); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{MaxBytes: 8 << 30})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var n atomic.Int64
			b.SetParallelism(writers)
			before := s.Stats()
			run := func() {
				if err := s.Apply(Op{Key: strconv.FormatInt(n.Add(1), 10), Value: value}); err != nil {
					b.Error(err)
				}
			}
			if writers == 1 {
				for b.Loop() {
					run()
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						run()
					}
				})
			}
			after := s.Stats()
			b.ReportMetric(float64(after.Syncs-before.Syncs)/float64(n.Load()), "syncs/put")
			b.ReportMetric(float64(after.Written-before.Written)/float64(4096*n.Load()), "B/B")
		})
	}
}

// BenchmarkOpen opens 20,000 parcels of 10 KiB by the snapshot and by a full scan: the ratio of the two counts.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	o := Options{MaxBytes: 8 << 30, Reserve: -1}
	s, err := Open(dir, o)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20_000 / 50 {
		var ops []Op
		for j := range 50 {
			key := strconv.Itoa(i*50 + j)
			ops = append(ops, Op{Kind: 1, Key: key, Value: make([]byte, 10<<10)}, Op{Kind: 2, Key: key, Value: make([]byte, 300)})
		}
		if err := s.Apply(ops...); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	reopen := func(b *testing.B) {
		for b.Loop() {
			s, err := Open(dir, o)
			if err != nil {
				b.Fatal(err)
			}
			s.Abandon()
		}
	}
	b.Run("snapshot", reopen)
	b.Run("heads", func(b *testing.B) {
		s, err := Open(dir, o)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Abandon()
		for b.Loop() {
			if err := s.Each(2, func(string, []byte) error { return nil }, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	if err := os.Remove(filepath.Join(dir, snapshotName)); err != nil {
		b.Fatal(err)
	}
	b.Run("scan", reopen)
}
