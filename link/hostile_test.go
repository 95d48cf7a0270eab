package link

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"packhorse/link/wire"
)

// record keeps every frame that was on the air.
func record(w *world) *[][]byte {
	var frames [][]byte
	w.onFrame = func(_ *station, b []byte) []byte {
		frames = append(frames, bytes.Clone(b))
		return b
	}
	return &frames
}

// Whatever was on the air is sent again to both, twice. Nothing comes of it but counters.
func TestReplayedFramesDoNothing(t *testing.T) {
	w, a, b, ch := pair(t, 1, 0)
	frames := record(w)
	w.run(time.Minute, met(a, b))
	var ds []Digest
	for _, size := range []int{100, 1000, 10000} {
		ds = append(ds, a.send(b, size, Message))
	}
	if !w.run(10*time.Minute, delivered(a, b, ds...)) {
		t.Fatal("not delivered")
	}
	w.run(time.Minute, never)
	w.onFrame = nil
	sessions := [2]*session{a.core.peers[0].paths[0].current, b.core.peers[0].paths[0].current}
	octets := ch.octets
	for range 2 {
		for _, f := range *frames {
			for _, n := range w.nodes {
				n.core.HandleFrame(w.now, 1, f, Meta{})
				n.drain()
			}
			w.run(50*time.Millisecond, never)
		}
	}
	w.run(10*time.Second, never)
	if answers := ch.octets - octets; answers > 600 {
		t.Errorf("%d replayed frames made us send %d octets", 4*len(*frames), answers)
	}
	for _, d := range ds {
		if b.stored[d] != 1 {
			t.Errorf("%s received %d times", d, b.stored[d])
		}
	}
	if s := [2]*session{a.core.peers[0].paths[0].current, b.core.peers[0].paths[0].current}; s != sessions {
		t.Errorf("a replay changed a session")
	}
	st := b.core.Stats()
	if st.Dropped[DropReplay] == 0 || st.Dropped[DropStale] == 0 || st.Dropped[DropDuplicate]+st.Dropped[DropNotOurs] == 0 {
		t.Errorf("dropped %v", dropped(st))
	}
	d := a.send(b, 5000, Message)
	if !w.run(10*time.Minute, delivered(a, b, d)) {
		t.Errorf("nothing moves after the replay: %+v", a.core.Transfers())
	}
}

func dropped(s Stats) string {
	var b bytes.Buffer
	for _, d := range Drops() {
		if n := s.Dropped[d]; n > 0 {
			fmt.Fprintf(&b, "%s %d, ", d, n)
		}
	}
	return b.String()
}

// Every frame also comes damaged in one octet, before the good one.
func TestDamagedFramesChangeNothing(t *testing.T) {
	for seed := range uint64(4) {
		w, a, b, _ := pair(t, seed, 0.1)
		w.onFrame = func(from *station, f []byte) []byte {
			bad := bytes.Clone(f)
			bad[w.rng.IntN(len(bad))] ^= byte(1 + w.rng.IntN(255))
			for _, n := range w.nodes {
				n.core.HandleFrame(w.now, 1, bad, Meta{})
				n.drain()
			}
			return f
		}
		if !w.run(2*time.Minute, met(a, b)) {
			t.Fatalf("seed %d: no session", seed)
		}
		sent := mixed(w)
		if !w.run(3*time.Hour, all(sent)) {
			t.Fatalf("seed %d: not all delivered", seed)
		}
		w.run(time.Minute, never)
		check(t, w, "damaged", sent)
	}
}

func TestAnotherDomainIsNotHeard(t *testing.T) {
	w, a, b, ch := pair(t, 1, 0)
	w.domain.Key[31]++
	x := w.node("x", ch)
	w.domain.Key[31]--
	w.domain.Epoch++
	y := w.node("y", ch)
	w.acquaintAll()
	w.run(5*time.Minute, never)
	if !met(a, b)() || len(x.peers)+len(y.peers) > 0 || len(a.peers) != 1 {
		t.Errorf("sessions: a %d, b %d, x %d, y %d", len(a.peers), len(b.peers), len(x.peers), len(y.peers))
	}
	if a.core.Stats().Dropped[DropForeign] == 0 {
		t.Errorf("dropped %s", dropped(a.core.Stats()))
	}
}

// A flood of openings, from strangers and repeated ones, costs no memory.
func TestAFloodOfHandshakes(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	frames := record(w)
	w.run(time.Minute, met(a, b))
	w.onFrame = nil
	for range 20000 {
		f := make([]byte, wire.Handshake1Size)
		for i := range f {
			f[i] = byte(w.rng.Uint32())
		}
		f[0] = byte(wire.TypeHandshake1) << 4
		a.core.HandleFrame(w.now, 1, f, Meta{})
	}
	for _, f := range *frames {
		for range 2000 {
			a.core.HandleFrame(w.now, 1, f, Meta{})
			b.core.HandleFrame(w.now, 1, f, Meta{})
		}
	}
	for _, n := range w.nodes {
		p := n.core.ports[0]
		if len(n.core.sessions) > 5 || len(p.raw) > maxRaw || len(n.core.peers) != 1 || len(p.paths) != 1 {
			t.Errorf("%s: %d sessions, %d frames queued, %d peers", n.name, len(n.core.sessions), len(p.raw), len(n.core.peers))
		}
	}
	d := a.send(b, 5000, Message)
	if !w.run(10*time.Minute, delivered(a, b, d)) {
		t.Errorf("nothing moves after the flood")
	}
}

