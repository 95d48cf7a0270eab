package link

import (
	"errors"
	"slices"
)

// The codec of version 1. A body is cut by its length alone, so symbols from any
// holder fit together: n symbols of equal size, in blocks whose systematic symbols
// come in fours as long as there are four, because four fill a frame.
const (
	symbolSize  = 61  // octets, at most
	maxData     = 64  // systematic symbols of a block, at most
	repairCount = 192 // repair symbols of a block
	quad        = 4
	maxBlocks   = 1 << 12
	maxBody     = maxBlocks * maxData * symbolSize // octets
)

// layout is how a body of size octets is cut.
type layout struct {
	size    int // octets of the body
	sym     int // octets of each symbol
	n       int // systematic symbols of the whole body
	blocks  int
	quads   int // of each block, and
	surplus int // so many first blocks have one more
}

func layoutOf(size int) layout {
	n := max(1, (size+symbolSize-1)/symbolSize)
	l := layout{size: size, n: n, sym: max(1, (size+n-1)/n)}
	l.blocks = (n + maxData - 1) / maxData
	quads := (n + quad - 1) / quad
	l.quads, l.surplus = quads/l.blocks, quads%l.blocks
	return l
}

// start is the number of the block's first symbol in the body.
func (l layout) start(block int) int {
	return min(l.n, quad*(block*l.quads+min(block, l.surplus)))
}

// data is how many systematic symbols a block has.
func (l layout) data(block int) int { return l.start(block+1) - l.start(block) }

// padded is the length of the body with its last symbol filled up.
func (l layout) padded() int { return l.n * l.sym }

// codec makes and undoes repair symbols. The k systematic symbols of a block are the values of a polynomial of degree
// less than k at 0 to k-1, octet by octet, and a repair symbol is its value at the symbol's index (Reed and Solomon,
// Polynomial Codes over Certain Finite Fields, 1960). So any k symbols give any other by Lagrange's formula: the cost
// is that of the symbols that are missing, not that of a matrix of the block.
type codec struct {
	points  []point // the symbols that the polynomial goes through
	weights [maxData + 1][maxData]uint8
	weighed [maxData + 1]bool
	factors [2]multiples
	sum     [symbolSize]uint32
}

// point is a symbol and where the polynomial has it as its value. weight is the logarithm of 1 over the product of its
// distances from all other points.
type point struct {
	at, weight uint8
	octets     []byte
}

var errFewSymbols = errors.New("link: not enough symbols")

// repair appends count repair symbols of a block of k, from index first (>= k) on. data is the block's systematic
// symbols, one after the other; what is missing at its end is zeros.
func (c *codec) repair(dst, data []byte, k, sym, first, count int) []byte {
	c.systematic(data, k, sym)
	at := len(dst)
	dst = slices.Grow(dst, count*sym)[:at+count*sym]
	for i := first; i < first+count; i += gfLanes {
		c.evaluate([gfLanes]uint8{uint8(i), uint8(i + 1), uint8(i + 2), uint8(i + 3)})
		for lane := range min(gfLanes, first+count-i) {
			c.value(dst[at:at+sym], lane)
			at += sym
		}
	}
	return dst
}

// rebuild fills in the missing systematic symbols of data from the repair symbols.
// have tells which of the k systematic symbols are there. No index may occur twice.
func (c *codec) rebuild(data []byte, sym int, have *bitmap, repair []repairSymbol) error {
	k := len(data) / sym
	var missing [maxData + gfLanes]uint8
	n := 0
	for i := range k {
		if !have.has(i) {
			missing[n] = uint8(i)
			n++
		}
	}
	if n > len(repair) {
		return errFewSymbols
	}
	c.mixed(data, k, sym, missing[:n], repair[:n])
	for i := 0; i < n; i += gfLanes {
		four := [gfLanes]uint8(missing[i:])
		c.evaluate(four)
		for lane, at := range four[:min(gfLanes, n-i)] {
			c.value(data[int(at)*sym:][:sym], lane)
		}
	}
	return nil
}

// systematic puts the polynomial through all systematic symbols.
func (c *codec) systematic(data []byte, k, sym int) {
	weights := c.weightsOf(k)
	c.points = c.points[:0]
	for i := range k {
		from, to := min(i*sym, len(data)), min((i+1)*sym, len(data))
		c.points = append(c.points, point{uint8(i), weights[i], data[from:to]})
	}
}

