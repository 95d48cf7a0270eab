package store

import (
	"errors"
	"fmt"
	"io"
)

// Reader reads one value piece by piece, as it was when it was opened, and holds one piece in memory. It is for one goroutine.
type Reader struct {
	s      *Store
	pin    *pin
	files  reader
	key    string
	kind   Kind
	pieces []piece
	from   []int64 // where each piece begins in the value; at the end the size
	at     int64
	cur    []byte // the piece last read
	curAt  int    // its number; -1: none
}

// OpenValue begins to read a value; later puts and deletions do not touch what it reads. The record that describes
// the value is checked at once, each piece when it is read: ErrDamaged comes with the first octet that is not good.
// Close it: until then it keeps the value on disk.
func (s *Store) OpenValue(k Kind, key string) (*Reader, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	r, err := s.openValue(k, key)
	if err != nil {
		s.leave()
		if err != ErrNotFound {
			err = fmt.Errorf("reading %q: %w", key, err)
		}
		return nil, err
	}
	return r, nil
}

func (s *Store) openValue(k Kind, key string) (*Reader, error) {
	v, p, ok := s.pinValue(idOf(k, []byte(key)))
	if !ok {
		return nil, ErrNotFound
	}
	r := &Reader{s: s, pin: p, files: reader{disk: s.disk, reuse: true}, key: key, kind: k, pieces: v.chunks, curAt: -1}
	rec, err := r.record(v.put)
	if err == nil {
		err = r.layOut(v, rec)
	}
	if err != nil {
		r.files.close()
		p.release()
		return nil, err
	}
	return r, nil
}

// layOut works out where the pieces begin: what they hold follows from what they take on disk.
func (r *Reader) layOut(v placed, put record) error {
	if !v.large {
		r.pieces, r.cur, r.curAt = []piece{v.put}, put.payload, 0
		r.from = []int64{0, int64(len(put.payload))}
		return nil
	}
	r.from = make([]int64, 1, len(r.pieces)+1)
	for i, p := range r.pieces {
		n := int(p.len) - p.overhead() - len(r.key)
		if n < 0 {
			return ErrDamaged
		}
		r.from = append(r.from, r.from[i]+int64(n))
	}
	if r.Size() != int64(v.size) {
		return ErrDamaged
	}
	return nil
}

// record reads a record of the value into memory of its own.
func (r *Reader) record(p piece) (record, error) {
	rec, err := r.files.any(p)
	if err == nil && (rec.kind != r.kind || string(rec.key) != r.key) {
		err = p.another()
	}
	return rec, err
}

// Size is the length of the value in octets.
func (r *Reader) Size() int64 { return r.from[len(r.pieces)] }

// Read implements io.Reader.
func (r *Reader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if r.at >= r.Size() {
		return 0, io.EOF
	}
	if err := r.turn(); err != nil {
		return 0, fmt.Errorf("reading %q: %w", r.key, err)
	}
	n := copy(b, r.cur[r.at-r.from[r.curAt]:])
	r.at += int64(n)
	return n, nil
}

// turn makes the piece at hand the one that r.at lies in.
func (r *Reader) turn() error {
	select {
	case <-r.s.quit:
		return ErrClosed
	default:
	}
	if r.pin == nil {
		return errEnded
	}
	i := 0
	for r.from[i+1] <= r.at {
		i++
	}
	if i == r.curAt {
		return nil
	}
	rec, err := r.record(r.pieces[i])
	if err != nil {
		return err
	}
	r.cur, r.curAt = rec.payload, i
	return nil
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.Size()
	}
	if offset < 0 {
		return r.at, errors.New("store: seek to before the beginning of a value")
	}
	r.at = offset
	return offset, nil
}

// Close lets the value's buckets go. Closing again does nothing.
func (r *Reader) Close() error {
	if r.pin == nil {
		return nil
	}
	r.files.close()
	r.pin.release()
	r.pin, r.cur, r.curAt = nil, nil, -1
	r.s.leave()
	return nil
}
