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

func fillMultiples(t *[16]uint32, four uint32) uint32 {
	for bit := 1; bit < len(t); bit <<= 1 {
		for i := range bit {
			t[bit+i] = t[i] ^ four
		}
		four = gfDouble(four)
	}
	return four
}

// addTo adds the products with each octet to sum, which is at least as long.
func (m *multiples) addTo(sum []uint32, octets []byte) {
	sum = sum[:len(octets)]
	for i, b := range octets {
		sum[i] ^= m.low[b&15] ^ m.high[b>>4]
	}
}
