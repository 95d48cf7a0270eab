package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// Two that come back from an excursion say so once, one or the other, and a third station that asked in vain is answered then.
func TestComingHomeIsTold(t *testing.T) {
	var told [2]int
	for seed := range seeds(12) {
		w := newWorld(t, seed)
		ch := w.radio(0)
		ch.airtime = func(n int) time.Duration { return 12 * sf7(n) }
		ch.withRates(4)
		w.join(ch, 3)
		w.acquaintAll()
		a, b, c := w.nodes[0], w.nodes[1], w.nodes[2]
		if !w.run(20*time.Minute, func() bool { return len(a.ups)+len(b.ups)+len(c.ups) == 6 }) {
			t.Fatalf("seed %d: not all met", seed)
		}
		w.run(5*time.Minute, never)
		bulk := a.send(b, 30_000, Bulk)
		if !w.run(time.Minute, func() bool { return a.stations[0].rate != 0 && b.stations[0].rate != 0 }) {
			t.Fatalf("seed %d: no excursion", seed)
		}
		beacons := 0
		w.onFrame = func(s *station, f []byte) []byte {
			for i, n := range w.nodes[:2] {
				if s.node == n && wire.TypeOf(f) == wire.TypeBeacon {
					told[i]++
					beacons++
				}
			}
			return f
		}
		d := c.send(b, 200, Message)
		if !w.run(time.Hour, delivered(c, b, d)) || !w.run(time.Hour, delivered(a, b, bulk)) || beacons == 0 {
			t.Fatalf("seed %d: not delivered, or nobody said that it is back: %d beacons", seed, beacons)
		}
	}
	if told[0] == 0 || told[1] == 0 {
		t.Errorf("beacons of the two: %v, want some of each", told)
	}
}

// Whoever hears that one of two is back asks the other too what found no answer: where there are excursions it may have been
// the one away.
func TestWhoIsBackWakesQuestionsToOthers(t *testing.T) {
	for _, rates := range []int{0, 1} {
		w := newWorld(t, 1)
		ch := w.radio(0)
		if rates > 0 {
			ch.withRates(4)
		}
		a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
		w.acquaintAll()
		if !w.meet(20*time.Minute, a, b, x) {
			t.Fatal("no sessions")
		}
		w.run(time.Minute, never)
		d := x.send(a, 20_000, Message)
		w.run(10*time.Second, never)
		o := x.core.peer(a.id).out(d)
		o.waiting, o.tries = true, 5
		x.core.wokenBy(x.core.peer(b.id).paths[0])
		if got, want := !o.waiting, rates > 0; got != want {
			t.Errorf("with %d faster settings: a question to another is woken: %v, want %v", rates, got, want)
		}
	}
}
