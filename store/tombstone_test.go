package store

import (
	"syscall"
	"testing"
)

// A failed batch lets tombstones go, and then their bucket, without a batch behind the snapshot.
func TestBucketRemovedAfterAFailedBatchIsNotLost(t *testing.T) {
	d := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40, err: syscall.ENOSPC}
	o := Options{BucketBytes: 8 << 10, Reserve: -1, disk: d, snapshotBytes: 20000}
	dir := t.TempDir()
	s := open(t, dir, o)
	full := make([]byte, o.BucketBytes)
	apply(t, s, Op{Key: "a"}, Op{Key: "b", Value: full})
	apply(t, s, Op{Key: "a", Delete: true}, Op{Key: "c", Value: full})
	apply(t, s, Op{Key: "c", Value: make([]byte, 4000)})
	apply(t, s, Op{Key: "b", Delete: true}) // the first bucket goes
	settle(t, s)
	if st := s.Stats(); st.Snapshots != 1 || st.Buckets != 2 || len(s.buckets) != 3 {
		t.Fatalf("got %d snapshots and %d of %d buckets, want 1 and 2 of 3", st.Snapshots, st.Buckets, len(s.buckets))
	}
	d.failNext("flush", 1)
	if err := s.Apply(Op{Key: "d", Value: full}, Op{Key: "e", Value: full}, Op{Key: "f", Value: full}); err == nil {
		t.Fatal("got no error")
	}
	d.heal()
	settle(t, s)
	if st := s.Stats(); st.Buckets != 1 {
		t.Fatalf("got %d buckets, want the one with the tombstone gone", st.Buckets)
	}
	s.Abandon()
	s = open(t, dir, o)
	if st := s.Stats(); st.Damaged != 0 || st.FullScan != "" {
		t.Errorf("got %v, want no damage", s.known())
	}
}
