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
	m := map[id]entry{}
	for step := range 200_000 {
		name := idOf(1, []byte("key "+strconv.Itoa(r.IntN(3000))))
		if _, there := m[name]; there && r.IntN(2) == 0 {
			delete(m, name)
			x.del(name)
		} else {
			e := entry{loc: loc{seq: uint64(step), len: 1}}
			m[name] = e
			x.set(name, e)
		}
	}
	n := 0
	x.each(func(_ uint32, it *item) {
		n++
		if want, ok := m[it.id]; !ok || it.entry != want {
			t.Errorf("%x: got %v, want %v, %v", it.id, it.entry, want, ok)
		}
	})
	if n != len(m) || x.count != len(m) {
		t.Errorf("got %d keys, count %d, want %d", n, x.count, len(m))
	}
	for name, want := range m {
		if e := x.get(name); e == nil || *e != want {
			t.Errorf("%x: got %v, want %v", name, e, want)
		}
	}
	if x.get(idOf(2, []byte("key 1"))) != nil {
		t.Error("another kind: got an entry, want none")
	}
	if x.used > 3000 {
		t.Errorf("items: got %d, want those of deleted keys used again", x.used)
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
			x.set(idOf(1, []byte(strconv.Itoa(i))), entry{loc: loc{len: 1}})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/keys, "B/key")
		runtime.KeepAlive(&x)
	}
}
