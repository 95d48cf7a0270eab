package store

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
)

// A record is one entry of the log. In the clear, format version 1:
//
//	offset  size  field
//	0       1     format version, 1
//	1       1     type
//	2       8     sequence, the same as the log's index of the entry
//	10      1     kind of the value (0 in a batch end and a head)
//	11      1     k, octets of the key
//	12      k     key
//	12+k    n     payload, by type
//	12+k+n  4     CRC-32C over the bucket's salt (4 octets) and all of the above
//
// Sealed, format version 2:
//
//	0       1     format version, 2
//	1       1     0
//	2       8     sequence
//	10      24    random nonce
//	34      3+k+n type, kind, k, key and payload as above, encrypted
//	37+k+n  16    tag; it covers the first 10 octets and the salt too
//	53+k+n  4     CRC-32C as above, so that damage shows without the key
//
// In the file each record follows its length as an unsigned varint. Integers are big endian.
//
//	type           payload
//	1 put          the value, at most 65,536 octets
//	2 chunk        a piece of a larger value; nothing by itself
//	3 large put    length of the value as uvarint, then for each chunk its sequence as uvarint
//	4 tombstone    sequence below which puts of the key are dead (8 octets), oldest and
//	               newest bucket that may hold one (4 octets each)
//	5 batch end    sequence of the batch's first record (8 octets), number of its records
//	               without this one (4 octets; absent in a bucket of layout 1)
//	6 head         begins a bucket: first sequence of the bucket before it and the sequence
//	               behind its last record (8 octets each; 0 when there was none)
//
// A batch counts when its end is on disk. The salt, unknown outside, keeps octets inside
// a value from passing for a record while a reader looks for the next good one.
const (
	versionClear  = 1
	versionSealed = 2

	recordHeader   = 12
	recordTrailer  = 4
	minRecord      = recordHeader + recordTrailer
	envelope       = 10          // version to sequence
	sealOverhead   = 24 + 1 + 16 // nonce, the type inside, tag
	maxInline      = 64 << 10
	maxPayload     = maxInline
	maxRecord      = recordHeader + MaxKey + maxPayload + recordTrailer + sealOverhead
	tombstoneBytes = 16
	batchEndBytes  = 12
	batchEndOld    = 8
	headBytes      = 16
)

type recordType uint8

const (
	typePut recordType = iota + 1
	typeChunk
	typeLarge
	typeTombstone
	typeBatchEnd
	typeHead
)

type record struct {
	typ     recordType
	seq     uint64
	kind    Kind
	key     []byte
	payload []byte
}

// Reasons why octets are no record.
const (
	reasonSealed = "sealed" // sealed, and there is no key
	reasonKey    = "seal broken"
	reasonClear  = "not sealed"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(salt uint32, b []byte) uint32 {
	var s [4]byte
	binary.BigEndian.PutUint32(s[:], salt)
	return crc32.Update(crc32.Checksum(s[:], castagnoli), castagnoli, b)
}

// codec writes and reads the records of one bucket.
type codec struct {
	salt    uint32
	seal    cipher.AEAD // nil: in the clear
	inPlace bool        // sealed records are opened where they lie
}

// overhead is what a record takes besides key and payload.
func (c codec) overhead() int {
	if c.seal != nil {
		return minRecord + sealOverhead
	}
	return minRecord
}

// append encodes r.
func (c codec) append(dst []byte, r *record) []byte {
	from := len(dst)
	if c.seal == nil {
		dst = append(dst, versionClear, byte(r.typ))
		dst = binary.BigEndian.AppendUint64(dst, r.seq)
		dst = appendBody(dst, r)
	} else {
		dst = append(dst, versionSealed, 0)
		dst = binary.BigEndian.AppendUint64(dst, r.seq)
		dst = c.appendSealed(dst, r)
	}
	return binary.BigEndian.AppendUint32(dst, checksum(c.salt, dst[from:]))
}

func appendBody(dst []byte, r *record) []byte {
	dst = append(dst, byte(r.kind), byte(len(r.key)))
	dst = append(dst, r.key...)
	return append(dst, r.payload...)
}

// appendSealed encrypts in place behind the envelope that ends dst.
func (c codec) appendSealed(dst []byte, r *record) []byte {
	head := dst[len(dst)-envelope:]
	var nonce [24]byte
	rand.Read(nonce[:])
	dst = append(dst, nonce[:]...)
	from := len(dst)
	dst = appendBody(append(dst, byte(r.typ)), r)
	return c.seal.Seal(dst[:from], nonce[:], dst[from:], c.bound(head))
}

// bound is what a seal covers besides its plaintext: a record counts in its place only.
func (c codec) bound(head []byte) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, envelope+4), head...), c.salt)
}

