package store

import "encoding/binary"

// found is a good record in a segment: start is where its length begins, end is behind it.
type found struct {
	record
	start, off, end int
}

// walk reads a segment from its beginning: good gets each record that is what was
// written, bad each stretch [from, to) that is not. After damage it goes on at the next
// good record, so a damaged length costs no more than the records it covers.
func walk(seg []byte, first uint64, salt uint32, good func(found), bad func(from, to int, reason string)) (next uint64) {
	pos, want := 0, first
	for pos < len(seg) {
		f, reason := recordAt(seg, pos, want, salt)
		if reason == "" {
			good(f)
			pos, want = f.end, want+1
			continue
		}
		f, ok := resume(seg, pos, want, salt)
		if !ok {
			bad(pos, len(seg), reason)
			return want
		}
		bad(pos, f.start, reason)
		pos, want = f.start, f.seq
	}
	return want
}

func recordAt(seg []byte, pos int, seq uint64, salt uint32) (found, string) {
	n, w := binary.Uvarint(seg[pos:])
	switch {
	case w <= 0:
		return found{}, "length cut short"
	case n > maxRecord:
		return found{}, "impossible length"
	case int(n) > len(seg)-pos-w:
		return found{}, "record cut short"
	}
	off := pos + w
	r, reason := parseRecord(seg[off:off+int(n)], seq, salt)
	return found{r, pos, off, off + int(n)}, reason
}

// resume looks for the next good record behind damage at pos.
func resume(seg []byte, pos int, want uint64, salt uint32) (found, bool) {
	for p := pos + 1; p+minRecord < len(seg); p++ {
		n, w := binary.Uvarint(seg[p:])
		if w <= 0 || n < minRecord || n > maxRecord || int(n) > len(seg)-p-w {
			continue
		}
		b := seg[p+w : p+w+int(n)]
		r, reason := parseHeader(b)
		if reason != "" || r.seq <= want || r.seq-want > uint64(len(seg)-pos)/minRecord+1 {
			continue
		}
		if r, reason = parseRecord(b, r.seq, salt); reason == "" {
			return found{r, p, p + w, p + w + int(n)}, true
		}
	}
	return found{}, false
}
