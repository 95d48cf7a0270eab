package store

import (
	"crypto/cipher"
	"path/filepath"
	"sort"
)

// bucket is one file of the log. Its numbers are guarded by the store's mutex.
type bucket struct {
	number  uint32
	salt    uint32
	first   uint64 // sequence of its first record
	dir     string
	old     bool  // layout 1: alone in a directory of its own
	size    int64 // octets of the file that count
	live    int64 // octets of live puts and chunks
	graves  map[span]int64
	damaged bool // kept as it is: never written, emptied or removed
	gone    bool // unlinked, but the directory is not synced yet: it may come back
	ahead   bool // its file goes on with zeros behind size
	pins    int  // readers and streams that need it: not emptied or removed meanwhile
}

// span is the range of buckets that a tombstone guards against.
type span struct{ oldest, newest uint32 }

func (b *bucket) path() string { return segmentPath(b.dir, b.first) }

func (b *bucket) codec(seal cipher.AEAD) codec { return codec{salt: b.salt, seal: seal} }

// newBucket names a bucket: the number in the upper half of its first sequence, the salt in the lower. So
// sequences rise from bucket to bucket, and where a record lies follows from its sequence.
func newBucket(dir string, number, salt uint32) *bucket {
	return &bucket{number: number, salt: salt, first: uint64(number)<<32 | uint64(salt), dir: dir}
}

// name is what people are told.
func (b *bucket) name() string {
	if b.old {
		return filepath.Base(b.dir)
	}
	return segmentName(b.first)
}

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
	large   map[id]*large
	buckets []*bucket // by number, and so by first
	live    int64     // octets of live records, tombstones apart
	uploads map[*upload]struct{}
}

// large is where the chunks of a large value lie.
type large struct {
	size   int // octets of the value
	chunks []loc
}

// change is one record's effect. For a large put, large tells where its chunks lie.
type change struct {
	typ   recordType
	kind  Kind
	id    id
	at    loc
	large *large
	grave grave

	upload *upload // what the chunks were or are held by
}

func (st *state) apply(c *change) {
	switch c.typ {
	case typeChunk:
		if c.upload != nil { // at Open no stream is left
			st.hold(c.upload, c.large.chunks)
		}
	case typePut, typeLarge:
		st.put(c)
	case typeTombstone:
		st.bury(c)
	}
}

func (st *state) put(c *change) {
	if c.upload != nil {
		st.letGo(c.upload)
	}
	e := entry{loc: c.at, kind: c.kind, oldest: st.numberOf(c.at.seq), large: c.typ == typeLarge}
	if old := st.index.get(c.id); old != nil {
		if old.seq >= c.at.seq {
			return // a snapshot knows more already
		}
		e.oldest = st.lowest(old.oldest)
		st.charge(c.id, old, -1)
	}
	if e.large {
		if st.large == nil {
			st.large = map[id]*large{}
		}
		st.large[c.id] = c.large
	}
	st.index.set(c.id, e)
	st.charge(c.id, &e, +1)
}

func (st *state) bury(c *change) {
	st.strike(c)
	guarded := span{c.grave.oldest, c.grave.newest}
	if b := st.bucketOf(c.at.seq); b != nil && st.guards(guarded, b.number) {
		if b.graves == nil {
			b.graves = map[span]int64{}
		}
		b.graves[guarded] += int64(c.at.len)
	}
}

// strike is what a tombstone does to the index.
func (st *state) strike(c *change) {
	if old := st.index.get(c.id); old != nil && old.seq < c.grave.upTo {
		st.charge(c.id, old, -1)
		st.index.del(c.id)
	}
}

// charge adds an entry's records to the live octets of their buckets, or takes them away
// together with the list of its chunks.
func (st *state) charge(n id, e *entry, sign int64) {
	st.chargeAt(e.loc, sign)
	if !e.large {
		return
	}
	for _, l := range st.large[n].chunks {
		st.chargeAt(l, sign)
	}
	if sign < 0 {
		delete(st.large, n)
	}
}

func (st *state) chargeAt(l loc, sign int64) {
	st.live += sign * int64(l.len)
	if b := st.bucketOf(l.seq); b != nil {
		b.live += sign * int64(l.len)
	}
}

// weight is what an entry takes on disk.
func (st *state) weight(n id, e *entry) int64 {
	octets := int64(e.len)
	if e.large {
		for _, l := range st.large[n].chunks {
			octets += int64(l.len)
		}
	}
	return octets
}

// bucketOf finds the bucket that a record lies in: the last that begins at or before it.
func (st *state) bucketOf(seq uint64) *bucket {
	i := sort.Search(len(st.buckets), func(i int) bool { return st.buckets[i].first > seq })
	if i == 0 || seq == 0 {
		return nil
	}
	b := st.buckets[i-1]
	if number := uint32(seq >> 32); number != b.number && !(b.old && number == 0) {
		return nil // its bucket is lost, or not there yet
	}
	return b
}

func (st *state) numberOf(seq uint64) uint32 {
	if b := st.bucketOf(seq); b != nil {
		return b.number
	}
	return uint32(seq >> 32)
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

// forget drops the buckets that are gone for good, and the tombstones that were needed only because of them.
func (st *state) forget() (any bool) {
	kept := make([]*bucket, 0, len(st.buckets))
	for _, b := range st.buckets {
		if !b.gone {
			kept = append(kept, b)
		}
	}
	if len(kept) == len(st.buckets) {
		return false
	}
	st.buckets = kept
	for _, b := range kept {
		for s := range b.graves {
			if !st.guards(s, b.number) {
				delete(b.graves, s)
			}
		}
	}
	return true
}