// say seals messages as a member that does as it likes would.
func say(s *session, ms ...wire.Message) []byte {
	f := wire.AppendControl(nil, wire.Control{To: s.remote, Counter: uint16(s.counter)})
	var plain []byte
	for i := range ms {
		plain = wire.AppendMessage(plain, &ms[i])
	}
	f = s.sendControl.seal(f, wire.ControlNonce(s.counter), plain, f[:wire.ControlHeader], wire.TagSize)
	s.counter++
	return f
}

// A member offers without end: every table stays within its bound, and others are served.
func TestTheTablesAreBounded(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.radio(0)
	a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
	w.acquaintAll()
	w.meet(2*time.Minute, a, b, x)
	s := x.core.peer(b.id).paths[0].current
	for i := range 3000 {
		m := wire.Message{Kind: wire.KindOffer, Stream: uint16(i), Size: 1 << 20, Lifetime: 5}
		binary.BigEndian.PutUint32(m.Digest[:], uint32(i))
		if i%3 == 0 {
			m.Flags, m.Size = wire.FlagFollows, 1900
		}
		b.core.HandleFrame(w.now, 1, say(s, m), Meta{})
		h := wire.Data{Stream: uint16(i + 9000)}
		f := wire.AppendData(nil, h)
		f = s.sendData.seal(f, h.Nonce(61), make([]byte, 61), f[:wire.DataHeader], wire.ShortTag)
		b.core.HandleFrame(w.now, 1, f, Meta{})
		b.drain()
		w.run(10*time.Millisecond, never)
	}
	bs := b.core.peer(x.id).paths[0].current
	switch {
	case len(bs.in) > maxInStreams, len(bs.inOrder) != len(bs.in), len(bs.owed) > maxInStreams, len(bs.early) > maxEarly:
		t.Errorf("streams %d and %d, owed %d, early %d", len(bs.in), len(bs.inOrder), len(bs.owed), len(bs.early))
	case b.core.memory > DefaultMaxReassembly, len(b.core.order) > maxPartial:
		t.Errorf("%d octets in %d bodies", b.core.memory, len(b.core.order))
	case b.core.Stats().Dropped[DropFull] == 0:
		t.Errorf("dropped %s", dropped(b.core.Stats()))
	}
	d := a.send(b, 5000, Message)
	if !w.run(time.Hour, delivered(a, b, d)) {
		t.Errorf("another peer is not served: %+v\n%s", a.core.Transfers(), dropped(b.core.Stats()))
	}
}

func TestMembersAndPortsAreBounded(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	for i := range 2 * maxPeers {
		var m Member
		binary.BigEndian.PutUint32(m.ID[:], uint32(i+1))
		a.event(AddMember{m})
	}
	for i := range 2 * maxPorts {
		a.event(PortUp{Port: Port(i + 10), Medium: Datagram, MTU: 1200})
	}
	a.event(PortUp{Port: 9, Medium: Radio, MTU: MinMTU - 1})
	if len(a.core.peers) != maxPeers || len(a.core.ports) != maxPorts {
		t.Errorf("%d peers on %d ports, want %d on %d", len(a.core.peers), len(a.core.ports), maxPeers, maxPorts)
	}
	if !w.run(2*time.Minute, met(a, b)) {
		t.Errorf("the first member is not heard")
	}
}

// A queue takes so many items and refuses the rest as busy.
func TestTheQueueIsBounded(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	busy := 0
	for i := range maxQueue + 10 {
		var d Digest
		binary.BigEndian.PutUint32(d[:], uint32(i))
		a.core.HandleEvent(w.now, Submit{b.id, Item{Digest: d, Size: 20000, Priority: Bulk}})
		for {
			e, ok := a.core.PollEvent()
			if !ok {
				break
			}
			if r, ok := e.(Refused); ok && r.Reason == ReasonBusy {
				busy++
			}
		}
	}
	if busy != 10 {
		t.Errorf("%d items refused, want 10", busy)
	}
}

// A body whose octets are not what was offered is asked for again, then refused.
func TestALyingSenderIsRefused(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	body := bytes.Repeat([]byte("truth"), 600)
	it := Item{Digest: DigestOf(1, body), Kind: 1, Priority: Message, Size: len(body)}
	a.bodies[it.Digest] = body
	a.event(Submit{b.id, it})
	w.run(time.Minute, func() bool { return a.core.bodies[it.Digest].data != nil })
	a.core.bodies[it.Digest].data = bytes.Repeat([]byte("lies!"), 600)
	w.run(10*time.Minute, func() bool { return len(a.refused) > 0 })
	if a.refused[it.Digest] != ReasonMalformed || b.stored[it.Digest] != 0 || b.core.memory != 0 {
		t.Errorf("refused for %v, received %d, %d octets held", a.refused, b.stored[it.Digest], b.core.memory)
	}
	if n := b.core.Stats().Dropped[DropBadBody]; n != maxBad {
		t.Errorf("%d bad bodies counted, want %d", n, maxBad)
	}
}

