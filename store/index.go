package store

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
)

// id stands for a (kind, key) pair: the first half of a SHA-256. Whoever could make two
// keys meet would have to find a collision of 128 bits.
type id [16]byte

func idOf(kind Kind, key []byte) (n id) {
	var buf [1 + MaxKey]byte
	sum := sha256.Sum256(append(append(buf[:0], byte(kind)), key...))
	copy(n[:], sum[:])
	return n
}

// entry is where the live value of a key lies.
type entry struct {
	loc           // of its put record
	oldest uint32 // oldest bucket that may hold a dead put of the key
	kind   Kind
	large  bool // the value is in chunks
}

// index maps ids to entries: about 50 octets a key whatever its length, without a pointer
// for the garbage collector to follow. Items lie in pages, so that growing copies nothing;
// the table is open addressing with linear probing, seeded so that nobody can make
// keys crowd in one place.
type index struct {
	seed  maphash.Seed
	table []uint32 // number of an item + 1; 0 is free
	pages []*[pageItems]item
	used  uint32 // items ever handed out
	free  uint32 // head of the list of free items, as number + 1
	count int
}

// pageItems is how many items a page has: 40 KiB.
const pageItems = 1024

type item struct {
	id id
	entry
}

// live tells an item from a free one: no record has no octets.
func (it *item) live() bool { return it.len != 0 }

func (x *index) item(n uint32) *item { return &x.pages[n/pageItems][n%pageItems] }

func (x *index) home(n id) int {
	return int(maphash.Bytes(x.seed, n[:])) & (len(x.table) - 1)
}

// slot returns where the id is, or the free place where it would go.
func (x *index) slot(n id) int {
	i := x.home(n)
	for ; x.table[i] != 0 && x.item(x.table[i]-1).id != n; i = (i + 1) & (len(x.table) - 1) {
	}
	return i
}

// get returns the entry of an id, valid until the next change, or nil.
func (x *index) get(n id) *entry {
	if x.count == 0 {
		return nil
	}
	if at := x.table[x.slot(n)]; at != 0 {
		return &x.item(at - 1).entry
	}
	return nil
}

// set adds or replaces.
func (x *index) set(n id, e entry) {
	x.reserve(x.count + 1)
	i := x.slot(n)
	if x.table[i] == 0 {
		x.table[i] = x.place() + 1
		x.count++
	}
	*x.item(x.table[i] - 1) = item{n, e}
}

// place finds room for an item. A free item keeps the number of the next one in its id.
func (x *index) place() uint32 {
	if x.free != 0 {
		at := x.free - 1
		x.free = binary.BigEndian.Uint32(x.item(at).id[:])
		return at
	}
	if int(x.used/pageItems) == len(x.pages) {
		x.pages = append(x.pages, new([pageItems]item))
	}
	x.used++
	return x.used - 1
}

// del removes an id that is there.
func (x *index) del(n id) {
	i := x.slot(n)
	at := x.table[i] - 1
	it := x.item(at)
	*it = item{}
	binary.BigEndian.PutUint32(it.id[:], x.free)
	x.free = at + 1
	x.count--
	x.close(i)
}

// close fills the hole at i with what probing would otherwise no longer find.
func (x *index) close(i int) {
	mask := len(x.table) - 1
	x.table[i] = 0
	for j := (i + 1) & mask; x.table[j] != 0; j = (j + 1) & mask {
		home := x.home(x.item(x.table[j] - 1).id)
		if (j-home)&mask >= (j-i)&mask {
			x.table[i], x.table[j] = x.table[j], 0
			i = j
		}
	}
}

// reserve makes the table large enough for n ids: at most three quarters full.
func (x *index) reserve(n int) {
	if len(x.table) == 0 {
		x.seed = maphash.MakeSeed()
	}
	size := max(64, len(x.table))
	for n*4 > size*3 {
		size *= 2
	}
	if size == len(x.table) {
		return
	}
	x.table = make([]uint32, size)
	x.each(func(at uint32, it *item) { x.table[x.slot(it.id)] = at + 1 })
}

// clear forgets everything, but keeps the memory.
func (x *index) clear() {
	clear(x.table)
	for _, p := range x.pages {
		*p = [pageItems]item{}
	}
	x.used, x.free, x.count = 0, 0, 0
}

// each visits every item, in no order.
func (x *index) each(visit func(at uint32, it *item)) {
	for at := range x.used {
		if it := x.item(at); it.live() {
			visit(at, it)
		}
	}
}
