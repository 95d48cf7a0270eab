package gateway

import (
	"encoding/binary"
	"errors"
	"time"
)

// octets reads a record or body front to back. After anything that does not fit, bad stays set and
// zero values come.
type octets struct {
	b   []byte
	bad bool
}

var errOctets = errors.New("gateway: octets end early, are left over or do not fit their version")

func (o *octets) take(n int) []byte {
	if o.bad || n < 0 || n > len(o.b) {
		o.bad = true
		return nil
	}
	out := o.b[:n:n]
	o.b = o.b[n:]
	return out
}

func (o *octets) fill(dst []byte) { copy(dst, o.take(len(dst))) }

func (o *octets) u8() uint8 {
	var b [1]byte
	o.fill(b[:])
	return b[0]
}

func (o *octets) u16() uint16 {
	var b [2]byte
	o.fill(b[:])
	return binary.BigEndian.Uint16(b[:])
}

func (o *octets) u32() uint32 {
	var b [4]byte
	o.fill(b[:])
	return binary.BigEndian.Uint32(b[:])
}

func (o *octets) u64() uint64 {
	var b [8]byte
	o.fill(b[:])
	return binary.BigEndian.Uint64(b[:])
}

func (o *octets) time() time.Time { return fromSeconds(int64(o.u64())) }

// counted reads a 4-octet length and that many octets, at most max.
func (o *octets) counted(max int) []byte {
	n := o.u32()
	if uint64(n) > uint64(max) {
		o.bad = true
		return nil
	}
	return o.take(int(n))
}

func (o *octets) text(max int) string { return string(o.counted(max)) }

// end tells whether all was read and all fitted.
func (o *octets) end() error {
	if o.bad || len(o.b) > 0 {
		return errOctets
	}
	return nil
}

func appendCounted[T string | []byte](b []byte, v T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(toSeconds(t)))
}

func toSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// maxTime is the later of two times.
func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func fromSeconds(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
