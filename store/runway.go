package store

// A sync of a file that has grown makes the file system write its journal too: on ext4 three more blocks and a second flush
// of the card. So while batches are small the bucket is filled with zeros ahead of them. Zeros behind
// the last record are neither records nor damage; the next Open cuts them off, and so does the end of the bucket.
const (
	runwayBytes = 128 << 10 // or an eighth of a bucket
	runwayAfter = 8         // small groups in a row: a single one is not worth it
	smallGroup  = 64 << 10  // octets; a larger one would be written twice
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
		t.small = 0
		t.stretch()
		return nil
	}
	t.small++
	if t.small < runwayAfter || t.at <= t.ahead || t.at >= t.s.o.BucketBytes {
		return nil
	}
	end, err := t.log.runway(t.at, t.at+min(runwayBytes, t.s.o.BucketBytes/8))
	t.written += end - t.at
	t.ahead = end
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
	large bool  // the last group was large
}
