package store

import (
	"errors"
	"fmt"
)

type request struct {
	ops  []Op
	drop *upload // nobody will put it
	err  error
	done chan error // buffered
}

func (r *request) bytes() (n int) {
	for i := range r.ops {
		n += len(r.ops[i].Value)
	}
	return n
}

// payload is what the caller asked to keep.
func (r *request) payload() (n int64) {
	for i := range r.ops {
		if op := &r.ops[i]; !op.Delete {
			n += int64(len(op.Key) + len(op.Value))
		}
	}
	return n
}

// tail is the end of the log that is on disk. The owner alone uses it.
type tail struct {
	bucket *bucket   // being written; nil: the next batch begins a new one
	log    appender  // of bucket; nil: not open
	last   uint32    // highest bucket number in use
	next   uint64    // sequence of the next record
	broken []*bucket // what a failed batch left and is still to be removed, oldest first
	cut    *bucket   // what a failed batch left unclean behind its size
	rest   int       // groups to pass before tidying again
	begun  uint32    // bucket in which the last batch begins; 0: not known
	judged int       // how much of the damage has been told to its buckets
	runway
	scratch
	emptying emptying
	grown    int64 // octets of log since the last step of emptying
}

func (t *tail) close() error {
	if t.log == nil {
		return nil
	}
	err := errors.Join(t.runway.trim(t.log, t.bucket.size), t.log.close())
	t.log = nil
	return err
}

// own is the goroutine that writes. While one group is synced the next one queues up.
func (s *Store) own() {
	defer close(s.done)
	var next *request // what did not fit in the last group
	for {
		if next == nil {
			select {
			case <-s.quit:
				return
			case next = <-s.requests:
			}
		}
		var group []*request
		group, next = s.gather(next)
		s.commit(group)
		s.tidy()
	}
}

// commit makes a group durable and answers it. A batch that does not fit is refused by
// itself; an error of the disk fails the whole group.
func (s *Store) commit(group []*request) {
	s.freeDropped(group)
	t, err := s.begin()
	for _, r := range group {
		if err != nil {
			break
		}
		if r.err = t.admit(r.ops); r.err == nil {
			err = t.stage(r.ops)
		}
	}
	if err == nil {
		err = t.commit()
	}
	if err != nil && t != nil {
		t.rollback()
	}
	for _, r := range group {
		if r.err == nil && err != nil {
			r.err = s.failure(err)
		}
		r.done <- r.err
	}
}

// freeDropped frees the streams that were given up.
func (s *Store) freeDropped(group []*request) {
	for _, r := range group {
		if r.drop != nil {
			s.mu.Lock()
			s.letGo(r.drop)
			s.mu.Unlock()
		}
	}
}

func (s *Store) failure(err error) error {
	if s.gone.Load() {
		return ErrClosed
	}
	return fmt.Errorf("store: not written, the disk failed: %w", err)
}

// begin starts a group. What an earlier failure left behind is cleared away first.
func (s *Store) begin() (*txn, error) {
	if s.gone.Load() {
		return nil, errGone
	}
	if err := s.mend(); err != nil {
		return nil, err
	}
	return &txn{s: s, bucket: s.tail.bucket, log: s.tail.log, last: s.tail.last,
		next: s.tail.next, runway: s.tail.runway, scratch: s.tail.scratch.reset(), room: -1}, nil
}

// mend removes the remains of a failed batch: until that is durable nothing may follow.
func (s *Store) mend() error {
	t := &s.tail
	for n := len(t.broken); n > 0; n-- {
		if err := s.discard(t.broken[n-1]); err != nil {
			return err
		}
		t.broken = t.broken[:n-1]
	}
	if t.cut != nil {
		if err := s.cutBucket(t.cut); err != nil {
			return err
		}
		t.cut = nil
		s.count(func(m *Stats) { m.Repairs++ })
	}
	return nil
}
