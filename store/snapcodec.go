package store

import (
	"bufio"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// snapshotCodec writes and reads the sections of one snapshot.
type snapshotCodec struct {
	head [snapshotHead]byte
	seal cipher.AEAD // nil: in the clear
	next uint32      // number of the next section
	buf  []byte
}

func newSnapshotCodec(seal cipher.AEAD) *snapshotCodec {
	c := &snapshotCodec{seal: seal}
	copy(c.head[:], snapshotMagic[:])
	c.head[8], c.head[9] = snapshotVersion, flag(seal != nil)
	rand.Read(c.head[10:26])
	binary.BigEndian.PutUint32(c.head[26:], checksum(0, c.head[:26]))
	return c
}

func (c *snapshotCodec) salt() uint32 { return binary.BigEndian.Uint32(c.head[10:]) }

// section returns the next section, good until the one after it.
func (c *snapshotCodec) section(typ sectionType, body []byte) []byte {
	n := len(body)
	if c.seal != nil {
		n += sealedSection
	}
	b := append(c.buf[:0], byte(typ))
	b = binary.BigEndian.AppendUint32(b, c.next)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	if c.seal == nil {
		b = append(b, body...)
	} else {
		var nonce [24]byte
		rand.Read(nonce[:])
		b = append(b, nonce[:]...)
		b = c.seal.Seal(b, nonce[:], body, c.bound(b))
	}
	c.next++
	c.buf = binary.BigEndian.AppendUint32(b, checksum(c.salt(), b))
	return c.buf
}

// bound is what a seal covers besides the body: a section counts in its place only.
func (c *snapshotCodec) bound(section []byte) []byte {
	b := append(make([]byte, 0, snapshotHead+sectionHead), c.head[:]...)
	return append(b, section[:sectionHead]...)
}

// open takes the body out of a whole section, where it lies.
func (c *snapshotCodec) open(section []byte) (body []byte, reason string) {
	end := len(section) - recordTrailer
	if checksum(c.salt(), section[:end]) != binary.BigEndian.Uint32(section[end:]) {
		return nil, "wrong checksum"
	}
	if c.seal == nil {
		return section[sectionHead:end], ""
	}
	if end < sectionHead+sealedSection {
		return nil, "impossible length"
	}
	nonce, box := section[sectionHead:sectionHead+24], section[sectionHead+24:end]
	body, err := c.seal.Open(box[:0], nonce, box, c.bound(section))
	if err != nil {
		return nil, reasonKey
	}
	return body, ""
}

// snapshotReader reads the sections of a file one by one.
type snapshotReader struct {
	snapshotCodec
	in   *bufio.Reader
	left int64 // octets of the file
}

func readSnapshot(f io.ReaderAt, size int64, seal cipher.AEAD) (r *snapshotReader, reason string) {
	r = &snapshotReader{in: bufio.NewReaderSize(io.NewSectionReader(f, 0, size), sectionTarget), left: size}
	r.seal = seal
	if reason = r.read(r.head[:]); reason != "" {
		return nil, reason
	}
	switch h := &r.head; {
	case checksum(0, h[:26]) != binary.BigEndian.Uint32(h[26:]):
		return nil, "wrong checksum"
	case [8]byte(h[:8]) != snapshotMagic:
		return nil, "something else than a snapshot"
	case h[8] != snapshotVersion:
		return nil, fmt.Sprintf("format version %d", h[8])
	case h[9] != 0 && seal == nil:
		return nil, reasonSealed
	case h[9] == 0 && seal != nil:
		return nil, reasonClear
	}
	return r, ""
}

func (r *snapshotReader) read(b []byte) (reason string) {
	if int64(len(b)) > r.left {
		return "cut short"
	}
	r.left -= int64(len(b))
	if _, err := io.ReadFull(r.in, b); err != nil {
		return err.Error()
	}
	return ""
}

// section reads the next section; its body is good until the one after it.
func (r *snapshotReader) section() (typ sectionType, body []byte, reason string) {
	if r.buf == nil {
		r.buf = make([]byte, sectionHead)
	}
	if reason = r.read(r.buf[:sectionHead]); reason != "" {
		return 0, nil, reason
	}
	n := binary.BigEndian.Uint32(r.buf[5:])
	switch {
	case binary.BigEndian.Uint32(r.buf[1:]) != r.next:
		return 0, nil, "wrong section"
	case n > maxSection || int64(n) > r.left:
		return 0, nil, "impossible length"
	}
	whole := sectionHead + int(n) + recordTrailer
	if cap(r.buf) < whole {
		r.buf = append(make([]byte, 0, max(whole, min(2*sectionTarget, int(min(r.left, math.MaxInt32))))), r.buf[:sectionHead]...)
	}
	r.buf = r.buf[:whole]
	if reason = r.read(r.buf[sectionHead:]); reason != "" {
		return 0, nil, reason
	}
	r.next++
	body, reason = r.open(r.buf)
	return sectionType(r.buf[0]), body, reason
}
