package ramf

import (
	"time"
)

// PeekSize is how many of a message's first octets Peek needs at most.
const PeekSize = 4096

// Peek tells type and expiry by the first octets of a message, as far as they say so plainly: for tidying up, since nothing
// is verified. ok is false when they cannot be read.
func Peek(head []byte) (t Type, expires time.Time, ok bool) {
	t, err := readHeader(head)
	if err != nil {
		return t, expires, false
	}
	p := peeker{b: head[headerSize:], ok: true}
	p.into(0x30, 0) // ContentInfo, its type
	p.over(0x06)
	p.into(0xa0, 0x30) // SignedData: version, digest algorithms
	p.over(0x02)
	p.over(0x31)
	p.into(0x30, 0) // content: type, octets in one or more pieces
	p.over(0x06)
	p.into(0xa0, 0)
	if p.ok && len(p.b) > 0 && p.b[0] == 0x24 {
		p.into(0x24, 0)
	}
	p.into(0x04, 0x30) // fields: recipient, id
	p.over(0xa0)
	p.over(0x81)
	created, err := time.Parse(dateLayout, string(p.over(0x82)))
	ttl := 0
	for _, o := range p.over(0x83) {
		ttl = ttl<<8 | int(o)
		p.ok = p.ok && ttl <= int(MaxTTL/time.Second)
	}
	return t, created.Add(time.Duration(ttl) * time.Second), p.ok && err == nil
}

// peeker reads elements of BER that may end early. After what does not fit, ok stays false.
type peeker struct {
	b  []byte
	ok bool
}

// into reads the header of an element, and with a second identifier that of the first one in it.
func (p *peeker) into(id, inner byte) {
	if p.header(id); inner != 0 {
		p.header(inner)
	}
}

// over reads a whole element of definite length and answers its content.
func (p *peeker) over(id byte) []byte {
	n := p.header(id)
	if !p.ok || n < 0 || n > len(p.b) {
		p.ok = false
		return nil
	}
	content := p.b[:n]
	p.b = p.b[n:]
	return content
}

// header reads identifier and length; -1 stands for an indefinite one.
func (p *peeker) header(id byte) (n int) {
	if p.ok = p.ok && len(p.b) >= 2 && p.b[0] == id; !p.ok {
		return 0
	}
	first, rest := p.b[1], p.b[2:]
	size := int(first & 0x7f)
	switch {
	case first == 0x80:
		n = -1
	case first < 0x80:
		n, size = size, 0
	case size > 4 || size > len(rest):
		p.ok = false
		return 0
	default:
		for _, o := range rest[:size] {
			n = n<<8 | int(o)
		}
	}
	p.b = rest[size:]
	if first == 0x80 {
		p.b = rest
	}
	return n
}
