package link

import (
	"encoding/binary"
	"time"

	"packhorse/link/wire"
)

// Two neighbours that send to us at once do not hear each other: carrier sense cannot help them, and most of
// what overlaps is lost. Then we tell whose turn it is. A Clear goes before our answer to a burst; the one that it
// is for sends, everybody else who hears us is silent for that long. The turn goes round.
const (
	clearOn    = 0.5 // above this suspicion turns are given
	clearTries = 4   // questions in vain are told to the neighbour
	clearVain  = 2   // turns in a row that a neighbour did not take, until it is heard again
	clearSpare = 2   // frames more than a burst needs
)

// clearing is what a port knows of neighbours that do not hear each other, and whose turn it is.
type clearing struct {
	overlap
	stillness

	turn  *path     // whose turn it is, by our word
	begin time.Time // until when it should have begun; zero: it has
	due   bool      // it has not: the turn goes on
	told  bool      // nothing was heard since
	count uint16    // of our clears
}

// needed is how many frames the next burst of a neighbour takes at least, as far as we know what it has for us.
func (c *Core) needed(pa *path) (frames int) {
	if pa.current == nil {
		return 0
	}
	for _, id := range pa.current.inOrder {
		if st := pa.current.in[id]; st.state == inOpen && st.body != nil {
			per := pa.perFrame(st.body.lay)
			frames += (st.body.lay.n - st.body.got + per - 1) / per
		}
	}
	return min(frames, pa.port.burst(0))
}

// nextTurn is who is to send next: of those with something for us who has waited longest. Who does not take its turns may be
// gone, and they silence the others.
func (c *Core) nextTurn(p *port) *path {
	var next *path
	for _, pa := range p.paths {
		if c.needed(pa) > 0 && pa.untaken < clearVain && (next == nil || pa.cleared < next.cleared) {
			next = pa
		}
	}
	return next
}

// clears tells whether a clear is to be sent before anything else, and for whom.
func (c *Core) clears(p *port) *path {
	cl := &p.clearing
	if c.cfg.NoClears || cl.doubt <= clearOn || cl.told && !cl.due {
		return nil
	}
	if !cl.due && !p.answers() {
		return nil
	}
	return c.nextTurn(p)
}

// answers tells whether a neighbour waits for our word on a transfer.
func (p *port) answers() bool {
	for _, pa := range p.paths {
		if s := pa.speaker(); s != nil && len(s.owed) > 0 {
			return true
		}
	}
	return false
}

// appendClear gives the turn.
func (c *Core) appendClear(pa *path, buf []byte) []byte {
	p := pa.port
	cl := &p.clearing
	cl.count++
	c.stats.Clears++
	c.clock++
	pa.cleared = c.clock
	cl.turn, cl.told, cl.due = pa, true, false
	air := time.Duration(c.needed(pa)+clearSpare)*p.airtime(p.mtu) + p.turn(p.mtu)
	f := wire.Clear{To: pa.current.remote, From: [2]byte(c.short[:2]), Count: cl.count,
		Duration: uint16(min(air/(wire.ClearUnitMS*time.Millisecond), 1<<16-1))}
	start := len(buf)
	buf = wire.AppendClear(buf, f)
	mac := c.domain.clearMAC(buf[start:], c.boot)
	buf = append(buf, mac[:]...)
	p.sent(c.now, len(buf)-start)
	cl.begin = p.clear.Add(2 * p.turn(p.mtu))
	if !p.answers() {
		p.granted()
	}
	return buf
}

// clearMAC binds a clear to the boot of its sender: what was recorded before is good for nothing.
func (d *domainKeys) clearMAC(covered []byte, boot uint32) [wire.MACSize]byte {
	return mac8(&d.mac, []byte("clear"), covered, binary.BigEndian.AppendUint32(nil, boot))
}

// leaveClearing forgets a path that ends.
func (p *port) leaveClearing(pa *path) {
	cl := &p.clearing
	if cl.run == pa {
		cl.run = nil
	}
	if cl.last == pa {
		cl.last = nil
	}
	if cl.turn == pa {
		cl.turn, cl.begin, cl.due = nil, time.Time{}, false
	}
}

// clearTimeout lets the turn go on when it was not taken.
func (p *port) clearTimeout(now time.Time) {
	cl := &p.clearing
	if !cl.begin.IsZero() && !cl.begin.After(now) {
		cl.begin, cl.due = time.Time{}, true
		cl.turn.untaken++
	}
	if !cl.quiet.After(now) {
		cl.quiet = time.Time{}
	}
}
