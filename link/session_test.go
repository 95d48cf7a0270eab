package link

import (
	"bytes"
	"crypto/cipher"
	"fmt"
	"testing"
	"time"

	"packhorse/link/wire"
)

// spy is an AEAD that knows what each nonce sealed.
type spy struct {
	cipher.AEAD
	seen map[string]string
	t    testing.TB
}

func (s *spy) Seal(dst, nonce, plain, head []byte) []byte {
	said := string(head) + "|" + string(plain)
	if before, ok := s.seen[string(nonce)]; ok && before != said {
		s.t.Errorf("nonce %x seals %x and %x", nonce, before, said)
	}
	s.seen[string(nonce)] = said
	return s.AEAD.Seal(dst, nonce, plain, head)
}

func spyOn(t testing.TB, s *sealer) {
	if _, is := s.aead.(*spy); !is {
		s.aead = &spy{s.aead, map[string]string{}, t}
	}
}

// wears has every session nearly worn when it begins, after so many frames or streams of its own, and watches its
// nonces. It answers how many sessions there were.
func (w *world) wears(frames, streams int) func() int {
	known := map[*session]bool{}
	w.watch = func(n *node) {
		for _, s := range n.core.sessions {
			if !known[s] {
				known[s] = true
				s.frames, s.streams = uint64(rekeyFrames-frames), rekeyStreams-streams
			}
			spyOn(w.t, s.sendControl)
			spyOn(w.t, s.sendData)
		}
		for _, p := range n.core.ports {
			if p.group != nil {
				spyOn(w.t, p.group.seal)
			}
		}
	}
	return func() int { return len(known) }
}

// once fails unless each body came once, custody of it too, and no session ended.
func once(t *testing.T, what string, from, to *node, ds ...Digest) {
	t.Helper()
	for _, d := range ds {
		if to.stored[d] != 1 || from.custody[d] != 1 || !bytes.Equal(to.got[d], from.bodies[d]) {
			t.Errorf("%s: %s of %s to %s: received %d times, custody %d times, want once", what, d, from.name, to.name, to.stored[d], from.custody[d])
		}
	}
	if len(from.downs)+len(to.downs) > 0 {
		t.Errorf("%s: sessions went down: %+v %+v", what, from.downs, to.downs)
	}
}

// Keys are replaced by volume in the middle of transfers: on a radio, on excursions, in a group, over a wire.
func TestRekeyByVolume(t *testing.T) {
	for name, build := range map[string]func(w *world){
		"radio":      func(w *world) { w.join(w.radio(0.1), 2) },
		"excursions": func(w *world) { w.join(w.slowRadio(0.05).withRates(2, 8), 2) },
		"group":      func(w *world) { w.join(w.radio(0.1), 4) },
		"wire":       func(w *world) { w.join(w.datagram(0.02), 2) },
	} {
		for seed := range seeds(6) {
			w := newWorld(t, seed)
			build(w)
			sessions := w.wears(15, rekeyStreams)
			if seed%2 == 1 {
				sessions = w.wears(rekeyFrames, 2)
			}
			w.acquaintAll()
			a := w.nodes[0]
			if !w.run(10*time.Minute, func() bool { return len(a.ups) == len(w.nodes)-1 }) {
				t.Fatalf("%s, seed %d: not all met", name, seed)
			}
			w.exchange(t, fmt.Sprintf("%s, seed %d", name, seed))
			if n, first := sessions(), 2*(len(w.nodes)-1); n <= first {
				t.Errorf("%s, seed %d: %d ends of sessions, want more than the first %d", name, seed, n, first)
			}
		}
	}
}

func (w *world) slowRadio(loss float64) *channel {
	ch := w.radio(loss)
	ch.airtime = func(n int) time.Duration { return 6 * sf7(n) }
	return ch
}

func (w *world) join(ch *channel, nodes int) {
	for i := range nodes {
		w.node(string(rune('a'+i)), ch)
	}
}

