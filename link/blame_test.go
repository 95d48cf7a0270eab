package link

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"packhorse/link/wire"
)

// giver is a source of symbols in a test of blame, by its own hand.
type giver struct {
	st    *inStream
	group bool // gives under a group's key, which somebody else forged
	next  []int
	// symbol is what it gives for the true one; trial tells whether the body was found wrong already.
	symbol func(b, index int, truth []byte, trial bool) []byte
}

// honest gives what is true.
func honest(_, _ int, truth []byte, _ bool) []byte { return truth }

// junk is false in every block that the mask names.
func junk(mask uint64) func(int, int, []byte, bool) []byte {
	return func(b, index int, truth []byte, _ bool) []byte {
		if mask&(1<<b) == 0 {
			return truth
		}
		bad := bytes.Clone(truth)
		bad[index%len(bad)] ^= byte(1 + index)
		return bad
	}
}

// otherBody is true to a body of its own, which differs in one symbol of each block.
func otherBody(c *codec, lay layout, body []byte) func(int, int, []byte, bool) []byte {
	other := bytes.Clone(body)
	for b := range lay.blocks {
		other[lay.start(b)*lay.sym] ^= 1
	}
	all := symbolsIn(c, lay, other)
	return func(b, index int, _ []byte, _ bool) []byte { return all[b][index] }
}

// quiet gives junk, and nothing once the body was found wrong.
func quiet(_, index int, truth []byte, trial bool) []byte {
	if trial {
		return nil
	}
	return junk(1<<63-1)(0, index, truth, trial)
}

// twoFaced gives junk, and what is true once the body was found wrong.
func twoFaced(_, index int, truth []byte, trial bool) []byte {
	if trial {
		return truth
	}
	return junk(1<<63-1)(0, index, truth, trial)
}

// symbolsIn are all symbols of a body, by block and index.
func symbolsIn(c *codec, lay layout, padded []byte) (all [][][]byte) {
	var indices []uint8
	for i := range maxData + repairCount {
		indices = append(indices, uint8(i))
	}
	for b := range lay.blocks {
		data := padded[lay.start(b)*lay.sym:][:lay.data(b)*lay.sym]
		all = append(all, c.symbolsOf(data, lay.sym, indices[:lay.data(b)+repairCount]))
	}
	return all
}

// poisoned is a body that several sources give together.
type poisoned struct {
	w      *world
	b      *node
	item   Item
	lay    layout
	body   []byte // padded
	givers []*giver
	codec  codec
	truth  [][][]byte // symbols by block and index
	rng    *rand.Rand
	before int // symbols given until the body was whole,
	after  int // and since
}

func newPoisoned(t testing.TB, seed uint64, size, sources int) *poisoned {
	w := newWorld(t, seed)
	p := &poisoned{w: w, b: w.node("b", w.radio(0)), lay: layoutOf(size), rng: rand.New(rand.NewPCG(seed, 3))}
	p.b.core.now, p.b.noStore = w.now, true
	p.body = make([]byte, p.lay.padded())
	for i := range size {
		p.body[i] = byte(p.rng.Uint32())
	}
	p.truth = symbolsIn(&p.codec, p.lay, p.body)
	p.item = Item{Digest: DigestOf(1, p.body[:size]), Kind: 1, Priority: Message, Size: size}
	for _, s := range crowd(p.b.core, sources) {
		st := &inStream{sess: s, stream: 5, item: p.item, state: inOpen, allow: 1}
		s.remember(st)
		p.b.core.join(st)
		p.givers = append(p.givers, &giver{st: st, symbol: honest, next: make([]int, p.lay.blocks)})
	}
	return p
}

// give hands over one symbol of a block, the next that the giver has not given.
func (p *poisoned) give(g *giver, b, index int) {
	re := g.st.body
	if re == nil || re.storing {
		return
	}
	trial := re.inquest != nil
	s := g.symbol(b, index, p.truth[b][index], trial)
	if s == nil {
		return
	}
	if p.before++; trial {
		p.before--
		p.after++
	}
	g.st.byGroup = g.group
	p.b.core.put(g.st, wire.Data{Block: uint16(b), First: uint8(index)}, s)
	g.st.byGroup = false
	p.b.drain()
}

