package store

import (
	"crypto/cipher"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
)

// survey reads a directory and works out what counts. It changes nothing.
//
// A batch counts when its end is there with all its records, or when anything good
// follows it: the next batch is only written once the one before is synced. So what is
// not good behind the last counting batch is a torn write, to be cut off, and what is not
// good before it is damage, to be kept and reported.
type survey struct {
	state
	disk    disk
	dir     string
	snap    *vouched // nil: there is no good one
	why     string   // the whole log was to be read
	damage  []Damage
	strays  []string // left over by a crash: to be deleted, in this order
	records int      // good ones
	cut     place    // end of the last batch that counts
	next    uint64   // sequence behind it
	torn    int64    // octets behind it

	seal    cipher.AEAD
	opaque  []opaque // records that are as they were written, but cannot be opened
	prev    *bucket
	reached uint64 // sequence behind the last bucket read
	pending []change
	spare   []change // memory of a batch that was committed
	chunkAt map[uint64]loc
	held    *heldBatch
	graved  uint64        // sequence below which the snapshot has the graves
	unknown map[id]uint64 // lists by their sequence that name a chunk which was not read
	rebuilt bool          // the index is of the log alone: chunks in damage are lost
	buf     []byte
}

// heldBatch has its end but nothing behind it yet.
type heldBatch struct {
	changes []change
	whole   bool
	end     place
	next    uint64
}

// place is a position in the log.
type place struct {
	bucket uint32
	off    int64
}

func (p place) before(q place) bool {
	return p.bucket < q.bucket || p.bucket == q.bucket && p.off < q.off
}

// maxOpaque bounds how many records that no key opened are named one by one.
const maxOpaque = 1 << 14

// opaque is a record that no key opened.
type opaque struct {
	bucket     *bucket
	start, end int
	reason     string
}

// surveyOf finds what there is, and reads no more of it than the snapshot. That is older than the list, if the
// store is in use.
func surveyOf(d disk, dir string, seal cipher.AEAD) (*survey, error) {
	x := newSurvey(d, dir, seal)
	x.restore()
	return x, x.list(dir)
}

func newSurvey(d disk, dir string, seal cipher.AEAD) *survey {
	return &survey{disk: d, dir: dir, seal: seal, chunkAt: map[uint64]loc{}, unknown: map[id]uint64{}}
}

// read goes through all that was listed, and compares it with what the snapshot vouches for.
func (x *survey) read() error {
	for _, b := range x.buckets {
		seg, err := x.disk.readInto(b.path(), x.buf)
		if err != nil {
			return err
		}
		x.buf = seg
		x.segment(b, seg, 0, b.first)
	}
	x.finish()
	if x.snap == nil {
		return x.unopened()
	}
	x.remember(func(d Damage) bool { return d.Octets == 0 }) // what is there was read again
	return x.settled()
}

// settled ends a survey that began with a snapshot.
func (x *survey) settled() error {
	if x.account() {
		return nil
	}
	x.forsake("the log names a record that neither the snapshot nor the log behind it has")
	return x.read()
}

// list finds the buckets, by number, and what a crash left over.
func (x *survey) list(dir string) error {
	entries, err := x.disk.readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if misleading(e.Name()) {
			return fmt.Errorf("%s is not of this store, and the log would delete others because of it: move it elsewhere", filepath.Join(dir, e.Name()))
		}
		if first, ok := parseSegmentName(e); ok && first>>32 > 0 {
			x.buckets = append(x.buckets, newBucket(dir, uint32(first>>32), uint32(first)))
			if err := x.measure(e); err != nil {
				return err
			}
		} else if e.Name() == filepath.Base(besides(snapshotName)) {
			x.strays = append(x.strays, filepath.Join(dir, e.Name()))
		} else if number, salt, ok := parseBucketName(e.Name()); ok && e.IsDir() {
			if err := x.findSegment(&bucket{number: number, salt: salt, old: true, dir: filepath.Join(dir, e.Name())}); err != nil {
				return err
			}
		}
	}
	sort.Slice(x.buckets, func(i, j int) bool { return x.buckets[i].number < x.buckets[j].number })
	return nil
}

// measure notes the size of the last bucket listed.
func (x *survey) measure(f fs.DirEntry) error {
	st, err := f.Info()
	if err != nil {
		return err
	}
	b := x.buckets[len(x.buckets)-1]
	if b.size = st.Size(); b.size > maxBucketFile {
		return fmt.Errorf("%s has %d octets, more than any bucket: check the file system, or move that file away", b.path(), b.size)
	}
	return nil
}

