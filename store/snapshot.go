package store

import (
	"encoding/binary"
	"math"
	"path/filepath"
)

// A snapshot is the index as a file, so that Open need not read the log before it. In format version 1 it
// begins with a header:
//
//	offset  size  field
//	0       8     "phsnap" and two zero octets
//	8       1     format version, 1
//	9       1     0 in the clear, 1 sealed
//	10      16    random salt
//	26      4     CRC-32C of all of the above
//
// Sections follow, the last one an end, and nothing behind it:
//
//	0       1     type
//	1       4     number: 0 and up
//	5       4     n, octets of the body here, at most 1 MiB
//	9       n     body; when sealed a nonce (24 octets), the encrypted body and a tag (16), which
//	              covers the header and the 9 octets above too
//	9+n     4     CRC-32C over the first 4 octets of the salt and all of the section above
//
// Integers are big endian. A place in the log is the number of a bucket (4), an offset there (8) and the sequence
// of the next record (8). A body is of one type:
//
//	1 begin    place behind which Open reads the log (20), items to come, more or less (4)
//	2 chunks   of values that are still arriving: sequence (8), offset (4) and length (4) of each record
//	3 items    of the index: id (16), record as in chunks (16), oldest bucket (4), kind (1) and 0; of a value in
//	           chunks 1 instead, its size (4), number of chunks (4) and each chunk's record (16)
//	4 buckets  number (4), salt (4), first sequence (8), octets (8) and 1 in layout 1, else 0
//	5 graves   of the tombstones that are needed: their bucket (4), oldest and newest bucket guarded
//	           against (4 each) and their octets (8)
//	6 damage   that is known: bucket (4), offset, octets and records (8 each), file and reason (1 + length each)
//	7 end      place up to which the snapshot vouches for the log (20)
//
// The items are written while the log grows, so each is of some moment between begin and end. That is
// enough: the log behind begin is read again in order, and
//
//   - a put or tombstone older than what an item says changes nothing, and a later one does what it did;
//   - an item that was added, deleted or moved to another place among the pages after its page was
//     written was so by a record behind begin;
//   - a bucket is removed only when nothing in it is live, and its number never used again: an item that still points
//     to one that is gone is dead. The tombstone that said so may be gone too, as there was nothing left to guard;
//   - a large put names chunks behind begin, or some that the item of its key has, or that were arriving; or
//     it was replaced or deleted before its item was written;
//   - what counts of each bucket is added up from the index in the end; buckets and graves are written as they
//     are at the end, and tombstones before the end do not count again.
//
// Only what was durable is in the index, so the log reaches to the end at least: what is not good before it, or
// missing, is damage and no torn write. After Close that is all of the log. After a power cut two things stay open: damage
// to the last batch looks like a torn write; and a bucket that is lost whole looks like one that was removed,
// unless the snapshot knows it and all buckets since are there.
const (
	snapshotName    = "snapshot"
	snapshotVersion = 1

	snapshotHead  = 30
	sectionHead   = 9
	sectionTarget = 48 << 10 // a section is full from here on
	maxSection    = 1 << 20
	positionBytes = 20
	locBytes      = 16
	itemBytes     = 38
	largeBytes    = 8
	rowBytes      = 25
	graveBytes    = 20
	damageBytes   = 28
	sealedSection = 24 + 16
)

type sectionType uint8

const (
	sectionBegin sectionType = iota + 1
	sectionChunks
	sectionItems
	sectionBuckets
	sectionGraves
	sectionDamage
	sectionEnd
)

var snapshotMagic = [8]byte{'p', 'h', 's', 'n', 'a', 'p'}

// position is a place in the log between two batches and the sequence behind it.
type position struct {
	place
	next uint64
}

func (p position) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, p.bucket)
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.off))
	return binary.BigEndian.AppendUint64(dst, p.next)
}

func parsePosition(b []byte) position {
	return position{place{binary.BigEndian.Uint32(b), int64(binary.BigEndian.Uint64(b[4:]))}, binary.BigEndian.Uint64(b[12:])}
}

func (l loc) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, l.seq)
	dst = binary.BigEndian.AppendUint32(dst, l.off)
	return binary.BigEndian.AppendUint32(dst, l.len)
}

