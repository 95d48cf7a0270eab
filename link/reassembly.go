package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

const (
	maxPartial   = 256         // unfinished bodies
	saveInterval = time.Second // at most so much of a transfer is lost by a restart
	maxBad       = 3           // whole bodies of a wrong digest before the sender is refused
)

// reassembly is a body on its way to us, from whoever sends symbols of it.
type reassembly struct {
	item    Item
	lay     layout
	buf     []byte // systematic symbols in place
	blocks  []inBlock
	index   []uint8 // of each symbol that a block was rebuilt from, in the order they came, and
	origin  []uint8 // the number of its source
	got     int     // symbols that count, at most lay.n
	full    int     // blocks rebuilt
	upto    int     // blocks that a sender has begun
	cost    int     // octets charged
	storing bool
	by      PeerID // whose body is being stored
	bad     int
	streams []*inStream
	sources []source // who gave symbols since the last fresh start, by number
	inquest *inquest // the search for false symbols, while it lasts
	brought PeerID   // who offered it first: its memory is charged to that peer; zero: the disk
	resumed bool     // it was saved before a restart, by whoever gave it
	alone   bool     // symbols of groups are not taken any more: some may be false
	owner   PeerID   // the only one who may, where others name the same digest but another size; zero: anyone

	touched time.Time // when it last grew by a step
	grown   int       // got, at that time
	dirty   int       // block with unsaved symbols, or -1
	since   time.Time // when it became so
	kept    bool      // something of it was saved
	told    time.Time
}

// inBlock is what is held of one block.
type inBlock struct {
	have   bitmap
	n      int
	done   bool
	repair []repairSymbol
}

func (re *reassembly) whole() bool { return re.full == re.lay.blocks }

func (re *reassembly) leave(st *inStream) {
	re.streams = slices.DeleteFunc(re.streams, func(q *inStream) bool { return q == st })
}

// saveAt is when unsaved symbols should be saved; zero: nothing is unsaved.
func (re *reassembly) saveAt() time.Time {
	if re.dirty < 0 || re.storing {
		return time.Time{}
	}
	return re.since.Add(saveInterval)
}

// fits reports whether a peer's symbols of the item belong here.
func (re *reassembly) fits(item Item, from PeerID) bool {
	return re.item.Digest == item.Digest && re.item.Size == item.Size && re.item.Kind == item.Kind &&
		(re.owner == PeerID{} || re.owner == from)
}

// reassemble finds or makes the place where a peer's item comes together; nil: no room.
// Who lies about the size has a place for itself.
func (c *Core) reassemble(item Item, from PeerID, small bool) *reassembly {
	contested := false
	for _, re := range c.order {
		if re.fits(item, from) {
			return re
		}
		contested = contested || re.item.Digest == item.Digest
	}
	lay := layoutOf(item.Size)
	cost := lay.padded() + lay.blocks*80 + 2*lay.n
	if !c.makeRoom(cost, from, small) && (item.Priority != Emergency || !c.displace(cost, from, small)) {
		return nil
	}
	re := &reassembly{item: item, lay: lay, cost: cost, dirty: -1, touched: c.now, brought: from,
		buf: make([]byte, lay.padded()), blocks: make([]inBlock, lay.blocks), index: make([]uint8, lay.n), origin: make([]uint8, lay.n)}
	if contested {
		re.owner = from
	}
	c.memory += cost
	c.order = append(c.order, re)
	return re
}

// join makes the stream a source of its item.
func (c *Core) join(st *inStream) bool {
	re := c.reassemble(st.item, st.peer().id, st.pushed)
	if re == nil {
		return false
	}
	st.body = re
	re.streams = append(re.streams, st)
	return true
}

// discard forgets a body, also what was saved of it.
func (c *Core) discard(re *reassembly) {
	c.memory -= re.cost
	c.order = slices.DeleteFunc(c.order, func(q *reassembly) bool { return q == re })
	if re.kept {
		c.emit(DropPartial{Digest: re.item.Digest})
	}
}

// put takes a run of symbols and returns how many were new.
func (c *Core) put(st *inStream, h wire.Data, symbols []byte) int {
	re := st.body
	if re.storing {
		c.drop(DropDuplicate)
		return 0
	}
	b, sym, count := int(h.Block), re.lay.sym, len(symbols)/re.lay.sym
	if b >= re.lay.blocks || count*sym != len(symbols) || int(h.First)+count > re.lay.data(b)+repairCount {
		c.drop(DropBadSymbols)
		return 0
	}
	if re.inquest != nil {
		return c.testify(re, st, h, symbols)
	}
	n, ok := re.number(st.source())
	if !ok {
		c.drop(DropFull)
		return 0
	}
	re.upto = max(re.upto, b+1)
	fresh := 0
	for i := range count {
		if c.putOne(re, n, b, int(h.First)+i, symbols[i*sym:(i+1)*sym]) {
			fresh++
		}
	}
	if fresh == 0 {
		c.drop(DropDuplicate)
		return 0
	}
	re.grew(c.now)
	c.advance(re, b, st)
	return fresh
}

