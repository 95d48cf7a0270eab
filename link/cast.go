package link

import (
	"slices"
	"time"

	"packhorse/link/wire"
)

// Limits of groups.
const (
	longBurst     = 4  // frames after which all are called again, so that the silent need not be asked before
	maxMembers    = 16 // neighbours in a group: they answer one after the other
	maxCasts      = 64 // groups of a port at a time
	unheardFrames = 2  // of a body that goes unasked to who may miss the key
	castPatience  = 3  // questions to a member without an answer, until the others do not wait for it
)

// castMTU is what a port must carry for groups: an offer and the key of its group in one frame.
const castMTU = wire.ControlOverhead + wire.OfferSize + wire.CastSize

// cast is one body on its way to several neighbours of a port at once. Each is offered it, answers and gives custody in its
// own session; the symbols go once, under the group key, as many of each block as whoever lacks most of it wants.
type cast struct {
	port    *port
	key     *groupKey
	stream  uint16 // under the key
	digest  Digest
	lay     layout
	members []*outgoing // by place

	want   []uint8 // symbols to send, by block
	next   []uint8 // index of the next one
	left   int     // sum of want
	cursor int
	burst  int  // frames left in this burst
	merged bool // want is what the members want
}

// member is a transfer's part in a group.
type member struct {
	cast    *cast // nil: it goes alone
	place   uint8 // when its peer answers: after so many others
	invited bool  // its peer was told of the group
	known   bool  // and answered since
	ready   bool  // what the peer lacks is known
	called  bool  // it is asked together with the others
	alone   bool  // no group again
	missed  int   // bursts in a row that brought the peer nothing
}

// enlist puts a transfer that is about to be offered into the group of its body, or makes one with others that are to have it.
func (c *Core) enlist(o *outgoing) {
	if !o.mayGroup() || o.joinRunning() {
		return
	}
	p := o.path.port
	g := &cast{port: p, digest: o.item.Digest, lay: o.lay}
	for _, pa := range p.paths {
		if q := pa.peer.heading(g.digest); q != nil && q.path == pa && q.mayGroup() {
			g.members = append(g.members, q)
		}
	}
	c.found(g)
}

// joinRunning puts a transfer into the group that its body has already, which pauses until its peer has answered: what is
// sent meanwhile would be sent again.
func (o *outgoing) joinRunning() bool {
	if !o.mayGroup() {
		return false
	}
	i := slices.IndexFunc(o.path.port.casts, func(g *cast) bool { return g.digest == o.item.Digest })
	if i < 0 {
		return false
	}
	o.path.port.casts[i].join(o)
	return true
}

// mayGroup reports whether a transfer could be one of several: it goes by radio to a member that hears us and has not had
// most of it yet.
func (o *outgoing) mayGroup() bool {
	if o.group.cast != nil || o.group.alone || o.path == nil || !o.path.works() || !o.path.port.shared() || o.peer.pairing {
		return false
	}
	if p := o.path.port; p.mtu < castMTU || o.item.Size <= p.mostPushed() {
		return false // what is said of it would not fit its frame, or it fits one itself
	}
	begun := o.state == outSending || o.state == outPolled
	return !begun || o.left > directFrames*o.path.perFrame(o.lay)
}

// heading is the transfer of a body at the head of the peer's queue.
func (p *peer) heading(d Digest) *outgoing {
	for _, o := range p.active() {
		if o.item.Digest == d {
			return o
		}
	}
	return nil
}

// found makes a group of several.
func (c *Core) found(g *cast) {
	p, first := g.port, g.members
	if len(first) < 2 || len(p.casts) >= maxCasts || !c.together(first) {
		return
	}
	if g.key = c.ownKey(p); g.key == nil {
		return
	}
	g.stream = g.key.openStream()
	g.want, g.next = make([]uint8, g.lay.blocks), make([]uint8, g.lay.blocks)
	p.casts = append(p.casts, g)
	g.members = nil
	for _, o := range first {
		g.join(o)
	}
}

// together reports whether one transfer on the common setting takes less than one to each on what suits it best.
func (c *Core) together(all []*outgoing) bool {
	var apart, most time.Duration
	for _, o := range all {
		p, octets := o.path.port, o.remaining()
		once := p.common.takes(octets, o.path.loss)
		most = max(most, once)
		if rate := c.bestRate(o.path); rate != 0 {
			once = p.moving() + p.rates[rate-1].takes(octets, c.lossAt(o.path, rate))
		}
		apart += once
	}
	return most < apart
}

// join adds a transfer, at the first place that is free.
func (g *cast) join(o *outgoing) {
	if len(g.members) >= maxMembers {
		return
	}
	at := 0
	for at < len(g.members) && int(g.members[at].group.place) == at {
		at++
	}
	g.members = slices.Insert(g.members, at, o)
	o.group = member{cast: g, place: uint8(at)}
}

