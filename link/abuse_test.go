package link

import (
	"bytes"
	"testing"
	"time"

	"packhorse/link/wire"
)

// A forged answer with a key of low order must not spoil the opening for the real one.
func TestAForgedAnswerDoesNotSpoilTheOpening(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	forged := 0
	w.onFrame = func(from *station, f []byte) []byte {
		if wire.TypeOf(f) != wire.TypeHandshake1 || forged > 0 {
			return f
		}
		h, _ := wire.ParseHandshake1(f)
		forged++
		from.node.core.HandleFrame(w.now, 1, wire.AppendHandshake2(nil, wire.Handshake2{To: h.Index, Index: 7, Noise: make([]byte, wire.NoiseKK)}), Meta{})
		return f
	}
	w.run(time.Minute, met(a, b))
	n := a.core.Stats().Dropped[DropHandshake] + b.core.Stats().Dropped[DropHandshake]
	if forged != 1 || !met(a, b)() || n != 1 {
		t.Errorf("%d forged, met %v, %d handshake messages dropped, want just the forged one", forged, met(a, b)(), n)
	}
}

// However late answers come, a question waits for a bounded time: the port is silent meanwhile.
func TestASlowPeerDoesNotSilenceThePort(t *testing.T) {
	const medium = 200 * time.Millisecond
	var d delay
	for range 40 {
		d.learn(d.wait(medium) - time.Millisecond)
	}
	if got := d.wait(medium); got > 10*time.Second {
		t.Errorf("waits %v for an answer after 40 late ones", got)
	}
	d = delay{}
	d.learn(10 * time.Hour) // the board slept
	if got := d.wait(medium); got > 10*time.Second {
		t.Errorf("waits %v for an answer after a suspended board", got)
	}
}

// Short junk that looks like the bulk of others must not keep a gateway silent for ever.
func TestJunkDoesNotSilenceTheRadio(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	d := a.send(b, 5000, Message)
	done := false
	for range 20 * 60 * 2 {
		for _, n := range w.nodes {
			n.core.HandleFrame(w.now, 1, []byte{0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8}, Meta{})
		}
		if done = w.run(500*time.Millisecond, delivered(a, b, d)); done {
			break
		}
	}
	if !done {
		t.Errorf("nothing moves in 20 min under 45 ms of junk each 500 ms: %+v", a.core.Transfers())
	}
}

// Symbols of a small body that is being stored already are late, not fatal.
func TestSymbolsWhileAPushIsStored(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	b.noStore = true
	s := a.core.peer(b.id).paths[0].current
	body := bytes.Repeat([]byte("ten octets"), 15)
	h := wire.Data{Stream: 901, First: 1}
	f := wire.AppendData(nil, h)
	f = s.sendData.seal(f, h.Nonce(50), make([]byte, 50), f[:wire.DataHeader], wire.ShortTag)
	b.core.HandleFrame(w.now, 1, f, Meta{})
	push := wire.Message{Kind: wire.KindPush, Stream: 900, ItemKind: 1, Priority: 1, Body: body}
	offer := wire.Message{Kind: wire.KindOffer, Flags: wire.FlagFollows, Stream: 901, Digest: DigestOf(1, body), ItemKind: 1, Priority: 1, Size: uint32(len(body))}
	b.core.HandleFrame(w.now, 1, say(s, push, offer), Meta{})
	b.drain()
	if b.stored[DigestOf(1, body)] != 1 {
		t.Errorf("received %d times, want once", b.stored[DigestOf(1, body)])
	}
}

// Old beacons of a gateway that is gone, sent again for ever, must not make us fill the air.
func TestRepeatedBeaconsOfAnAbsentMember(t *testing.T) {
	w, a, b, ch := pair(t, 1, 0)
	frames := record(w)
	w.run(time.Minute, met(a, b))
	b.restart()
	w.run(time.Minute, met(a, b))
	w.onFrame = nil
	var old [][]byte
	boots := map[uint32]bool{}
	for _, f := range *frames {
		if p, err := wire.ParseBeacon(f); err == nil && p.Short == b.core.short && !boots[p.Boot] {
			boots[p.Boot] = true
			old = append(old, f)
		}
	}
	if len(old) < 2 {
		t.Fatalf("%d boots heard", len(old))
	}
	b.core.HandleEvent(w.now, PortDown{1})
	w.run(time.Hour, func() bool { return len(a.downs) > 0 && !a.peers[b.id] })
	w.run(10*time.Minute, never)
	used, sent := ch.octets, 0
	for i := range 200 {
		f := old[i%len(old)]
		a.core.HandleFrame(w.now, 1, f, Meta{})
		sent += len(f)
		w.run(3*time.Second, never)
	}
	if ch.octets-used > sent {
		t.Errorf("%d octets of old beacons made us send %d", sent, ch.octets-used)
	}
}