// Frames of any kind and content, some of them sealed properly, in any state.
func FuzzCore(f *testing.F) {
	w, a, b, _ := pair(f, 1, 0)
	frames := record(w)
	w.run(time.Minute, met(a, b))
	d := a.send(b, 3000, Message)
	w.run(time.Minute, delivered(a, b, d))
	for i, fr := range *frames {
		f.Add(append([]byte{0, byte(len(fr))}, fr...), uint8(i))
	}
	for _, m := range []wire.Message{
		{Kind: wire.KindOffer, Stream: 1, Size: 5000}, {Kind: wire.KindPush, Stream: 2, Body: []byte("x")}, {Kind: wire.KindPoll, Stream: 3, Upto: 9},
		{Kind: wire.KindAnswer, Flags: wire.FlagHeld, Upto: 3, Needs: []wire.BlockNeed{{Block: 1, N: 200}}}, {Kind: wire.KindNeed, Upto: 4096}, {Kind: wire.KindCustody}, {Kind: wire.KindCancel}, {Kind: wire.KindBye},
	} {
		b := wire.AppendMessage(nil, &m)
		f.Add(append([]byte{1, byte(len(b))}, b...), uint8(0))
	}
	f.Fuzz(fuzzed)
}

// fuzzed plays the input: pairs of a verb, a length and so many octets.
func fuzzed(t *testing.T, in []byte, seed uint8) {
	w, a, b, _ := pair(t, uint64(seed), 0.1)
	w.run(time.Minute, met(a, b))
	if seed%2 == 0 {
		a.send(b, 3000, Message)
		b.send(a, 800, Bulk)
		w.run(time.Duration(seed)*100*time.Millisecond, never)
	}
	for steps := 0; len(in) >= 2 && steps < 64; steps++ {
		n := min(int(in[1]), len(in)-2)
		how, part := in[0], in[2:2+n]
		in = in[2+n:]
		s := b.core.peers[0].paths[0].current
		switch {
		case how&3 == 1 && s != nil:
			part = sealControl(s, part)
		case how&3 == 2 && s != nil && n > 5:
			part = sealData(s, part)
		case how&3 == 3:
			w.run(time.Duration(n)*50*time.Millisecond, never)
			continue
		}
		a.core.HandleFrame(w.now, 1, part, Meta{})
		a.drain()
	}
	w.run(30*time.Second, never)
	if a.core.memory < 0 || a.core.memory > DefaultMaxReassembly {
		t.Errorf("memory %d", a.core.memory)
	}
}

func sealControl(s *session, plain []byte) []byte {
	f := wire.AppendControl(nil, wire.Control{To: s.remote, Counter: uint16(s.counter)})
	f = s.sendControl.seal(f, wire.ControlNonce(s.counter), plain, f[:wire.ControlHeader], wire.TagSize)
	s.counter++
	return f
}

func sealData(s *session, b []byte) []byte {
	h := wire.Data{Poll: b[0]&1 != 0, Block: uint16(b[1]), Stream: binary.BigEndian.Uint16(b[2:]), First: b[4]}
	f := wire.AppendData(nil, h)
	return s.sendData.seal(f, h.Nonce(len(b)-5), b[5:], f[:wire.DataHeader], wire.ShortTag)
}

// Two peers send more than fits. What does not fit is refused as busy, nobody
// takes all, and what is left behind makes room after a while.
func TestReassemblyMemoryIsShared(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.radio(0)
	a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
	b.core.cfg.MaxReassembly = 100_000
	w.acquaintAll()
	w.run(2*time.Minute, func() bool { return met(a, b)() && met(b, x)() })
	greedy := []Digest{x.send(b, 30_000, Bulk), x.send(b, 31_000, Bulk), x.send(b, 32_000, Bulk)}
	w.run(10*time.Second, func() bool { return len(x.refused) > 0 })
	refused := 0
	for _, d := range greedy {
		if x.refused[d] == ReasonBusy {
			refused++
		}
	}
	if refused != 2 || b.core.memory > 50_000 {
		t.Errorf("%d of three refused with %d octets held, want 2", refused, b.core.memory)
	}
	d := a.send(b, 60_000, Message)
	if !w.run(time.Hour, delivered(a, b, d)) {
		t.Fatalf("the other peer is starved: %+v, refused %v", a.core.Transfers(), a.refused)
	}
	w.run(time.Hour, func() bool { return len(x.custody) == 1 })
	big := x.send(b, 90_000, Bulk)
	w.run(time.Hour, func() bool { return x.custody[big] > 0 || len(x.refused) == 3 })
	if x.custody[big] == 0 {
		t.Errorf("one body alone may take the memory there is: refused %v", x.refused)
	}
	if b.core.memory != 0 {
		t.Errorf("%d octets held at the end", b.core.memory)
	}
}
