package store

import "sort"

// bucket is one directory of the log. Its numbers are guarded by the store's mutex.
type bucket struct {
	number  uint32
	salt    uint32
	first   uint64 // sequence of its first record
	dir     string
	size    int64 // octets of the file that count
	live    int64 // octets of live puts and chunks
	graves  map[span]int64
	damaged bool // kept as it is: never written, emptied or removed
}

// span is the range of buckets that a tombstone guards against.
type span struct{ oldest, newest uint32 }

func (b *bucket) path() string { return segmentPath(b.dir, b.first) }

// liveBytes is what would have to be written again to remove the bucket.
func (b *bucket) liveBytes() int64 {
	n := b.live
	for _, octets := range b.graves {
		n += octets
	}
	return n
}

// state is what the log says: the live values and the buckets they lie in.
type state struct {
	index   index
	chunks  map[string][]loc // of large values, by name
	buckets []*bucket        // by number
	live    int64            // octets of live records, tombstones apart
}

func nameOf(kind Kind, key []byte) string { return string(append([]byte{byte(kind)}, key...)) }

// change is one record's effect. For a put, chunks tells where a large value lies.
type change struct {
	typ    recordType
	kind   Kind
	key    []byte
	at     loc
	size   int
	chunks []loc
	grave  grave
}

func (st *state) apply(c *change) {
	switch c.typ {
	case typePut, typeLarge:
		st.put(c)
	case typeTombstone:
		st.bury(c)
	}
}

func (st *state) put(c *change) {
	e := entry{loc: c.at, size: uint32(c.size), oldest: c.at.bucket, large: c.typ == typeLarge}
	if old := st.index.get(c.kind, c.key); old != nil {
		e.oldest = st.lowest(old.oldest)
		st.charge(c.kind, c.key, old, -1)
	}
	if e.large {
		if st.chunks == nil {
			st.chunks = map[string][]loc{}
		}
		st.chunks[nameOf(c.kind, c.key)] = c.chunks
	}
	st.index.set(c.kind, c.key, e)
	st.charge(c.kind, c.key, &e, +1)
}

func (st *state) bury(c *change) {
	if old := st.index.get(c.kind, c.key); old != nil && old.seq < c.grave.upTo {
		st.charge(c.kind, c.key, old, -1)
		st.index.del(c.kind, c.key)
	}
	guarded := span{c.grave.oldest, c.grave.newest}
	if b := st.bucket(c.at.bucket); b != nil && st.guards(guarded, b.number) {
		if b.graves == nil {
			b.graves = map[span]int64{}
		}
		b.graves[guarded] += int64(c.at.len)
	}
}

// charge adds an entry's records to the live octets of their buckets, or takes them away
// together with the list of its chunks.
func (st *state) charge(kind Kind, key []byte, e *entry, sign int64) {
	st.chargeAt(e.loc, sign)
	if !e.large {
		return
	}
	name := nameOf(kind, key)
	for _, l := range st.chunks[name] {
		st.chargeAt(l, sign)
	}
	if sign < 0 {
		delete(st.chunks, name)
	}
}

func (st *state) chargeAt(l loc, sign int64) {
	st.live += sign * int64(l.len)
	if b := st.bucket(l.bucket); b != nil {
		b.live += sign * int64(l.len)
	}
}

// weight is what an entry takes on disk.
func (st *state) weight(kind Kind, key []byte, e *entry) int64 {
	n := int64(e.len)
	if e.large {
		for _, l := range st.chunks[nameOf(kind, key)] {
			n += int64(l.len)
		}
	}
	return n
}

func (st *state) position(number uint32) int {
	return sort.Search(len(st.buckets), func(i int) bool { return st.buckets[i].number >= number })
}

func (st *state) bucket(number uint32) *bucket {
	if i := st.position(number); i < len(st.buckets) && st.buckets[i].number == number {
		return st.buckets[i]
	}
	return nil
}

// lowest is the first bucket there is from number on.
func (st *state) lowest(number uint32) uint32 {
	if i := st.position(number); i < len(st.buckets) {
		return st.buckets[i].number
	}
	return number
}

// guards tells whether a tombstone in bucket own is still needed: whether an older bucket
// that may hold a dead put of its key is still there.
func (st *state) guards(s span, own uint32) bool {
	i := st.position(s.oldest)
	return i < len(st.buckets) && st.buckets[i].number <= s.newest && st.buckets[i].number < own
}

// remove forgets a bucket, and the tombstones that were needed only because of it.
func (st *state) remove(b *bucket) {
	i := st.position(b.number)
	st.buckets = append(st.buckets[:i:i], st.buckets[i+1:]...)
	for _, other := range st.buckets {
		for s := range other.graves {
			if !st.guards(s, other.number) {
				delete(other.graves, s)
			}
		}
	}
}