// fill gives systematic symbols, those of each block from the givers by their shares, in the order of whose.
func (p *poisoned) fill(whose func(b, i, k int) int) {
	for b := range p.lay.blocks {
		for i := range p.lay.data(b) {
			p.give(p.givers[whose(b, i, p.lay.data(b))], b, i)
		}
	}
}

// settle lets the givers answer their accounts until the body is stored or nobody is asked for anything.
func (p *poisoned) settle(rounds int) bool {
	for range rounds {
		for _, i := range p.rng.Perm(len(p.givers)) {
			g := p.givers[i]
			if g.group || g.st.body == nil || g.st.state != inOpen {
				continue
			}
			var m wire.Message
			p.b.core.account(g.st, &m, wire.MaxNeeds)
			for b := int(m.Upto); b < p.lay.blocks; b++ {
				for i := range p.lay.data(b) {
					p.give(g, b, i)
				}
			}
			for _, n := range m.Needs {
				k := p.lay.data(int(n.Block))
				for range n.N {
					at := &g.next[n.Block]
					if *at == 0 {
						*at = k + i*31%repairCount
					}
					p.give(g, int(n.Block), *at)
					if *at++; *at >= k+repairCount {
						*at = k
					}
				}
			}
		}
		if p.b.stored[p.item.Digest] > 0 {
			p.b.event(Stored{Peer: p.b.core.order[0].by, Digest: p.item.Digest})
			return bytes.Equal(p.b.got[p.item.Digest], p.body[:p.item.Size])
		}
	}
	return false
}

// blamed tells whether a giver was turned away.
func (p *poisoned) blamed(g *giver) bool { return g.st.state == inRefused }

// bound is how many symbols may be asked for: one of each block from each giver, and for each hypothesis the bad blocks.
func (p *poisoned) bound(liars, badBlocks int) int {
	return len(p.givers)*p.lay.blocks + (liars+1)*badBlocks*maxData
}

// orders are ways in which n givers mix.
func orders(rng *rand.Rand, n int) map[string]func(b, i, k int) int {
	return map[string]func(b, i, k int) int{
		"first to last": func(_, i, k int) int { return i * n / k },
		"last to first": func(_, i, k int) int { return n - 1 - i*n/k },
		"interleaved":   func(b, i, _ int) int { return (b + i/4) % n },
		"by block":      func(b, _, _ int) int { return b % n },
		"most of one":   func(_, i, k int) int { return max(0, i-k+n) },
		"random":        func(_, _, _ int) int { return rng.IntN(n) },
	}
}

// Honest and lying sources in all mixes: the body arrives, for few further symbols, and nobody honest is blamed.
func TestAPoisonedBodyIsMended(t *testing.T) {
	lies := func(p *poisoned) map[string]func(int, int, []byte, bool) []byte {
		return map[string]func(int, int, []byte, bool) []byte{
			"in one block": junk(2), "in each block": junk(1<<63 - 1), "another body": otherBody(&p.codec, p.lay, p.body),
			"then silent": quiet, "then true": twoFaced,
		}
	}
	for seed := range fewer(seeds(2)) {
		for _, n := range []int{2, 3, 5} {
			for liars := 1; liars < min(n, 3); liars++ {
				for order := range orders(nil, n) {
					for lie := range lies(&poisoned{}) {
						p := newPoisoned(t, seed, 9000+int(seed)*977, n)
						at := p.rng.Perm(n)[:liars]
						for _, i := range at {
							p.givers[i].symbol = lies(p)[lie]
						}
						p.fill(orders(p.rng, n)[order])
						p.juror(t, fmt.Sprintf("seed %d, %d sources, %v lie %s, %s", seed, n, at, lie, order), at, lie == "in one block")
					}
				}
			}
		}
	}
}

