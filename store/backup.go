package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// spot is where a live value lay when a backup began.
type spot struct {
	loc
	kind  Kind
	large *large // never changed once it is in the state
}

// Backup adds every live value as of now, in the order of the log. Others may write meanwhile; what it still has to
// read stays on disk until then. Besides about 32 octets a value it holds one record in memory.
func (s *Store) Backup(b *BackupWriter) error {
	if err := s.open(); err != nil {
		return err
	}
	spots, p := s.pinSpots()
	defer p.release()
	return s.copySpots(b, spots, s.known())
}

// Backup is that of what the view shows.
func (v *View) Backup(b *BackupWriter) error { return v.s.copySpots(b, v.s.spots(), v.x.damage) }

func (s *Store) open() error {
	select {
	case <-s.quit:
		return ErrClosed
	default:
		return nil
	}
}

func (s *Store) pinSpots() ([]spot, *pin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spots(), s.pinBuckets()
}

func (st *state) spots() []spot {
	out := make([]spot, 0, st.index.count)
	st.index.each(func(_ uint32, it *item) {
		at := spot{loc: it.loc, kind: it.kind}
		if it.entry.large {
			at.large = st.large[it.id]
		}
		out = append(out, at)
	})
	slices.SortFunc(out, func(a, b spot) int { return cmp.Compare(a.seq, b.seq) })
	return out
}

// copySpots also tells of damage that hides values from the index: nobody knows their names.
func (s *Store) copySpots(b *BackupWriter, spots []spot, damage []Damage) error {
	r := reader{disk: s.disk, reuse: true}
	defer r.close()
	var named []loc
	for i := range spots {
		key, err := s.copySpot(b, &r, &spots[i])
		if errors.Is(err, ErrDamaged) {
			named = append(named, spots[i].locs()...)
			err = b.missing(spots[i].kind, key)
		}
		if err != nil {
			return err
		}
	}
	for _, d := range damage {
		if slices.ContainsFunc(named, func(l loc) bool { return d.covers(s.numberOf(l.seq), l) }) {
			continue
		}
		if err := b.missing(0, nil); err != nil {
			return err
		}
	}
	return nil
}

// locs are all records of the value.
func (at *spot) locs() []loc {
	if at.large == nil {
		return []loc{at.loc}
	}
	return append([]loc{at.loc}, at.large.chunks...)
}

// copySpot writes one value. The key is known as soon as its put record could be read.
func (s *Store) copySpot(b *BackupWriter, r *reader, at *spot) (key []byte, err error) {
	put, err := r.any(s.locked(at.loc))
	if err != nil {
		return nil, err
	}
	if at.large != nil {
		put.key = bytes.Clone(put.key) // the next record takes its place
		return put.key, s.copyLarge(b, r, put, at.large)
	}
	if _, err = b.record(put); err == nil {
		b.took(&put, len(put.payload))
	}
	return put.key, err
}

func (s *Store) copyLarge(b *BackupWriter, r *reader, put record, l *large) error {
	size, list := 0, make([]loc, 0, len(l.chunks))
	for _, c := range l.chunks {
		p := s.locked(c)
		chunk, err := r.any(p)
		if err == nil && (chunk.kind != put.kind || !bytes.Equal(chunk.key, put.key)) {
			err = p.another()
		}
		if err != nil {
			return err
		}
		size += len(chunk.payload)
		seq, err := b.record(chunk)
		if err != nil {
			return err
		}
		list = append(list, loc{seq: seq})
	}
	if size != l.size {
		return fmt.Errorf("%w: %d octets of a value of %d", ErrDamaged, size, l.size)
	}
	put.payload = appendLarge(nil, size, list)
	_, err := b.record(put)
	if err == nil {
		b.took(&put, size)
	}
	return err
}

func (b *BackupWriter) took(r *record, size int) {
	b.counts.Values++
	b.counts.Octets += int64(len(r.key) + size)
}

// locked finds a piece while others may change the list of buckets.
func (s *Store) locked(l loc) piece {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.piece(l)
}
