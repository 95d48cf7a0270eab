package link

import (
	"encoding/binary"
	"testing"
	"time"

	"packhorse/link/wire"
)

// numbered is an item of a size, told from others by a number.
func numbered(i, size int) Item {
	it := Item{Kind: 1, Priority: Message, Size: size, Lifetime: time.Hour}
	binary.BigEndian.PutUint32(it.Digest[:], uint32(i+1))
	return it
}

// half is a body of which a restart gives back the first block.
func half(it Item) Resume {
	lay := layoutOf(it.Size)
	e := Resume{Item: it, Symbols: make([]byte, lay.data(0)*lay.sym)}
	for i := range lay.data(0) {
		bitmapOf(&e.Have).set(i)
	}
	return e
}

func (c *Core) holds(it Item) bool {
	for _, re := range c.order {
		if re.item.Digest == it.Digest {
			return true
		}
	}
	return false
}

// A member that offers without end pushes out neither what a restart gave back nor what others began.
func TestOffersPushOutNothingOfOthers(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.radio(0)
	b, x := w.node("b", ch), w.node("x", ch)
	w.acquaintAll()
	w.run(2*time.Minute, met(b, x))
	var saved, begun []Item
	for i := range 20 {
		saved = append(saved, numbered(9000+i, 9000))
		b.event(half(saved[i]))
		begun = append(begun, numbered(9500+i, 9000))
		b.core.reassemble(begun[i], PeerID{7}, false)
	}
	s := x.core.peer(b.id).paths[0].current
	for i := range 2000 {
		m := wire.Message{Kind: wire.KindOffer, Flags: wire.FlagFollows, Stream: uint16(i), Digest: numbered(i, 0).Digest, ItemKind: 1, Priority: 1, Size: uint32(1900 + i%2*100_000), Lifetime: 5}
		b.core.HandleFrame(w.now, 1, say(s, m), Meta{})
		b.drain()
		if i%60 == 59 { // what it has open is left behind with the session
			bs := b.core.peer(x.id).paths[0].current
			for len(bs.inOrder) > 0 {
				bs.forgetOldest()
			}
		}
		w.run(20*time.Millisecond, never)
	}
	for i := range saved {
		if !b.core.holds(saved[i]) || b.dropped[saved[i].Digest] {
			t.Errorf("saved body %d was pushed out", i)
		}
		if !b.core.holds(begun[i]) {
			t.Errorf("body %d of another was pushed out", i)
		}
	}
	if memory, places := b.core.held(x.id); places > peerPartial || memory > DefaultMaxReassembly/2 {
		t.Errorf("one peer holds %d bodies of %d octets", places, memory)
	}
}

// What a restart gave back goes in the end: after a day in which nobody sent it, when room is needed.
func TestSavedBodiesAreGivenUpAfterADay(t *testing.T) {
	w := newWorld(t, 1)
	b := w.node("b")
	b.core.cfg.MaxReassembly = 100_000
	it := numbered(1, 60_000)
	b.event(half(it))
	b.core.now = w.now.Add(23 * time.Hour)
	if b.core.reassemble(numbered(2, 60_000), PeerID{7}, false) != nil || !b.core.holds(it) {
		t.Error("a saved body is given up within a day")
	}
	b.core.now = w.now.Add(25 * time.Hour)
	if b.core.reassemble(numbered(2, 60_000), PeerID{7}, false) == nil || b.core.holds(it) {
		t.Error("a saved body that nobody sends is kept although room is needed")
	}
	b.drain()
	if !b.dropped[it.Digest] {
		t.Error("the disk was not told")
	}
}

// More than half of the memory is not filled from the disk, but for one body; the rest is forgotten on the disk too.
func TestAShareOfTheMemoryIsForSavedBodies(t *testing.T) {
	w := newWorld(t, 1)
	b := w.node("b")
	b.core.cfg.MaxReassembly = 100_000
	for i := range 8 {
		b.event(half(numbered(i, 20_000)))
	}
	if n := len(b.core.order); n != 2 || len(b.dropped) != 6 {
		t.Errorf("%d bodies resumed, %d dropped; want 2 and 6", n, len(b.dropped))
	}
}

