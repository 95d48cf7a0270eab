package link

import (
	"testing"
	"time"
)

// failing are ways in which every transfer to a neighbour fails.
var failing = map[string]func(*node){
	"turns bodies away as malformed": func(b *node) { b.turnsAway = ReasonMalformed },
	"never has enough":               func(b *node) { b.forgetful = true },
}

// Three items in a row come to nothing: nothing is begun with the neighbour for a time that grows, and after it one item.
func TestANeighbourThatFailsIsShunned(t *testing.T) {
	for name, fail := range failing {
		w, a, b, _ := pair(t, 1, 0.1)
		w.run(time.Minute, met(a, b))
		fail(b)
		for range doubtful - 1 {
			w.settleOne(a, b, 3000)
		}
		if len(a.shunned) > 0 {
			t.Fatalf("%s: shunned too soon", name)
		}
		last := time.Duration(0)
		for round := range 4 {
			w.settleOne(a, b, 3000)
			last = a.staysAway(t, name, b, round+1, last*3/2)
		}
		b.turnsAway, b.forgetful = ReasonNone, false
		if d := w.settleOne(a, b, 3000); a.custody[d] == 0 {
			t.Errorf("%s: the neighbour is good again, and refused for %v", name, a.refused[d])
		}
		for range 5 {
			if d := a.send(b, 3000, Message); a.refused[d] == ReasonBusy {
				t.Errorf("%s: refused although the neighbour is good again", name)
			}
		}
	}
}

// staysAway checks that a neighbour is shunned for the so-manieth time, for so long at least, and lets that pass.
func (n *node) staysAway(t *testing.T, what string, b *node, times int, least time.Duration) time.Duration {
	t.Helper()
	if len(n.shunned) != times {
		t.Fatalf("%s: shunned %d times, want %d", what, len(n.shunned), times)
	}
	span := n.shunned[times-1].Until.Sub(n.w.now)
	if got := n.core.Peers()[0].ShunnedUntil; !got.Equal(n.shunned[times-1].Until) {
		t.Errorf("%s: told as shunned until %v, want %v", what, got, n.shunned[times-1].Until)
	}
	if span <= least {
		t.Errorf("%s: shunned for %v, want more than %v", what, span, least)
	}
	if d := n.send(b, 3000, Message); n.refused[d] != ReasonBusy {
		t.Errorf("%s: a submit is answered with %v, want busy", what, n.refused[d])
	}
	n.w.run(span+time.Second, never)
	n.w.run(time.Hour, func() bool { return n.peers[b.id] })
	return span
}

// While a neighbour is on probation one item at a time goes to it.
func TestOneItemIsTriedAfterShunning(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	a.event(Suspect{b.id, Digest{1}})
	a.event(Suspect{b.id, Digest{2}})
	a.event(Suspect{b.id, Digest{3}})
	span := a.staysAway(t, "suspected", b, 1, 0)
	d := a.send(b, 3000, Message)
	if e := a.send(b, 3000, Message); a.refused[e] != ReasonBusy || a.refused[d] != ReasonNone {
		t.Errorf("of two items refused: %v, want the second", a.refused)
	}
	w.run(time.Minute, func() bool { return a.custody[d] > 0 })
	again := a.staysAway(t, "after custody", b, 2, span/2) // whether it means anything is not known yet
	if again > span*3/2 {
		t.Errorf("shunned for %v, want about %v again", again, span)
	}
	d = w.settleOne(a, b, 3000)
	a.event(Suspect{b.id, Digest{4}})
	if len(a.shunned) != 3 {
		t.Errorf("shunned %d times, want 3: the word was of another item", len(a.shunned))
	}
	a.event(Suspect{b.id, d})
	a.staysAway(t, "suspected again", b, 4, span*3/2)
	a.event(Vouch{b.id})
	if d = a.send(b, 3000, Message); a.refused[d] != ReasonNone {
		t.Error("refused although the gateway vouched")
	}
}

// Suspicion counts in a row.
func TestAReceiptClearsSuspicion(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	for i := range byte(9) {
		if a.event(Suspect{b.id, Digest{i}}); i%2 == 1 {
			a.event(Vouch{b.id})
		}
	}
	if len(a.shunned) > 0 {
		t.Errorf("shunned %d times", len(a.shunned))
	}
}

// A neighbour that answers all but the questions about some items is given up for these, and then altogether.
func TestANeighbourThatIgnoresItemsIsShunned(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	ignore := map[Digest]bool{}
	b.silent = func(d Digest) bool { return ignore[d] }
	for i := range doubtful {
		d := a.send(b, 9000+i, Message)
		ignore[d] = true
		for range 2000 {
			a.send(b, 100, Message)
			if w.run(time.Minute, func() bool { return a.refused[d] == ReasonBusy }) {
				break
			}
		}
		if a.refused[d] != ReasonBusy || len(a.shunned) != boolean(i == doubtful-1) {
			t.Fatalf("item %d: refused for %v, shunned %d times", i, a.refused[d], len(a.shunned))
		}
	}
}

// Loss is no failure, however much there is of it.
func TestLossIsNoFailure(t *testing.T) {
	transfers, number := 0, 100
	if testing.Short() {
		number = 20
	}
	for seed := range seeds(10) {
		w, a, b, ch := pair(t, seed, 0)
		w.run(time.Minute, met(a, b))
		ch.loss = 0.5
		for i := range number {
			from, to := a, b
			if i%2 == 1 {
				from, to = b, a
			}
			d := from.send(to, 300+w.rng.IntN(1200), Message)
			if !w.run(3*time.Hour, delivered(from, to, d)) {
				t.Fatalf("seed %d, transfer %d: not delivered; refused for %v", seed, i, from.refused[d])
			}
			transfers++
		}
		if n := len(a.shunned) + len(b.shunned) + a.core.peers[0].doubt.failed + b.core.peers[0].doubt.failed; n > 0 {
			t.Errorf("seed %d: %d failures", seed, n)
		}
	}
	t.Logf("%d transfers", transfers)
}

// Custody is early of what went neither whole nor in as many symbols as it has.
func TestEarlyCustody(t *testing.T) {
	for _, c := range []struct {
		whole bool
		given int
		want  bool
	}{{false, 9, true}, {false, 10, false}, {true, 0, false}} {
		o := &outgoing{whole: c.whole, given: c.given, lay: layout{n: 10}}
		if got := o.early(); got != c.want {
			t.Errorf("%d of 10 symbols given, whole %v: early %v, want %v", c.given, c.whole, got, c.want)
		}
	}
}

// settleOne sends one item and waits for what becomes of it.
func (w *world) settleOne(from, to *node, size int) Digest {
	d := from.send(to, size, Message)
	w.run(12*time.Hour, func() bool { _, no := from.refused[d]; return no || from.custody[d] > 0 })
	w.run(time.Second, never)
	return d
}
