package link

import (
	"testing"
	"time"
)

// twoPorts is two members that meet on a radio and, when wired, on a wire too.
func twoPorts(t *testing.T, seed uint64) (w *world, a, b *node, air, wire *channel) {
	w = newWorld(t, seed)
	air, wire = w.radio(0), w.datagram(0)
	a, b = w.node("a"), w.node("b")
	for _, n := range []*node{a, b} {
		n.join(air)
	}
	for _, n := range []*node{a, b} {
		n.join(wire)
	}
	for _, n := range []*node{a, b} {
		n.up(n.stations[1]) // now each knows who is behind it
	}
	w.acquaintAll()
	if !w.run(time.Minute, func() bool { return len(a.ups) == 2 && len(b.ups) == 2 }) {
		t.Fatalf("met on %d and %d ports, want 2 and 2", len(a.ups), len(b.ups))
	}
	w.run(10*time.Second, never)
	return w, a, b, air, wire
}

// silentAt tells on which ports a node holds its only peer for silent.
func silentAt(n *node) (radio, wire bool) {
	for _, pa := range n.core.Peers()[0].Paths {
		if pa.Medium == Radio {
			radio = pa.Silent
		} else {
			wire = pa.Silent
		}
	}
	return radio, wire
}

// A radio that fails in mid-transfer costs a few questions when a wire is up, both ways, and the
// transfer comes back to it once the peer is heard there again.
func TestTransferMovesToAWireThatIsUp(t *testing.T) {
	var worst time.Duration
	for seed := range uint64(20) {
		w, a, b, air, _ := twoPorts(t, seed)
		d := a.send(b, 20_000, Message)
		if !w.run(time.Minute, func() bool { return len(a.progress) > 0 && a.progress[len(a.progress)-1].Done > 200 }) {
			t.Fatalf("seed %d: the transfer did not begin", seed)
		}
		if p := a.progress[len(a.progress)-1].Port; p != 1 {
			t.Fatalf("seed %d: it goes by port %d, want the radio", seed, p)
		}
		air.down = true
		from := w.now
		if !w.run(time.Minute, delivered(a, b, d)) {
			t.Fatalf("seed %d: not delivered within a minute", seed)
		}
		worst = max(worst, w.now.Sub(from))
		if radio, wire := silentAt(b); !radio || wire {
			t.Errorf("seed %d: the receiver holds the radio for silent: %v, the wire: %v; want true, false", seed, radio, wire)
		}
		back := b.send(a, 100, Message)
		from = w.now
		if !w.run(time.Second, delivered(b, a, back)) {
			t.Errorf("seed %d: the answer took more than a second", seed)
		}
		air.down = false
		if !w.run(2*time.Hour, func() bool {
			ra, _ := silentAt(a)
			rb, _ := silentAt(b)
			return !ra && !rb
		}) {
			t.Fatalf("seed %d: the radio was not taken up again", seed)
		}
		a.progress = nil
		d = a.send(b, 2000, Message)
		w.run(time.Minute, delivered(a, b, d))
		if len(a.progress) == 0 || a.progress[0].Port != 1 {
			t.Errorf("seed %d: the next transfer took %+v, want the radio", seed, a.progress)
		}
	}
	if t.Logf("worst: %v", worst); worst > 15*time.Second {
		t.Errorf("the worst move took %v, want at most 15 s", worst)
	}
}

// What would take a radio too long goes by the wire from the start, what is small by the radio.
func TestLargeTransferTakesTheWireFromTheStart(t *testing.T) {
	for size, want := range map[int]Port{2000: 1, 1_000_000: 2} {
		w, a, b, _, _ := twoPorts(t, 1)
		d := a.send(b, size, Message)
		w.run(20*time.Minute, delivered(a, b, d))
		if len(a.progress) == 0 {
			t.Fatalf("%d octets: nothing moved", size)
		}
		for _, p := range a.progress {
			if p.Port != want {
				t.Errorf("%d octets: %d of %d went by port %d, want %d", size, p.Done, p.Total, p.Port, want)
				break
			}
		}
	}
}
