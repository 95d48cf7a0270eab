package store

import "encoding/binary"

// found is a good record in a segment: start is where its length begins, end is behind it.
type found struct {
	record
	opaque          string // why it cannot be opened though it is what was written
	start, off, end int
}

// walk reads a segment from its beginning: good gets each record that is what was
// written, bad each stretch [from, to) that is not. After damage it goes on at the next
// good record, so a damaged length costs no more than the records it covers. Zeros at the end are neither: see runway.go.
func walk(seg []byte, first uint64, c codec, good func(found), bad func(from, to int, reason string)) (next uint64) {
	pos, want := 0, first
	for pos < len(seg) {
		f, reason := recordAt(seg, pos, want, c)
		if reason == "" {
			good(f)
			pos, want = f.end, want+1
			continue
		}
		f, ok := resume(seg, pos, want, c)
		if !ok && blank(seg[pos:]) {
			return want
		}
		if !ok {
			bad(pos, len(seg), reason)
			return want
		}
		bad(pos, f.start, reason)
		pos, want = f.start, f.seq
	}
	return want
}

func recordAt(seg []byte, pos int, seq uint64, c codec) (found, string) {
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
	return c.found(seg[off:off+int(n)], seq, found{start: pos, off: off, end: off + int(n)})
}

// found parses a record; one that is only opaque is as it was written.
func (c codec) found(b []byte, seq uint64, f found) (found, string) {
	r, reason := c.parse(b, seq)
	f.record = r
	if reason == reasonSealed || reason == reasonKey || reason == reasonClear {
		f.seq, f.opaque, reason = sequenceOf(b), reason, ""
	}
	return f, reason
}

// resume looks for the next good record behind damage at pos.
func resume(seg []byte, pos int, want uint64, c codec) (found, bool) {
	c.inPlace = false // what it finds is read again
	for p := pos + 1; p+minRecord < len(seg); p++ {
		n, w := binary.Uvarint(seg[p:])
		if w <= 0 || n < minRecord || n > maxRecord || int(n) > len(seg)-p-w {
			continue
		}
		b := seg[p+w : p+w+int(n)]
		if checkEnvelope(b) != "" {
			continue
		}
		seq := sequenceOf(b)
		if seq < want || seq-want > uint64(len(seg)-pos)/minRecord+1 {
			continue
		}
		if f, reason := c.found(b, seq, found{start: p, off: p + w, end: p + w + int(n)}); reason == "" {
			return f, true
		}
	}
	return found{}, false
}