// juror settles and checks what is to hold in every mix.
func (p *poisoned) juror(t *testing.T, what string, liars []int, one bool) {
	t.Helper()
	if !p.settle(400) {
		t.Fatalf("%s: not delivered, %d symbols asked for", what, p.after)
	}
	for i, g := range p.givers {
		if !slices.Contains(liars, i) && p.blamed(g) {
			t.Errorf("%s: %d is blamed", what, i)
		}
	}
	bad := p.lay.blocks
	if one {
		bad = 1
	}
	if bound := p.bound(len(liars), bad); p.after > bound {
		t.Errorf("%s: %d symbols asked for of a body of %d, want %d at most", what, p.after, p.lay.n, bound)
	}
	if c := p.b.core; c.memory != 0 || len(c.order) != 0 {
		t.Errorf("%s: %d octets held in %d bodies", what, c.memory, len(c.order))
	}
}

// In a body of some size what is false costs a small part of it.
func TestMendingCostsLittle(t *testing.T) {
	for name, c := range map[string]struct {
		sources int
		liars   []int
		share   float64
	}{
		"one of two": {2, []int{1}, .25}, "one of three": {3, []int{0}, .25}, "two of four": {4, []int{1, 2}, .35},
	} {
		for seed := range seeds(4) {
			p := newPoisoned(t, seed, 50_000, c.sources)
			for _, i := range c.liars {
				p.givers[i].symbol = junk(1<<3 | 1<<9)
			}
			p.fill(orders(p.rng, c.sources)["interleaved"])
			p.juror(t, name, c.liars, false)
			if share := float64(p.after) / float64(p.lay.n); share > c.share {
				t.Errorf("%s, seed %d: %.2f of the body asked for again, want %.2f at most", name, seed, share, c.share)
			}
		}
	}
}

// What somebody forged under a group's key is left out, and the peer whose name it bears is not blamed.
func TestAForgerOfAGroupsKeyIsLeftOut(t *testing.T) {
	for order := range orders(nil, 2) {
		for seed := range seeds(4) {
			p := newPoisoned(t, seed, 9000, 1)
			group := *p.givers[0]
			group.group, group.symbol = true, junk(1<<63-1)
			p.givers = append(p.givers, &group)
			p.fill(orders(p.rng, 2)[order])
			p.juror(t, order, nil, false)
			if p.b.core.Stats().Dropped[DropPoison] == 0 && p.after > 0 {
				t.Errorf("%s: dropped %s", order, dropped(p.b.core.Stats()))
			}
		}
	}
}

// What the disk gave back is as good as any other source's.
func TestWhatTheDiskSpoiltIsLeftOut(t *testing.T) {
	p := newPoisoned(t, 1, 9000, 2)
	e := Resume{Item: p.item, Block: 1}
	for i := range 20 {
		bitmapOf(&e.Have).set(i)
		e.Symbols = append(e.Symbols, junk(2)(1, i, p.truth[1][i], false)...)
	}
	p.b.event(e)
	p.fill(orders(p.rng, 2)["interleaved"])
	p.juror(t, "disk", nil, true)
	if p.after == 0 {
		t.Error("nothing was false")
	}
}

// crafted makes the symbols of a block that are not honest fit together with those at the honest indices, true ones.
func (p *poisoned) crafted(b int, honest []uint8) [][]byte {
	k, sym := p.lay.data(b), p.lay.sym
	var all []piece
	for _, i := range honest {
		all = append(all, piece{index: i, data: p.truth[b][i]})
	}
	for i := 0; len(all) < k; i++ {
		if !slices.Contains(honest, uint8(i)) {
			all = append(all, piece{index: uint8(i), data: junk(1<<63-1)(b, i, p.truth[b][i], false)})
		}
	}
	data := make([]byte, k*sym)
	p.codec.gather(data, sym, all)
	return symbolsIn(&p.codec, layout{size: len(data), sym: sym, n: k, blocks: 1, quads: k, surplus: 0}, data)[0]
}