// putOne keeps a symbol of block b that is new and still of use.
func (c *Core) putOne(re *reassembly, from uint8, b, index int, symbol []byte) bool {
	bl, k := &re.blocks[b], re.lay.data(b)
	if bl.done || bl.n >= k || bl.have.has(index) {
		return false
	}
	if index < k {
		copy(re.buf[(re.lay.start(b)+index)*re.lay.sym:], symbol)
	} else {
		bl.repair = c.repairs.keep(bl.repair, uint8(index), symbol)
		re.cost += len(symbol)
		c.memory += len(symbol)
	}
	bl.have.set(index)
	at := re.lay.start(b) + bl.n
	re.index[at], re.origin[at] = uint8(index), from
	bl.n++
	re.got++
	return true
}

// advance rebuilds the block when there is enough of it, and saves as it goes.
func (c *Core) advance(re *reassembly, b int, st *inStream) {
	if !c.finishBlock(re, b) {
		if re.dirty >= 0 && re.dirty != b {
			c.save(re, re.dirty)
		}
		if re.dirty < 0 {
			re.dirty, re.since = b, c.now
		}
		if !re.saveAt().After(c.now) {
			c.save(re, b)
		}
		c.tell(re, st)
		return
	}
	if re.dirty == b {
		re.dirty = -1
	}
	if !re.whole() {
		c.save(re, b)
		c.tell(re, st)
		return
	}
	if st != nil && st.state == inPending {
		return // the gateway has not said that it wants it
	}
	c.complete(re, st)
}

// finishBlock rebuilds block b if it can.
func (c *Core) finishBlock(re *reassembly, b int) bool {
	bl, k := &re.blocks[b], re.lay.data(b)
	if bl.done || bl.n < k {
		return false
	}
	if len(bl.repair) > 0 {
		data := re.buf[re.lay.start(b)*re.lay.sym:][:k*re.lay.sym]
		if err := c.codec.rebuild(data, re.lay.sym, &bl.have, bl.repair); err != nil {
			c.drop(DropBadSymbols)
			return false
		}
		freed := len(bl.repair) * re.lay.sym
		re.cost, c.memory = re.cost-freed, c.memory-freed
		c.repairs.free(bl.repair)
		bl.repair = nil
	}
	bl.done = true
	re.full++
	return true
}

// complete checks a whole body and hands it to the gateway.
func (c *Core) complete(re *reassembly, st *inStream) {
	if re.inquest != nil {
		st.sess.owe(st.stream)
		return
	}
	body := re.buf[:re.item.Size]
	if DigestOf(re.item.Kind, body) == re.item.Digest {
		c.tell(re, st)
		c.received(re, st, body)
		return
	}
	c.drop(DropBadBody)
	if !slices.Equal(re.sources, []source{{peer: st.peer().id}}) {
		c.beginInquest(re)
		return
	}
	c.startOver(re)
	if re.bad++; re.bad < maxBad {
		return
	}
	for _, st := range slices.Clone(re.streams) {
		st.end(inRefused, ReasonMalformed)
	}
	c.failedBy(st.peer().id)
	c.discard(re)
}

// startOver forgets all symbols of a body.
func (c *Core) startOver(re *reassembly) {
	c.endInquest(re)
	if re.kept {
		re.kept = false
		c.emit(DropPartial{Digest: re.item.Digest})
	}
	re.blocks, re.got, re.full, re.upto, re.dirty = make([]inBlock, re.lay.blocks), 0, 0, 0, -1
	re.grown, re.resumed, re.sources = 0, false, nil
}

// received gives a body away; its memory stays charged until Stored.
func (c *Core) received(re *reassembly, st *inStream, body []byte) {
	re.storing, re.buf, re.dirty, re.by = true, nil, -1, st.peer().id
	highest := st.item.Cost
	for _, q := range re.streams {
		q.state = inStoring
		q.sess.settle(q.stream)
		highest = max(highest, q.item.Cost)
	}
	c.emit(Received{Peer: st.peer().id, Item: st.item, Body: body, MaxCost: highest})
}

// stored tells every sender of the body what became of it.
func (c *Core) stored(e Stored) {
	i := slices.IndexFunc(c.order, func(re *reassembly) bool { return re.storing && re.item.Digest == e.Digest && re.by == e.Peer })
	if i < 0 {
		return
	}
	re := c.order[i]
	for _, st := range slices.Clone(re.streams) {
		if e.Reason == ReasonNone {
			c.recent.add(st.peer().id, e.Digest)
		}
		st.end(inCustody, e.Reason)
	}
	if e.Reason == ReasonNone {
		c.recent.add(e.Peer, e.Digest)
	}
	c.discard(re)
}

// account says what a stream's sender should send, in at most so many entries.
func (c *Core) account(st *inStream, m *wire.Message, entries int) {
	re := st.body
	if re.inquest != nil {
		c.jurorAccount(st, m, entries)
		return
	}
	m.Upto = uint16(re.upto)
	for b := range re.upto {
		bl := &re.blocks[b]
		if bl.done {
			continue
		}
		if len(m.Needs) == entries {
			m.Upto = uint16(b)
			return
		}
		m.Needs = append(m.Needs, wire.BlockNeed{Block: uint16(b), N: uint8(re.lay.data(b) - bl.n)})
	}
}

// tell reports progress at most once a second, and at the end.
func (c *Core) tell(re *reassembly, st *inStream) {
	if st == nil || !re.whole() && c.now.Sub(re.told) < time.Second {
		return
	}
	re.told = c.now
	c.emit(Progress{Peer: st.peer().id, Digest: re.item.Digest, Port: st.sess.path.port.id, Done: min(re.got, re.lay.n), Total: re.lay.n})
}
