//go:build linux

package virtual

import (
	"bytes"
	"testing"
)

// memory is a medium in memory.
type memory []byte

func (m memory) ReadAt(b []byte, off int64) (int, error)  { return copy(b, m[off:]), nil }
func (m memory) WriteAt(b []byte, off int64) (int, error) { return copy(m[off:], b), nil }

func put(t *testing.T, d *disk, off int64, fill byte, n int) {
	t.Helper()
	if _, err := d.WriteAt(bytes.Repeat([]byte{fill}, n), off); err != nil {
		t.Fatal(err)
	}
}

func TestCutKeepsWhatWasFlushedAndSomeOfTheRest(t *testing.T) {
	left := map[byte]int{}
	for seed := range uint64(100) {
		m := make(memory, 16384)
		d := &disk{size: int64(len(m)), to: m}
		put(t, d, 0, 'a', 4096)
		put(t, d, 8192, 'a', 4096)
		d.Flush()
		put(t, d, 4096, 'b', 512)
		put(t, d, 4096, 'c', 512) // over it
		put(t, d, 8192, 'b', 512)
		if m[8192] != 'b' {
			t.Fatal("what is in the cache cannot be read")
		}
		n, err := d.cut(seed)
		if err != nil || n != 3 {
			t.Fatalf("%d writes were in the cache, %v", n, err)
		}
		if !bytes.Equal(m[:4096], bytes.Repeat([]byte{'a'}, 4096)) || !bytes.Equal(m[8704:12288], bytes.Repeat([]byte{'a'}, 3584)) {
			t.Fatalf("seed %d loses what was flushed", seed)
		}
		left[m[4096]]++
		if n, _ := d.cut(seed); n != 0 {
			t.Fatal("the cache was not emptied")
		}
	}
	if left[0] == 0 || left['b'] == 0 || left['c'] == 0 || len(left) != 3 {
		t.Errorf("where two writes follow each other there was %v", left)
	}
}

func TestStoppedDiskKeepsItsCacheUntilTheCut(t *testing.T) {
	m := make(memory, 4096)
	d := &disk{size: int64(len(m)), to: m}
	put(t, d, 0, 'a', 512)
	stopped := d.stopAfter(2)
	put(t, d, 512, 'b', 512)
	if err := d.Flush(); err != nil {
		t.Fatal(err)
	}
	put(t, d, 1024, 'c', 512)
	<-stopped
	_, reading := d.ReadAt(make([]byte, 1), 0)
	_, writing := d.WriteAt(make([]byte, 1), 0)
	for _, err := range []error{reading, writing, d.Flush()} {
		if err != errStopped {
			t.Errorf("a disk that has stopped: %v", err)
		}
	}
	if n, err := d.cut(1); n != 1 || err != nil {
		t.Errorf("%d writes were in the cache, %v", n, err)
	}
	put(t, d, 0, 'd', 512) // with the power back
	if err := d.Flush(); err != nil {
		t.Error(err)
	}
}

func TestWritesOutsideAreRefused(t *testing.T) {
	d := &disk{size: 512, to: make(memory, 512)}
	for _, off := range []int64{-512, 1, 512} {
		if _, err := d.WriteAt(make([]byte, 512), off); err == nil {
			t.Errorf("a write at %d", off)
		}
	}
}
