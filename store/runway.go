package store

import (
	"errors"
	"syscall"
)

// A sync of a file that has grown makes the file system write its journal too: on ext4 three more blocks and a second flush
// of the card. So while batches are small the bucket is filled with zeros ahead of them. Zeros behind
// the last record are neither records nor damage; the next Open cuts them off, and so does the end of the bucket.
// Where large groups and small ones take turns, a large one brings along the zeros for the small ones behind it.
const (
	runwayBytes = 128 << 10 // or an eighth of a bucket
	runwayAfter = 8         // small groups in a row: a single one is not worth it
	smallGroup  = 64 << 10  // octets; a larger one would be written twice
	maxLull     = 16 << 10  // behind a large group: for the small ones that come before the next, if some did last time
)

var zeros [runwayBytes]byte

// blank tells whether there is nothing but zeros.
func blank(b []byte) bool {
	for len(b) > 0 {
		n := min(len(b), len(zeros))
		if string(b[:n]) != string(zeros[:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

// clear makes room for the groups that follow, if they will be small too.
func (t *txn) clear() error {
	if t.large = t.written >= smallGroup; t.large {
		lull := t.lull
		t.small, t.lull = 0, 0
		t.stretch()
		return t.fill(min(lull+lull/8, maxLull))
	}
	t.small++
	t.lull += t.written
	if t.small < runwayAfter {
		return nil
	}
	return t.fill(min(runwayBytes, t.s.o.BucketBytes/8))
}

// fill writes zeros behind the last record, unless there are some.
func (t *txn) fill(octets int64) error {
	if octets == 0 || t.at <= t.ahead || t.at >= t.s.o.BucketBytes {
		return nil
	}
	end, err := t.log.runway(t.at, t.at+octets)
	t.written += end - t.at
	if t.ahead = end; errors.Is(err, syscall.ENOSPC) {
		t.ahead = t.at + octets // some of it may be there; the batch is, and it may be a deletion that frees space
		return nil
	}
	return err
}

// stretch has the file system find room for the rest of a bucket at once: each large group would otherwise have its maps
// written again.
func (t *txn) stretch() {
	if t.found == 0 && t.at < t.s.o.BucketBytes {
		t.found = t.s.o.BucketBytes + 2*groupBytes // the last group passes its end
		t.log.reserve(t.at, t.found-t.at)
	}
}

// trim takes the runway of a bucket back that ends at a size.
func (r *runway) trim(log appender, size int64) error {
	if r.ahead <= size && r.found <= size {
		return nil
	}
	r.ahead, r.found = 0, 0
	return log.trim(size)
}

// runway is the room that is made ahead of the log's end.
type runway struct {
	ahead int64 // the bucket's file is filled up to here
	found int64 // the file system has room for it up to here
	small int   // small groups in a row
	lull  int64 // octets of them
	large bool  // the last group was large
}
