package gateway

import (
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/link"
)

// Each newer advert costs a synced write here and at everybody behind us: a member may not have them without end.
func TestNewerAdvertsOfOneSubjectAreRationed(t *testing.T) {
	b, a, c := duo(t)
	tell := func(seq uint64) link.Reason {
		n, err := domain.NewNodeAdvert(a.core.id, a.core.member, seq, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := c.receive(a.core.self, ItemNodeAdvert, n.Raw)
		return r
	}
	tell(1 << 40)
	batches, taken, busy := c.batches, 0, 0
	for i := range uint64(1000) {
		switch r := tell(1<<40 + 1 + i); r {
		case link.ReasonNone:
			taken++
		case link.ReasonBusy:
			busy++
		default:
			t.Fatalf("advert %d: reason %d", i, r)
		}
	}
	if taken > subjectBurst || taken+busy != 1000 || c.batches-batches != taken {
		t.Fatalf("of 1000 at once %d were taken with %d batches, %d busy; want at most %d taken", taken, c.batches-batches, busy, subjectBurst)
	}
	b.now = b.now.Add(subjectEvery)
	if r := tell(1 << 41); r != link.ReasonNone {
		t.Fatalf("after the interval: reason %d, want none", r)
	}
}

func TestNewerAdvertsOfOneSourceAreRationed(t *testing.T) {
	b, a, c := duo(t)
	from := a.core.self
	for range sourceBurst {
		c.core.sources.of(from).take(b.now, sourceEvery, sourceBurst)
	}
	n, err := domain.NewNodeAdvert(a.core.id, a.core.member, 1<<40, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.receive(from, ItemNodeAdvert, n.Raw) // the first of its subject may be new
	n, err = domain.NewNodeAdvert(a.core.id, a.core.member, 1<<41, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := c.receive(from, ItemNodeAdvert, n.Raw); r != link.ReasonBusy {
		t.Fatalf("one more than a source may: reason %d, want busy", r)
	}
	b.now = b.now.Add(sourceEvery)
	if r, _ := c.receive(from, ItemNodeAdvert, n.Raw); r != link.ReasonNone {
		t.Fatalf("a little later: reason %d, want none", r)
	}
}

func TestDispatchesThatDoNothingCostNoWrite(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	b.run(time.Minute, func() bool { return false })
	batches, notices := z.batches, len(z.events)
	busy := 0
	for i := range uint64(500) {
		if z.handed(x, ItemDispatch, y.forge(99, z, 1<<40+i, nil).Raw) == link.ReasonBusy {
			busy++
		}
	}
	if n := z.batches - batches; n != 0 {
		t.Fatalf("500 dispatches on an unknown topic cost %d batches, want none", n)
	}
	if busy < 500-2*writerBurst || len(z.events)-notices > 2*writerBurst {
		t.Fatalf("%d of 500 were told busy, %d notices", busy, len(z.events)-notices)
	}
}

func TestRationRecovers(t *testing.T) {
	var r ration
	now := time.Unix(1_800_000_000, 0)
	take := func(after time.Duration, want bool) {
		t.Helper()
		now = now.Add(after)
		if got := r.take(now, time.Minute, 2); got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	take(0, true)
	take(0, true)
	take(59*time.Second, false)
	take(time.Second, true)
	take(0, false)
	take(time.Hour, true)
	take(0, true)
	take(0, false)
}
