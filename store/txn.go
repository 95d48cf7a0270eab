package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// txn is a group being written. The store's state changes only when it commits; until then
// the end of the log on disk is what tail says.
type txn struct {
	s      *Store
	bucket *bucket
	log    appender
	last   uint32
	at     int64 // where the next record goes in bucket
	runway
	opened  bool // at is set
	records int  // of the batch so far
	first   uint64
	next    uint64
	fresh   []*bucket
	sizes   []sizeOf
	*scratch
	grow    growth // of the batches admitted so far
	room    int64  // octets that the file system has left; -1 not asked yet
	waiting int    // octets added but not flushed
	dirty   bool   // flushed but not synced
	written int64
	syncs   int64
	moving  bool // it empties a bucket
}

// scratch is memory that groups use one after the other.
type scratch struct {
	changes []change
	over    map[id]int // where in changes the latest put or tombstone of a key is
	ids     []id       // of the batch at hand
	key     []byte
	buf     []byte
}

func (c *scratch) reset() *scratch {
	clear(c.changes) // large values are not to be kept
	c.changes = c.changes[:0]
	if c.over == nil || len(c.over) > 4*groupRecords {
		c.over = map[id]int{}
	}
	clear(c.over)
	return c
}

type sizeOf struct {
	b    *bucket
	size int64
}

var errGone = errors.New("store: abandoned")

// append adds one record of the batch behind the others.
func (t *txn) append(r record) (loc, error) {
	if err := t.ready(); err != nil {
		return loc{}, err
	}
	if t.records == 0 {
		t.first = t.next
	}
	t.records++
	return t.write(r)
}

func (t *txn) write(r record) (loc, error) {
	r.seq = t.next
	t.buf = t.bucket.codec(t.s.o.Cipher).append(t.buf[:0], &r)
	n := len(t.buf)
	t.log.add(r.seq, t.buf)
	off := t.at + int64(uvarintLen(n))
	at := loc{seq: r.seq, off: uint32(off), len: uint32(n)}
	t.next++
	t.waiting += int(off-t.at) + n
	t.at = off + int64(n)
	if t.waiting >= groupBytes {
		return at, t.flush()
	}
	return at, nil
}

func uvarintLen(n int) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], uint64(n))
}

// ready opens the bucket to write to: the one of the last group, or a new one.
func (t *txn) ready() (err error) {
	if t.bucket != nil && !t.opened {
		t.at, t.opened = t.bucket.size, true
	}
	if t.bucket != nil && t.at < t.limit() {
		if t.log == nil {
			t.log, err = t.s.disk.openLog(t.bucket.dir)
		}
		return err
	}
	if t.bucket != nil {
		if err := t.seal(); err != nil {
			return err
		}
	}
	return t.newBucket()
}

// limit is the size at which the next record goes to a new bucket. Between batches nothing waits for a sync,
// so a bucket that ends there costs none.
func (t *txn) limit() int64 {
	if t.records == 0 {
		return t.s.o.BucketBytes
	}
	return t.s.o.BucketBytes + min(t.s.o.BucketBytes/2, maxOverrun)
}

// maxOverrun is by how much a batch may grow its bucket beyond BucketBytes.
const maxOverrun = 1 << 20

// seal ends the bucket: nobody will sync it later.
func (t *txn) seal() error {
	if t.log == nil {
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	if t.dirty {
		t.sizes = append(t.sizes, sizeOf{t.bucket, t.at})
		if err := t.sync(); err != nil {
			return err
		}
	}
	err := errors.Join(t.runway.trim(t.log, t.at), t.log.close())
	t.log = nil
	return err
}

// newBucket makes the file that tidwall/wal will find, for its first index is then ours to choose, and makes
// its name durable.
func (t *txn) newBucket() error {
	if t.s.gone.Load() {
		return errGone
	}
	var salt [4]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return err
	}
	b := newBucket(t.s.dir, t.last+1, max(1, binary.BigEndian.Uint32(salt[:])>>1)) // room for sequences
	h := t.vouch()
	t.fresh = append(t.fresh, b)
	if err := t.s.disk.create(b.path()); err != nil {
		return err
	}
	if err := t.s.syncDir(); err != nil {
		return err
	}
	log, err := t.s.disk.openLog(b.dir)
	if err != nil {
		return err
	}
	t.syncs++
	t.bucket, t.log, t.last, t.next, t.at, t.ahead, t.found, t.opened = b, log, b.number, b.first, 0, 0, 0, true
	if t.large {
		t.stretch()
	}
	_, err = t.write(record{typ: typeHead, payload: h.append(nil)})
	return err
}

// vouch tells the next bucket where the one before it ends, so that a loss there shows.
func (t *txn) vouch() head {
	last := t.bucket
	if n := len(t.s.buckets); last == nil && n > 0 {
		last = t.s.buckets[n-1]
	}
	if last == nil || last.damaged {
		return head{}
	}
	return head{last.first, t.next}
}

func (t *txn) flush() error {
	if t.waiting == 0 {
		return nil
	}
	if t.s.gone.Load() {
		return errGone
	}
	t.written += int64(t.waiting)
	t.waiting, t.dirty = 0, true
	return t.log.flush()
}

func (t *txn) sync() error {
	if t.s.gone.Load() {
		return errGone
	}
	t.syncs, t.dirty = t.syncs+1, false
	return t.log.sync()
}

