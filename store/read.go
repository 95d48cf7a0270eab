package store

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Get returns a copy of a value. ErrDamaged says that the disk holds something else than
// what was put.
func (s *Store) Get(k Kind, key string) ([]byte, error) {
	select {
	case <-s.quit:
		return nil, ErrClosed
	default:
	}
	r := s.reader()
	defer r.close()
	_, value, err := s.valueOf(&r, idOf(k, []byte(key)))
	if err != nil && err != ErrNotFound {
		return nil, fmt.Errorf("reading %q: %w", key, err)
	}
	return value, err
}

// piece is a record to read: its place, and the bucket as it was when looked up.
type piece struct {
	loc
	path string
	codec
}

func (p piece) another() error {
	return fmt.Errorf("%w: another record in %s at %d", ErrDamaged, p.path, p.off)
}

// placed is where a value lies.
type placed struct {
	put    piece
	large  bool
	size   int // of a large value
	chunks []piece
}

func (s *Store) find(name id) (placed, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lookUp(name)
}

// lookUp needs the mutex.
func (s *Store) lookUp(name id) (placed, bool) {
	e := s.index.get(name)
	if e == nil {
		return placed{}, false
	}
	v := placed{put: s.piece(e.loc), large: e.large}
	if e.large {
		v.size = s.large[name].size
		for _, l := range s.large[name].chunks {
			v.chunks = append(v.chunks, s.piece(l))
		}
	}
	return v, true
}

func (s *Store) piece(l loc) piece {
	if b := s.bucketOf(l.seq); b != nil {
		return piece{l, b.path(), b.codec(s.o.Cipher)}
	}
	return piece{loc: l}
}

func (s *Store) moved(name id, from loc) bool {
	v, ok := s.find(name)
	return !ok || v.put.loc != from
}

// reader reads records and keeps the last file open: chunks mostly lie together.
type reader struct {
	disk  disk
	rot   func(l loc, reason string) // told of damage; nil: nobody
	reuse bool                       // records are good until the next one is read
	path  string
	file  readFile
	buf   []byte
}

// memory is where the next record goes.
func (r *reader) memory(n int) []byte {
	if !r.reuse {
		return make([]byte, n)
	}
	if cap(r.buf) < n {
		r.buf = make([]byte, max(n, maxRecord))
	}
	return r.buf[:n]
}

func (s *Store) reader() reader { return reader{disk: s.disk, rot: s.found} }

// value is what a put record stands for.
func (r *reader) value(put record, v placed) ([]byte, error) {
	if !v.large {
		return put.payload, nil
	}
	out := make([]byte, 0, v.size)
	for _, c := range v.chunks {
		rec, err := r.any(c)
		if err != nil {
			return nil, err
		}
		if rec.kind != put.kind || string(rec.key) != string(put.key) {
			return nil, r.another(c)
		}
		if len(out)+len(rec.payload) > v.size {
			return nil, ErrDamaged
		}
		out = append(out, rec.payload...)
	}
	if len(out) != v.size {
		return nil, ErrDamaged
	}
	return out, nil
}

// any reads a record of whatever key.
func (r *reader) any(p piece) (record, error) {
	rec, err := r.read(p)
	r.tell(p, err)
	return rec, err
}

// another is the error of a good record that is not the one wanted.
func (r *reader) another(p piece) error {
	err := p.another()
	r.tell(p, err)
	return err
}

// tell notes damage.
func (r *reader) tell(p piece, err error) {
	if r.rot != nil && errors.Is(err, ErrDamaged) {
		r.rot(p.loc, strings.TrimPrefix(err.Error(), ErrDamaged.Error()+": "))
	}
}

func (r *reader) read(p piece) (record, error) {
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
	b := r.memory(int(p.len))
	if err := readTwice(r.file, b, int64(p.off)); err != nil {
		return record{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	p.inPlace = true
	rec, reason := p.parse(b, p.seq)
	if reason != "" {
		return record{}, fmt.Errorf("%w: %s in %s at %d", ErrDamaged, reason, p.path, p.off)
	}
	return rec, nil
}

// readTwice tries again, for damage is remembered: a card that failed once must not cost a good record.
func readTwice(f io.ReaderAt, b []byte, off int64) error {
	_, err := f.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		_, err = f.ReadAt(b, off)
	}
	return err
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.path = nil, ""
}