// mixed puts the polynomial through those systematic symbols that are there and as many repair symbols as are missing.
func (c *codec) mixed(data []byte, k, sym int, missing []uint8, repair []repairSymbol) {
	c.systematic(data, k, sym)
	for i, at := range missing {
		c.points[at] = point{at: repair[i].index, octets: repair[i].data}
	}
	for i := range c.points {
		p := &c.points[i]
		if int(p.at) >= k {
			p.weight = uint8((gfOrder - c.distances(p.at)) % gfOrder)
			continue
		}
		w := int(p.weight)
		for j, at := range missing {
			w += int(gfLog[p.at^at]) + gfOrder - int(gfLog[p.at^repair[j].index])
		}
		p.weight = uint8(w % gfOrder)
	}
}

// weightsOf are the weights of a block's systematic symbols when all are there.
func (c *codec) weightsOf(k int) []uint8 {
	w := c.weights[k][:k]
	if c.weighed[k] {
		return w
	}
	c.weighed[k] = true
	for i := range w {
		sum := 0
		for j := range w {
			sum += int(gfLog[i^j]) // the logarithm of no distance counts nothing
		}
		w[i] = uint8((gfOrder - sum%gfOrder) % gfOrder)
	}
	return w
}

// distances is the logarithm of the product of a place's distances from all points but itself.
func (c *codec) distances(at uint8) int {
	sum := 0
	for i := range c.points {
		sum += int(gfLog[at^c.points[i].at])
	}
	return sum % gfOrder
}

// evaluate computes four symbols that are no points.
func (c *codec) evaluate(at [gfLanes]uint8) {
	var scale [gfLanes]int
	for lane, x := range at {
		scale[lane] = c.distances(x) + gfOrder
	}
	clear(c.sum[:])
	for i := 0; i < len(c.points); i += 2 {
		p, q := &c.points[i], &point{}
		c.factors[0].of(p.factors(at, scale))
		if i+1 < len(c.points) {
			q = &c.points[i+1]
			c.factors[1].of(q.factors(at, scale))
		}
		addPair(c.sum[:], &c.factors[0], &c.factors[1], p.octets, q.octets)
	}
}

// factors is what the point's octets count in each of four symbols.
func (p *point) factors(at [gfLanes]uint8, scale [gfLanes]int) (four uint32) {
	for lane, x := range at {
		four |= uint32(gfExp[scale[lane]+int(p.weight)-int(gfLog[x^p.at])]) << (8 * lane)
	}
	return four
}

// value copies one of the four symbols that were computed.
func (c *codec) value(dst []byte, lane int) {
	for i := range dst {
		dst[i] = byte(c.sum[i] >> (8 * lane))
	}
}

// repairSymbol is one received repair symbol.
type repairSymbol struct {
	index uint8
	data  []byte
}

// repairs lends the blocks what they keep their repair symbols in, with the octets of the symbols kept before.
type repairs struct {
	spare [maxSpare][]repairSymbol
	n     int
}

// maxSpare is how many blocks' repair symbols are kept for others, at most 5.5 kB each.
const maxSpare = 8

// keep adds a copy of a symbol to a block's.
func (r *repairs) keep(held []repairSymbol, index uint8, symbol []byte) []repairSymbol {
	if cap(held) == 0 && r.n > 0 {
		r.n--
		held, r.spare[r.n] = r.spare[r.n], nil
	}
	n := len(held)
	if n == cap(held) {
		held = slices.Grow(held, max(quad, n))
	}
	held = held[:n+1]
	held[n] = repairSymbol{index, append(held[n].data[:0], symbol...)}
	return held
}

// free takes back what a block needs no more.
func (r *repairs) free(held []repairSymbol) {
	if cap(held) > 0 && r.n < maxSpare {
		r.spare[r.n] = held[:0]
		r.n++
	}
}

// bitmap is a set of symbol indices of one block.
type bitmap [32]byte

func (b *bitmap) has(i int) bool { return b[i>>3]&(1<<(i&7)) != 0 }
func (b *bitmap) set(i int)      { b[i>>3] |= 1 << (i & 7) }
