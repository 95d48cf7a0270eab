package store

import (
	"os"
	"strconv"
	"syscall"
	"testing"
)

// sizes are those of the newest bucket: its octets that count and its file's.
func sizes(t *testing.T, s *Store) (counts, file int64) {
	t.Helper()
	b := s.buckets[len(s.buckets)-1]
	st, err := os.Stat(b.path())
	if err != nil {
		t.Fatal(err)
	}
	return b.size, st.Size()
}

func TestSmallGroupsDoNotChangeTheSizeOfTheFile(t *testing.T) {
	dir, m := t.TempDir(), model{}
	s := open(t, dir, Options{Reserve: -1})
	changes, last := 0, int64(0)
	for i := range 200 {
		ops := []Op{{Kind: 1, Key: strconv.Itoa(i), Value: octets(uint64(i), 4096)}}
		apply(t, s, ops...)
		m.apply(ops)
		if _, file := sizes(t, s); file != last {
			changes, last = changes+1, file
		}
	}
	if counts, _ := sizes(t, s); changes > runwayAfter+int(counts/runwayBytes)+1 {
		t.Errorf("200 puts of 4 KiB: the size changed %d times", changes)
	}
	if counts, file := sizes(t, s); file <= counts {
		t.Errorf("got no runway behind %d octets", counts)
	}
	s.Abandon()
	rep, err := Check(dir)
	if err != nil || rep.Torn != 0 || !rep.OK() {
		t.Errorf("Check: got %+v, %v, want nothing torn", rep, err)
	}
	s = open(t, dir, Options{Reserve: -1})
	if st := s.Stats(); st.Repairs+st.Damaged != 0 {
		t.Errorf("got %+v, want no repair", st)
	}
	if counts, file := sizes(t, s); counts != file {
		t.Errorf("after Open: got %d octets of %d", counts, file)
	}
	m.check(t, s)
	for range 2 * runwayAfter {
		apply(t, s, Op{Kind: 1, Key: "0", Value: []byte("v")})
	}
	m.apply([]Op{{Kind: 1, Key: "0", Value: []byte("v")}})
	if counts, file := sizes(t, s); counts == file {
		t.Errorf("got no runway in an old bucket")
	}
	s.Close()
	if counts, file := sizes(t, s); counts != file {
		t.Errorf("after Close: got %d octets of %d", counts, file)
	}
	m.check(t, open(t, dir, Options{Reserve: -1}))
}

func TestLargeGroupsAreWrittenOnce(t *testing.T) {
	s := open(t, t.TempDir(), Options{Reserve: -1})
	for range 30 {
		var puts, deletions []Op
		for i := range 20 {
			puts = append(puts, Op{Key: strconv.Itoa(i), Value: make([]byte, 4096)})
			deletions = append(deletions, Op{Key: strconv.Itoa(i), Delete: true})
		}
		apply(t, s, puts...)
		apply(t, s, deletions...)
	}
	if got, most := s.Stats().Written, int64(30*20*4096*105/100); got > most {
		t.Errorf("got %d octets written, want at most %d", got, most)
	}
}

func TestSmallGroupBetweenLargeOnesDoesNotChangeTheSizeOfTheFile(t *testing.T) {
	s := open(t, t.TempDir(), Options{Reserve: -1})
	changes := 0
	for range 30 {
		var puts, deletions []Op
		for i := range 20 {
			puts = append(puts, Op{Key: strconv.Itoa(i), Value: make([]byte, 4096)})
			deletions = append(deletions, Op{Key: strconv.Itoa(i), Delete: true})
		}
		apply(t, s, puts...)
		_, before := sizes(t, s)
		apply(t, s, deletions...)
		if _, after := sizes(t, s); after != before {
			changes++
		}
	}
	if changes > 1 { // nobody knew of the first
		t.Errorf("30 small groups: the size changed %d times", changes)
	}
}

func TestSealedBucketHasNoZerosBehindIt(t *testing.T) {
	s := open(t, t.TempDir(), small)
	for i := range 100 {
		apply(t, s, Op{Key: strconv.Itoa(i), Value: octets(uint64(i), 1000)})
	}
	for _, b := range s.buckets[:len(s.buckets)-1] {
		if st, err := os.Stat(b.path()); err != nil || st.Size() != b.size {
			t.Errorf("%s: got %d octets, %v, want %d", b.name(), st.Size(), err, b.size)
		}
	}
	if len(s.buckets) < 2 {
		t.Errorf("got %d buckets", len(s.buckets))
	}
}

func TestNoRoomForARunwayRefusesNoBatch(t *testing.T) {
	d := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40, err: syscall.ENOSPC}
	o := small
	o.disk = d
	dir, m := t.TempDir(), model{}
	s := open(t, dir, o)
	d.failNext("runway", 0)
	for i := range 2 * runwayAfter {
		ops := []Op{{Key: strconv.Itoa(i), Value: octets(uint64(i), 100)}}
		apply(t, s, ops...)
		m.apply(ops)
	}
	if counts, file := sizes(t, s); counts >= file {
		t.Errorf("got a file of %d octets, want a part of a runway behind %d", file, counts)
	}
	s.Abandon()
	s = open(t, dir, o)
	m.check(t, s)
	if st := s.Stats(); st.Repairs+st.Damaged != 0 {
		t.Errorf("got %+v, want no repair", st)
	}
}
