// Package slip frames octets for a serial line as RFC 1055 does, in the form that KISS and RNodes use: a delimiter at both
// ends of each frame.
package slip

// End delimits frames. Inside of them it is sent as DB DC, and DB as DB DD.
const (
	End         = 0xC0
	escape      = 0xDB
	escapedEnd  = 0xDC
	escapedSelf = 0xDD
)

// Append appends one frame, made of the parts in a row, to dst.
func Append(dst []byte, parts ...[]byte) []byte {
	dst = append(dst, End)
	for _, part := range parts {
		for _, b := range part {
			switch b {
			case End:
				dst = append(dst, escape, escapedEnd)
			case escape:
				dst = append(dst, escape, escapedSelf)
			default:
				dst = append(dst, b)
			}
		}
	}
	return append(dst, End)
}

// Decoder finds frames in a stream of octets. It may start anywhere, holds at most one frame, and counts what it throws
// away. It is not safe for concurrent use.
type Decoder struct {
	buf     []byte
	n       int
	inside  bool // a delimiter was seen
	escaped bool
	spoiled bool // this frame is too long or wrongly escaped
	dropped uint64
}

// NewDecoder takes frames of at most so many octets.
func NewDecoder(most int) *Decoder { return &Decoder{buf: make([]byte, most)} }

// Feed takes one octet. When it completes a frame that is not empty it returns that, valid until the next call.
func (d *Decoder) Feed(b byte) (frame []byte, ok bool) {
	switch {
	case b == End:
		return d.end()
	case !d.inside || d.spoiled:
	case d.escaped:
		d.escaped = false
		d.unescape(b)
	case b == escape:
		d.escaped = true
	default:
		d.add(b)
	}
	return nil, false
}

// Dropped is how many frames were thrown away since the last call.
func (d *Decoder) Dropped() uint64 {
	n := d.dropped
	d.dropped = 0
	return n
}

// end closes the frame. One delimiter may both end a frame and begin the next.
func (d *Decoder) end() ([]byte, bool) {
	n, bad := d.n, d.spoiled || d.escaped
	d.n, d.inside, d.escaped, d.spoiled = 0, true, false, false
	if bad {
		d.dropped++
	}
	return d.buf[:n], !bad && n > 0
}

func (d *Decoder) unescape(b byte) {
	switch b {
	case escapedEnd:
		d.add(End)
	case escapedSelf:
		d.add(escape)
	default:
		d.spoiled = true
	}
}

func (d *Decoder) add(b byte) {
	if d.n == len(d.buf) {
		d.spoiled = true
		return
	}
	d.buf[d.n] = b
	d.n++
}
