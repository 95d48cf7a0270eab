package store

import "fmt"

// windowBytes is how much of a bucket one step of emptying looks at, and writes at most: between two steps batches go through.
const windowBytes = 256 << 10

// emptying is how far a bucket has been emptied. A step that is on disk stays done, whatever becomes of the others: what was moved
// is dead in the bucket, and what was not still counts.
type emptying struct {
	bucket *bucket // nil: none
	off    int64
	seq    uint64 // of the record there
	buf    []byte
}

// compact looks at twice as much of a sparse bucket as the last group wrote: with half of that dead the log does not
// grow. One step at least.
func (s *Store) compact() error {
	budget := 2 * s.tail.grown
	s.tail.grown = 0
	for {
		n, err := s.step()
		if budget -= n; err != nil || n == 0 || budget <= 0 {
			return err
		}
	}
}

// step empties one more window, and tells how much it looked at.
func (s *Store) step() (int64, error) {
	e := &s.tail.emptying
	if !s.mayEmpty(e.bucket) {
		if e.bucket = s.sparse(); e.bucket == nil {
			e.buf = nil
			return 0, nil
		}
		e.off, e.seq = 0, e.bucket.first
	}
	records, n, err := s.window(e)
	if err != nil {
		return 0, err
	}
	if err := s.moveAll(e.bucket, records); err != nil {
		return 0, err
	}
	e.off += n
	e.seq += uint64(len(records))
	if e.off == e.bucket.size {
		s.mu.Lock()
		e.bucket.graves = nil // the copies guard now
		s.mu.Unlock()
		e.bucket = nil
		err = s.removeDead()
	}
	return n, err
}

func (s *Store) mayEmpty(b *bucket) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return b != nil && !b.damaged && !b.gone && b.pins == 0
}

// window reads whole records, good for the next step only. Damage keeps the bucket as it is from then on.
func (s *Store) window(e *emptying) (records []found, n int64, err error) {
	if e.buf == nil {
		e.buf = make([]byte, windowBytes+maxRecord+uvarintLen(maxRecord))
	}
	seg := e.buf[:min(int64(len(e.buf)), e.bucket.size-e.off)]
	if err := s.readAt(e.bucket.path(), seg, e.off); err != nil {
		return nil, 0, s.inspect(e.bucket)
	}
	c := e.bucket.codec(s.o.Cipher)
	pos := 0
	for pos < len(seg) && pos < windowBytes {
		f, reason := recordAt(seg, pos, e.seq+uint64(len(records)), c)
		if reason != "" || f.opaque != "" {
			return nil, 0, s.inspect(e.bucket)
		}
		records = append(records, f)
		pos = f.end
	}
	return records, int64(pos), nil
}

func (s *Store) readAt(path string, b []byte, off int64) error {
	f, err := s.disk.open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return readTwice(f, b, off)
}

// inspect tells what is wrong with a bucket, also of one that cannot be read everywhere: compaction passes over
// what is damaged, but would try again what only failed.
func (s *Store) inspect(b *bucket) error {
	seg, err := s.salvage(b)
	if err == nil && !s.rotten(b, seg) {
		err = fmt.Errorf("%s cannot be read, then it can", b.path())
	}
	if err != nil {
		return err
	}
	return errRotten
}

func (s *Store) salvage(b *bucket) ([]byte, error) {
	f, err := s.disk.open(b.path())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	seg, _, err := salvage(f, make([]byte, st.Size()))
	return seg, err
}

// moveAll writes what is live of some records of a bucket again.
func (s *Store) moveAll(b *bucket, records []found) error {
	t, err := s.begin()
	if err != nil {
		return err
	}
	t.moving = true
	m := mover{t: t, from: b}
	for _, f := range records {
		m.record(f)
	}
	return m.finish()
}

// rotten tells whether a bucket has become damaged; if so it is kept for good.
func (s *Store) rotten(b *bucket, seg []byte) bool {
	bad := false
	harm := func(from, to int, reason string) {
		bad = true
		s.found(loc{seq: b.first, off: uint32(from), len: uint32(to - from)}, reason)
	}
	whole := seg[:min(b.size, int64(len(seg)))]
	walk(whole, b.first, b.codec(s.o.Cipher), func(f found) {
		if f.opaque != "" {
			harm(f.start, f.end, f.opaque)
		}
	}, harm)
	if !bad && int64(len(seg)) < b.size {
		harm(len(seg), len(seg), reasonShort)
	}
	if rest := seg[len(whole):]; !blank(rest) {
		harm(len(whole), len(seg), "something behind the end")
	}
	s.mu.Lock()
	b.damaged = b.damaged || bad // though the list of damage may be full
	s.mu.Unlock()
	return bad
}
