package link

import "slices"

// save asks the gateway to keep what is held of a block.
func (c *Core) save(re *reassembly, b int) {
	if re.dirty == b {
		re.dirty = -1
	}
	if b < 0 || re.storing || re.inquest != nil || re.owner != (PeerID{}) {
		return // what is contested is not worth the disk
	}
	bl, k, sym := &re.blocks[b], re.lay.data(b), re.lay.sym
	ev := SavePartial{Peer: re.brought, Item: re.item, Block: b}
	data := re.buf[re.lay.start(b)*sym:]
	ev.Symbols = make([]byte, 0, bl.n*sym)
	for i := range k {
		if bl.done || bl.have.has(i) {
			bitmapOf(&ev.Have).set(i)
			ev.Symbols = append(ev.Symbols, data[i*sym:(i+1)*sym]...)
		}
	}
	if !bl.done {
		slices.SortFunc(bl.repair, func(a, b repairSymbol) int { return int(a.index) - int(b.index) })
		for _, r := range bl.repair {
			bitmapOf(&ev.Have).set(int(r.index))
			ev.Symbols = append(ev.Symbols, r.data...)
		}
	}
	re.kept = true
	c.emit(ev)
}

func bitmapOf(b *[32]byte) *bitmap { return (*bitmap)(b) }

// resume takes back what save gave away before a restart.
func (c *Core) resume(e Resume) {
	if e.Item.Size < 1 || e.Item.Size > maxBody || e.Block < 0 || e.Block >= layoutOf(e.Item.Size).blocks {
		c.drop(DropBadSymbols)
		return
	}
	re := c.reassemble(e.Item, PeerID{}, false)
	if re == nil {
		c.drop(DropFull)
		c.emit(DropPartial{Digest: e.Item.Digest})
		return
	}
	disk, ok := re.number(source{})
	if re.storing || re.inquest != nil || !ok {
		c.drop(DropFull)
		return
	}
	re.resumed = true
	have, symbols, sym := bitmap(e.Have), e.Symbols, re.lay.sym
	for i := range re.lay.data(e.Block) + repairCount {
		if !have.has(i) {
			continue
		}
		if len(symbols) < sym {
			c.drop(DropBadSymbols)
			break
		}
		c.putOne(re, disk, e.Block, i, symbols[:sym])
		symbols = symbols[sym:]
	}
	re.kept = true
	re.upto = max(re.upto, e.Block+1)
	c.finishBlock(re, e.Block)
}

// recent remembers who gave us what, so that a small body pushed again after its
// custody word was lost is not taken for a new one.
type recent struct {
	ring [256]given
	next int
}

type given struct {
	peer   PeerID
	digest Digest
}

func (r *recent) has(p PeerID, d Digest) bool { return slices.Contains(r.ring[:], given{p, d}) }

func (r *recent) add(p PeerID, d Digest) {
	if r.has(p, d) {
		return
	}
	r.ring[r.next] = given{p, d}
	r.next = (r.next + 1) % len(r.ring)
}

// forget is called when the item has left our custody: it may come back.
func (r *recent) forget(d Digest) {
	for i := range r.ring {
		if r.ring[i].digest == d {
			r.ring[i] = given{}
		}
	}
}
