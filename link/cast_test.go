package link

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"packhorse/link/wire"
)

// circle is a node and several others on one radio, with sessions, and a watch on nonces.
type circle struct {
	*world
	from   *node
	others []*node
	ch     *channel
	sealed map[string][]byte // group frames by key and nonce
	cast   int               // octets of group frames
	data   int               // octets of data frames of sessions
}

func newCircle(t *testing.T, seed uint64, others int) *circle {
	w := newWorld(t, seed)
	x := &circle{world: w, ch: w.radio(0), sealed: map[string][]byte{}}
	x.from = w.node("a", x.ch)
	for i := range others {
		x.others = append(x.others, w.node(string(rune('b'+i)), x.ch))
	}
	w.acquaintAll()
	met := func() bool {
		for _, n := range w.nodes {
			if len(n.peers) < others {
				return false
			}
		}
		return true
	}
	if !w.run(10*time.Minute, met) {
		t.Fatalf("seed %d: no sessions", seed)
	}
	w.run(30*time.Second, never)
	w.onFrame = x.watch
	return x
}

// watch counts frames and fails when a nonce of a group key seals something else than before. The
// key changes with each boot only.
func (x *circle) watch(s *station, b []byte) []byte {
	switch ty := wire.TypeOf(b); {
	case ty == wire.TypeCast:
		h, sealed, _ := wire.ParseCast(b)
		nonce := h.Nonce(len(sealed) - wire.ShortTag)
		name := fmt.Sprintf("%s %d %x", s.node.name, s.node.boots, nonce)
		if before := x.sealed[name]; before != nil && !bytes.Equal(before, b) {
			x.t.Errorf("%s: nonce %x seals two things", s.node.name, nonce)
		}
		x.sealed[name] = bytes.Clone(b)
		x.cast += len(b)
	case ty >= wire.TypeData && ty <= wire.TypeDataCheck:
		x.data += len(b)
	}
	return b
}

// sendAll queues a body for some of the others.
func (x *circle) sendAll(size int, to ...*node) Digest {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(x.rng.Uint32())
	}
	for _, n := range to {
		x.from.sendBody(n.id, b, Message)
	}
	return DigestOf(1, b)
}

// waits reports whether the body is still queued for anyone.
func (n *node) waits(d Digest) bool {
	for _, items := range n.queue {
		for _, it := range items {
			if it.Digest == d {
				return true
			}
		}
	}
	return false
}

// rests fails unless all is forgotten that a transfer needed. Who missed the word that a body was withdrawn keeps what
// it has of it.
func (x *circle) rests(what string, keeps ...*node) {
	x.t.Helper()
	x.run(20*time.Minute, never)
	for _, n := range x.nodes {
		for _, p := range n.core.ports {
			if len(p.casts) != 0 || p.roll != nil {
				x.t.Errorf("%s: %s still has %d groups", what, n.name, len(p.casts))
			}
		}
		if slices.Contains(keeps, n) {
			continue
		}
		if len(n.core.order) != 0 || n.core.memory != 0 || len(n.core.bodies) != 0 {
			x.t.Errorf("%s: %s still holds %d partial bodies of %d octets and %d loaded bodies", what, n.name, len(n.core.order), n.core.memory, len(n.core.bodies))
		}
	}
}

func TestABodyForSeveralGoesOnce(t *testing.T) {
	for _, size := range []int{700, 10_000, 50_000} {
		x := newCircle(t, 1, 4)
		d := x.sendAll(size, x.others...)
		if !x.run(time.Hour, func() bool { return !x.from.waits(d) }) {
			t.Fatalf("%d octets were not delivered: %+v", size, x.from.core.Transfers())
		}
		for _, n := range x.others {
			if n.stored[d] != 1 || !bytes.Equal(n.got[d], x.from.bodies[d]) {
				t.Errorf("%d octets: %s has %d times %d octets, want them once", size, n.name, n.stored[d], len(n.got[d]))
			}
		}
		if most := size + size/10 + 100; x.cast < size || x.cast > most || x.data != 0 {
			t.Errorf("%d octets: %d in group frames and %d in others, want %d to %d and none", size, x.cast, x.data, size, most)
		}
		x.rests("once")
	}
}

// whims is what goes wrong in one run.
type whims struct {
	x        *circle
	d        Digest
	to       []*node
	refuses  *node // turns the body away
	silent   *node // hears nothing for a while
	withdrew *node
}

