package store

import (
	"path/filepath"
	"strconv"
	"testing"
)

// deafBucket is a disk with one file that cannot be read behind its first octets.
type deafBucket struct {
	disk
	name *string
}

func (d deafBucket) open(name string) (readFile, error) {
	f, err := d.disk.open(name)
	if filepath.Base(name) == *d.name && err == nil {
		return deafFile{f, 5000, 9000}, nil
	}
	return f, err
}

func TestCompactionPassesOverABucketThatCannotBeRead(t *testing.T) {
	o, deaf := small, ""
	o.disk = deafBucket{osDisk{}, &deaf}
	o.snapshotBytes = 4 << 10
	s := open(t, t.TempDir(), o)
	apply(t, s, Op{Key: "first"})
	deaf = s.buckets[0].name()
	for i := range 400 {
		apply(t, s, Op{Key: "live" + strconv.Itoa(i), Value: make([]byte, 100)})
		apply(t, s, Op{Key: "dead", Value: make([]byte, 2000)})
	}
	st := s.Stats()
	if most := 2*st.Live + 4*o.BucketBytes; st.Disk > most || st.Damaged == 0 || st.Snapshots == 0 {
		t.Errorf("got %+v, want damage told, snapshots, and at most %d octets", st, most)
	}
	for i := range 400 {
		if _, err := s.Get(0, "live"+strconv.Itoa(i)); err != nil && i > 10 {
			t.Errorf("value %d: %v", i, err)
		}
	}
}
