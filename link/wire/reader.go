package wire

import "encoding/binary"

// reader takes fields off b and remembers that one was missing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) octet() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

// varint takes an unsigned varint in its shortest form, at most limit.
func (r *reader) varint(limit uint64) uint32 {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || v > limit || (n > 1 && r.b[n-1] == 0) {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return uint32(v)
}