func (v *whims) begin() {
	x, r := v.x, v.x.rng
	v.to = append(v.to, x.others...)
	if r.IntN(4) == 0 {
		v.refuses = x.others[r.IntN(len(x.others))]
		v.refuses.verdict = func(Offered) (Verdict, Reason) { return Refuse, ReasonFull }
	}
	late := 0
	if r.IntN(3) == 0 {
		late = 1 + r.IntN(len(v.to)-1)
	}
	v.d = x.sendAll(300+r.IntN(20_000), v.to[late:]...)
	v.pass()
	for _, n := range v.to[:late] {
		x.from.sendBody(n.id, x.from.bodies[v.d], Message)
		v.pass()
	}
}

func (v *whims) pass() {
	v.x.run(time.Duration(v.x.rng.IntN(9000))*time.Millisecond, never)
}

// trouble lets something happen in the middle.
func (v *whims) trouble() {
	x, n := v.x, v.x.others[v.x.rng.IntN(len(v.x.others))]
	switch x.rng.IntN(6) {
	case 0:
		x.from.restart()
	case 1:
		n.restart()
	case 2:
		if v.withdrew == nil && v.refuses == nil {
			v.withdrew = n
			x.from.unqueue(n.id, v.d)
			x.from.event(Withdraw{n.id, v.d})
		}
	case 3:
		v.silent = n
		watch := x.onFrame
		until := x.now.Add(time.Duration(x.rng.IntN(120)) * time.Second)
		x.onFrame = func(s *station, b []byte) []byte {
			if s.node == n && x.now.Before(until) {
				return nil
			}
			return watch(s, b)
		}
	case 4:
		x.sendAll(1+x.rng.IntN(3000), n)
		n.send(x.from, 1+x.rng.IntN(3000), Bulk)
	}
	v.pass()
}

// Whatever happens, every neighbour that wants the body has it once, and nothing is left over.
func TestGroupsUnderTrouble(t *testing.T) {
	for seed := range fewer(seeds(50)) {
		x := newCircle(t, seed, 2+int(seed%4))
		x.ch.loss = float64(seed%6) / 10
		v := &whims{x: x}
		v.begin()
		for range x.rng.IntN(4) {
			v.trouble()
		}
		if !x.run(6*time.Hour, func() bool { return x.idle() }) {
			t.Fatalf("seed %d: not all was delivered: %+v", seed, x.from.core.Transfers())
		}
		for _, n := range v.to {
			want := 1
			if n == v.refuses {
				want = 0
			}
			if got := n.stored[v.d]; got != want && (n != v.withdrew || got > 1) {
				t.Errorf("seed %d: %s took the body %d times, want %d", seed, n.name, got, want)
			}
			if n.stored[v.d] > 0 && !bytes.Equal(n.got[v.d], x.from.bodies[v.d]) {
				t.Errorf("seed %d: %s took another body", seed, n.name)
			}
		}
		x.ch.loss = 0
		x.rests(fmt.Sprint("seed ", seed), v.withdrew)
	}
}

// idle reports whether nobody has anything queued.
func (x *circle) idle() bool {
	for _, n := range x.nodes {
		for _, items := range n.queue {
			if len(items) > 0 {
				return false
			}
		}
	}
	return true
}

// A key is given up before one of its streams could get a second name.
func TestGroupKeysAreReplacedBeforeTheyWrap(t *testing.T) {
	x := newCircle(t, 1, 2)
	var secrets [][wire.CastKeySize]byte
	for range 4 {
		d := x.sendAll(3000, x.others...)
		if !x.run(time.Hour, func() bool { return !x.from.waits(d) }) {
			t.Fatal("not delivered")
		}
		k := x.from.core.ports[0].group
		if k.given > 1 {
			k.given = wire.MaxCasts
		}
		secrets = append(secrets, k.secret)
	}
	if secrets[0] != secrets[1] || secrets[1] == secrets[2] || secrets[2] != secrets[3] {
		t.Errorf("got keys %x, want a new one after the second body only", secrets)
	}
	if x.data != 0 {
		t.Errorf("%d octets went to one alone", x.data)
	}
}