// A liar knows the honest ones' symbols and foresees the next, and makes its own fit: the body is mended from an honest
// one alone.
func TestACraftedBlockIsMended(t *testing.T) {
	for seed := range seeds(4) {
		p := newPoisoned(t, seed, 9000, 2)
		liar := p.rng.IntN(2)
		k := p.lay.data(1)
		first := uint8(k + (1-liar)*31)
		known := []uint8{first, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
		false1 := p.crafted(1, known)
		p.givers[liar].symbol = func(b, index int, truth []byte, _ bool) []byte {
			if b == 1 {
				return false1[index]
			}
			return truth
		}
		p.fill(func(b, i, _ int) int {
			if b != 1 || i >= 10 {
				return liar
			}
			return 1 - liar
		})
		p.juror(t, fmt.Sprintf("seed %d", seed), []int{liar}, false)
		if p.after == 0 {
			t.Errorf("seed %d: nothing was false", seed)
		}
	}
}

// Without memory for the search the body is asked of one peer alone, and is delivered in the end.
func TestMendingWithoutMemory(t *testing.T) {
	for _, room := range []int{0, 200, 2000, 6000} {
		p := newPoisoned(t, 1, 9000, 2)
		p.givers[0].symbol = junk(1<<63 - 1)
		p.fill(orders(p.rng, 2)["interleaved"])
		p.b.core.cfg.MaxReassembly = p.b.core.memory + room
		ok := p.settle(100)
		if c := p.b.core; c.memory > c.cfg.MaxReassembly {
			t.Errorf("%d octets of %d held", c.memory, c.cfg.MaxReassembly)
		}
		if !ok && p.givers[1].st.state != inRefused {
			t.Errorf("with %d octets: neither delivered nor turned away: %+v", room, p.givers[1].st)
		}
	}
}

// Over the air, with whole gateways: a liar whose body is false in places, beside one or two that are honest.
func TestALiarOnTheAirCostsLittle(t *testing.T) {
	var shares []float64
	for _, loss := range []float64{0, 0.1, 0.3} {
		for seed := range seeds(6) {
			w := newWorld(t, seed)
			ch := w.radio(0)
			b, x := w.node("b", ch), w.node("x", ch)
			givers := []*node{w.node("a", ch), w.node("c", ch)}[:1+seed%2]
			w.acquaintAll()
			w.run(5*time.Minute, func() bool { return len(b.peers) == len(w.nodes)-1 })
			ch.loss = loss
			body := make([]byte, 48_000)
			for i := range body {
				body[i] = byte(w.rng.Uint32())
			}
			d := DigestOf(1, body)
			x.sendBody(b.id, body, Message)
			w.run(time.Minute, func() bool { return x.core.bodies[d].data != nil })
			x.core.bodies[d].data = spoilt(body, int(seed))
			for _, g := range givers {
				g.sendBody(b.id, body, Message)
			}
			var whole time.Duration
			ok := w.run(2*time.Hour, func() bool {
				if whole == 0 && b.core.Stats().Dropped[DropBadBody] > 0 {
					whole = ch.airUsed
				}
				return b.stored[d] > 0 && givers[0].custody[d] > 0
			})
			if !ok || !bytes.Equal(b.got[d], body) {
				t.Fatalf("loss %.1f, seed %d: not delivered: refused %v, %s", loss, seed, givers[0].refused, dropped(b.core.Stats()))
			}
			for _, g := range givers {
				if len(g.refused) > 0 {
					t.Errorf("loss %.1f, seed %d: %s is refused: %v", loss, seed, g.name, g.refused)
				}
			}
			if whole > 0 {
				ideal := float64(len(body)) / 255 * sf7(255).Seconds()
				shares = append(shares, (ch.airUsed-whole).Seconds()/ideal)
			}
		}
	}
	slices.Sort(shares)
	if n := len(shares); n < 10 || shares[n/2] > .30 || shares[n-1] > 1.10 {
		t.Errorf("airtime after the body was found wrong, in bodies: %.2f; want the median below .30, of ten at least", shares)
	}
}

// spoilt is a body with false octets in one of its blocks.
func spoilt(body []byte, block int) []byte {
	lay, bad := layoutOf(len(body)), bytes.Clone(body)
	for i := lay.start(block%lay.blocks) * lay.sym; i < min(len(bad), lay.start(block%lay.blocks+1)*lay.sym); i += 7 {
		bad[i] ^= 0x55
	}
	return bad
}
