package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
)

// txn is a group being written. The store's state changes only when it commits; until then
// the end of the log on disk is what tail says.
type txn struct {
	s       *Store
	bucket  *bucket
	log     appender
	last    uint32
	at      int64 // where the next record goes in bucket
	opened  bool  // at is set
	first   uint64
	next    uint64
	fresh   []*bucket
	sizes   []sizeOf
	changes []change
	over    map[string]*change // the latest put or tombstone of each key in this group
	grow    int64
	room    int64 // octets above the reserve; -1 not asked yet
	waiting int   // octets added but not flushed
	written int64
	syncs   int64
	buf     []byte
}

type sizeOf struct {
	b    *bucket
	size int64
}

var errGone = errors.New("store: abandoned")

// append adds one record behind the others.
func (t *txn) append(r record) (loc, error) {
	if err := t.ready(); err != nil {
		return loc{}, err
	}
	r.seq = t.next
	t.buf = appendRecord(t.buf[:0], &r, t.bucket.salt)
	n := len(t.buf)
	t.log.add(r.seq, t.buf)
	off := t.at + int64(uvarintLen(n))
	at := loc{seq: r.seq, bucket: t.bucket.number, off: uint32(off), len: uint32(n)}
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
	if t.bucket != nil && t.at < t.s.o.BucketBytes {
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

// seal ends the bucket: nobody will sync it later.
func (t *txn) seal() error {
	if t.log == nil {
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.sync(); err != nil {
		return err
	}
	t.sizes = append(t.sizes, sizeOf{t.bucket, t.at})
	err := t.log.close()
	t.log = nil
	return err
}

// newBucket makes the directory and the file that tidwall/wal will find there, for its
// first index is then ours to choose, and makes both durable.
func (t *txn) newBucket() error {
	if t.s.gone.Load() {
		return errGone
	}
	var salt [4]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return err
	}
	b := &bucket{number: t.last + 1, salt: binary.BigEndian.Uint32(salt[:]), first: t.next}
	b.dir = filepath.Join(t.s.dir, bucketName(b.number, b.salt))
	t.fresh = append(t.fresh, b)
	d := t.s.disk
	for _, step := range []func() error{
		func() error { return d.mkdir(b.dir) },
		func() error { return d.create(b.path()) },
		func() error { return d.syncDir(b.dir) },
		func() error { return d.syncDir(t.s.dir) },
		func() (err error) { t.log, err = d.openLog(b.dir); return err },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	t.syncs += 3
	t.bucket, t.last, t.at, t.opened = b, b.number, 0, true
	return nil
}

func (t *txn) flush() error {
	if t.waiting == 0 {
		return nil
	}
	if t.s.gone.Load() {
		return errGone
	}
	t.written += int64(t.waiting)
	t.waiting = 0
	return t.log.flush()
}

func (t *txn) sync() error {
	if t.s.gone.Load() {
		return errGone
	}
	t.syncs++
	return t.log.sync()
}

// commit ends the batch, syncs it and lets readers see it.
func (t *txn) commit() error {
	if t.next == t.first {
		return nil
	}
	payload := binary.BigEndian.AppendUint64(nil, t.first)
	if _, err := t.append(record{typ: typeBatchEnd, payload: payload}); err != nil {
		return err
	}
	if err := t.flush(); err != nil {
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
	s.tail.bucket, s.tail.log, s.tail.last, s.tail.next = t.bucket, t.log, t.last, t.next
	s.meter.Syncs += t.syncs
	s.meter.Written += t.written
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
	s.tail.bucket, s.tail.log = nil, nil
	s.count(func(m *Stats) {
		m.Failures++
		m.Syncs += t.syncs
		m.Written += t.written
	})
	_ = s.mend() // at the latest the next group will
}

// admit refuses a batch that would grow the store over its limits.
func (t *txn) admit(ops []Op) error {
	var grow int64
	for i := range ops {
		grow += t.cost(&ops[i])
	}
	if grow <= 0 {
		t.grow += grow
		return nil
	}
	s := t.s
	if used := s.live + t.grow; used+grow > s.o.MaxBytes {
		return fmt.Errorf("%w: %d of %d octets are used and %d more are asked for; raise the limit or wait for deliveries",
			ErrFull, used, s.o.MaxBytes, grow)
	}
	if t.room < 0 {
		free, err := s.disk.free(s.dir)
		if err != nil {
			return s.failure(err)
		}
		t.room = max(0, free-max(0, s.o.Reserve))
	}
	if grow > t.room {
		return fmt.Errorf("%w: the file system has less than the reserve of %d octets left; free some space", ErrFull, s.o.Reserve)
	}
	t.room -= grow
	t.grow += grow
	return nil
}

// cost is by how much an op changes the live octets.
func (t *txn) cost(op *Op) (n int64) {
	if c := t.over[nameOf(op.Kind, []byte(op.Key))]; c != nil {
		n -= c.weight()
	} else if e := t.s.index.get(op.Kind, []byte(op.Key)); e != nil {
		n -= t.s.weight(op.Kind, []byte(op.Key), e)
	}
	if op.Delete {
		return n
	}
	each := int64(minRecord + len(op.Key))
	chunks := int64(len(op.Value) / maxInline)
	return n + int64(len(op.Value)) + each*(1+chunks)
}

func (c *change) weight() (n int64) {
	if c.typ == typeTombstone {
		return 0
	}
	n = int64(c.at.len)
	for _, l := range c.chunks {
		n += int64(l.len)
	}
	return n
}

// stage writes the records of a batch.
func (t *txn) stage(ops []Op) error {
	for i := range ops {
		op := &ops[i]
		c := change{kind: op.Kind, key: []byte(op.Key), size: len(op.Value)}
		var err error
		switch {
		case op.Delete:
			err = t.stageDelete(&c)
		case len(op.Value) <= maxInline:
			c.typ = typePut
			c.at, err = t.append(record{typ: typePut, kind: c.kind, key: c.key, payload: op.Value})
		default:
			err = t.stageLarge(&c, op.Value)
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
	t.over[nameOf(c.kind, c.key)] = &c
}

// stageDelete writes a tombstone, or nothing when there is nothing to delete.
func (t *txn) stageDelete(c *change) error {
	g := grave{upTo: t.next}
	if o := t.over[nameOf(c.kind, c.key)]; o != nil {
		if o.typ == typeTombstone {
			return nil
		}
		g.oldest, g.newest = o.at.bucket, o.at.bucket
	}
	if e := t.s.index.get(c.kind, c.key); e != nil {
		g.oldest = t.s.lowest(e.oldest)
		g.newest = max(g.newest, e.bucket)
	} else if g.newest == 0 {
		return nil
	}
	c.typ, c.grave = typeTombstone, g
	at, err := t.append(record{typ: typeTombstone, kind: c.kind, key: c.key, payload: g.append(nil)})
	c.at = at
	return err
}

func (t *txn) stageLarge(c *change, value []byte) error {
	for len(value) > 0 {
		n := min(len(value), maxInline)
		at, err := t.append(record{typ: typeChunk, kind: c.kind, key: c.key, payload: value[:n]})
		if err != nil {
			return err
		}
		c.chunks = append(c.chunks, at)
		value = value[n:]
	}
	return t.stageList(c)
}

func (t *txn) stageList(c *change) (err error) {
	c.typ = typeLarge
	c.at, err = t.append(record{typ: typeLarge, kind: c.kind, key: c.key, payload: appendLarge(nil, c.size, c.chunks)})
	return err
}