// Who is no member any more has held the key of the groups: what goes to the others from then on it cannot read.
func TestGroupKeysAreReplacedWhenAMemberIsRemoved(t *testing.T) {
	x := newCircle(t, 1, 3)
	gone := x.others[0]
	d := x.sendAll(20_000, x.others...)
	x.run(8*time.Second, never)
	k := gone.core.peer(x.from.id).paths[0].current.groups.key
	if k == nil {
		t.Fatal("the member holds no key")
	}
	x.from.event(RemoveMember{gone.id})
	x.run(time.Second, never) // a frame was on its way
	watch, read := x.onFrame, 0
	x.onFrame = func(s *station, b []byte) []byte {
		if h, sealed, err := wire.ParseCast(b); err == nil {
			if _, ok := k.seal.open(h.Nonce(len(sealed)-wire.ShortTag), sealed, b[:wire.CastHeader], wire.ShortTag); ok {
				read++
			}
		}
		return watch(s, b)
	}
	x.whenGiven(d, x.others[1:]...)
	before := x.cast
	e := x.sendAll(20_000, x.others[1:]...)
	x.whenGiven(e, x.others[1:]...)
	if read > 0 || x.cast-before < 20_000 {
		t.Errorf("%d frames to groups can be read by who is gone, and a body took %d octets in such frames; want none, and all", read, x.cast-before)
	}
}

// forge seals a group frame as a member of the sender's group can.
func (x *circle) forge(h wire.Cast, symbols []byte) []byte {
	b := wire.AppendCast(nil, h)
	k := x.from.core.ports[0].group
	return k.seal.seal(b, h.Nonce(len(symbols)), symbols, b[:wire.CastHeader:wire.CastHeader], wire.ShortTag)
}

// A member that holds the key can put false symbols into a group. Whoever took them notices before custody, and gets the
// body from the sender alone, who is not blamed.
func TestAMemberForgesForTheOthers(t *testing.T) {
	for seed := range seeds(10) {
		x := newCircle(t, seed, 3)
		x.ch.loss = 0.1
		victim, watch, forged := x.others[0], x.onFrame, 0
		x.onFrame = func(s *station, b []byte) []byte {
			if wire.TypeOf(b) == wire.TypeCast && x.rng.IntN(4) == 0 {
				h, sealed, _ := wire.ParseCast(b)
				f := x.forge(h, bytes.Repeat([]byte{byte(forged)}, len(sealed)-wire.ShortTag))
				victim.core.HandleFrame(x.now, 1, f, Meta{})
				victim.drain()
				forged++
			}
			return watch(s, b)
		}
		d := x.sendAll(8000, x.others...)
		if !x.run(time.Hour, func() bool { return !x.from.waits(d) }) {
			t.Fatalf("seed %d: not delivered: %+v", seed, x.from.core.Transfers())
		}
		for _, n := range x.others {
			if n.stored[d] != 1 || !bytes.Equal(n.got[d], x.from.bodies[d]) {
				t.Errorf("seed %d: %s took the body %d times, want once", seed, n.name, n.stored[d])
			}
		}
		if forged == 0 || len(x.from.refused) > 0 {
			t.Errorf("seed %d: %d frames forged, refused: %v", seed, forged, x.from.refused)
		}
		x.rests(fmt.Sprint("seed ", seed))
	}
}

// Frames under no key, replayed ones and those of a member say nothing of the session: it is neither heard nor moved, and
// the answers they cause are few.
func TestForgedGroupFramesMoveNothing(t *testing.T) {
	x := newCircle(t, 3, 2)
	d := x.sendAll(20_000, x.others...)
	x.run(6*time.Second, never)
	victim := x.others[0].core
	pa := victim.peer(x.from.id).paths[0]
	before, window := pa.heard, pa.current.window
	var last []byte
	for _, b := range x.sealed {
		if last == nil || bytes.Compare(b, last) < 0 {
			last = b
		}
	}
	h, sealed, _ := wire.ParseCast(last)
	h.Poll = true
	for i := range 200 {
		junk := bytes.Clone(last)
		binary.BigEndian.PutUint32(junk[10:], uint32(i))
		victim.HandleFrame(x.now, 1, junk, Meta{})
		victim.HandleFrame(x.now, 1, x.forge(h, make([]byte, len(sealed)-wire.ShortTag)), Meta{})
		pa.port.hearing = time.Time{}
		if _, ok := victim.PollTransmit(x.now, 1, nil); ok && i > castAnswers+1 {
			t.Fatalf("frame %d: the victim still answers", i)
		}
	}
	if pa.heard != before || pa.current.window != window {
		t.Errorf("the session moved: heard %v, want %v", pa.heard, before)
	}
	if n := victim.Stats().Dropped[DropNotOurs]; n < 200 {
		t.Errorf("%d frames dropped as not ours, want 200", n)
	}
	x.run(time.Hour, func() bool { return !x.from.waits(d) })
	x.rests("forged")
}

