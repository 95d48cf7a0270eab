package link

import (
	"bytes"
	"testing"
	"time"

	"packhorse/link/wire"
)

// answers lets the node say what it has to say, and counts the frames.
func answers(w *world, n *node, d time.Duration) int {
	count := 0
	w.onFrame = func(from *station, b []byte) []byte {
		if from.node == n && wire.TypeOf(b) != wire.TypeBeacon {
			count++
		}
		return b
	}
	w.run(d, never)
	w.onFrame = nil
	return count
}

// An old beacon played again is no sign of life.
func TestAnOldBeaconIsNoSignOfLife(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	var beacons [][]byte
	w.onFrame = func(from *station, f []byte) []byte {
		if from.node == b && wire.TypeOf(f) == wire.TypeBeacon {
			beacons = append(beacons, bytes.Clone(f))
		}
		return f
	}
	w.run(10*time.Minute, never)
	heard := a.core.Peers()[0].Paths[0].LastHeard
	a.core.HandleFrame(w.now, 1, beacons[len(beacons)-1], Meta{})
	if got := a.core.Peers()[0].Paths[0].LastHeard; got != heard {
		t.Errorf("last heard moved by %v", got.Sub(heard))
	}
}

// Openings with good hints, as from recordings, are answered at a rate.
func TestOpeningsAreRationed(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(30*time.Second, never)
	pa := b.core.peers[0].paths[0]
	for range 40 {
		b.core.now = w.now
		pa.notBefore = time.Time{}
		b.core.greet(pa, time.Hour)
		a.core.HandleFrame(w.now, 1, pa.opening.frame, Meta{})
		b.core.endOpening(pa)
	}
	if n := a.core.Stats().Dropped[DropRate]; n != 36 {
		t.Errorf("%d of 40 openings dropped for their rate, want 36", n)
	}
	if n := answers(w, a, 10*time.Second); n > 12 {
		t.Errorf("40 openings made us send %d frames", n)
	}
}

// A peer has so many bodies undecided at a time, the rest is refused as busy.
func TestUndecidedOffersAreBounded(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	s := b.core.peers[0].paths[0].current
	asked := 0
	for i := range 100 {
		m := wire.Message{Kind: wire.KindOffer, Stream: uint16(i), Size: 5000}
		m.Digest[0] = byte(i)
		a.core.HandleFrame(w.now, 1, say(s, m), Meta{})
	}
	for {
		e, ok := a.core.PollEvent()
		if !ok {
			break
		}
		if _, ok := e.(Offered); ok {
			asked++
		}
	}
	if asked != maxIncoming {
		t.Errorf("the gateway is asked %d times, want %d", asked, maxIncoming)
	}
}

// A data frame that asks, played again, is answered as often as it brought something new.
func TestAnswersToDataAreRationed(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	var asks []byte
	w.onFrame = func(from *station, f []byte) []byte {
		if wire.TypeOf(f) == wire.TypeDataPoll {
			asks = bytes.Clone(f)
		}
		return f
	}
	w.run(time.Minute, met(a, b))
	d := a.send(b, 1500, Message)
	if !w.run(time.Minute, delivered(a, b, d)) {
		t.Fatal("not delivered")
	}
	for range 50 {
		b.core.HandleFrame(w.now, 1, asks, Meta{})
	}
	first := answers(w, b, 5*time.Second)
	for range 50 {
		b.core.HandleFrame(w.now, 1, asks, Meta{})
		first += answers(w, b, time.Second)
	}
	if first > answersAfterEnd {
		t.Errorf("a frame played again is answered %d times, want %d at most", first, answersAfterEnd)
	}
}

// Two neighbours ask for bursts at once. The second is invited when the first has had
// time to begin.
func TestOneBurstIsInvitedAtATime(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.radio(0)
	a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
	w.acquaintAll()
	w.run(2*time.Minute, func() bool { return met(a, b)() && met(b, x)() })
	for _, n := range []*node{a, x} {
		s := n.core.peer(b.id).paths[0].current
		b.core.HandleFrame(w.now, 1, say(s, wire.Message{Kind: wire.KindOffer, Stream: 9, Size: 5000, Digest: [16]byte{n.id[0]}}), Meta{})
		b.core.HandleEvent(w.now, Answer{Peer: n.id, Digest: Digest{n.id[0]}})
	}
	if _, ok := b.core.PollTransmit(w.now, 1, nil); !ok {
		t.Fatal("nobody is invited")
	}
	if _, ok := b.core.PollTransmit(w.now, 1, nil); ok {
		t.Fatal("both are invited at once")
	}
	at, _ := b.core.PollTimeout()
	b.core.HandleTimeout(at)
	for !at.After(w.now.Add(5*time.Second)) && !b.core.ports[0].hearing.IsZero() {
		at, _ = b.core.PollTimeout()
		b.core.HandleTimeout(at)
	}
	if _, ok := b.core.PollTransmit(at, 1, nil); !ok {
		t.Error("the second is never invited")
	}
}
