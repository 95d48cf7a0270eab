package link

import (
	"slices"

	"packhorse/link/wire"
)

// A whole body whose digest is wrong holds false symbols, and the digest does not say which. So every symbol has its
// source, and each peer that still sends becomes a juror: what would the body be if this one is honest? A symbol more
// of every block shows where the juror does not agree (Reed-Solomon: k symbols rebuild a block, a further one must
// fit). Only those blocks are mended, by leaving out one source, else from the juror alone; then the digest decides.
// Only against a body whose digest fits is anybody blamed.

// Limits of the search, for each body.
const (
	maxSources  = 256 // as many as there are members, and the disk
	maxJurors   = 8   // at a time
	inquestWork = 8   // attempts at leaving a source out, for each block
	dearShare   = 8   // whose mending costs more than such a part of the body waits for other jurors
)

// source is who gave a symbol. What came under a key that a group holds may be anyone's of that group, so it is a
// source of its own. The zero source is the disk.
type source struct {
	peer  PeerID
	group bool
}

// source names who vouches for the symbols that a stream brings now.
func (st *inStream) source() source { return source{st.peer().id, st.byGroup} }

// number is the short name of a source in this body; false: there are too many.
func (re *reassembly) number(s source) (uint8, bool) {
	if i := slices.Index(re.sources, s); i >= 0 {
		return uint8(i), true
	}
	if len(re.sources) >= maxSources {
		return 0, false
	}
	re.sources = append(re.sources, s)
	return uint8(len(re.sources) - 1), true
}

// inquest is the search for the false symbols of a body. The body holds k symbols of each block meanwhile.
type inquest struct {
	jurors []*juror
	work   int    // attempts at leaving out that are left
	got    int    // further symbols
	hard   []bool // by block: leaving out some was of no use to a juror
}

// juror is a peer whose word is tried.
type juror struct {
	source   uint8
	proof    []evidence       // by block
	cost     int              // symbols that are to be asked for
	untested int              // blocks of which it has not given a further symbol
	caught   [maxSources]bool // sources whose symbols are false if the juror is honest
	learned  bool             // one more was caught
	alone    bool             // nothing but its own symbols counts
	spent    bool             // its own body is not the one
	fed      uint64
	told     int // to wait, when so many further symbols and one had come
}

// beginInquest looks for the false symbols of a whole body.
func (c *Core) beginInquest(re *reassembly) {
	re.inquest = &inquest{work: inquestWork * re.lay.blocks, hard: make([]bool, re.lay.blocks)}
	re.alone = true
	re.dirty, re.grown, re.touched = -1, 0, c.now
	c.askJurors(re)
}

// askJurors tells every sender of the body what is asked of it now.
func (c *Core) askJurors(re *reassembly) {
	for _, st := range re.streams {
		if st.state == inOpen {
			st.sess.owe(st.stream)
		}
	}
}

// jurorOf finds or makes the juror that a stream's sender is; nil: there is no room for one more.
func (c *Core) jurorOf(re *reassembly, st *inStream) *juror {
	n, ok := re.number(source{peer: st.peer().id})
	if !ok {
		return nil
	}
	t := re.inquest
	if i := slices.IndexFunc(t.jurors, func(j *juror) bool { return j.source == n }); i >= 0 {
		return t.jurors[i]
	}
	if !c.seat(re) {
		if c.drop(DropFull); len(t.jurors) == 0 {
			c.beginAlone(re, st.peer().id)
		}
		return nil
	}
	j := &juror{source: n, proof: make([]evidence, re.lay.blocks)}
	t.jurors = append(t.jurors, j)
	for b := range j.proof {
		c.want(re, j, b)
	}
	return j
}

// jurorCost is what a juror takes besides its symbols.
func (re *reassembly) jurorCost() int { return 64 * re.lay.blocks }

// seat makes room for one more juror, in place of the one that brought nothing for longest.
func (c *Core) seat(re *reassembly) bool {
	t, oldest := re.inquest, -1
	n := 0
	for i, j := range t.jurors {
		if j.spent {
			continue
		}
		n++
		if oldest < 0 || j.fed < t.jurors[oldest].fed {
			oldest = i
		}
	}
	if n >= maxJurors {
		c.dismiss(re, t.jurors[oldest])
		t.jurors = slices.Delete(t.jurors, oldest, oldest+1)
	}
	return c.charge(re, re.jurorCost())
}