// leave lets the transfer go on alone, with symbols that the group did not hear. One that is left over needs no group.
func (o *outgoing) leave() {
	g := o.group.cast
	if g == nil {
		return
	}
	for b := range o.next {
		if g.next[b] > 0 {
			o.next[b] = g.next[b]
		}
	}
	o.group = member{alone: o.group.alone}
	g.merged = false
	g.members = slices.DeleteFunc(g.members, func(q *outgoing) bool { return q == o })
	switch len(g.members) {
	case 0:
		g.end()
	case 1:
		g.members[0].leave()
	}
}

// end forgets a group that nobody is in.
func (g *cast) end() {
	p := g.port
	p.casts = slices.DeleteFunc(p.casts, func(q *cast) bool { return q == g })
	if p.roll == g {
		p.roll = nil
	}
}

// invite appends to a question what the peer has to know of the group.
func (o *outgoing) invite(b []byte) []byte {
	g := o.group.cast
	if g == nil || o.group.known || o.direct && o.state == outPolled {
		return b
	}
	m := wire.Message{Kind: wire.KindCast, Stream: o.stream, Cast: wire.Membership{Group: g.stream, Place: o.group.place}}
	if o.sess.told != g.key {
		m.Flags, m.Cast.Key = wire.FlagKey, g.key.secret
	}
	return wire.AppendMessage(b, &m)
}

// mayFollow reports whether data may follow the offer at once: in a group, whoever missed the offer can only keep what
// follows if the key is known.
func (o *outgoing) mayFollow() bool {
	g := o.group.cast
	return g == nil || o.sess.told == g.key || o.lay.n <= unheardFrames*o.path.perFrame(o.lay)
}

// castAsked notes that the transfer's question left with the invitation. Data that follows unasked waits for no answer.
func (o *outgoing) castAsked() {
	if o.group.cast == nil {
		return
	}
	o.group.invited, o.group.ready = true, false
	if o.state == outSending && o.direct {
		o.group.ready = true
		o.group.cast.merged = false
	}
}

// castWord takes any word of a member on its transfer: it knows of the group. One that got nothing of a burst does not, or
// does not want to, and goes on alone.
func (o *outgoing) castWord(m *wire.Message) {
	if m.Flags&wire.FlagAlone != 0 && m.Kind != wire.KindCustody {
		o.group.alone = true
		o.leave()
	}
	g := o.group.cast
	if g == nil {
		return
	}
	o.group.called = false
	if o.group.invited {
		o.group.known, o.sess.told = m.Kind != wire.KindAnswer || m.Code != wire.CodeAgain, g.key
	}
	if o.deaf(m) {
		o.sess.told, o.group.alone = nil, true
		o.leave()
	}
}

// castForgotten takes the word that the peer does not know the transfer's stream any more: what it lacks is not known either.
func (o *outgoing) castForgotten() {
	if g := o.group.cast; g != nil {
		o.group.ready, g.merged = false, false
	}
}

// deaf reports whether an account shows nothing of what a long burst, or two short ones, brought.
func (o *outgoing) deaf(m *wire.Message) bool {
	if m.Kind != wire.KindNeed || o.state != outPolled || o.sent == 0 || o.lacks(m) < o.missing {
		o.group.missed = 0
		return false
	}
	o.group.missed++
	return o.group.missed > 1 || o.sent >= directFrames*o.path.perFrame(o.lay)
}

// lacks is how many symbols an account asks for.
func (o *outgoing) lacks(m *wire.Message) int {
	lacks := 0
	for _, n := range m.Needs {
		lacks += int(n.N)
	}
	for b := int(m.Upto); b < o.lay.blocks; b++ {
		lacks += o.lay.data(b)
	}
	return lacks
}

// castCounted is called when the transfer knows what its peer lacks.
func (o *outgoing) castCounted() {
	switch {
	case o.group.cast == nil:
	case o.state != outSending:
		o.leave() // it lacks nothing: custody is on its way
	case o.group.known:
		o.group.ready, o.group.cast.merged = true, false
	}
}

// castAction is what a transfer whose peer lacks something does in its group.
func (c *Core) castAction(o *outgoing) action {
	if !o.group.ready {
		return doPoll // it has to be invited
	}
	switch g := o.group.cast; {
	case g.merge() && c.leader(g) == o && c.assembled(g):
		return doData
	case g.left == 0:
		return doPoll // who wanted more is gone, before all were asked
	}
	return doNothing
}

