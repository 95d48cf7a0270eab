package ber

// Pieces is an encoding in parts that are not joined yet: large values are copied once, by
// Join, however deep they are nested.
type Pieces [][]byte

// Encode writes one DER element around the given contents. identifier is the whole first
// octet: 0x30 SEQUENCE, 0x80+n [n] primitive, 0xA0+n [n] constructed, n < 31.
func Encode(identifier byte, contents ...Pieces) Pieces {
	p := make(Pieces, 1, 8)
	n := 0
	for _, c := range contents {
		n += c.Len()
		p = append(p, c...)
	}
	p[0] = appendLength(append(make([]byte, 0, 6), identifier), n)
	return p
}

// Bytes writes one DER element with this content, which is borrowed until Join.
func Bytes(identifier byte, content []byte) Pieces { return Encode(identifier, Pieces{content}) }

// Len is the size in octets.
func (p Pieces) Len() int {
	n := 0
	for _, b := range p {
		n += len(b)
	}
	return n
}

// Join returns the octets in a fresh slice.
func (p Pieces) Join() []byte {
	b := make([]byte, 0, p.Len())
	for _, part := range p {
		b = append(b, part...)
	}
	return b
}

// appendLength appends a minimal definite length.
func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	size := 1
	for n>>(8*size) != 0 {
		size++
	}
	b = append(b, 0x80|byte(size))
	for size--; size >= 0; size-- {
		b = append(b, byte(n>>(8*size)))
	}
	return b
}