// A peer that joins somebody else's body and leaves again does not take the body with it.
func TestLeavingDoesNotEraseWhatOthersGave(t *testing.T) {
	for name, leave := range map[string]func(c *Core, st *inStream){
		"cancelled": func(c *Core, st *inStream) { c.cancelled(st.sess, st.stream) },
		"refused": func(c *Core, st *inStream) {
			c.answered(Answer{Peer: st.peer().id, Digest: st.item.Digest, Verdict: Refuse, Reason: ReasonFull})
		},
	} {
		w := newWorld(t, 1)
		b := w.node("b", w.radio(0))
		b.core.now = w.now
		all := crowd(b.core, 2)
		it := numbered(1, 9000)
		streams := [2]*inStream{}
		for i, s := range all {
			streams[i] = &inStream{sess: s, stream: 5, item: it}
			s.remember(streams[i])
			b.core.join(streams[i])
		}
		lay := layoutOf(9000)
		b.core.put(streams[0], wire.Data{}, make([]byte, 4*lay.sym))
		b.core.forget(all[0])
		leave(b.core, streams[1])
		if !b.core.holds(it) || b.core.order[0].got != 4 {
			t.Errorf("%s: the body went with who gave nothing of it", name)
		}
		st := &inStream{sess: all[0], stream: 6, item: it}
		all[0].remember(st)
		b.core.join(st)
		b.core.cancelled(all[0], 6)
		if b.core.holds(it) {
			t.Errorf("%s: the body stays although its only source left", name)
		}
	}
}

// Two peers fill what large bodies may have: what comes whole still finds room.
func TestSmallBodiesFindRoom(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	b.core.cfg.MaxReassembly = 200_000
	w.run(time.Minute, met(a, b))
	for i := range 140 {
		size, from := 9000, PeerID{byte(1 + i%2)}
		if i >= 40 {
			size, from = 200, PeerID{3}
		}
		if re := b.core.reassemble(numbered(i, size), from, false); re != nil {
			re.streams = []*inStream{{sess: b.core.peer(a.id).paths[0].current}}
		}
	}
	if b.core.reassemble(numbered(999, 200), PeerID{4}, false) != nil {
		t.Fatalf("a body that comes in parts finds room beside %d octets", b.core.memory)
	}
	d := a.send(b, 150, Message)
	if !w.run(10*time.Second, delivered(a, b, d)) {
		t.Errorf("a small body finds no room: refused %v, %d octets in %d bodies", a.refused, b.core.memory, len(b.core.order))
	}
}

// A symbol now and then does not keep a large body.
func TestSingleSymbolsDoNotKeepABody(t *testing.T) {
	w := newWorld(t, 1)
	b := w.node("b", w.radio(0))
	b.core.now = w.now
	s := crowd(b.core, 1)[0]
	put := func(it Item, stream uint16, each int) bool {
		st := &inStream{sess: s, stream: stream, item: it}
		s.remember(st)
		b.core.join(st)
		sym, given := st.body.lay.sym, 0
		for range 12 {
			b.core.now = b.core.now.Add(9 * time.Minute)
			for range each {
				b.core.put(st, wire.Data{Block: uint16(given / 40), First: uint8(given % 40)}, make([]byte, sym))
				given++
			}
			for range 3 { // what it has already is no progress either
				b.core.put(st, wire.Data{}, make([]byte, sym))
			}
		}
		return b.core.abandoned(st.body)
	}
	if !put(numbered(1, 100_000), 1, 1) {
		t.Error("one symbol in nine minutes keeps a body of 100,000 octets")
	}
	if put(numbered(2, 100_000), 2, 26) {
		t.Error("a body that grows by 1600 octets in nine minutes is abandoned")
	}
}

// A body that the gateway has from elsewhere keeps no place when nobody sends it any more.
func TestNoPlaceForWhatTheGatewayHas(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	d := a.send(b, 20_000, Message)
	w.run(time.Minute, func() bool { return len(b.core.order) == 1 && b.core.order[0].got > 0 })
	b.core.closePath(b.core.peer(a.id).paths[0], "gone")
	if held := len(b.core.order); held != 1 {
		t.Fatalf("%d bodies are held after the session, want the part of one", held)
	}
	b.event(Answer{Peer: a.id, Digest: d, Verdict: Have})
	if len(b.core.order) != 0 || b.core.memory != 0 {
		t.Errorf("%d bodies of %d octets are held, want none", len(b.core.order), b.core.memory)
	}
}
