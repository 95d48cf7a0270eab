package store

import (
	"errors"
	"fmt"
	"testing"
)

// A list that is replaced or deleted behind the snapshot's begin may name chunks that only an older snapshot would know.
func TestListsThatDiedBehindTheBeginOfASnapshotCostNoFullScan(t *testing.T) {
	for _, end := range []Op{{Key: "large", Delete: true}, {Key: "large", Value: []byte("small")}, {Key: "large", Value: make([]byte, 3*maxInline)}} {
		t.Run(fmt.Sprint(len(end.Value)), func(t *testing.T) {
			o := Options{BucketBytes: 128 << 10, Reserve: -1, snapshotBytes: 1 << 40}
			dir, m := t.TempDir(), model{}
			s := open(t, dir, o)
			put := func(ops ...Op) { apply(t, s, ops...); m.apply(ops) }
			put(Op{Key: "large", Value: make([]byte, 6*maxInline)})
			put(Op{Key: "other", Value: make([]byte, 6*maxInline)})
			settle(t, s)
			s.stop() // its work is done here, so that the items are written last
			if err := errors.Join(s.beginSnapshot(), s.emptyNow(s.buckets[0])); err != nil {
				t.Fatal(err)
			}
			r := &request{ops: []Op{end}, done: make(chan error, 1)}
			s.commit([]*request{r})
			if err := <-r.done; err != nil {
				t.Fatal(err)
			}
			m.apply(r.ops)
			for s.snap.file != nil {
				s.tidy()
			}
			s.lock.release()
			s = open(t, dir, o)
			if st := s.Stats(); st.FullScan != "" || st.Damaged != 0 {
				t.Errorf("got %+v, want no scan and no damage", st)
			}
			m.check(t, s)
			sameAsScanned(t, dir, s)
		})
	}
}

// emptyNow moves what is live in a bucket.
func (s *Store) emptyNow(b *bucket) error {
	s.tail.emptying = emptying{bucket: b, seq: b.first}
	for s.tail.emptying.bucket == b {
		if _, err := s.step(); err != nil {
			return err
		}
	}
	return nil
}
