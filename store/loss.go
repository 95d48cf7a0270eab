package store

import "encoding/binary"

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
}

// frame is a damaged record that still looks like one.
type frame struct {
	record
	file string
	off  int64
	next int // where the one behind it begins
}

// losses works out what the damage of a survey cost. Records that were replaced or deleted later cost nothing.
func (x *survey) losses() ([]Loss, error) {
	w := wounds{x: x}
	for _, d := range x.damage {
		if d.Octets == 0 { // missing at the end of a bucket
			w.lost = append(w.lost, Loss{File: d.File, Offset: d.Offset, Records: d.Records})
		}
	}
	for _, b := range x.buckets {
		if !b.damaged {
			continue
		}
		seg, err := x.disk.readFile(b.path())
		if err != nil {
			return nil, err
		}
		w.bucket(b, seg)
	}
	if len(w.frames) == 0 {
		return w.lost, nil
	}
	graves, err := w.graves()
	if err == nil {
		w.name(graves)
	}
	return w.lost, err
}

// wounds collects what the damage of a survey holds.
type wounds struct {
	x      *survey
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
			hole = &Loss{File: b.path(), Offset: int64(from)}
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
		seg, err := w.x.disk.readFile(b.path())
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
			w.lost = append(w.lost, Loss{File: f.file, Offset: f.off, Named: true, Guessed: true, Kind: f.kind, Key: string(f.key),
				Deletion: deletion, Older: e != nil})
		}
	}
}
