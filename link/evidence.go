package link

import (
	"bytes"
	"slices"

	"packhorse/link/wire"
)

type verdict uint8

const (
	untested verdict = iota
	agrees           // a further symbol fits what is held
	differs
	mended // data is what the block would be
)

// evidence is what a juror says of one block.
type evidence struct {
	is    verdict
	own   bool // data comes from nobody else
	tried bool // leaving out others was of no use
	open  bool // it counts as untested
	need  uint8
	extra []repairSymbol // of any index
	data  []byte
}

// piece is one symbol of a block.
type piece struct {
	index, source uint8
	data          []byte
}

// shares counts the symbols of a block that are the juror's own, and those to leave out: of all that were caught, or
// else of whichever other source has most.
func (re *reassembly) shares(j *juror, b int) (mine, out int) {
	var by [maxSources]uint8
	caught := 0
	start, k := re.lay.start(b), re.lay.data(b)
	for _, s := range re.origin[start : start+k] {
		switch {
		case s == j.source:
			mine++
		case j.caught[s]:
			caught++
		default:
			by[s]++
			out = max(out, int(by[s]))
		}
	}
	if caught > 0 {
		out = caught
	}
	return mine, out
}

// want sets how many more symbols of a block the juror is to be asked for.
func (c *Core) want(re *reassembly, j *juror, b int) {
	e, k := &j.proof[b], re.lay.data(b)
	mine, out := re.shares(j, b)
	rest := k - mine - len(e.extra)
	need, open := 0, false
	switch {
	case mine == k, e.is == mended && (e.own || !j.alone), e.is == agrees && !j.alone:
	case j.alone || e.is == differs && e.tried:
		need = rest
	case e.is == differs:
		need = min(rest, out+1-len(e.extra))
	default:
		need, open = 1, true
	}
	j.cost += need - int(e.need)
	if j.untested += boolean(open); e.open {
		j.untested--
	}
	e.need, e.open = uint8(need), open
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// testify takes a run of symbols while a body is on inquest, and returns how many were new.
func (c *Core) testify(re *reassembly, st *inStream, h wire.Data, symbols []byte) (fresh int) {
	if st.byGroup || st.state != inOpen {
		c.drop(DropDuplicate)
		return 0
	}
	j := c.jurorOf(re, st)
	if j == nil || j.spent {
		c.drop(DropDuplicate)
		return 0
	}
	b, sym := int(h.Block), re.lay.sym
	for i := range len(symbols) / sym {
		if !c.witness(re, j, b, int(h.First)+i, symbols[i*sym:(i+1)*sym]) {
			continue
		}
		if fresh++; re.inquest == nil {
			return fresh // there was no memory for it: the body is asked of this one alone
		}
	}
	if fresh == 0 {
		c.drop(DropDuplicate)
		return 0
	}
	c.clock++
	j.fed = c.clock
	if re.inquest.got += fresh; re.inquest.got-re.grown >= max(1, re.lay.n/growthSteps) {
		re.touched, re.grown = c.now, re.inquest.got
	}
	if open := j.untested > 0; c.weigh(re, j, b) && c.reweigh(re, j) {
		c.conclude(re, j, st, open)
	}
	return fresh
}

// witness keeps a symbol that tells something.
func (c *Core) witness(re *reassembly, j *juror, b, index int, symbol []byte) bool {
	e := &j.proof[b]
	if e.need == 0 || slices.ContainsFunc(e.extra, func(r repairSymbol) bool { return int(r.index) == index }) || re.gave(b, index, j.source) {
		return false
	}
	if !c.charge(re, len(symbol)) {
		c.beginAlone(re, re.sources[j.source].peer)
		return true
	}
	e.extra = append(e.extra, repairSymbol{uint8(index), bytes.Clone(symbol)})
	c.want(re, j, b)
	return true
}

// gave reports whether a symbol that is held is this source's.
func (re *reassembly) gave(b, index int, from uint8) bool {
	start := re.lay.start(b)
	for i, at := range re.index[start : start+re.lay.data(b)] {
		if int(at) == index {
			return re.origin[start+i] == from
		}
	}
	return false
}

// weigh finds out what the juror's symbols of a block say; false: there was no memory for it, and the search has ended.
func (c *Core) weigh(re *reassembly, j *juror, b int) bool {
	e := &j.proof[b]
	if e.is == untested {
		e.is = c.agreesWith(re, b, e.extra)
	}
	mine, out := re.shares(j, b)
	whole := mine+len(e.extra) >= re.lay.data(b)
	if whole || e.is == differs && !j.alone && !e.tried && len(e.extra) > out {
		room := re.lay.data(b) * re.lay.sym
		if !c.charge(re, room) {
			c.beginAlone(re, re.sources[j.source].peer)
			return false
		}
		if held := c.pieces(re, b); whole {
			own := e.without(held, func(s uint8) bool { return s != j.source })
			c.mend(re, j, b, own, held, true)
		} else {
			e.tried = !c.leaveOut(re, j, b, held)
			re.inquest.hard[b] = re.inquest.hard[b] || e.tried
		}
		re.cost, c.memory = re.cost-room, c.memory-room
	}
	c.want(re, j, b)
	return true
}

// reweigh looks again at all blocks as long as somebody more is caught.
func (c *Core) reweigh(re *reassembly, j *juror) bool {
	for j.learned {
		j.learned = false
		for b := range j.proof {
			e := &j.proof[b]
			if e.is != differs {
				continue
			}
			if e.tried = false; !c.weigh(re, j, b) {
				return false
			}
		}
	}
	return true
}

// agreesWith compares a further symbol with the block that is held.
func (c *Core) agreesWith(re *reassembly, b int, extra []repairSymbol) verdict {
	start, k := re.lay.start(b), re.lay.data(b)
	data := re.buf[start*re.lay.sym:][:k*re.lay.sym]
	for _, r := range extra {
		if slices.Contains(re.index[start:start+k], r.index) {
			continue // it tells of one symbol only
		}
		if c.codec.agree(data, re.lay.sym, []piece{{index: r.index, data: r.data}}) {
			return agrees
		}
		return differs
	}
	return untested
}

// symbolsOf are symbols of a whole block, the systematic ones in its own memory.
func (c *codec) symbolsOf(data []byte, sym int, indices []uint8) [][]byte {
	k := len(data) / sym
	all := make([][]byte, len(indices))
	for i, index := range indices {
		if at := int(index); at < k {
			all[i] = data[at*sym : (at+1)*sym]
		} else {
			all[i] = c.repair(nil, data, k, sym, at, 1)
		}
	}
	return all
}

// agree reports whether all symbols are those of a block.
func (c *codec) agree(data []byte, sym int, all []piece) bool {
	return !slices.Contains(c.fit(data, sym, all), false)
}

// fit tells of each symbol whether it is the block's.
func (c *codec) fit(data []byte, sym int, all []piece) []bool {
	indices, fits := make([]uint8, len(all)), make([]bool, len(all))
	for i, p := range all {
		indices[i] = p.index
	}
	for i, s := range c.symbolsOf(data, sym, indices) {
		fits[i] = bytes.Equal(s, all[i].data)
	}
	return fits
}

// pieces are the symbols from which the block that is held was rebuilt.
func (c *Core) pieces(re *reassembly, b int) []piece {
	start, k, sym := re.lay.start(b), re.lay.data(b), re.lay.sym
	all := make([]piece, k)
	for i, s := range c.codec.symbolsOf(re.buf[start*sym:][:k*sym], sym, re.index[start:start+k]) {
		all[i] = piece{re.index[start+i], re.origin[start+i], s}
	}
	return all
}

// without lists the symbols of a block but for some sources', with the juror's in front.
func (e *evidence) without(held []piece, out func(uint8) bool) []piece {
	left := e.pieces(0)
	for _, p := range held {
		if !out(p.source) {
			left = append(left, p)
		}
	}
	return left
}

// pieces are the further symbols that the juror gave.
func (e *evidence) pieces(from uint8) (all []piece) {
	for _, r := range e.extra {
		all = append(all, piece{r.index, from, r.data})
	}
	return all
}

// leaveOut leaves out those who were caught, or looks for a source without which all other symbols fit together.
func (c *Core) leaveOut(re *reassembly, j *juror, b int, held []piece) bool {
	suspects, caught := j.suspects(held)
	if re.inquest.work--; re.inquest.work < 0 {
		return false
	}
	if caught {
		return c.mend(re, j, b, j.proof[b].without(held, func(s uint8) bool { return j.caught[s] }), held, false)
	}
	for _, s := range suspects {
		if re.inquest.work--; re.inquest.work < 0 {
			return false
		}
		left := j.proof[b].without(held, func(q uint8) bool { return q == s })
		if c.mend(re, j, b, left, held, false) {
			return true
		}
	}
	return false
}

// suspects are the sources in a block but for the juror; caught: some of them were.
func (j *juror) suspects(held []piece) (all []uint8, caught bool) {
	for _, p := range held {
		if p.source != j.source && !slices.Contains(all, p.source) {
			all = append(all, p.source)
			caught = caught || j.caught[p.source]
		}
	}
	return all, caught
}

// mend rebuilds a block from k of its symbols, all of which have to fit. Unless they are the juror's own there must be
// one more.
func (c *Core) mend(re *reassembly, j *juror, b int, from, held []piece, own bool) bool {
	e, k, sym := &j.proof[b], re.lay.data(b), re.lay.sym
	data := make([]byte, k*sym)
	distinct := c.codec.gather(data, sym, from)
	if distinct < k || distinct == k && !own || !c.codec.agree(data, sym, from) {
		return false
	}
	freed := len(e.extra)*sym + len(e.data) - len(data)
	re.cost, c.memory = re.cost-freed, c.memory-freed
	e.is, e.own, e.data, e.extra = mended, own, data, nil
	for i, fits := range c.codec.fit(data, sym, held) {
		if s := held[i].source; !fits && s != j.source && !j.caught[s] {
			j.caught[s], j.learned = true, true
		}
	}
	return true
}

// gather rebuilds the block's systematic symbols from any of its symbols and tells how many different ones there are.
func (c *codec) gather(data []byte, sym int, from []piece) (distinct int) {
	var have bitmap
	var repair []repairSymbol
	k := len(data) / sym
	for _, p := range from {
		if have.has(int(p.index)) {
			continue
		}
		have.set(int(p.index))
		distinct++
		if int(p.index) < k {
			copy(data[int(p.index)*sym:], p.data)
		} else {
			repair = append(repair, repairSymbol{p.index, p.data})
		}
	}
	if distinct < k || c.rebuild(data, sym, &have, repair) != nil {
		return 0
	}
	return distinct
}
