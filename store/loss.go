package store

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// Loss is a record that is no more, or several.
type Loss struct {
	File     string
	Offset   int64
	Named    bool // Kind and Key are known; it is one record
	Kind     Kind
	Key      string
	Guessed  bool   // Kind and Key were read from damaged octets
	Deletion bool   // what was lost says that the key was deleted
	Older    bool   // a value that the lost record replaced or deleted is what the key has instead
	Records  uint64 // without a name: how many; 0: unknown

	to int64 // where the damage ends
}

// frame is a damaged record that still looks like one.
type frame struct {
	record
	file string
	off  int64
	next int // where the one behind it begins
}

// losses works out what the damage cost. Records that were replaced or deleted later cost nothing.
func (v *View) losses() ([]Loss, error) {
	x := v.x
	w := wounds{x: x, struck: v.struck}
	for _, d := range x.damage {
		if d.Octets == 0 && d.File != v.s.snapshotPath() { // missing at the end of a bucket
			w.lost = append(w.lost, Loss{File: d.File, Offset: d.Offset, Records: d.Records, to: math.MaxInt64})
		}
	}
	for _, b := range x.buckets {
		if !b.damaged {
			continue
		}
		seg, err := x.disk.readInto(b.path(), nil)
		if err != nil {
			return nil, err
		}
		w.bucket(b, seg)
	}
	if len(w.frames) > 0 {
		graves, err := w.graves()
		if err != nil {
			return nil, err
		}
		w.name(graves)
	}
	return w.lost, v.outdated(&w)
}

// outdated names the values of which the snapshot knows a newer one that damage hit.
func (v *View) outdated(w *wounds) error {
	for _, l := range v.hidden { // these are whole
		w.named(v.fileOf(l), int64(l.off))
	}
	r := reader{disk: v.held}
	defer r.close()
	for n, at := range w.struck {
		e := w.x.index.get(n)
		if e == nil || e.seq >= at.seq {
			continue
		}
		rec, err := r.any(v.s.piece(e.loc))
		if err != nil {
			return err
		}
		file := v.fileOf(at)
		w.named(file, int64(at.off))
		w.lost = append(w.lost, Loss{File: file, Offset: int64(at.off), Named: true, Kind: rec.kind, Key: string(rec.key), Older: true})
	}
	slices.SortFunc(w.lost, func(a, b Loss) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset)) })
	return nil
}

// fileOf is where a record lies, or lay.
func (v *View) fileOf(at loc) string {
	number := v.x.numberOf(at.seq)
	for _, d := range v.x.damage {
		if d.covers(number, at) {
			return d.File
		}
	}
	return v.s.piece(at).path
}

// named takes a record out of those without a name.
func (w *wounds) named(file string, off int64) {
	for i := range w.lost {
		l := &w.lost[i]
		if l.Named || l.File != file || off < l.Offset || off >= l.to || l.Records == 0 {
			continue
		}
		if l.Records--; l.Records == 0 {
			w.lost = slices.Delete(w.lost, i, i+1)
		}
		return
	}
}

// wounds collects what the damage of a survey holds.
type wounds struct {
	x      *survey
	struck map[id]loc
	lost   []Loss
	frames []frame
}

// bucket looks into the damaged stretches of a bucket.
func (w *wounds) bucket(b *bucket, seg []byte) {
	expected := b.first
	var hole *Loss // not ended: how many it cost is unknown
	var named uint64
	end := func(seq uint64) {
		if hole == nil {
			return
		}
		if hole.Records = seq - expected - named; hole.Records > 0 {
			w.lost = append(w.lost, *hole)
		}
		hole = nil
	}
	walk(seg, b.first, b.codec(w.x.seal), func(f found) {
		end(f.seq)
		expected = f.seq + 1
		if f.opaque != "" {
			w.lost = append(w.lost, Loss{File: b.path(), Offset: int64(f.start), Records: 1})
		}
	}, func(from, to int, _ string) {
		if (place{b.number, int64(from)}).before(w.x.cut) {
			named = w.read(b, seg[:to], from, expected)
			hole = &Loss{File: b.path(), Offset: int64(from), to: int64(to)}
		}
	})
	if hole != nil {
		w.lost = append(w.lost, *hole)
	}
}

// read takes damaged octets for records of the expected sequences, as far as lengths and sequences still fit.
// Sealed ones tell nothing.
func (w *wounds) read(b *bucket, seg []byte, from int, seq uint64) (n uint64) {
	for at := from; at < len(seg); n++ {
		f, ok := frameAt(seg, at)
		if !ok || f.seq != seq+n {
			break
		}
		f.file = b.path()
		w.frames = append(w.frames, f)
		at = f.next
	}
	return n
}

func frameAt(seg []byte, at int) (f frame, ok bool) {
	n, w := binary.Uvarint(seg[at:])
	if w <= 0 || n > maxRecord || int(n) > len(seg)-at-w {
		return f, false
	}
	b := seg[at+w : at+w+int(n)]
	if checkEnvelope(b) != "" || b[0] != versionClear {
		return f, false
	}
	r, reason := parseBody(sequenceOf(b), recordType(b[1]), b[envelope:len(b)-recordTrailer])
	return frame{record: r, off: int64(at), next: at + w + int(n)}, reason == ""
}

// graves finds the newest deletion of each named key. Those that guard against a damaged bucket are all there
// still, for it is never emptied.
func (w *wounds) graves() (map[id]uint64, error) {
	out := map[id]uint64{}
	for i := range w.frames {
		out[idOf(w.frames[i].kind, w.frames[i].key)] = 0
	}
	for _, b := range w.x.buckets {
		seg, err := w.x.disk.readInto(b.path(), nil)
		if err != nil {
			return nil, err
		}
		walk(seg, b.first, b.codec(w.x.seal), func(f found) {
			n := idOf(f.kind, f.key)
			if upTo, ok := out[n]; ok && f.opaque == "" && f.typ == typeTombstone {
				out[n] = max(upTo, parseGrave(f.payload).upTo)
			}
		}, func(int, int, string) {})
	}
	return out, nil
}

// name tells which of the frames cost something. A chunk's value tells by itself.
func (w *wounds) name(graves map[id]uint64) {
	for i := range w.frames {
		f := &w.frames[i]
		n := idOf(f.kind, f.key)
		e := w.x.index.get(n)
		deletion := f.typ == typeTombstone
		switch {
		case !deletion && f.typ != typePut && f.typ != typeLarge:
		case e != nil && e.seq > f.seq || graves[n] > f.seq: // replaced or deleted later
		case deletion && e == nil: // nothing came back
		default:
			at, known := w.struck[n]
			delete(w.struck, n)
			w.lost = append(w.lost, Loss{File: f.file, Offset: f.off, Named: true, Guessed: !known || at.seq != f.seq, Kind: f.kind, Key: string(f.key),
				Deletion: deletion, Older: e != nil})
		}
	}
}
