package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sort"
)

// reasonShort is what is said of a bucket that ends too early.
const reasonShort = "records missing at the end"

// vouched is what a snapshot says besides the index.
type vouched struct {
	begin, end position
	rows       []row
	graves     []graveRow
	damage     []Damage
	size       int64 // octets of the file
}

// restore takes the index from the snapshot, or says why it cannot.
func (x *survey) restore() {
	f, err := x.disk.open(filepath.Join(x.dir, snapshotName))
	if errors.Is(err, fs.ErrNotExist) {
		x.why = "there is no snapshot"
		return
	}
	if err != nil {
		x.why = err.Error()
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		x.why = err.Error()
		return
	}
	x.snap = &vouched{size: st.Size()}
	if reason := x.restoreFrom(f); reason != "" {
		x.forsake("the snapshot is no good: " + reason)
	}
}

// forsake goes on as if there were no snapshot.
func (x *survey) forsake(why string) {
	x.snap = nil
	x.anew()
	x.why = why
}

// rebuild prepares to take the index from the log alone, and from the snapshot where the log must end and which
// buckets are lost. What is damaged is then not in the index.
func (x *survey) rebuild() {
	x.snap.damage, x.snap.graves, x.snap.begin = x.damage, nil, position{}
	x.anew()
	x.cut, x.next, x.rebuilt = x.snap.end.place, x.snap.end.next, true
}

// anew forgets what was read, but not what was listed.
func (x *survey) anew() {
	x.index.clear()
	for _, b := range x.buckets {
		b.graves, b.live, b.damaged = nil, 0, false
	}
	n := newSurvey(x.disk, x.dir, x.seal)
	n.index, n.buckets, n.strays, n.snap, n.buf = x.index, x.buckets, x.strays, x.snap, x.buf
	*x = *n
}

func (x *survey) restoreFrom(f io.ReaderAt) (reason string) {
	r, reason := readSnapshot(f, x.snap.size, x.seal)
	if reason != "" {
		return reason
	}
	var last sectionType
	for last != sectionEnd {
		typ, body, reason := r.section()
		switch {
		case reason != "":
			return reason
		case (last == 0) != (typ == sectionBegin) || typ < last || typ > sectionEnd:
			return "wrong section"
		case !x.take(typ, body, r.left):
			return "impossible section"
		}
		last = typ
	}
	if r.left > 0 {
		return "something follows its end"
	}
	x.cut, x.next, x.graved = x.snap.end.place, x.snap.end.next, x.snap.end.next
	return ""
}

// take reads the body of a section.
func (x *survey) take(typ sectionType, b []byte, left int64) bool {
	switch typ {
	case sectionBegin:
		if len(b) != positionBytes+4 {
			return false
		}
		x.snap.begin = parsePosition(b)
		x.index.reserve(int(min(int64(binary.BigEndian.Uint32(b[positionBytes:])), left/itemBytes)))
	case sectionChunks:
		possible := true
		whole := each(b, locBytes, func(b []byte) {
			l := parseLoc(b)
			x.chunkAt[l.seq] = l
			possible = possible && l.possible()
		})
		return whole && possible
	case sectionItems:
		return x.takeItems(b)
	case sectionBuckets:
		return each(b, rowBytes, func(b []byte) { x.snap.rows = append(x.snap.rows, parseRow(b)) })
	case sectionGraves:
		return each(b, graveBytes, func(b []byte) { x.snap.graves = append(x.snap.graves, parseGraveRow(b)) })
	case sectionDamage:
		return x.takeDamage(b)
	case sectionEnd:
		if len(b) != positionBytes {
			return false
		}
		x.snap.end = parsePosition(b)
		return !x.snap.end.before(x.snap.begin.place)
	}
	return true
}

func each(b []byte, size int, visit func([]byte)) bool {
	for ; len(b) >= size; b = b[size:] {
		visit(b)
	}
	return len(b) == 0
}