// A peer that tells of groups without end makes us keep little.
func TestFloodOfInvitations(t *testing.T) {
	x := newCircle(t, 4, 2)
	d := x.sendAll(20_000, x.others...)
	x.run(6*time.Second, never)
	c := x.others[0].core
	s := c.peer(x.from.id).paths[0].current
	stream := s.inOrder[0]
	for i := range 5000 {
		m := wire.Message{Kind: wire.KindCast, Stream: stream, Cast: wire.Membership{Group: uint16(i), Place: uint8(i)}}
		if i%100 == 0 {
			m.Flags, m.Cast.Key[0] = wire.FlagKey, byte(i/100)
		}
		c.message(s, &m)
		if len(s.groups.streams) > maxIncoming || len(s.groups.early) > maxEarly {
			t.Fatalf("%d groups and %d early runs are kept", len(s.groups.streams), len(s.groups.early))
		}
	}
	if c.Stats().Dropped[DropFull] == 0 {
		t.Error("nothing was dropped as beyond the table")
	}
	if !x.run(time.Hour, func() bool { return !x.from.waits(d) }) {
		t.Error("the body did not arrive any more")
	}
	x.rests("flood")
}

// Where neighbours can be served much faster one by one, no group is made; where only one can, it is.
func TestGroupsAreNotMadeWhereFasterSettingsServeAll(t *testing.T) {
	fast := Rate{Name: "fast", Code: [6]byte{1}, MTU: 254, Airtime: func(n int) time.Duration { return sf7(n) / 8 }, NeedsSNRdB: 0}
	for _, tt := range []struct {
		near int // neighbours with SNR to spare
		want bool
	}{{0, true}, {1, true}, {3, false}} {
		x := newCircle(t, 1, 3)
		c := x.from.core
		p := c.ports[0]
		p.rates = []Rate{fast}
		var all []*outgoing
		for i, pa := range p.paths {
			snr := -10.0
			if i < tt.near {
				snr = 20
			}
			pa.moves = moves{signal: signal{known: true, mean: snr}}
			all = append(all, &outgoing{peer: pa.peer, path: pa, item: Item{Size: 20_000, Priority: Bulk}, lay: layoutOf(20_000)})
			pa.peer.outs = []*outgoing{all[i]}
		}
		if got := c.together(all); got != tt.want {
			t.Errorf("%d of 3 can go faster: together %v, want %v", tt.near, got, tt.want)
		}
	}
}

// A body for several is counted once when its arrival is forecast.
func TestAGroupIsForecastOnce(t *testing.T) {
	x := newCircle(t, 1, 4)
	d := x.sendAll(20_000, x.others...)
	x.run(4*time.Second, never)
	p := x.from.core.ports[0]
	etas := x.from.core.etas(p)
	for _, n := range x.others {
		o := x.from.core.peer(n.id).out(d)
		if left := etas[o].Sub(x.now); left < 10*time.Second || left > 60*time.Second {
			t.Errorf("%s: the body is to arrive in %v, want 35 s or so", n.name, left)
		}
	}
}

// whenGiven runs until all of them gave custody of the body, and tells how long that took.
func (x *circle) whenGiven(d Digest, to ...*node) time.Duration {
	x.t.Helper()
	start := x.now
	done := func() bool {
		return !slices.ContainsFunc(to, func(n *node) bool {
			return slices.ContainsFunc(x.from.queue[n.id], func(it Item) bool { return it.Digest == d })
		})
	}
	if !x.run(time.Hour, done) {
		x.t.Fatalf("not delivered: %+v", x.from.core.Transfers())
	}
	return x.now.Sub(start)
}

