package hil

// cleaner drops what only a terminal wants: NULs, carriage returns, and control sequences that begin with ESC (ECMA-48,
// section 5.4), also those that come in pieces.
type cleaner struct{ state int }

// States of a cleaner.
const (
	plain    = iota
	escaped  // after ESC
	sequence // in a control sequence, until its final octet
)

// clean returns what is left of b, in b.
func (c *cleaner) clean(b []byte) []byte {
	out := b[:0]
	for _, o := range b {
		switch {
		case c.state == escaped && o == '[':
			c.state = sequence
		case c.state == escaped, c.state == sequence && o >= 0x40:
			c.state = plain
		case c.state == sequence:
		case o == 0x1b:
			c.state = escaped
		case o != 0 && o != '\r':
			out = append(out, o)
		}
	}
	return out
}
