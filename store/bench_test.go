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
