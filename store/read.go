package store

import (
	"errors"
	"fmt"
	"io/fs"
)

// piece is a record to read: its place, and the bucket as it was when looked up.
type piece struct {
	loc
	path string
	salt uint32
}

// Get returns a copy of a value. ErrDamaged says that the disk holds something else than
// what was put.
func (s *Store) Get(k Kind, key string) ([]byte, error) {
	select {
	case <-s.quit:
		return nil, ErrClosed
	default:
	}
	for {
		head, e, chunks, ok := s.find(k, key)
		if !ok {
			return nil, ErrNotFound
		}
		b, err := s.read(k, key, head, e, chunks)
		if errors.Is(err, fs.ErrNotExist) && s.moved(k, key, head.loc) {
			continue // its bucket was emptied while we read
		}
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", key, err)
		}
		return b, nil
	}
}

func (s *Store) find(k Kind, key string) (head piece, e entry, chunks []piece, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at := s.index.get(k, []byte(key))
	if at == nil {
		return piece{}, entry{}, nil, false
	}
	if at.large {
		for _, l := range s.chunks[nameOf(k, []byte(key))] {
			chunks = append(chunks, s.piece(l))
		}
	}
	return s.piece(at.loc), *at, chunks, true
}

func (st *state) piece(l loc) piece {
	if b := st.bucket(l.bucket); b != nil {
		return piece{l, b.path(), b.salt}
	}
	return piece{loc: l}
}

func (s *Store) moved(k Kind, key string, from loc) bool {
	head, _, _, ok := s.find(k, key)
	return !ok || head.loc != from
}

func (s *Store) read(k Kind, key string, head piece, e entry, chunks []piece) ([]byte, error) {
	r := reader{disk: s.disk}
	defer r.close()
	if !e.large {
		rec, err := r.record(head, k, key)
		return rec.payload, err
	}
	out := make([]byte, 0, e.size)
	for _, c := range chunks {
		rec, err := r.record(c, k, key)
		if err != nil {
			return nil, err
		}
		out = append(out, rec.payload...)
	}
	if len(out) != int(e.size) {
		return nil, ErrDamaged
	}
	return out, nil
}

// reader reads records and keeps the last file open: chunks mostly lie together.
type reader struct {
	disk disk
	path string
	file readFile
}

func (r *reader) record(p piece, k Kind, key string) (record, error) {
	if p.path == "" {
		return record{}, ErrDamaged
	}
	if r.path != p.path {
		r.close()
		f, err := r.disk.open(p.path)
		if err != nil {
			return record{}, err
		}
		r.file, r.path = f, p.path
	}
	b := make([]byte, p.len)
	if _, err := r.file.ReadAt(b, int64(p.off)); err != nil {
		return record{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	rec, reason := parseRecord(b, p.seq, p.salt)
	if reason == "" && (rec.kind != k || string(rec.key) != key) {
		reason = "another record"
	}
	if reason != "" {
		return record{}, fmt.Errorf("%w: %s in %s at %d", ErrDamaged, reason, p.path, p.off)
	}
	return rec, nil
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.path = nil, ""
}
