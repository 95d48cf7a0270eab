package store

import "hash/maphash"

// entry is where the live value of a key lies.
type entry struct {
	loc           // of its put record
	size   uint32 // octets of the value
	oldest uint32 // oldest bucket that may hold a dead put of the key
	large  bool   // the value is in chunks
}

// index maps (kind, key) to an entry: about 60 octets a key besides the key itself. Keys
// lie end to end in one slice; the table is open addressing with linear probing.
type index struct {
	seed    maphash.Seed
	table   []uint32 // number of an item + 1; 0 is free
	items   []item
	free    []uint32
	keys    []byte
	garbage int // octets of keys that no item uses
	count   int
}

type item struct {
	entry
	key  uint32 // offset in keys
	n    uint8
	kind Kind
	used bool
}

func (x *index) hash(kind Kind, key []byte) int {
	var h maphash.Hash
	h.SetSeed(x.seed)
	h.WriteByte(byte(kind))
	h.Write(key)
	return int(h.Sum64() & uint64(len(x.table)-1))
}

func (x *index) keyOf(it *item) []byte { return x.keys[it.key : int(it.key)+int(it.n)] }

// slot returns where the key is, or the free place where it would go.
func (x *index) slot(kind Kind, key []byte) int {
	i := x.hash(kind, key)
	for ; x.table[i] != 0; i = (i + 1) & (len(x.table) - 1) {
		it := &x.items[x.table[i]-1]
		if it.kind == kind && string(x.keyOf(it)) == string(key) {
			break
		}
	}
	return i
}

// get returns the entry of a key, valid until the next change, or nil.
func (x *index) get(kind Kind, key []byte) *entry {
	if x.count == 0 {
		return nil
	}
	if n := x.table[x.slot(kind, key)]; n != 0 {
		return &x.items[n-1].entry
	}
	return nil
}

// set adds or replaces.
func (x *index) set(kind Kind, key []byte, e entry) {
	x.grow()
	i := x.slot(kind, key)
	if x.table[i] == 0 {
		x.table[i] = x.place(kind, key) + 1
		x.count++
	}
	x.items[x.table[i]-1].entry = e
}

func (x *index) place(kind Kind, key []byte) uint32 {
	it := item{key: uint32(len(x.keys)), n: uint8(len(key)), kind: kind, used: true}
	x.keys = append(x.keys, key...)
	if n := len(x.free); n > 0 {
		at := x.free[n-1]
		x.free = x.free[:n-1]
		x.items[at] = it
		return at
	}
	x.items = append(x.items, it)
	return uint32(len(x.items) - 1)
}

// del removes a key that is there.
func (x *index) del(kind Kind, key []byte) {
	i := x.slot(kind, key)
	n := x.table[i] - 1
	x.garbage += int(x.items[n].n)
	x.items[n] = item{}
	x.free = append(x.free, n)
	x.count--
	x.close(i)
	x.squeeze()
}

// close fills the hole at i with what probing would otherwise no longer find.
func (x *index) close(i int) {
	mask := len(x.table) - 1
	x.table[i] = 0
	for j := (i + 1) & mask; x.table[j] != 0; j = (j + 1) & mask {
		it := &x.items[x.table[j]-1]
		home := x.hash(it.kind, x.keyOf(it))
		if (j-home)&mask >= (j-i)&mask {
			x.table[i], x.table[j] = x.table[j], 0
			i = j
		}
	}
}

// grow keeps the table at most three quarters full.
func (x *index) grow() {
	if len(x.table) == 0 {
		x.seed = maphash.MakeSeed()
		x.table = make([]uint32, 64)
	}
	if (x.count+1)*4 <= len(x.table)*3 {
		return
	}
	x.table = make([]uint32, 2*len(x.table))
	for n := range x.items {
		if it := &x.items[n]; it.used {
			x.table[x.slot(it.kind, x.keyOf(it))] = uint32(n + 1)
		}
	}
}

// squeeze drops the keys of deleted items once they are more than half.
func (x *index) squeeze() {
	if x.garbage < 64<<10 || x.garbage < len(x.keys)/2 {
		return
	}
	keys := make([]byte, 0, len(x.keys)-x.garbage)
	for n := range x.items {
		if it := &x.items[n]; it.used {
			from := uint32(len(keys))
			keys = append(keys, x.keyOf(it)...)
			it.key = from
		}
	}
	x.keys, x.garbage = keys, 0
}

// each visits every key, in no order. key is borrowed.
func (x *index) each(visit func(kind Kind, key []byte, e *entry)) {
	for n := range x.items {
		if it := &x.items[n]; it.used {
			visit(it.kind, x.keyOf(it), &it.entry)
		}
	}
}
