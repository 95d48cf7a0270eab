package store

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
)

func TestIndexAgainstAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var x index
	m := map[string]entry{}
	for step := range 200_000 {
		key := "some rather long key " + strconv.Itoa(r.IntN(3000))
		name := nameOf(1, []byte(key))
		if _, there := m[name]; there && r.IntN(2) == 0 {
			delete(m, name)
			x.del(1, []byte(key))
		} else {
			e := entry{loc: loc{seq: uint64(step)}}
			m[name] = e
			x.set(1, []byte(key), e)
		}
	}
	n := 0
	x.each(func(kind Kind, key []byte, e *entry) {
		n++
		if want, ok := m[nameOf(kind, key)]; !ok || *e != want {
			t.Errorf("%s: got %v, want %v, %v", key, *e, want, ok)
		}
	})
	if n != len(m) || x.count != len(m) {
		t.Errorf("got %d keys, count %d, want %d", n, x.count, len(m))
	}
	for name, want := range m {
		if e := x.get(1, []byte(name[1:])); e == nil || *e != want {
			t.Errorf("%s: got %v, want %v", name, e, want)
		}
	}
	if x.get(2, []byte("some rather long key 1")) != nil {
		t.Error("another kind: got an entry, want none")
	}
	if limit := 2*len(m)*30 + 128<<10; len(x.keys) > limit {
		t.Errorf("octets of keys: got %d, want at most %d", len(x.keys), limit)
	}
}

func BenchmarkIndexMemory(b *testing.B) {
	const keys = 100_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var x index
		for i := range keys {
			x.set(1, []byte("0123456789012345678901234567890123456789012345678901234567"+strconv.Itoa(100_000+i)), entry{})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/keys, "B/key")
		runtime.KeepAlive(&x)
	}
}
