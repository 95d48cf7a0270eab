package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// airtimes are what a's data frames take, by neighbour, within d.
func airtimes(w *world, a *node, ch *channel, d time.Duration) map[PeerID]time.Duration {
	took := map[PeerID]time.Duration{}
	w.onFrame = func(s *station, f []byte) []byte {
		h, _, err := wire.ParseData(f)
		if s.node != a || err != nil || wire.TypeOf(f) < wire.TypeData {
			return f
		}
		for _, q := range a.core.peers {
			if _, ours := q.paths[0].current.out[h.Stream]; ours {
				took[q.id] += ch.airtime(len(f))
			}
		}
		return f
	}
	w.run(d, never)
	w.onFrame = nil
	return took
}

// A neighbour gets as much airtime as another, however many parcels wait for either and however much gets lost.
func TestNeighboursShareAirtime(t *testing.T) {
	for name, c := range map[string]struct {
		parcels int     // of b, of 8,000 octets; x has one
		lossy   float64 // at x
	}{
		"many parcels": {parcels: 60},
		"lossy":        {parcels: 1, lossy: 0.4},
		"many, lossy":  {parcels: 60, lossy: 0.4},
	} {
		w := newWorld(t, 3)
		ch := w.radio(0)
		a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
		w.acquaintAll()
		w.meet(5*time.Minute, a, b, x)
		w.run(30*time.Second, never)
		ch.copies = func(_, to *station) int {
			if to.node == x && w.rng.Float64() < c.lossy {
				return 0
			}
			return 1
		}
		size := 8000
		if c.parcels == 1 {
			size = 400_000
		}
		for range c.parcels {
			a.send(b, size, Bulk)
		}
		a.send(x, 400_000, Bulk)
		took := airtimes(w, a, ch, 10*time.Minute)
		if r := took[b.id].Seconds() / took[x.id].Seconds(); r < 0.9 || r > 1.1 {
			t.Errorf("%s: b has %v, x has %v of the air, %.2f to 1; want as much", name, took[b.id], took[x.id], r)
		}
	}
}

// Of two transfers to one neighbour the one that had less airtime goes next, unless the other is in the middle of a burst.
func TestTransfersToOneNeighbourShareAirtime(t *testing.T) {
	p := &port{mtu: 254, airtime: sf7, medium: Radio}
	pa := &path{port: p}
	a, b := &outgoing{path: pa, seq: 1}, &outgoing{path: pa, seq: 2}
	p.charge(a, 20*time.Second)
	p.charge(b, 5*time.Second)
	if p.before(a, b) || !p.before(b, a) {
		t.Error("the one that had 20 s goes before the one that had 5 s")
	}
	if p.served = a; !p.before(a, b) {
		t.Error("a burst is broken off")
	}
	if b.item.Priority, a.item.Priority = Emergency, Bulk; p.before(a, b) {
		t.Error("an emergency waits for a burst of bulk")
	}
}

// Who was idle gets a burst more than its share, not all that it did not use.
func TestIdleTimeIsNotSaved(t *testing.T) {
	var above, busy, idle share
	const quantum = 8 * time.Second
	for range 100 {
		busy.charge(&above, quantum, time.Second)
	}
	got := 0
	for idle.tag(&above, quantum) < busy.tag(&above, quantum) {
		idle.charge(&above, quantum, time.Second)
		got++
	}
	if got < 1 || got > 10 {
		t.Errorf("after 100 s idle it goes first for %d s, want about %v", got, quantum)
	}
}
