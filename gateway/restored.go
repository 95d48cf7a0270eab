package gateway

import (
	"encoding/binary"
	"time"

	"packhorse/store"
)

// restoredAhead is by how much a count goes on that others hold against what they heard of us: more than a
// gateway counts in a year.
const restoredAhead = 1 << 20

// AheadCounters names the counts that others hold against what they heard of us.
func AheadCounters() []string { return []string{counterAdvert, counterDispatch} }

// Ahead lets a count of AheadCounters go on where nobody can have heard it; value is what is left of its record, if anything.
func Ahead(name string, value []byte) store.Op {
	var v uint64
	if len(value) == 8 {
		v = binary.BigEndian.Uint64(value)
	}
	return counterOp(name, v+restoredAhead)
}

// Restored is what becomes of a record that comes from a backup. Since the backup was made this gateway may have said more than
// the record knows: its counts go on ahead, or others would take what it says for old. now is the wall clock, and counts
// only if it is trusted.
func Restored(r Record, now time.Time, trusted bool) Record {
	if r.Kind != KindCounter || len(r.Value) != 8 {
		return r
	}
	v := binary.BigEndian.Uint64(r.Value)
	switch r.Key {
	case counterAdvert, counterDispatch:
		v += restoredAhead
		fallthrough
	case counterClock:
		if trusted {
			v = max(v, uint64(max(now.Unix(), 0)))
		}
	}
	return Record{r.Kind, r.Key, counterOp(r.Key, v).Value}
}