// exchange brings a body to all, an emergency in between, and something back.
func (w *world) exchange(t *testing.T, what string) (bulk Digest) {
	t.Helper()
	a, b := w.nodes[0], w.nodes[1]
	body := make([]byte, 25_000)
	for i := range body {
		body[i] = byte(w.rng.Uint32())
	}
	for _, n := range w.nodes[1:] {
		bulk = a.sendBody(n.id, body, Bulk)
	}
	back := []Digest{b.send(a, 9000, Bulk), b.send(a, 600, Message), b.send(a, 1500, Message)}
	w.run(5*time.Second, never)
	urgent := a.send(b, 900, Emergency)
	if !w.run(time.Hour, func() bool {
		return a.custody[bulk] == len(w.nodes)-1 && delivered(a, b, urgent)() && delivered(b, a, back...)()
	}) {
		t.Fatalf("%s: not delivered: %+v", what, a.core.Transfers())
	}
	w.run(2*time.Minute, never)
	once(t, what, a, b, urgent)
	once(t, what, b, a, back...)
	for _, n := range w.nodes[1:] {
		if n.stored[bulk] != 1 || a.custody[bulk] != len(w.nodes)-1 {
			t.Errorf("%s: %s received %d times, custody of all %d times", what, n.name, n.stored[bulk], a.custody[bulk])
		}
	}
	return bulk
}

// agreed reports whether both hold the same session for the one in force.
func agreed(a, b *node) bool {
	if len(a.core.peers[0].paths) == 0 || len(b.core.peers[0].paths) == 0 {
		return false
	}
	x, y := a.core.peers[0].paths[0].current, b.core.peers[0].paths[0].current
	return x != nil && y != nil && x.remote == y.index && y.remote == x.index
}

// Both open at once; any handshake frame or confirmation is lost, and either side starts anew at any moment.
func TestTieBreakWithLossesAndRestarts(t *testing.T) {
	var worst time.Duration
	for seed := range seeds(120) {
		w, a, b, _ := pair(t, seed, 0)
		lost, k := w.rng.IntN(6), 0
		w.onFrame = func(s *station, f []byte) []byte {
			if t := wire.TypeOf(f); t == wire.TypeHandshake1 || t == wire.TypeHandshake2 || t == wire.TypeControl {
				if k++; k == lost || k == lost+2 {
					return nil
				}
			}
			return f
		}
		open := func() {
			for _, n := range w.nodes {
				n.core.now = w.now
				n.core.greet(n.core.path(n.core.peers[0], n.core.ports[0]), 0)
			}
		}
		open()
		w.run(time.Duration(w.rng.IntN(2500))*time.Millisecond, never)
		if seed%4 != 0 {
			w.nodes[seed%2].restart()
		}
		if seed%8 > 4 {
			open()
		}
		d, e := a.send(b, 2500, Message), b.send(a, 2500, Message)
		from := w.now
		if !w.run(5*time.Minute, func() bool { return delivered(a, b, d)() && delivered(b, a, e)() }) {
			t.Fatalf("seed %d: not delivered", seed)
		}
		worst = max(worst, w.now.Sub(from))
		if w.run(time.Minute, never); !agreed(a, b) || b.stored[d] != 1 || a.stored[e] != 1 {
			t.Errorf("seed %d: agreed %v, received %d and %d times, want once", seed, agreed(a, b), b.stored[d], a.stored[e])
		}
	}
	if t.Logf("worst: %v", worst); worst > 2*time.Minute {
		t.Errorf("the worst took %v, want 2 min at most", worst)
	}
}