func (x *survey) takeItems(b []byte) bool {
	for len(b) > 0 {
		it, l, rest, ok := parseItem(b)
		if !ok {
			return false
		}
		if delete(x.large, it.id); it.large {
			if x.large == nil {
				x.large = map[id]*large{}
			}
			x.large[it.id] = l
		}
		x.index.set(it.id, it.entry)
		b = rest
	}
	return true
}

func (x *survey) takeDamage(b []byte) bool {
	for len(b) > 0 {
		d, rest, ok := parseDamage(b)
		if !ok || len(x.snap.damage) == maxDamage {
			return false
		}
		d.File = filepath.Join(x.dir, d.File)
		x.snap.damage, b = append(x.snap.damage, d), rest
	}
	return true
}

// misfit compares the sizes of the buckets with those that the snapshot says, and tells what is different.
func (x *survey) misfit() (string, error) {
	for _, r := range x.snap.rows {
		b := x.bucket(r.number)
		switch {
		case b == nil && r.number == x.snap.end.bucket && x.newest() <= r.number:
			return fmt.Sprintf("bucket %d is missing", r.number), nil
		case b == nil: // it was removed since, or the index tells what was lost
			continue
		case b.first != r.first:
			return fmt.Sprintf("bucket %s is another one", b.name()), nil
		case b.size > r.size && r.number != x.snap.end.bucket:
			if err := x.disregardRunway(b, r.size); err != nil {
				return "", err
			}
		}
		if b.size < r.size || b.size > r.size && r.number != x.snap.end.bucket {
			return fmt.Sprintf("bucket %s has %d octets instead of %d", b.name(), b.size, r.size), nil
		}
	}
	return "", nil
}

// newest is the highest number of a bucket there is.
func (x *survey) newest() uint32 {
	if n := len(x.buckets); n > 0 {
		return x.buckets[n-1].number
	}
	return 0
}

// disregardRunway lets zeros behind the end of a bucket not count: a crash may have brought them back.
func (x *survey) disregardRunway(b *bucket, size int64) error {
	rest, err := x.tailOf(b, size)
	if err == nil && blank(rest) {
		b.size = size
	}
	return err
}

// follow reads the log behind the snapshot only.
func (x *survey) follow() error {
	begin := x.snap.begin
	for _, b := range x.buckets {
		switch {
		case b.number < begin.bucket:
			continue
		case b.number > begin.bucket:
			begin = position{place{b.number, 0}, b.first}
		}
		seg, err := x.tailOf(b, begin.off)
		if err != nil {
			return err
		}
		x.segment(b, seg, int(begin.off), begin.next)
	}
	x.finish()
	x.remember(func(Damage) bool { return true })
	return x.settled()
}

// tailOf reads a bucket from an offset on.
func (x *survey) tailOf(b *bucket, from int64) ([]byte, error) {
	if from >= b.size {
		return nil, nil
	}
	f, err := x.disk.open(b.path())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if int64(cap(x.buf)) < b.size {
		x.buf = make([]byte, b.size+b.size/8) // the next ones are about as large
	}
	seg := x.buf[:b.size-from]
	_, err = f.ReadAt(seg, from)
	return seg, err
}

// vouched tells whether the log reached that far for certain.
func (x *survey) vouched(p place) bool { return x.snap != nil && !x.snap.end.before(p) }

// commitVouched lets what is left of a batch count whose end is damaged, but was there.
func (x *survey) commitVouched() {
	if x.snap == nil {
		return
	}
	n := sort.Search(len(x.pending), func(i int) bool { return x.pending[i].at.seq >= x.snap.end.next })
	x.commit(x.pending[:n])
	x.pending = nil
}

// compare looks whether a bucket that ends with a good record ends too early.
func (x *survey) compare(b *bucket) {
	if x.snap == nil {
		return
	}
	for _, r := range x.snap.rows {
		if r.number == b.number && r.first == b.first && b.size < r.size {
			lost := uint64(0)
			if b.number == x.snap.end.bucket {
				lost = x.snap.end.next - x.reached
			}
			x.harm(b, b.size, 0, lost, reasonShort)
		}
	}
}