// A and B heard each other; then B hears nothing any more.
func TestOneWayLossCostsLittleAir(t *testing.T) {
	w, a, b, ch := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	w.onFrame = func(from *station, f []byte) []byte {
		if from.node == a {
			return nil
		}
		return f
	}
	a.send(b, 20000, Message)
	used, start := ch.airUsed, w.now
	w.run(2*time.Hour, never)
	if share := float64(ch.airUsed-used) / float64(w.now.Sub(start)); share > 0.03 {
		t.Errorf("%.1f %% of the air for a neighbour that hears nothing", 100*share)
	}
}

// A member that sends junk for a body must not get an honest sender of the same body refused.
func TestALiarDoesNotGetAnHonestSenderRefused(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(t, seed)
		ch := w.radio(0)
		a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
		w.acquaintAll()
		w.meet(2*time.Minute, a, b, x)
		body := make([]byte, 9000)
		for i := range body {
			body[i] = byte(w.rng.Uint32())
		}
		d := DigestOf(1, body)
		lies := func(s *session) {
			m := wire.Message{Kind: wire.KindOffer, Flags: wire.FlagFollows, Stream: 900, Digest: d, ItemKind: 1, Size: 9000, Priority: 1, Lifetime: 9}
			b.core.HandleFrame(w.now, 1, say(s, m), Meta{})
			b.drain()
			lay := layoutOf(9000)
			for blk := range lay.blocks {
				h := wire.Data{Block: uint16(blk), Stream: 900}
				f := wire.AppendData(nil, h)
				f = s.sendData.seal(f, h.Nonce(4*lay.sym), make([]byte, 4*lay.sym), f[:wire.DataHeader], wire.ShortTag)
				b.core.HandleFrame(w.now, 1, f, Meta{})
				b.drain()
			}
		}
		w.run(20*time.Second, never)
		s := x.core.peer(b.id).paths[0].current
		a.sendBody(b.id, body, Message)
		next := w.now
		ok := w.run(10*time.Minute, func() bool {
			if !w.now.Before(next) {
				lies(s)
				next = w.now.Add(2 * time.Second)
			}
			return a.custody[d] > 0 || len(a.refused) > 0
		})
		if !ok || a.refused[d] != ReasonNone || !bytes.Equal(b.got[d], body) {
			t.Errorf("seed %d: done %v, refused for %v, received %d times", seed, ok, a.refused, b.stored[d])
		}
	}
}

// Old beacons of a neighbour whose radio died must not keep transfers on the radio.
func TestRepeatedBeaconsDoNotHoldTransfersOnADeadRadio(t *testing.T) {
	w := newWorld(t, 1)
	air, dg := w.radio(0), w.datagram(0)
	a, b := w.node("a", air, dg), w.node("b", air, dg)
	w.acquaintAll()
	var old [][]byte
	w.onFrame = func(from *station, f []byte) []byte {
		if wire.TypeOf(f) == wire.TypeBeacon && from.node == b && from.ch == air {
			old = append(old, bytes.Clone(f))
		}
		return f
	}
	for range 4 {
		w.run(40*time.Second, never)
		b.restart()
	}
	w.run(80*time.Second, never)
	w.onFrame = func(from *station, f []byte) []byte {
		if from.ch == air {
			return nil
		}
		return f
	}
	d, ok := a.send(b, 20000, Message), false
	for i := 0; i < 120 && !ok; i++ {
		a.core.HandleFrame(w.now, 1, old[i%len(old)], Meta{})
		ok = w.run(500*time.Millisecond, delivered(a, b, d))
	}
	if !ok {
		t.Errorf("not delivered in a minute: %+v", a.core.Transfers())
	}
}
