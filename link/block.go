package link

import (
	"errors"

	"github.com/klauspost/reedsolomon"
)

// The codec of version 1. A body is cut by its length alone, so symbols from any
// holder fit together: n symbols of equal size, in blocks whose systematic symbols
// come in fours as long as there are four, because four fill a frame.
const (
	symbolSize   = 61  // octets, at most
	maxData      = 64  // systematic symbols of a block, at most
	repairCount  = 192 // repair symbols of a block
	quad         = 4
	maxBlocks    = 1 << 12
	maxBody      = maxBlocks * maxData * symbolSize // octets
	maxIndex     = maxData + repairCount
	encoderCache = 8
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

// codec makes and undoes repair symbols. It keeps the matrices of the few block
// sizes in use.
type codec struct {
	encoders [encoderCache]struct {
		k    int
		used uint64
		enc  reedsolomon.Encoder
	}
	clock    uint64
	shards   [maxIndex][]byte
	required [maxIndex]bool
}

func (c *codec) encoder(k int) (reedsolomon.Encoder, error) {
	c.clock++
	oldest := 0
	for i := range c.encoders {
		e := &c.encoders[i]
		if e.k == k {
			e.used = c.clock
			return e.enc, nil
		}
		if e.used < c.encoders[oldest].used {
			oldest = i
		}
	}
	enc, err := reedsolomon.New(k, repairCount, reedsolomon.WithMaxGoroutines(1), reedsolomon.WithInversionCache(false))
	if err != nil {
		return nil, err
	}
	e := &c.encoders[oldest]
	e.k, e.used, e.enc = k, c.clock, enc
	return enc, nil
}

var errFewSymbols = errors.New("link: not enough symbols")

// repair appends count repair symbols of a block, from index first (>= k) on. data is
// the block's systematic symbols, one after the other.
func (c *codec) repair(dst, data []byte, sym, first, count int) ([]byte, error) {
	k := len(data) / sym
	enc, err := c.encoder(k)
	if err != nil {
		return dst, err
	}
	shards, required := c.shards[:k+repairCount], c.required[:k+repairCount]
	clear(shards)
	clear(required)
	for i := range k {
		shards[i] = data[i*sym : (i+1)*sym]
	}
	for i := first; i < first+count; i++ {
		n := len(dst) + (i-first)*sym
		required[i] = true
		shards[i] = grow(dst, n, sym)
	}
	need := len(dst) + count*sym
	if cap(dst) < need {
		dst = append(make([]byte, 0, need), dst...)
		for i := first; i < first+count; i++ {
			shards[i] = grow(dst, len(dst)+(i-first)*sym, sym)
		}
	}
	if err := enc.ReconstructSome(shards, required); err != nil {
		return dst, err
	}
	return dst[:need], nil
}

// grow is an empty slice whose memory is n octets of b's capacity from at on.
func grow(b []byte, at, n int) []byte {
	if cap(b) < at+n {
		return nil
	}
	return b[:cap(b)][at:at:(at + n)]
}

// rebuild fills in the missing systematic symbols of data from the repair symbols.
// have tells which of the k systematic symbols are there.
func (c *codec) rebuild(data []byte, sym int, have *bitmap, repair []repairSymbol) error {
	k := len(data) / sym
	enc, err := c.encoder(k)
	if err != nil {
		return err
	}
	shards := c.shards[:k+repairCount]
	clear(shards)
	for i := range k {
		shards[i] = data[i*sym : (i+1)*sym]
		if !have.has(i) {
			shards[i] = shards[i][:0:sym]
		}
	}
	for _, r := range repair {
		shards[r.index] = r.data
	}
	if err := enc.ReconstructData(shards); err != nil {
		return errFewSymbols
	}
	return nil
}

// repairSymbol is one received repair symbol.
type repairSymbol struct {
	index uint8
	data  []byte
}

// bitmap is a set of symbol indices of one block.
type bitmap [32]byte

func (b *bitmap) has(i int) bool { return b[i>>3]&(1<<(i&7)) != 0 }
func (b *bitmap) set(i int)      { b[i>>3] |= 1 << (i & 7) }