// One queue for both ports: every transfer has one path at a time and every body arrives once, however often the
// ports go down and come back, in a group, on an excursion, with an emergency in between.
func TestPathSwitchesInMidTransfer(t *testing.T) {
	for name, build := range map[string]func(w *world) *channel{
		"two":        func(w *world) *channel { ch := w.radio(0.1); w.join(ch, 2); return ch },
		"group":      func(w *world) *channel { ch := w.radio(0.05); w.join(ch, 4); return ch },
		"excursions": func(w *world) *channel { ch := w.slowRadio(0.05).withRates(4, 8); w.join(ch, 2); return ch },
	} {
		switched := 0
		for seed := range seeds(12) {
			what := fmt.Sprintf("%s, seed %d", name, seed)
			w := newWorld(t, seed)
			air := build(w)
			link := w.datagram(0)
			link.airtime = func(n int) time.Duration { return sf7(n) } // slow enough to switch in the middle
			for _, n := range w.nodes[:2] {
				n.join(link)
			}
			for _, n := range w.nodes[:2] {
				n.up(n.stations[1])
			}
			w.wears(rekeyFrames, rekeyStreams)
			w.acquaintAll()
			if !w.run(10*time.Minute, func() bool { return len(w.nodes[0].ups) >= len(w.nodes) }) {
				t.Fatalf("%s: not all met", what)
			}
			w.switches(air, link)
			bulk, ports := w.exchange(t, what), map[Port]bool{}
			for _, p := range w.nodes[0].progress {
				if p.Digest == bulk && p.Peer == w.nodes[1].id {
					ports[p.Port] = true
				}
			}
			if len(ports) == 2 {
				switched++
			}
		}
		if switched < 6 {
			t.Errorf("%s: %d of 12 transfers took both ports, want half of them at least", name, switched)
		}
	}
}

// switches has the two channels go down and up in turn, now and then both up.
func (w *world) switches(air, link *channel) {
	n := w.nodes[0]
	var next func()
	round := 0
	next = func() {
		round++
		air.down, link.down = round%4 == 1, round%4 == 3
		if round < 24 {
			n.later = append(n.later, laterEvent{at: w.now.Add(time.Duration(4+w.rng.IntN(10)) * time.Second), do: next})
		} else {
			air.down, link.down = false, false
		}
	}
	n.later = append(n.later, laterEvent{at: w.now.Add(3 * time.Second), do: next})
}

// Whoever plays a question for a sign of life again gets no second answer under the nonce of the first.
func TestASignOfLifeHasItsOwnNonce(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.wears(rekeyFrames, rekeyStreams)
	var check []byte
	again, after := 0, 0
	w.onFrame = func(s *station, f []byte) []byte {
		switch wire.TypeOf(f) {
		case wire.TypeDataCheck:
			check, after = bytes.Clone(f), 0
		case wire.TypeData:
			if after++; after == 3 && check != nil {
				b.core.HandleFrame(w.now, 1, check, Meta{})
				again++
			}
		}
		return f
	}
	d := a.send(b, 30_000, Message)
	if !w.run(10*time.Minute, delivered(a, b, d)) || again == 0 {
		t.Errorf("delivered %d times, %d questions played again; want once, and some", b.stored[d], again)
	}
}

// The keys before open frames for a minute, and on a slow radio until the peer has had the time to hear of the new ones.
func TestOldKeysLingerBySpeed(t *testing.T) {
	for _, slower := range []time.Duration{1, 12} {
		w := newWorld(t, 1)
		ch := w.radio(0)
		ch.airtime = func(n int) time.Duration { return slower * sf7(n) }
		a, b := w.node("a", ch), w.node("b", ch)
		w.acquaintAll()
		w.run(20*time.Minute, met(a, b))
		w.run(5*time.Minute, never)
		b.restart()
		pa := a.core.peer(b.id).paths[0]
		if !w.run(20*time.Minute, func() bool { return pa.previous != nil }) {
			t.Fatal("no new session")
		}
		p := pa.port
		want := max(time.Minute, 16*(p.airtime(p.mtu)+p.access))
		if got := pa.prevUntil.Sub(w.now); got < want || got > 2*want {
			t.Errorf("%d times as slow: the old keys linger for %v, want about %v", slower, got, want)
		}
	}
}
