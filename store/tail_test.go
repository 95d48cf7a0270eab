package store

import (
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLastBatchOutlivesABucketThatItFillsAndLeavesDead(t *testing.T) {
	dir, m := t.TempDir(), model{}
	s := open(t, dir, small)
	write := func(ops ...Op) {
		apply(t, s, ops...)
		m.apply(ops)
	}
	write(Op{Key: "before", Value: make([]byte, 60<<10)})
	write(Op{Key: "beside", Value: make([]byte, 30<<10)},
		Op{Key: "k", Value: make([]byte, 3*maxInline)}, Op{Key: "k", Value: []byte("small")})
	tidyUp := Op{Key: "not there", Delete: true} // writes nothing; the second comes after the tidying of the first
	apply(t, s, tidyUp)
	apply(t, s, tidyUp)
	s.Abandon()
	s = open(t, dir, small)
	m.check(t, s)
	apply(t, s, tidyUp)
	apply(t, s, tidyUp)
	s.Abandon()
	s = open(t, dir, small)
	m.check(t, s)
	write(Op{Key: "after", Value: []byte("v")})
	apply(t, s, tidyUp)
	if got := s.Stats().Disk; got > 160<<10 {
		t.Errorf("with a batch behind it: got %d octets on disk, want the dead bucket gone", got)
	}
}

func TestOpenSyncsWhatItShows(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	apply(t, s, Op{Key: "k", Value: []byte("v")})
	s.Abandon()
	d := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40}
	o := small
	o.disk = d
	open(t, dir, o)
	for _, want := range []string{"truncate", "syncDir"} {
		if !slices.Contains(d.calls, want) {
			t.Errorf("disk calls: got %v, want %s among them", d.calls, want)
		}
	}
}

func TestLockIsFreeThoughAChildHoldsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), lockName)
	l, err := acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	child, err := unix.Dup(int(l.f.Fd())) // as fork does
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	l.release()
	l, err = acquire(path)
	if err != nil {
		t.Fatalf("got %v, want the lock", err)
	}
	l.release()
}