func parseLoc(b []byte) loc {
	return loc{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])}
}

// possible tells whether a record can be as long as that.
func (l loc) possible() bool { return l.len >= minRecord && l.len <= maxRecord }

// row is what a snapshot says of a bucket.
type row struct {
	number, salt uint32
	first        uint64
	size         int64
	old          bool
}

func (r row) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, r.number)
	dst = binary.BigEndian.AppendUint32(dst, r.salt)
	dst = binary.BigEndian.AppendUint64(dst, r.first)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.size))
	return append(dst, flag(r.old))
}

func parseRow(b []byte) row {
	return row{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint64(b[8:]),
		int64(binary.BigEndian.Uint64(b[16:])), b[24] == 1}
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// graveRow is the octets of a bucket's tombstones that guard one span.
type graveRow struct {
	number uint32
	span   span
	octets int64
}

func (g graveRow) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, g.number)
	dst = binary.BigEndian.AppendUint32(dst, g.span.oldest)
	dst = binary.BigEndian.AppendUint32(dst, g.span.newest)
	return binary.BigEndian.AppendUint64(dst, uint64(g.octets))
}

func parseGraveRow(b []byte) graveRow {
	return graveRow{binary.BigEndian.Uint32(b), span{binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])},
		int64(binary.BigEndian.Uint64(b[12:]))}
}

func appendDamage(dst []byte, d *Damage) []byte {
	dst = binary.BigEndian.AppendUint32(dst, d.at.bucket)
	for _, n := range [3]uint64{uint64(d.Offset), uint64(d.Octets), d.Records} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	return appendText(appendText(dst, filepath.Base(d.File)), d.Reason)
}

func appendText(dst []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint8)]
	return append(append(dst, byte(len(s))), s...)
}

// parseDamage reads the first of a list. The file has no directory yet.
func parseDamage(b []byte) (d Damage, rest []byte, ok bool) {
	if len(b) < damageBytes {
		return d, nil, false
	}
	d.Offset, d.Octets = int64(binary.BigEndian.Uint64(b[4:])), int64(binary.BigEndian.Uint64(b[12:]))
	d.Records = binary.BigEndian.Uint64(b[20:])
	d.at = place{binary.BigEndian.Uint32(b), d.Offset}
	if d.File, rest, ok = parseText(b[damageBytes:]); ok {
		d.Reason, rest, ok = parseText(rest)
	}
	return d, rest, ok
}

func parseText(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], true
}

func appendItem(dst []byte, it *item, l *large) []byte {
	dst = it.loc.append(append(dst, it.id[:]...))
	dst = binary.BigEndian.AppendUint32(dst, it.oldest)
	dst = append(dst, byte(it.kind), flag(it.large))
	if !it.large {
		return dst
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(l.size))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(l.chunks)))
	for _, c := range l.chunks {
		dst = c.append(dst)
	}
	return dst
}

// parseItem reads the first of a list.
func parseItem(b []byte) (it item, l *large, rest []byte, ok bool) {
	if len(b) < itemBytes {
		return it, nil, nil, false
	}
	copy(it.id[:], b)
	it.entry = entry{loc: parseLoc(b[16:]), oldest: binary.BigEndian.Uint32(b[32:]), kind: Kind(b[36]), large: b[37] != 0}
	if b = b[itemBytes:]; it.large {
		l, b, ok = parseChunks(b)
		return it, l, b, ok && it.possible()
	}
	return it, nil, b, it.possible()
}

func parseChunks(b []byte) (l *large, rest []byte, ok bool) {
	if len(b) < largeBytes {
		return nil, nil, false
	}
	size, n := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if b = b[largeBytes:]; size > MaxValue || uint64(n) > uint64(len(b)/locBytes) {
		return nil, nil, false
	}
	l = &large{size: int(size), chunks: make([]loc, n)}
	for i := range l.chunks {
		l.chunks[i], b = parseLoc(b), b[locBytes:]
		if c := l.chunks[i]; c != (loc{}) && !c.possible() { // it may be lost
			return nil, nil, false
		}
	}
	return l, b, true
}
