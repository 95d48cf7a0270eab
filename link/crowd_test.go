package link

import (
	"testing"
	"time"
)

// An opening costs only the one that it is meant for: neither an agreement nor a place in the rate of others.
func TestOpeningsForOthersCostNothing(t *testing.T) {
	w := newWorld(t, 1)
	ch := w.radio(0)
	a, b, x := w.node("a", ch), w.node("b", ch), w.node("x", ch)
	w.acquaintAll()
	w.meet(2*time.Minute, a, b, x)
	full := x.core.ports[0].allowed.empty
	was := x.core.Stats().Dropped
	pa := a.core.peer(b.id).paths[0]
	a.core.greet(pa, 0)
	x.core.HandleFrame(w.now, 1, pa.opening.frame, Meta{})
	now := x.core.Stats().Dropped
	if now[DropForeign] != was[DropForeign]+1 || now[DropHandshake] != was[DropHandshake] || x.core.ports[0].allowed.empty != full {
		t.Errorf("an opening for b at x: %d foreign, %d bad handshakes, rate used %v; want 1, 0, false",
			now[DropForeign]-was[DropForeign], now[DropHandshake]-was[DropHandshake], x.core.ports[0].allowed.empty != full)
	}
}
