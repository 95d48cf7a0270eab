package store

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
)

// Each visits every value of a kind, in the order in which they were written, and ends with the first error
// of visit. What is put meanwhile may be missed. A value that the disk spoiled is told to damaged, which may be nil, and passed
// over. key and value are the visitor's.
func (s *Store) Each(k Kind, visit func(key string, value []byte) error, damaged func(error)) error {
	r := s.reader()
	defer r.close()
	for _, name := range s.named(k) {
		key, value, err := s.valueOf(&r, name)
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case errors.Is(err, ErrDamaged):
			if damaged != nil {
				damaged(err)
			}
			continue
		case err != nil:
			return err
		}
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}

// named lists the ids of a kind in the order of the log.
func (s *Store) named(k Kind) []id {
	type at struct {
		id
		seq uint64
	}
	var all []at
	s.mu.RLock()
	s.index.each(func(_ uint32, it *item) {
		if it.kind == k {
			all = append(all, at{it.id, it.seq})
		}
	})
	s.mu.RUnlock()
	slices.SortFunc(all, func(a, b at) int { return cmp.Compare(a.seq, b.seq) })
	out := make([]id, len(all))
	for i := range all {
		out[i] = all[i].id
	}
	return out
}

// valueOf reads a value of which only the id is known: its put record holds the key.
func (s *Store) valueOf(r *reader, name id) (string, []byte, error) {
	for {
		v, ok := s.find(name)
		if !ok {
			return "", nil, ErrNotFound
		}
		rec, err := r.any(v.put)
		if err == nil && idOf(rec.kind, rec.key) != name {
			err = r.another(v.put)
		}
		var value []byte
		if err == nil {
			value, err = r.value(rec, v)
		}
		if errors.Is(err, fs.ErrNotExist) && s.moved(name, v.put.loc) {
			continue // its bucket was emptied while we read
		}
		return string(rec.key), value, err
	}
}
