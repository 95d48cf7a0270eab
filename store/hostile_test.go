package store

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

func TestDoctoredSnapshotCannotAskForGigabytes(t *testing.T) {
	for name, doctor := range map[string]func(s *Store, n id){
		"put":   func(s *Store, n id) { s.index.get(n).len = math.MaxUint32 },
		"chunk": func(s *Store, n id) { s.large[n].chunks[1].len = math.MaxUint32 },
		"short": func(s *Store, n id) { s.large[n].chunks[1].len = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			dir, m := t.TempDir(), model{}
			s := open(t, dir, tiny)
			ops := []Op{{Key: "k", Value: octets(1, 2*maxInline)}}
			apply(t, s, ops...)
			m.apply(ops)
			s.stop()
			doctor(s, idOf(0, []byte("k")))
			s.closeSnapshot()
			s.lock.release()
			s = open(t, dir, tiny)
			if st := s.Stats(); st.FullScan == "" || st.Damaged != 0 {
				t.Errorf("got %+v, want the snapshot refused", st)
			}
			m.check(t, s)
		})
	}
}

func TestChunksBeyondTheSizeOfAValueAreNotRead(t *testing.T) {
	o := tiny
	o.eager = false
	s := open(t, t.TempDir(), o)
	apply(t, s, Op{Key: "k", Value: make([]byte, 2*maxInline)})
	s.stop()
	l := s.large[idOf(0, []byte("k"))]
	l.chunks = append(l.chunks, l.chunks[0])
	l.size -= maxInline
	d := &faultDisk{disk: osDisk{}}
	r := reader{disk: d}
	defer r.close()
	_, _, err := s.valueOf(&r, idOf(0, []byte("k")))
	if got, want := len(d.calls), 3; !errors.Is(err, ErrDamaged) || got > want {
		t.Errorf("got %v after %v, want %v after %d files", err, d.calls, ErrDamaged, want)
	}
}

func TestFileLargerThanAnyBucketIsToldAndNotRead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, tiny)
	apply(t, s, Op{Key: "k", Value: []byte("v")})
	file, size := s.buckets[0].path(), s.buckets[0].size
	s.Abandon()
	if err := os.Truncate(file, 5<<30); err != nil {
		t.Fatal(err)
	}
	_, opened := Open(dir, tiny)
	_, checked := Check(dir)
	for _, err := range []error{opened, checked} {
		if err == nil || !strings.Contains(err.Error(), "move that file away") {
			t.Errorf("got %v, want to be told", err)
		}
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, dir, tiny).Get(0, "k"); err != nil || string(got) != "v" {
		t.Errorf("got %q, %v", got, err)
	}
}
