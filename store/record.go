package store

import (
	"encoding/binary"
	"hash/crc32"
)

// A record is one entry of the log:
//
//	offset  size  field
//	0       1     format version, 1
//	1       1     type
//	2       8     sequence, the same as the log's index of the entry
//	10      1     kind of the value (0 in a batch end)
//	11      1     k, octets of the key
//	12      k     key
//	12+k    n     payload, by type
//	12+k+n  4     CRC-32C over the bucket's salt (4 octets) and all of the above
//
// In the file each record follows its length as an unsigned varint. Integers are big endian.
//
//	type           payload
//	1 put          the value, at most 65,536 octets
//	2 chunk        a piece of a larger value; nothing by itself
//	3 large put    length of the value as uvarint, then for each chunk its sequence as uvarint
//	4 tombstone    sequence below which puts of the key are dead (8 octets), oldest and
//	               newest bucket that may hold one (4 octets each)
//	5 batch end    sequence of the batch's first record (8 octets)
//
// A batch counts when its end is on disk. The salt, unknown outside, keeps octets inside
// a value from passing for a record while a reader looks for the next good one.
const (
	formatVersion = 1

	recordHeader   = 12
	recordTrailer  = 4
	minRecord      = recordHeader + recordTrailer
	maxInline      = 64 << 10
	maxPayload     = maxInline
	maxRecord      = recordHeader + MaxKey + maxPayload + recordTrailer
	tombstoneBytes = 16
	batchEndBytes  = 8
)

type recordType uint8

const (
	typePut recordType = iota + 1
	typeChunk
	typeLarge
	typeTombstone
	typeBatchEnd
)

type record struct {
	typ     recordType
	seq     uint64
	kind    Kind
	key     []byte
	payload []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(salt uint32, b []byte) uint32 {
	var s [4]byte
	binary.BigEndian.PutUint32(s[:], salt)
	return crc32.Update(crc32.Checksum(s[:], castagnoli), castagnoli, b)
}

// appendRecord encodes r for a bucket.
func appendRecord(dst []byte, r *record, salt uint32) []byte {
	from := len(dst)
	dst = append(dst, formatVersion, byte(r.typ))
	dst = binary.BigEndian.AppendUint64(dst, r.seq)
	dst = append(dst, byte(r.kind), byte(len(r.key)))
	dst = append(dst, r.key...)
	dst = append(dst, r.payload...)
	return binary.BigEndian.AppendUint32(dst, checksum(salt, dst[from:]))
}

// parseRecord reads one record that fills b; key and payload point into b. The reason is
// empty when it is good. When seq is not 0 the record must carry it.
func parseRecord(b []byte, seq uint64, salt uint32) (r record, reason string) {
	r, reason = parseHeader(b)
	if reason != "" {
		return record{}, reason
	}
	if seq != 0 && r.seq != seq {
		return record{}, "wrong sequence"
	}
	body := b[:len(b)-recordTrailer]
	if checksum(salt, body) != binary.BigEndian.Uint32(b[len(body):]) {
		return record{}, "wrong checksum"
	}
	return r, ""
}

func parseHeader(b []byte) (record, string) {
	switch {
	case len(b) == 0:
		return record{}, "empty record"
	case len(b) < minRecord || len(b) > maxRecord:
		return record{}, "impossible length"
	case b[0] != formatVersion:
		return record{}, "unknown format version"
	case b[1] == 0 || b[1] > byte(typeBatchEnd):
		return record{}, "unknown record type"
	}
	k := int(b[11])
	if k > MaxKey || minRecord+k > len(b) {
		return record{}, "impossible key length"
	}
	r := record{typ: recordType(b[1]), seq: binary.BigEndian.Uint64(b[2:]), kind: Kind(b[10]),
		key: b[recordHeader : recordHeader+k], payload: b[recordHeader+k : len(b)-recordTrailer]}
	if r.typ == typeTombstone && len(r.payload) != tombstoneBytes ||
		r.typ == typeBatchEnd && len(r.payload) != batchEndBytes {
		return record{}, "impossible length"
	}
	return r, ""
}

// grave is a tombstone's payload: puts of the key with a sequence below upTo are dead;
// they can only lie in the buckets oldest to newest.
type grave struct {
	upTo           uint64
	oldest, newest uint32
}

func (g grave) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, g.upTo)
	dst = binary.BigEndian.AppendUint32(dst, g.oldest)
	return binary.BigEndian.AppendUint32(dst, g.newest)
}

func parseGrave(b []byte) grave {
	return grave{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])}
}

func appendLarge(dst []byte, size int, chunks []loc) []byte {
	dst = binary.AppendUvarint(dst, uint64(size))
	for _, c := range chunks {
		dst = binary.AppendUvarint(dst, c.seq)
	}
	return dst
}

// parseLarge reads a large put's payload: chunk locations with only seq set.
func parseLarge(b []byte) (size int, chunks []loc, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > MaxValue {
		return 0, nil, false
	}
	for b = b[w:]; len(b) > 0; b = b[w:] {
		var seq uint64
		if seq, w = binary.Uvarint(b); w <= 0 {
			return 0, nil, false
		}
		chunks = append(chunks, loc{seq: seq})
	}
	return int(n), chunks, true
}

// loc is where a record lies: off is that of its envelope, behind the length.
type loc struct {
	seq    uint64
	bucket uint32
	off    uint32
	len    uint32
}
