package store

import (
	"os"
	"testing"

	"github.com/tidwall/wal"
)

// newSegment makes the empty file of a bucket.
func newSegment(t *testing.T, first uint64) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := (osDisk{}).create(segmentPath(dir, first)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLogIsTheSameWithAndWithoutItsInside(t *testing.T) {
	var files [2][]byte
	for i := range files {
		dir := newSegment(t, 7)
		a, err := openWAL(dir)
		if err != nil {
			t.Fatal(err)
		}
		w := a.(*walLog)
		if w.in.file == nil {
			t.Fatalf("tidwall/wal has other fields than the ones we look for: see walinside.go")
		}
		if i == 1 {
			w.in = walInside{}
		}
		for seq := uint64(7); seq < 100; seq++ {
			w.add(seq, octets(seq, int(seq)*50))
			if seq%3 > 0 {
				continue
			}
			for _, err := range []error{w.flush(), w.sync()} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if got, want := len(w.tail) == 0, true; got != want {
			t.Errorf("got %d octets still in memory", len(w.tail))
		}
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		if files[i], err = os.ReadFile(segmentPath(dir, 7)); err != nil {
			t.Fatal(err)
		}
		l, err := wal.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if last, err := l.LastIndex(); last != 99 || err != nil {
			t.Errorf("tidwall/wal reads it up to %d, %v, want 99", last, err)
		}
	}
	if string(files[0]) != string(files[1]) {
		t.Errorf("got %d octets, without %d", len(files[0]), len(files[1]))
	}
}