// charge takes memory for a body; false: there is none.
func (c *Core) charge(re *reassembly, octets int) bool {
	if c.memory+octets > c.cfg.MaxReassembly {
		return false
	}
	re.cost, c.memory = re.cost+octets, c.memory+octets
	return true
}

// dismiss frees what a juror holds.
func (c *Core) dismiss(re *reassembly, j *juror) {
	freed := re.jurorCost()
	for b := range j.proof {
		e := &j.proof[b]
		freed += len(e.data) + len(e.extra)*re.lay.sym
	}
	j.proof, j.cost, j.untested = nil, 0, 0
	re.cost, c.memory = re.cost-freed, c.memory-freed
}

// beginAlone is for want of memory: the body is asked of one peer alone, of the best juror if there is one. The others
// may offer it again.
func (c *Core) beginAlone(re *reassembly, owner PeerID) {
	if j := re.best(); j != nil {
		owner = re.sources[j.source].peer
	}
	c.startOver(re)
	re.owner = owner
	for _, st := range slices.Clone(re.streams) {
		if st.peer().id != owner {
			st.end(inRefused, ReasonBusy)
		}
	}
	c.askJurors(re)
}

// endInquest frees what the search holds.
func (c *Core) endInquest(re *reassembly) {
	if re.inquest == nil {
		return
	}
	for _, j := range re.inquest.jurors {
		if !j.spent {
			c.dismiss(re, j)
		}
	}
	re.inquest = nil
}

// refuses reports whether a peer was found to give false symbols of this body.
func (re *reassembly) refuses(id PeerID) bool {
	return re.inquest != nil && slices.ContainsFunc(re.inquest.jurors, func(j *juror) bool {
		return j.spent && re.sources[j.source].peer == id
	})
}

// sends reports whether the juror still sends of the body.
func (re *reassembly) sends(j *juror) *inStream {
	for _, st := range re.streams {
		if st.state == inOpen && st.peer().id == re.sources[j.source].peer {
			return st
		}
	}
	return nil
}

// best is the juror with whom the body is mended by the fewest symbols, of those that gave one of every block; nil: none did.
func (re *reassembly) best() (best *juror) {
	least := 0
	for _, j := range re.inquest.jurors {
		if j.spent || j.untested > 0 || re.sends(j) == nil {
			continue
		}
		if cost := re.guess(j); best == nil || cost < least {
			best, least = j, cost
		}
	}
	return best
}

// guess is how many symbols more the juror will be asked for: where leaving out did not help one, it will help none.
func (re *reassembly) guess(j *juror) int {
	cost := j.cost
	for b, hard := range re.inquest.hard {
		if e := &j.proof[b]; hard && e.is == differs {
			mine, _ := re.shares(j, b)
			cost += re.lay.data(b) - mine - len(e.extra) - int(e.need)
		}
	}
	return cost
}

// askBest lets the best juror go on.
func (c *Core) askBest(re *reassembly) {
	if j := re.best(); j != nil {
		st := re.sends(j)
		st.sess.owe(st.stream)
	}
}

// waits reports whether a juror is asked for nothing now: others mend the body for less, or may. It is told so again
// only when somebody brought something since.
func (re *reassembly) waits(j *juror) bool {
	t := re.inquest
	if j.untested > 0 {
		return false
	}
	best := re.best() == j
	if best && j.cost > re.lay.n/dearShare {
		best = !slices.ContainsFunc(t.jurors, func(q *juror) bool { return !q.spent && q.untested > 0 && re.sends(q) != nil })
	}
	if best || j.told > t.got {
		return false
	}
	j.told = t.got + 1
	return true
}

// jurorAccount says what a juror is asked for, in at most so many entries.
func (c *Core) jurorAccount(st *inStream, m *wire.Message, entries int) {
	re := st.body
	j := c.jurorOf(re, st)
	if re.inquest == nil {
		return // nothing is held any more, or another is asked
	}
	m.Upto = uint16(re.lay.blocks)
	if j == nil || j.spent {
		return
	}
	if re.waits(j) {
		c.askBest(re)
		return
	}
	if j.untested == 0 && !j.alone && !slices.Contains(j.caught[:], true) {
		entries = 1 // it shows whom to leave out of the others
	}
	for b := range j.proof {
		if n := j.proof[b].need; n > 0 && len(m.Needs) < entries {
			m.Needs = append(m.Needs, wire.BlockNeed{Block: uint16(b), N: n})
		}
	}
}
