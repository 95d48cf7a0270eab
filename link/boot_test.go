package link

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"packhorse/link/wire"
)

// lives lets b start anew several times while a stays, and returns a beacon of each of b's boots but the last.
func lives(t *testing.T, w *world, a, b *node, n int) (old [][]byte) {
	boots := map[uint32]bool{}
	var last []byte
	w.onFrame = func(from *station, f []byte) []byte {
		if p, err := wire.ParseBeacon(f); err == nil && from.node == b && !boots[p.Boot] {
			boots[p.Boot], last = true, bytes.Clone(f)
		}
		return f
	}
	for range n {
		w.run(2*time.Minute, met(a, b))
		w.run(time.Minute, never)
		if last != nil {
			old = append(old, last)
		}
		b.restart()
	}
	w.run(2*time.Minute, met(a, b))
	w.run(time.Minute, never)
	w.onFrame = nil
	if len(old) < n {
		t.Fatalf("%d old beacons, want %d", len(old), n)
	}
	return old
}

// openings counts the sessions that are opened while f runs.
func openings(w *world, f func()) (n int) {
	w.onFrame = func(_ *station, b []byte) []byte {
		if wire.TypeOf(b) == wire.TypeHandshake1 {
			n++
		}
		return b
	}
	f()
	w.onFrame = nil
	return n
}

// Recorded beacons of boots that are over must neither end a session nor hold transfers up.
func TestOldBootsDoNothing(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	old := lives(t, w, a, b, 4)
	s := a.core.peer(b.id).paths[0].current
	n := openings(w, func() {
		for i := range 200 {
			a.core.HandleFrame(w.now, 1, old[i%len(old)], Meta{})
			if a.core.peer(b.id).paths[0].stale {
				t.Fatalf("beacon %d of an old boot makes the session stale", i)
			}
			w.run(time.Second, never)
		}
	})
	if n > 0 || a.core.peer(b.id).paths[0].current != s {
		t.Errorf("old beacons had %d sessions opened", n)
	}
	b.restart()
	if !w.run(time.Minute, func() bool { pa := a.core.peer(b.id).paths[0]; return pa.current != s && !pa.stale && met(a, b)() }) {
		t.Errorf("a true new boot is not noticed")
	}
}

// Who itself started anew cannot know old boots from new ones, but learns: each is good for one new session.
func TestUnknownOldBootsEndASessionOnce(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	old := lives(t, w, a, b, 3)
	a.restart()
	w.run(2*time.Minute, met(a, b))
	w.run(time.Minute, never)
	n := openings(w, func() {
		for i := range 120 {
			a.core.HandleFrame(w.now, 1, old[i%len(old)], Meta{})
			w.run(4*time.Second, never)
		}
	})
	if n > len(old) {
		t.Errorf("%d old boots had %d sessions opened", len(old), n)
	}
}

// More recorded boots than are remembered: what they cost grows rare.
func TestManyUnknownBootsAreDoubted(t *testing.T) {
	w, a, b, _ := pair(t, 1, 0)
	w.run(2*time.Minute, met(a, b))
	w.run(time.Minute, never)
	n := openings(w, func() {
		for i := range 600 {
			f := wire.AppendBeacon(nil, wire.Beacon{Short: b.core.short, Boot: binary.BigEndian.Uint32([]byte{7, 7, 0, byte(i % 40)}), Seq: 9})
			a.core.HandleFrame(w.now, 1, a.core.domain.append(f, 0), Meta{})
			w.run(4*time.Second, never)
		}
	})
	if n > 16 {
		t.Errorf("40 recorded boots, played for 40 min, had %d sessions opened", n)
	}
	b.restart()
	if !w.run(5*time.Minute, func() bool {
		pa := a.core.peer(b.id).paths[0]
		return pa.current != nil && pa.current.boot == b.core.boot
	}) {
		t.Errorf("a true new boot is not noticed")
	}
}

// The ring holds no boot that a session proved, whatever beacons said.
func TestAProvedBootIsBelieved(t *testing.T) {
	pa := &path{peer: &peer{}}
	pa.peer.past.over(5)
	pa.proved(5, epoch)
	if pa.peer.past.disproved(5, epoch, true) {
		t.Error("the boot of a session is disproved")
	}
	pa.proved(6, epoch)
	if !pa.peer.past.disproved(5, epoch, false) || pa.peer.past.disproved(6, epoch, true) {
		t.Error("after a new boot the old one must be disproved, and only that")
	}
}
