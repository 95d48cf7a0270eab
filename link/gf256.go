package link

// Arithmetic in GF(2^8) over x^8 + x^4 + x^3 + x^2 + 1, where 2 generates all elements but zero. Sums of
// logarithms are taken modulo 255.
const (
	gfReduce = 0x1d // x^8, reduced
	gfOrder  = 255
)

// gfLog are logarithms, zero for zero. gfExp undoes them without reduction of a sum of two with 255 to spare.
var gfExp, gfLog = gfTables()

func gfTables() (exp [3 * gfOrder]uint8, log [gfOrder + 1]uint8) {
	x := uint32(1)
	for i := range exp {
		exp[i] = uint8(x)
		if i < gfOrder {
			log[x] = uint8(i)
		}
		x = gfDouble(x)
	}
	return exp, log
}

// gfLanes is how many elements a word of 32 bits holds: as many as a frame holds repair symbols, and no more
// than a small ARM takes in one register.
const gfLanes = 4

// gfDouble multiplies the four elements of a word by 2.
func gfDouble(x uint32) uint32 {
	return x&0x7f7f7f7f<<1 ^ x>>7&0x01010101*gfReduce
}

// multiples are what four elements give times any octet, by its halves. So a product takes two lookups in 128 octets
// of tables for all four, and the tables are made in the time of half a symbol.
type multiples struct{ low, high [16]uint32 }

func (m *multiples) of(four uint32) {
	fillMultiples(&m.high, fillMultiples(&m.low, four))
}

// fillMultiples fills in all multiples but that by zero and returns the sixteenth. It is written out since it takes as
// long as half of a symbol's products.
func fillMultiples(t *[16]uint32, by1 uint32) (by16 uint32) {
	by2 := gfDouble(by1)
	by4 := gfDouble(by2)
	by8 := gfDouble(by4)
	by3, by12 := by1^by2, by4^by8
	t[1], t[2], t[3] = by1, by2, by3
	t[4], t[5], t[6], t[7] = by4, by4^by1, by4^by2, by4^by3
	t[8], t[9], t[10], t[11] = by8, by8^by1, by8^by2, by8^by3
	t[12], t[13], t[14], t[15] = by12, by12^by1, by12^by2, by12^by3
	return gfDouble(by8)
}

// addTo adds the products with each octet to sum, which is at least as long.
func (m *multiples) addTo(sum []uint32, octets []byte) {
	sum = sum[:len(octets)]
	for i, b := range octets {
		sum[i] ^= m.low[b&15] ^ m.high[b>>4]
	}
}

// addPair adds the products of m with p and of n with q, which is no longer than p, in less time than one after the other.
func addPair(sum []uint32, m, n *multiples, p, q []byte) {
	both, head := sum[:len(q)], p[:len(q)]
	for i, b := range q {
		a := head[i]
		both[i] ^= m.low[a&15] ^ m.high[a>>4] ^ n.low[b&15] ^ n.high[b>>4]
	}
	m.addTo(sum[len(q):], p[len(q):])
}