// unopened says what is wrong when nothing could be opened. When other records could, the key is right and
// those that it does not open are damaged.
func (x *survey) unopened() error {
	if len(x.opaque) == 0 || x.opened() {
		return nil
	}
	switch x.opaque[0].reason {
	case reasonSealed:
		return ErrSealed
	case reasonClear:
		return ErrNotSealed
	}
	return ErrWrongKey
}

// opened tells that the key, or that there is none, is right.
func (x *survey) opened() bool { return x.records > 0 || x.snap != nil }

func bucketName(number, salt uint32) string { return fmt.Sprintf("%08d-%08x", number, salt) }

func parseBucketName(s string) (number, salt uint32, ok bool) {
	if len(s) < 17 {
		return 0, 0, false
	}
	if _, err := fmt.Sscanf(s, "%d-%x", &number, &salt); err != nil || bucketName(number, salt) != s {
		return 0, 0, false
	}
	return number, salt, true
}

// misleading tells the names by which tidwall/wal knows a truncation that was cut off. It would finish that, and
// we never begin one.
func misleading(name string) bool {
	n, ok := strings.CutSuffix(name, ".START")
	if !ok {
		n, ok = strings.CutSuffix(name, ".END")
	}
	return ok && len(n) == 20 && strings.Trim(n, "0123456789") == ""
}

// findSegment looks into a bucket. One without a segment was being made or removed.
func (x *survey) findSegment(b *bucket) error {
	files, err := x.disk.readDir(b.dir)
	if err != nil {
		return err
	}
	var segment fs.DirEntry
	for _, f := range files {
		if first, ok := parseSegmentName(f); ok && b.first == 0 {
			b.first, segment = first, f
		} else if strings.HasSuffix(f.Name(), ".TEMP") {
			x.strays = append(x.strays, filepath.Join(b.dir, f.Name()))
		}
	}
	if b.first == 0 {
		x.strays = append(x.strays, b.dir)
		return nil
	}
	x.buckets = append(x.buckets, b)
	return x.measure(segment)
}

func parseSegmentName(f fs.DirEntry) (uint64, bool) {
	var first uint64
	if _, err := fmt.Sscanf(f.Name(), "%d", &first); err != nil || first == 0 {
		return 0, false
	}
	return first, f.Name() == segmentName(first) && f.Type().IsRegular()
}

// segment reads a bucket from an offset on; seq is the first sequence there.
func (x *survey) segment(b *bucket, seg []byte, from int, seq uint64) {
	b.size = int64(from)
	if x.prev == nil && x.snap == nil {
		x.cut, x.next = place{b.number, 0}, b.first
	} else if x.prev != nil && b.old && x.prev.number+1 == b.number && x.reached != b.first && !x.prev.damaged {
		x.harm(x.prev, x.prev.size, 0, b.first-x.reached, reasonShort)
	}
	expected, hole := seq, -1
	good := func(f found) {
		if hole >= 0 {
			x.damage[hole].Records = f.seq - expected
			hole = -1
		}
		expected = f.seq + 1
		f.start, f.off, f.end = f.start+from, f.off+from, f.end+from
		b.size = int64(f.end)
		x.record(b, f)
	}
	c := b.codec(x.seal)
	c.inPlace = true
	x.reached = walk(seg, seq, c, good, func(start, end int, reason string) {
		x.harm(b, int64(start+from), int64(end-start), 0, reason)
		b.size = int64(end + from)
		hole = len(x.damage) - 1
	})
	b.ahead = b.size < int64(from+len(seg))
	x.prev = b
	if hole < 0 {
		x.compare(b)
	}
}

func (x *survey) harm(b *bucket, off, octets int64, records uint64, reason string) {
	b.damaged = true
	x.damage = append(x.damage, Damage{File: b.path(), Offset: off, Octets: octets,
		Records: records, Reason: reason, at: place{b.number, off}})
}

