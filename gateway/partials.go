package gateway

import (
	"time"

	"packhorse/link"
	"packhorse/store"
)

// partials are the symbols kept for transfers that have not ended.
type partials struct {
	byDigest map[link.Digest]*partial
	peer     map[link.PeerID]int64 // octets by the neighbour that brought them
	bytes    int64
}

// partial is what is kept of one transfer.
type partial struct {
	from   link.PeerID // the neighbour that offered it first, zero: not known
	blocks []keptBlock // in order of first save
	bytes  int64
}

type keptBlock struct {
	key  string
	size int
}

func newPartials() partials {
	return partials{byDigest: map[link.Digest]*partial{}, peer: map[link.PeerID]int64{}}
}

// of finds or begins a transfer.
func (t *partials) of(d link.Digest, from link.PeerID) *partial {
	if t.byDigest[d] == nil {
		t.byDigest[d] = &partial{from: from}
	}
	return t.byDigest[d]
}

// size is what is kept of a transfer.
func (t *partials) size(d link.Digest) int64 {
	if p := t.byDigest[d]; p != nil {
		return p.bytes
	}
	return 0
}

// set counts a record of a transfer.
func (t *partials) set(p *partial, key string, size int) {
	b := p.block(key)
	if b == nil {
		p.blocks = append(p.blocks, keptBlock{key: key})
		b = &p.blocks[len(p.blocks)-1]
	}
	t.count(p, int64(size-b.size))
	b.size = size
}

func (p *partial) block(key string) *keptBlock {
	for i := range p.blocks {
		if p.blocks[i].key == key {
			return &p.blocks[i]
		}
	}
	return nil
}

func (t *partials) count(p *partial, n int64) {
	p.bytes, t.bytes = p.bytes+n, t.bytes+n
	if t.peer[p.from] += n; t.peer[p.from] == 0 {
		delete(t.peer, p.from)
	}
}

// room tells whether so much more fits all limits: half of the whole is for one neighbour.
func (t *partials) room(from link.PeerID, n int64, l Limits) bool {
	return t.bytes+n <= l.PartialBytes && t.peer[from]+n <= (l.PartialBytes+1)/2
}

// savePartial keeps symbols, unless there is no room: then they last only as long as this process.
func (c *Core) savePartial(e link.SavePartial) {
	t, from := &c.partials, e.Peer
	old := 0
	rec := partialRecord{Item: e.Item, Block: e.Block, Have: e.Have, Symbols: e.Symbols}
	key := rec.key()
	if p := t.byDigest[e.Item.Digest]; p != nil {
		from = p.from
		if b := p.block(key); b != nil {
			old = b.size
		}
	}
	rec.From = from
	v := rec.append(nil)
	if !t.room(from, int64(len(v)-old), c.cfg.Limits) {
		return
	}
	t.set(t.of(e.Item.Digest, from), key, len(v))
	c.persist(batch{ops: []store.Op{{Kind: KindPartial, Key: key, Value: v}}}, ignoreResult)
}

func (c *Core) dropPartial(d link.Digest) {
	if ops, back := c.takePartials(d); len(ops) > 0 {
		c.persist(batch{ops: ops}, func(_ time.Time, err error) {
			if err != nil {
				back()
			}
		})
	}
}

// takePartials forgets what was saved of an item and returns the deletions that make it so. Who could not make them durable
// calls back: what lies on disk must be counted, and deleted some day.
func (c *Core) takePartials(d link.Digest) (ops []store.Op, back func()) {
	t, p := &c.partials, c.partials.byDigest[d]
	if p == nil {
		return nil, func() {}
	}
	for _, b := range p.blocks {
		ops = append(ops, store.Op{Kind: KindPartial, Key: b.key, Delete: true})
	}
	bytes := p.bytes
	t.count(p, -bytes)
	delete(t.byDigest, d)
	return ops, func() {
		if t.byDigest[d] == nil {
			t.byDigest[d] = p
			t.count(p, bytes)
		}
	}
}
