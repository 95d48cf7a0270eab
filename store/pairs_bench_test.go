package store

import (
	"strconv"
	"testing"
)

// BenchmarkPairs is durable puts of 4 KiB and their deletions, so many in a batch.
func BenchmarkPairs(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run("batch="+strconv.Itoa(n), func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			put, del := make([]Op, n), make([]Op, n)
			b.ReportAllocs()
			for b.Loop() {
				for i := range n {
					key := "key-" + strconv.Itoa(i)
					put[i] = Op{Key: key, Value: zeros[:4096]}
					del[i] = Op{Key: key, Delete: true}
				}
				for _, ops := range [][]Op{put, del} {
					if err := s.Apply(ops...); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
