package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// A body of 1,000 octets takes five frames, and one more for custody.
func TestSmallBodiesTakeFewFrames(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	var sizes []int
	w.onFrame = func(s *station, f []byte) []byte {
		if wire.TypeOf(f) != wire.TypeBeacon {
			sizes = append(sizes, len(f))
		}
		return f
	}
	if d := a.send(b, 1000, Message); !w.run(time.Minute, delivered(a, b, d)) {
		t.Fatal("not delivered")
	}
	if len(sizes) != 6 || sizes[0] < 220 || sizes[1] < 240 || sizes[2] < 240 || sizes[3] < 240 {
		t.Errorf("frames of %d octets, want five of which four are full, and one that is short", sizes)
	}
}

// Symbols count although the offer that they came with says only again what was lost, and the gateway has not answered yet.
func TestSymbolsThatComeWithAQuestionCount(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	lost := 0
	w.onFrame = func(s *station, f []byte) []byte {
		if s.node == a && lost < 6 {
			lost++ // the offer, four frames and the first question
			return nil
		}
		return f
	}
	d := a.send(b, 1000, Message)
	if !w.run(time.Minute, func() bool { return len(b.core.order) > 0 && b.core.order[0].got > 0 }) {
		t.Fatal("no symbol arrived with the second question")
	}
	if !w.run(time.Minute, delivered(a, b, d)) || b.stored[d] != 1 {
		t.Errorf("received %d times, want once", b.stored[d])
	}
}

// What comes with an offer is judged like any symbols.
func TestBadSymbolsAheadAreCounted(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	w.run(20*time.Second, never)
	s := a.core.peers[0].paths[0].current
	for _, m := range []wire.Message{
		{Kind: wire.KindSymbols, Stream: 7, Body: make([]byte, 61)},
		{Kind: wire.KindOffer, Flags: wire.FlagFollows, Stream: 8, Digest: Digest{1}, Size: 1000},
		{Kind: wire.KindSymbols, Stream: 8, Body: make([]byte, 60)},
		{Kind: wire.KindSymbols, Stream: 8, Code: 255, Body: make([]byte, 59)},
	} {
		b.core.HandleFrame(w.now, 1, say(s, m), Meta{})
	}
	got := b.core.Stats().Dropped
	if got[DropUnknownStream] != 1 || got[DropBadSymbols] != 2 {
		t.Errorf("%d symbols of an unknown stream and %d bad ones counted, want 1 and 2", got[DropUnknownStream], got[DropBadSymbols])
	}
}

// Who accepts and holds nothing is sent everything from the start, unless that is on its way.
func TestAcceptedWithNothingHeldBeginsAnew(t *testing.T) {
	for _, state := range []outState{outPolled, outSending} {
		w, a, b, _ := pair(t, 1, 0)
		w.run(time.Minute, met(a, b))
		w.run(20*time.Second, never)
		w.onFrame = func(s *station, f []byte) []byte {
			if s.node == a {
				return nil
			}
			return f
		}
		o := a.core.peer(b.id).out(a.send(b, 1000, Message))
		w.run(time.Minute, func() bool { return o.state == outPolled && o.sent > 0 })
		o.state, a.core.now = state, w.now
		left, next, sent := o.left, o.next[0], o.sent
		if state == outPolled {
			left, next, sent = o.lay.n, 0, 0
		}
		a.core.answerOf(o, &wire.Message{Kind: wire.KindAnswer, Code: wire.CodeAccept})
		if o.left != left || o.next[0] != next || o.sent != sent {
			t.Errorf("state %d: %d left from %d on, %d sent; want %d from %d, %d", state, o.left, o.next[0], o.sent, left, next, sent)
		}
	}
}
