package stream

import (
	"encoding/binary"
	"hash/crc32"
)

// Decoder finds frames in a stream that it may enter anywhere. It holds one frame at most, and after any damage the next
// whole frame is found.
type Decoder struct {
	body    []byte // stuffed, since the last delimiter
	most    int
	long    bool // this body is longer than any frame
	spoiled uint64
}

// NewDecoder finds frames of up to maxPayload octets.
func NewDecoder(maxPayload int) *Decoder {
	most := maxPayload + Overhead(maxPayload) - 2
	return &Decoder{body: make([]byte, 0, most), most: most}
}

// Feed takes one octet. When it completes a frame it returns the payload, which may be empty and is valid until the next call.
func (d *Decoder) Feed(b byte) (payload []byte, ok bool) {
	switch {
	case b == Delimiter:
		return d.end()
	case len(d.body) == d.most:
		d.long = true
	default:
		d.body = append(d.body, b)
	}
	return nil, false
}

// Reset forgets a frame that has begun.
func (d *Decoder) Reset() { d.body, d.long = d.body[:0], false }

// Spoiled counts what stood between delimiters and was no frame.
func (d *Decoder) Spoiled() uint64 { return d.spoiled }

func (d *Decoder) end() ([]byte, bool) {
	body, long := d.body, d.long
	d.Reset()
	if len(body) == 0 && !long {
		return nil, false // between two frames
	}
	if !long {
		if payload, ok := open(body); ok {
			return payload, true
		}
	}
	d.spoiled++
	return nil, false
}

// open undoes the stuffing in place, which is never longer, and checks the checksum.
func open(body []byte) ([]byte, bool) {
	out := body[:0]
	for len(body) > 0 {
		n := int(body[0] ^ Delimiter)
		if n == 0 || n > len(body) {
			return nil, false
		}
		out = append(out, body[1:n]...)
		if body = body[n:]; n <= block && len(body) > 0 {
			out = append(out, Delimiter)
		}
	}
	if len(out) < checksum {
		return nil, false
	}
	payload := out[:len(out)-checksum]
	sum := binary.LittleEndian.Uint32(out[len(payload):])
	return payload, crc32.Checksum(payload, castagnoli) == sum
}
