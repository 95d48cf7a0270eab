package domain

import (
	"encoding/binary"
	"errors"
	"time"
)

// errShort is every failure of a reader: the caller wraps it with what was read.
var errShort = errors.New("the octets end early, go on too long or hold an impossible value")

// reader takes fixed and counted fields off a slice. After the first failure it gives zeros, and done
// reports it; so parsers read straight through.
type reader struct {
	b   []byte
	bad bool
}

// take returns the next n octets, borrowed, always n long.
func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return make([]byte, n)
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() byte    { return r.take(1)[0] }
func (r *reader) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// bytes8 and bytes16 are counted by one and two octets.
func (r *reader) bytes8() []byte  { return r.counted(int(r.u8())) }
func (r *reader) bytes16() []byte { return r.counted(int(r.u16())) }

func (r *reader) counted(n int) []byte {
	if n > len(r.b) {
		r.bad = true
		return nil
	}
	return r.take(n)
}

// seconds reads Unix seconds in 4 octets, good until 2106.
func (r *reader) seconds() time.Time { return time.Unix(int64(r.u32()), 0).UTC() }

// require marks the input bad unless ok.
func (r *reader) require(ok bool) { r.bad = r.bad || !ok }

// done reports a failure or octets left over.
func (r *reader) done() error {
	if r.bad || len(r.b) > 0 {
		return errShort
	}
	return nil
}

// appendSeconds clips dates before 1970 and after 2106.
func appendSeconds(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(seconds(t).Unix()))
}

func append8(b, field []byte) []byte { return append(append(b, byte(len(field))), field...) }

func append16(b, field []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(field))), field...)
}