func (x *survey) record(b *bucket, f found) {
	x.settle()
	if f.opaque != "" {
		if len(x.opaque) < maxOpaque {
			x.opaque = append(x.opaque, opaque{b, f.start, f.end, f.opaque})
		}
		return
	}
	x.records++
	if x.snap != nil && f.typ != typeHead && (place{b.number, int64(f.start)}).before(x.snap.begin.place) {
		return // the snapshot says what came of it
	}
	c := change{typ: f.typ, kind: f.kind, id: idOf(f.kind, f.key), at: loc{seq: f.seq, off: uint32(f.off), len: uint32(f.end - f.off)}}
	switch f.typ {
	case typeBatchEnd:
		x.batchEnd(b, f)
		return
	case typeHead:
		x.head(parseHead(f.payload))
		return
	case typeTombstone:
		c.grave = parseGrave(f.payload)
	case typeLarge:
		c.large = &large{}
		c.large.size, c.large.chunks, _ = parseLarge(f.payload)
	}
	x.pending = append(x.pending, c)
}

// head compares the end of the bucket before with what was vouched for.
func (x *survey) head(h head) {
	if p := x.prev; p != nil && p.first == h.first && x.reached < h.next && !p.damaged {
		x.harm(p, p.size, 0, h.next-x.reached, reasonShort)
	}
}

// batchEnd holds the batch back until something shows that it counts. Records older than
// its first belong to a batch whose end is damaged: that one counted.
func (x *survey) batchEnd(b *bucket, f found) {
	e := parseBatchEnd(f.payload)
	n := sort.Search(len(x.pending), func(i int) bool { return x.pending[i].at.seq >= e.first })
	x.commit(x.pending[:n])
	mine := x.pending[n:]
	if n > 0 {
		x.reach(place{b.number, int64(f.start)}, f.seq, mine)
	}
	if e.records < 0 {
		e.records = int(f.seq - e.first) // layout 1: sequences had no gaps
	}
	x.held = &heldBatch{changes: mine, whole: len(mine) == e.records,
		end: place{b.number, int64(f.end)}, next: f.seq + 1}
	x.pending, x.spare = x.spare[:0], nil
}

// reach moves the cut to where a batch begins that follows one whose end is damaged; at is behind its records.
func (x *survey) reach(at place, seq uint64, records []change) {
	if len(records) > 0 {
		l := records[0].at
		at, seq = place{x.numberOf(l.seq), int64(l.off) - int64(uvarintLen(int(l.len)))}, l.seq
	}
	if x.cut.before(at) {
		x.cut, x.next = at, seq
	}
}

// settle lets the held batch count.
func (x *survey) settle() {
	if x.held == nil {
		return
	}
	x.commit(x.held.changes)
	x.spare = x.held.changes[:0]
	if x.cut.before(x.held.end) {
		x.cut, x.next = x.held.end, x.held.next
	}
	x.held = nil
}

func (x *survey) commit(changes []change) {
	for i := range changes {
		c := &changes[i]
		if c.typ == typeChunk {
			x.chunkAt[c.at.seq] = c.at
		}
		if c.large != nil {
			for n, l := range c.large.chunks {
				c.large.chunks[n] = x.chunk(c, l.seq)
			}
		}
		if c.typ == typeTombstone && c.at.seq < x.graved {
			x.strike(c) // the snapshot has its grave
			continue
		}
		x.apply(c)
	}
}

// chunk finds a chunk; the zero loc when it is lost: reading tells.
func (x *survey) chunk(list *change, seq uint64) loc {
	if l, ok := x.chunkAt[seq]; ok {
		return l
	}
	if old := x.large[list.id]; old != nil && x.snap != nil {
		for _, l := range old.chunks {
			if l.seq == seq {
				return l
			}
		}
	}
	x.unknown[list.id] = list.at.seq
	return loc{}
}

// finish tells the torn tail from damage.
func (x *survey) finish() {
	if x.held != nil && (x.held.whole || x.vouched(x.held.end)) {
		x.settle()
	}
	x.commitVouched()
	if x.opened() {
		for _, o := range x.opaque {
			x.harm(o.bucket, int64(o.start), int64(o.end-o.start), 1, o.reason)
		}
	}
	kept := x.damage[:0]
	for _, b := range x.buckets {
		b.damaged = false
	}
	for _, d := range x.damage {
		if d.at.before(x.cut) {
			kept = append(kept, d)
			x.bucket(d.at.bucket).damaged = true
		}
	}
	x.damage = kept
	for _, b := range x.buckets {
		switch {
		case b.number == x.cut.bucket:
			x.torn += max(0, b.size-x.cut.off)
		case b.number > x.cut.bucket:
			x.torn += b.size
		}
	}
}