// A neighbour that falls silent, at the start or in the middle, holds the others up for a few questions only, and gets
// the body later.
func TestAGroupDoesNotWaitForTheSilent(t *testing.T) {
	for _, after := range []time.Duration{0, 8 * time.Second} {
		x := newCircle(t, 1, 4)
		dead, awake, watch := x.others[1], false, x.onFrame
		from := x.now.Add(after)
		x.onFrame = func(s *station, b []byte) []byte {
			if s.node == dead && !awake && x.now.After(from) {
				return nil
			}
			return watch(s, b)
		}
		d := x.sendAll(10_000, x.others...)
		if took := x.whenGiven(d, x.others[0], x.others[2], x.others[3]); took > 30*time.Second {
			t.Errorf("silent after %v: the others have the body after %v, want 30 s at most", after, took)
		}
		awake = true
		x.whenGiven(d, dead)
		x.rests("silent")
	}
}

// Who is submitted later joins the group that runs, or makes one with the transfer that runs alone.
func TestLateNeighboursJoin(t *testing.T) {
	for _, first := range []int{1, 2} {
		x := newCircle(t, 2, 4)
		d := x.sendAll(20_000, x.others[:first]...)
		x.run(4*time.Second, never)
		for _, n := range x.others[first:] {
			x.from.sendBody(n.id, x.from.bodies[d], Message)
		}
		x.whenGiven(d, x.others...)
		if sent := x.cast + x.data; sent > 27_000 || x.cast < 15_000 {
			t.Errorf("%d first: %d octets in group frames of %d in all, want 15,000 of 27,000", first, x.cast, sent)
		}
		x.rests("late")
	}
}

// A member whose radio no longer reaches us goes on over another port, and leaves the group.
func TestAMemberThatChangesPortsLeavesTheGroup(t *testing.T) {
	x := newCircle(t, 3, 3)
	b, wire := x.others[0], x.datagram(0)
	x.from.join(wire)
	b.join(wire)
	b.up(b.stations[1])
	x.from.up(x.from.stations[1])
	x.run(30*time.Second, never)
	watch := x.onFrame
	d := x.sendAll(20_000, x.others...)
	x.run(8*time.Second, never)
	o, members := x.from.core.peer(b.id).out(d), len(x.from.core.ports[0].casts[0].members)
	x.onFrame = func(s *station, f []byte) []byte {
		if s.node == b && s.ch == x.ch {
			return nil
		}
		return watch(s, f)
	}
	x.whenGiven(d, b)
	if members != 3 || o.group.cast != nil || wire.octets < 500 {
		t.Errorf("%d members first, in a group at the end: %v, %d octets over the wire", members, o.group.cast != nil, wire.octets)
	}
	x.whenGiven(d, x.others...)
	x.rests("ports")
}

// An emergency for one of the members goes between the frames of a group, and the group goes on.
func TestAnEmergencyPassesAGroup(t *testing.T) {
	x := newCircle(t, 4, 3)
	d := x.sendAll(20_000, x.others...)
	x.run(5*time.Second, never)
	e := x.from.send(x.others[2], 100, Emergency)
	if took := x.whenGiven(e, x.others[2]); took > 3*time.Second {
		t.Errorf("the emergency took %v, want 3 s at most", took)
	}
	x.whenGiven(d, x.others...)
	x.rests("emergency")
}

// In the middle of a burst neither sending nor receiving a group frame takes memory.
func TestGroupFramesAllocateNothing(t *testing.T) {
	x := newCircle(t, 1, 3)
	x.sendAll(200_000, x.others...)
	x.run(6*time.Second, never)
	from, to := x.from.core, x.others[0].core
	buf := make([]byte, 0, 512)
	frames := 0
	allocs := testing.AllocsPerRun(12, func() {
		b, ok := from.PollTransmit(x.now, 1, buf)
		if !ok || wire.TypeOf(b) != wire.TypeCast {
			return
		}
		frames++
		to.HandleFrame(x.now, 1, b, Meta{})
	})
	if frames < 12 || allocs > 0 {
		t.Errorf("%d frames, %v allocations each, want none", frames, allocs)
	}
}

// When the one who wanted more is gone in the middle of a burst, the others are still asked.
func TestAGroupIsAskedThoughNothingIsLeftToSend(t *testing.T) {
	x := newCircle(t, 5, 3)
	d := x.sendAll(20_000, x.others...)
	x.run(6*time.Second, never)
	for _, n := range x.others[1:] {
		o := x.from.core.peer(n.id).out(d)
		clear(o.want)
		o.left, o.upto = 0, o.lay.blocks
	}
	first := x.others[0]
	x.from.unqueue(first.id, d)
	x.from.event(Withdraw{first.id, d})
	x.whenGiven(d, x.others[1:]...)
	x.rests("asked", first)
}