// commit ends the batch, syncs it and lets readers see it.
func (t *txn) commit() error {
	if t.records == 0 {
		return nil
	}
	if err := t.ready(); err != nil {
		return err
	}
	end := batchEnd{t.first, t.records}
	if _, err := t.write(record{typ: typeBatchEnd, payload: end.append(nil)}); err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.clear(); err != nil {
		return err
	}
	if err := t.sync(); err != nil {
		return err
	}
	t.publish()
	return nil
}

func (t *txn) publish() {
	s := t.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets = append(s.buckets, t.fresh...)
	for _, z := range append(t.sizes, sizeOf{t.bucket, t.at}) {
		z.b.size = z.size
	}
	for i := range t.changes {
		s.apply(&t.changes[i])
	}
	s.tail.bucket, s.tail.log, s.tail.last, s.tail.next, s.tail.runway = t.bucket, t.log, t.last, t.next, t.runway
	s.tail.begun = s.numberOf(t.first)
	s.meter.Syncs += t.syncs
	s.meter.Written += t.written
	if t.moving {
		s.meter.Moved += t.written
	} else {
		s.tail.grown += t.written
	}
}

// rollback gives the handle up after an error: nothing is known of what the file holds
// behind the last commit, nor of what the kernel will yet write. The next group cuts that
// off and goes on in a new bucket.
func (t *txn) rollback() {
	s := t.s
	if s.gone.Load() {
		return
	}
	if t.log != nil {
		_ = t.log.close() // the file is cut or removed next, whatever it says
	}
	s.tail.broken = t.fresh
	s.tail.cut = s.tail.bucket
	s.tail.bucket, s.tail.log, s.tail.runway = nil, nil, runway{}
	s.count(func(m *Stats) {
		m.Failures++
		m.Syncs += t.syncs
		m.Written += t.written
	})
	_ = s.mend() // at the latest the next group will
}

// identify hashes the keys of the batch that is next.
func (t *txn) identify(ops []Op) []id {
	t.ids = t.ids[:0]
	for i := range ops {
		t.key = append(t.key[:0], ops[i].Key...)
		t.ids = append(t.ids, idOf(ops[i].Kind, t.key))
	}
	return t.ids
}

// stage writes the records of a batch that was identified.
func (t *txn) stage(ops []Op) error {
	for i := range ops {
		op := &ops[i]
		t.key = append(t.key[:0], op.Key...)
		key := t.key
		c := change{kind: op.Kind, id: t.ids[i]}
		var err error
		switch {
		case op.Delete:
			err = t.stageDelete(&c, key)
		case op.more:
			err = t.stageChunks(&c, key, op)
			c.typ = typeChunk
		case op.upload == nil && len(op.Value) <= maxInline:
			c.typ = typePut
			c.at, err = t.append(record{typ: typePut, kind: c.kind, key: key, payload: op.Value})
		default:
			err = t.stageLarge(&c, key, op)
		}
		if err != nil {
			return err
		}
		if c.typ != 0 {
			t.note(c)
		}
	}
	return nil
}

func (t *txn) note(c change) {
	t.changes = append(t.changes, c)
	if c.typ != typeChunk {
		t.over[c.id] = len(t.changes) - 1
	}
}

// latest is what the group holds of a key so far.
func (t *txn) latest(name id) *change {
	if i, ok := t.over[name]; ok {
		return &t.changes[i]
	}
	return nil
}

// stageDelete writes a tombstone, or nothing when there is nothing to delete.
func (t *txn) stageDelete(c *change, key []byte) error {
	var g grave
	if o := t.latest(c.id); o != nil {
		if o.typ == typeTombstone {
			return nil
		}
		g.newest = t.s.numberOf(o.at.seq)
		g.oldest = g.newest
	}
	if e := t.s.index.get(c.id); e != nil {
		g.oldest = t.s.lowest(e.oldest)
		g.newest = max(g.newest, t.s.numberOf(e.seq))
	} else if g.newest == 0 {
		return nil
	}
	return t.stageGrave(c, key, g)
}

// stageGrave is upTo its own sequence, which is known once there is a bucket for it.
func (t *txn) stageGrave(c *change, key []byte, g grave) (err error) {
	if err = t.ready(); err != nil {
		return err
	}
	g.upTo = t.next
	c.typ, c.grave = typeTombstone, g
	c.at, err = t.append(record{typ: typeTombstone, kind: c.kind, key: key, payload: g.append(nil)})
	return err
}

// stageLarge puts a value whose first chunks may be on disk already.
func (t *txn) stageLarge(c *change, key []byte, op *Op) error {
	if err := t.stageChunks(c, key, op); err != nil {
		return err
	}
	if u := op.upload; u != nil {
		c.large.size += u.size
		c.large.chunks = append(u.chunks[:len(u.chunks):len(u.chunks)], c.large.chunks...)
	}
	return t.stageList(c, key)
}

func (t *txn) stageChunks(c *change, key []byte, op *Op) error {
	c.large, c.upload = &large{size: len(op.Value)}, op.upload
	for value := op.Value; len(value) > 0; {
		n := min(len(value), maxInline)
		at, err := t.append(record{typ: typeChunk, kind: c.kind, key: key, payload: value[:n]})
		if err != nil {
			return err
		}
		c.large.chunks = append(c.large.chunks, at)
		value = value[n:]
	}
	return nil
}

func (t *txn) stageList(c *change, key []byte) (err error) {
	c.typ = typeLarge
	c.at, err = t.append(record{typ: typeLarge, kind: c.kind, key: key, payload: appendLarge(nil, c.large.size, c.large.chunks)})
	return err
}
