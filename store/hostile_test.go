package store

import (
	"errors"
	"math"
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
			doctor(s, idOf(0, []byte("k")))
			s.Close()
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
