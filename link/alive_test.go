package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// count tells how many data frames leave a while after f ran.
func dataFrames(w *world, from *node, d time.Duration) (n int) {
	w.onFrame = func(s *station, f []byte) []byte {
		if t := wire.TypeOf(f); s.node == from && (t == wire.TypeData || t == wire.TypeDataCheck || t == wire.TypeDataPoll) {
			n++
		}
		return f
	}
	w.run(d, never)
	w.onFrame = nil
	return n
}

// A burst does not go on into the void for longer than to the next question.
func TestABurstEndsWhereNobodyListens(t *testing.T) {
	for seed := range seeds(10) {
		w, a, b, ch := pair(t, seed, 0)
		w.run(time.Minute, met(a, b))
		a.send(b, 50000, Message)
		w.run(time.Duration(5+seed)*time.Second, never)
		ch.loss = 1
		if n := dataFrames(w, a, 20*time.Second); n > aliveMost {
			t.Errorf("seed %d: %d frames of data after the last was heard, want %d at most", seed, n, aliveMost)
		}
	}
}

// A sign of life is believed once, from who holds the keys, and only by a burst that asked.
func TestSignsOfLifeAreChecked(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	var sign []byte
	w.onFrame = func(s *station, f []byte) []byte {
		if wire.IsAlive(f) {
			sign = append([]byte(nil), f...)
			return nil
		}
		return f
	}
	a.send(b, 20000, Message)
	w.run(time.Minute, func() bool { return sign != nil })
	o := a.core.peers[0].outs[0]
	for i := range sign {
		bad := append([]byte(nil), sign...)
		bad[i] ^= 1
		a.core.HandleFrame(w.now, 1, bad, Meta{})
		if o.state != outPolled {
			t.Fatalf("with octet %d changed it lets the burst go on", i)
		}
	}
	if a.core.HandleFrame(w.now, 1, sign, Meta{}); o.state != outSending || o.waiting {
		t.Errorf("the sign does not let the burst go on: state %d, waiting %v", o.state, o.waiting)
	}
	left, dropped := o.left, a.core.Stats().Dropped[DropNotOurs]
	o.state = outPolled
	if a.core.HandleFrame(w.now, 1, sign, Meta{}); o.state != outPolled || o.left != left || a.core.Stats().Dropped[DropNotOurs] != dropped+1 {
		t.Errorf("played again it lets the burst go on")
	}
}

// Frames under keys of a former life are answered by a beacon: a few times, and only soon after a start.
func TestBreakingInIsRationed(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(time.Minute, met(a, b))
	b.restart()
	strange := append(wire.AppendData(nil, wire.Data{Check: true, Stream: 7}), make([]byte, 248)...)
	beacons := func(d time.Duration) (n int) {
		w.onFrame = func(s *station, f []byte) []byte {
			if s.node == b && wire.TypeOf(f) == wire.TypeBeacon {
				n++
			}
			return nil
		}
		for end := w.now.Add(d); w.now.Before(end); {
			b.core.HandleFrame(w.now, 1, strange, Meta{})
			w.run(500*time.Millisecond, never)
		}
		return n
	}
	if n := beacons(20 * time.Second); n < 2 || n > 10 {
		t.Errorf("%d beacons within 20 s of strange frames, want a few", n)
	}
	beacons(breakInFor)
	if n := beacons(20 * time.Second); n > 3 {
		t.Errorf("%d beacons long after the start, want those that are due anyway", n)
	}
}

// Who receives a long transfer gets a word in.
func TestAReceiverGetsAWordIn(t *testing.T) {
	for seed := range seeds(5) {
		w, a, b, _ := pair(t, seed, 0)
		w.run(time.Minute, met(a, b))
		a.send(b, 100000, Bulk)
		w.run(10*time.Second, never)
		d := b.send(a, 150, Message)
		if !w.run(20*time.Second, delivered(b, a, d)) {
			t.Errorf("seed %d: 150 octets back did not arrive within 20 s", seed)
		}
	}
}
