package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// trio is three members that all met, a sending bulk to b.
func trio(t *testing.T, seed uint64, loss float64) (w *world, a, b, x *node) {
	t.Helper()
	w = newWorld(t, seed)
	ch := w.radio(0)
	a, b, x = w.node("a", ch), w.node("b", ch), w.node("x", ch)
	w.acquaintAll()
	if !w.meet(5*time.Minute, a, b, x) {
		t.Fatalf("seed %d: not all met", seed)
	}
	w.run(30*time.Second, never)
	ch.loss = loss
	a.send(b, 200_000, Bulk)
	w.run(5*time.Second, never)
	return w, a, b, x
}

// longestBurst is the greatest number of data frames of a node between two of its questions.
func longestBurst(w *world, from *node, d time.Duration) (most int) {
	n := 0
	w.onFrame = func(s *station, f []byte) []byte {
		if s.node != from || wire.TypeOf(f) < wire.TypeData || wire.TypeOf(f) > wire.TypeDataCheck {
			return f
		}
		n++
		most = max(most, n)
		if wire.TypeOf(f) != wire.TypeData {
			n = 0
		}
		return f
	}
	w.run(d, never)
	w.onFrame = nil
	return most
}

// urgentBeaconOf is the next beacon of a node, with the word that an emergency waits there.
func urgentBeaconOf(n *node) []byte {
	n.core.beaconSeq++
	f := wire.Beacon{Short: n.core.short, Boot: n.core.boot, Seq: n.core.beaconSeq, Urgent: true}
	return n.core.domain.append(wire.AppendBeacon(nil, f), 0)
}

// Bursts are short while a neighbour says that an emergency waits, for a bounded time, and not because
// somebody repeats what it said.
func TestBurstsShortenForAnEmergency(t *testing.T) {
	w, a, _, x := trio(t, 1, 0.05)
	p := a.core.ports[0]
	if n := longestBurst(w, a, 20*time.Second); n <= burstLeast+1 {
		t.Fatalf("bursts of %d frames without an emergency, want more than %d", n, burstLeast+1)
	}
	beacon := urgentBeaconOf(x)
	a.core.HandleFrame(w.now, 1, beacon, Meta{})
	if n := longestBurst(w, a, p.needFor()); n > burstLeast+1 { // one was handed out already
		t.Errorf("bursts of %d frames while an emergency waits, want %d at most", n, burstLeast+1)
	}
	a.core.HandleFrame(w.now, 1, beacon, Meta{})
	if n := longestBurst(w, a, 20*time.Second); n <= burstLeast+1 {
		t.Errorf("bursts of %d frames: a repeated beacon counts", n)
	}
}

// An emergency goes out although others are in the middle of a burst and although bulk of our own waits for an answer;
// bulk does not.
func TestAnEmergencyDoesNotWaitForBursts(t *testing.T) {
	for _, c := range []struct {
		name     string
		priority Priority
		size     int
		want     bool
	}{{"emergency", Emergency, 200, true}, {"long emergency", Emergency, 2000, true}, {"message", Message, 200, false}} {
		w, _, b, x := trio(t, 2, 0)
		p := x.core.ports[0]
		if !w.run(20*time.Second, func() bool { return p.hearing.After(w.now.Add(500 * time.Millisecond)) }) {
			t.Fatal("x hears nothing")
		}
		body := make([]byte, c.size)
		x.bodies[DigestOf(1, body)] = body
		x.event(Submit{b.id, Item{Digest: DigestOf(1, body), Kind: 1, Priority: c.priority, Size: c.size}})
		if _, got := x.core.PollTransmit(w.now, 1, nil); got != c.want {
			t.Errorf("%s: goes out during a burst of others: %v, want %v", c.name, got, c.want)
		}
	}
}

// An emergency gets its answers and its bursts in between those of bulk.
func TestAnEmergencyOfAThirdGetsIn(t *testing.T) {
	var worst time.Duration
	for seed := range seeds(10) {
		w, a, b, x := trio(t, seed, 0.1)
		start := w.now
		d, e := x.send(b, 2000, Emergency), x.send(a, 200, Emergency)
		if !w.run(5*time.Minute, func() bool { return delivered(x, b, d)() && delivered(x, a, e)() }) {
			t.Fatalf("seed %d: not delivered", seed)
		}
		worst = max(worst, w.now.Sub(start))
	}
	if t.Logf("worst %v", worst); worst > 45*time.Second {
		t.Errorf("the worst emergency took %v, want 45 s at most", worst)
	}
}

// What an emergency sets going: at its own station the beacons begin anew, one tells of it at most in each half of the time
// that it counts, and who is offered it sends short bursts.
func TestWhatAnEmergencySetsGoing(t *testing.T) {
	w, _, b, x := trio(t, 1, 0)
	w.run(10*time.Minute, never)
	p := x.core.ports[0]
	if p.beacon.interval == p.beacon.fastest {
		t.Fatal("x is not at rest")
	}
	x.send(b, 20_000, Emergency)
	if p.beacon.interval != p.beacon.fastest {
		t.Errorf("beacons go on every %v, want %v", p.beacon.interval, p.beacon.fastest)
	}
	p.beacon.due, p.urgency.announced = false, w.now
	if x.core.announce(p); p.beacon.due {
		t.Error("it is announced twice at one moment")
	}
	x.core.now = w.now.Add(p.needFor() / 2)
	if x.core.announce(p); !p.beacon.due {
		t.Error("it is not announced again when half of the time has passed")
	}
	x.core.now = w.now
	if !w.run(time.Minute, func() bool { return b.core.ports[0].urgency.need.After(w.now) }) {
		t.Error("b takes the emergency and does not know that one is coming")
	}
}
