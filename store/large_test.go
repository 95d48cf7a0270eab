package store

import (
	"math"
	"testing"
)

func FuzzParseLarge(f *testing.F) {
	f.Add(appendLarge(nil, 100_000, []loc{{seq: 3}, {seq: 4}, {seq: 900}}))
	f.Add(appendLarge(nil, MaxValue, []loc{{seq: math.MaxUint64}, {seq: 0}, {seq: 0}})) // going back, and round
	f.Add(appendLarge(nil, 0, nil))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, raw []byte) {
		size, chunks, ok := parseLarge(raw)
		if !ok {
			return
		}
		if size < 0 || size > MaxValue || len(chunks) > len(raw) {
			t.Fatalf("size %d and %d chunks of %d octets", size, len(chunks), len(raw))
		}
		again, list, ok := parseLarge(appendLarge(nil, size, chunks))
		if !ok || again != size || len(list) != len(chunks) {
			t.Fatalf("written again: %d octets, %d chunks, %v; want %d and %d", again, len(list), ok, size, len(chunks))
		}
		for i := range list {
			if list[i] != chunks[i] {
				t.Fatalf("chunk %d is %+v, want %+v", i, list[i], chunks[i])
			}
		}
	})
}