// parse reads one record that fills b; key and payload point into b, or into a buffer of
// their own when they were sealed. The reason is empty when it is good. When seq is not 0
// the record must carry it.
func (c codec) parse(b []byte, seq uint64) (r record, reason string) {
	if reason = checkEnvelope(b); reason != "" {
		return record{}, reason
	}
	if r.seq = sequenceOf(b); seq != 0 && r.seq != seq {
		return record{}, "wrong sequence"
	}
	body := b[:len(b)-recordTrailer]
	if checksum(c.salt, body) != binary.BigEndian.Uint32(b[len(body):]) {
		return record{}, "wrong checksum"
	}
	return c.body(body)
}

// body reads what a checksum has vouched for.
func (c codec) body(b []byte) (record, string) {
	switch {
	case b[0] == versionSealed && c.seal == nil:
		return record{}, reasonSealed
	case b[0] == versionSealed:
		return c.open(b)
	case c.seal != nil:
		return record{}, reasonClear
	}
	return parseBody(sequenceOf(b), recordType(b[1]), b[envelope:])
}

func (c codec) open(b []byte) (record, string) {
	nonce, box := b[envelope:envelope+24], b[envelope+24:]
	var dst []byte
	if c.inPlace {
		dst = box[:0]
	}
	plain, err := c.seal.Open(dst, nonce, box, c.bound(b[:envelope]))
	if err != nil || len(plain) < 3 {
		return record{}, reasonKey
	}
	return parseBody(sequenceOf(b), recordType(plain[0]), plain[1:])
}

// parseBody reads kind, key and payload.
func parseBody(seq uint64, typ recordType, b []byte) (record, string) {
	k := int(b[1])
	if k > MaxKey || 2+k > len(b) {
		return record{}, "impossible key length"
	}
	r := record{typ: typ, seq: seq, kind: Kind(b[0]), key: b[2 : 2+k], payload: b[2+k:]}
	return r, r.judge()
}

// judge looks at what is fixed for each type.
func (r *record) judge() string {
	n := len(r.payload)
	switch r.typ {
	case typePut, typeChunk, typeLarge:
		return ""
	case typeTombstone:
		return unless(n == tombstoneBytes)
	case typeBatchEnd:
		return unless(n == batchEndBytes || n == batchEndOld)
	case typeHead:
		return unless(n == headBytes)
	}
	return "unknown record type"
}

func unless(ok bool) string {
	if ok {
		return ""
	}
	return "impossible length"
}

// checkEnvelope looks at what can be judged before the checksum.
func checkEnvelope(b []byte) string {
	switch {
	case len(b) == 0:
		return "empty record"
	case len(b) < minRecord || len(b) > maxRecord:
		return "impossible length"
	case b[0] == versionSealed && len(b) < minRecord+sealOverhead:
		return "impossible length"
	case b[0] != versionClear && b[0] != versionSealed:
		return "unknown format version"
	}
	return ""
}

func sequenceOf(b []byte) uint64 { return binary.BigEndian.Uint64(b[2:]) }

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

// batchEnd is a batch end's payload.
type batchEnd struct {
	first   uint64
	records int // -1: not told
}

func (e batchEnd) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, e.first)
	return binary.BigEndian.AppendUint32(dst, uint32(e.records))
}

func parseBatchEnd(b []byte) batchEnd {
	e := batchEnd{first: binary.BigEndian.Uint64(b), records: -1}
	if len(b) == batchEndBytes {
		e.records = int(binary.BigEndian.Uint32(b[8:]))
	}
	return e
}

// head is the payload of the record that begins a bucket.
type head struct {
	first uint64 // of the bucket before it
	next  uint64 // sequence behind the last record there
}

func (h head) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, h.first)
	return binary.BigEndian.AppendUint64(dst, h.next)
}

func parseHead(b []byte) head {
	return head{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
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

// loc is where a record lies: off is that of its envelope, behind the length. The bucket
// follows from the sequence.
type loc struct {
	seq uint64
	off uint32
	len uint32
}