// calledAgain reports whether a member that was silent when all were called needs no question of its own: what the
// others want takes long enough, and is as likely what it wants, so that it is called with them again. When all were silent there is nobody to go on for them.
func (c *Core) calledAgain(o *outgoing) bool {
	g := o.group.cast
	return g != nil && o.tries == 1 && c.leader(g) != nil && g.merge() && (g.burst > 0 || g.left >= longBurst*o.path.perFrame(g.lay))
}

// leader is the member that stands for the group in its port's queue.
func (c *Core) leader(g *cast) *outgoing {
	for _, o := range g.members {
		if o.group.ready && o.state == outSending && !c.mute(o) {
			return o
		}
	}
	return nil
}

// assembled reports whether there is nobody left whom the group waits for: a member that can still be asked, and
// has not been asked in vain too often.
func (c *Core) assembled(g *cast) bool {
	for _, o := range g.members {
		patience := castPatience
		if o.item.Priority == Emergency {
			patience = 1
		}
		if o.group.ready || o.tries >= patience || c.mute(o) {
			continue
		}
		if slices.Contains(o.peer.active(), o) && (o.waiting || c.action(o) != doNothing) {
			return false
		}
	}
	return true
}

// merge wants of every block what the member wants who wants most of it; false: nobody wants any.
func (g *cast) merge() bool {
	if g.merged {
		return g.left > 0
	}
	g.merged, g.left, g.cursor = true, 0, 0
	for b := range g.want {
		g.want[b] = 0
		for _, o := range g.members {
			if o.group.ready {
				g.want[b] = max(g.want[b], o.want[b])
			}
		}
		g.left += int(g.want[b])
		if k := g.lay.data(b); g.next[b] == 0 && g.want[b] > 0 && int(g.want[b]) < k {
			g.next[b] = uint8(k + (int(g.stream)+b)*repairSpread%repairCount)
		}
	}
	return g.left > 0
}

// appendCast appends the next frame of a group. The last of a burst asks all members.
func (c *Core) appendCast(lead *outgoing, buf []byte) ([]byte, bool) {
	g := lead.group.cast
	b := g.nextBlock()
	if b < 0 {
		return buf, false
	}
	k := g.lay.data(b)
	if g.burst <= 0 {
		g.burst = g.port.burst(lead.path.loss)
	}
	first := int(g.next[b])
	count := min(lead.path.perFrame(g.lay), int(g.want[b]), k+repairCount-first)
	g.burst = min(g.burst, c.mostOfBurst(lead))
	g.burst--
	head := wire.Cast{Poll: g.left <= count || g.burst == 0, Block: uint16(b), Stream: g.stream, First: uint8(first)}
	start := len(buf)
	buf = wire.AppendCast(buf, head)
	body := len(buf)
	buf = c.appendSymbols(buf, lead, b, first, count)
	buf = g.key.seal.seal(buf[:body], head.Nonce(len(buf)-body), buf[body:], buf[start:body], wire.ShortTag)
	g.key.frames++
	g.took(b, k, first, count)
	if head.Poll {
		g.polled()
	}
	return buf, true
}

// nextBlock is the block to send of, or -1.
func (g *cast) nextBlock() int { return nextWanted(g.want, &g.cursor) }

// took accounts for symbols that left, for every member by what it wants of them.
func (g *cast) took(b, k, first, count int) {
	g.want[b] -= uint8(count)
	g.left -= count
	if first += count; first >= k+repairCount {
		first = k
	}
	g.next[b] = uint8(first)
	for _, o := range g.members {
		if o.upto = max(o.upto, b+1); !o.group.ready {
			continue
		}
		n := min(count, int(o.want[b]))
		o.want[b] -= uint8(n)
		o.left -= n
		o.sent += n
		o.given += n
	}
}

// polled ends the burst for all members.
func (g *cast) polled() {
	g.burst, g.merged = 0, false
	for _, o := range g.members {
		if o.group.ready || o.state == outPolled && !o.waiting {
			o.state, o.group.ready, o.group.called = outPolled, false, true
		}
	}
}

// castEnded starts the wait for the members' answers, which come one after the other.
func (c *Core) castEnded(g *cast) {
	p := g.port
	p.served, p.roll = nil, g
	for _, o := range g.members {
		if !o.group.called {
			continue
		}
		c.clock++
		o.served = c.clock
		c.await(o)
		o.asked = true // how long the answer takes depends on the others
		o.extra = p.turnIn(o.group.place)
	}
	p.hush = p.rollCall()
}

// rollCall is until when members may still answer that were asked together; zero: all have. Nobody keeps silent for
// those whom the group does not wait for any more.
func (p *port) rollCall() (until time.Time) {
	if p.roll == nil {
		return until
	}
	for _, o := range p.roll.members {
		if o.group.called && o.waiting && o.tries < castPatience && o.deadline().After(until) {
			until = o.deadline()
		}
	}
	if until.IsZero() {
		p.roll = nil
	}
	return until
}
