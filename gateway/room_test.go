package gateway

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/store"
)

// What the store has no room for is refused before it crosses the air.
func TestOffersAreRefusedWithoutRoom(t *testing.T) {
	b, a, _, _ := handed(t)
	it := func(n int) link.Item { return link.Item{Kind: ItemParcel, Digest: link.Digest{7}, Size: n} }
	fits := func(what string, n int, want bool) {
		t.Helper()
		if got := a.core.fits(b.now, it(n)); got != want {
			t.Errorf("%s: %d octets fit: %v, want %v", what, n, got, want)
		}
	}
	fits("not told", 1<<20, true)
	a.core.HandleEvent(b.now, Room{Bytes: 100_000})
	fits("room for 100,000", 90_000, true)
	fits("room for 100,000", 100_000, false)
	a.core.savePartial(link.SavePartial{Item: it(100_000), Symbols: make([]byte, 20_000)})
	fits("a fifth is kept already", 100_000, true)
	a.core.dropPartial(it(0).Digest)
	a.core.judgeBatch(b.now, 30_000, fmt.Errorf("disk: %w", store.ErrFull))
	fits("30,000 were refused just now", 40_000, false)
	fits("30,000 were refused just now", 10_000, true)
	b.now = b.now.Add(holdFull)
	fits("30,000 were refused two minutes ago", 40_000, true)
	a.core.judgeBatch(b.now, 30_000, store.ErrFull)
	a.core.HandleEvent(b.now, Room{Bytes: 1 << 20})
	fits("there is room again", 40_000, true)
}

func TestStoreTroubleIsToldOnce(t *testing.T) {
	b, a, _, _ := handed(t)
	a.events = nil
	notices := func() (n int) {
		b.settle()
		for _, e := range a.events {
			if _, ok := e.(Notice); ok {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("5 octets: %w", store.ErrFull), 1}, {fmt.Errorf("6 octets: %w", store.ErrFull), 1},
		{errors.New("input/output error"), 2}, {errors.New("input/output error"), 2},
		{nil, 2}, {errors.New("input/output error"), 3}, {store.ErrFull, 3},
	} {
		if a.core.judgeBatch(b.now, 100, c.err); notices() != c.want {
			t.Errorf("after %v: %d notices, want %d", c.err, notices(), c.want)
		}
	}
	a.core.HandleEvent(b.now, Room{Bytes: 1000})
	if a.core.judgeBatch(b.now, 100, store.ErrFull); notices() != 4 {
		t.Errorf("full anew after there was room: %d notices, want 4", notices())
	}
}

// A full neighbour is asked ever more rarely, with everything, until it takes something.
func TestFullNeighboursAreLeftAlone(t *testing.T) {
	p, now := newPeer(link.PeerID{1}, false), epoch
	for i, want := range []time.Duration{2, 4, 8, 16, 32, 32} {
		if got := p.fullFor(now); got != want*time.Minute {
			t.Errorf("refusal %d: left alone for %v, want %v", i+1, got, want*time.Minute)
		}
		now = now.Add(time.Minute)
		if got := p.fullFor(now); got != (want-1)*time.Minute {
			t.Errorf("refusal %d, another item a minute later: %v, want the rest of it", i+1, got)
		}
		now = now.Add((want - 1) * time.Minute)
	}
	if p.fulls = 0; p.fullFor(now) != holdFull {
		t.Errorf("after it took something: not %v", holdFull)
	}
}
