package gateway

import (
	"bytes"
	"testing"
	"time"
)

func TestParcelCrossesOneHop(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	b.join(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	raw := alice.parcel(bob, "p1", text(3000))
	p, err := alice.deliver(raw)
	if err != nil || p.State != Saved {
		t.Fatalf("deliver: %v, state %v, want saved", err, p.State)
	}
	b.must(time.Minute, "the parcel to wait at the other gateway", func() bool { return bob.waits() == 1 })
	b.must(time.Minute, "the origin to know", func() bool { return a.state(raw) == Carried })
	if a.bodies() != 1 {
		t.Fatalf("the origin has %d bodies before the receipt, want 1", a.bodies())
	}
	if got := bob.collect(); len(got) != 1 || !bytes.Equal(got[0], raw) {
		t.Fatalf("bob got %d parcels, want the one sent, bit for bit", len(got))
	}
	b.must(time.Minute, "the receipt", func() bool { return a.state(raw) == Delivered })
	b.must(time.Minute, "bodies and receipts to be gone", func() bool { return a.bodies()+c.bodies()+len(c.disk[KindNote]) == 0 })
	if got := bob.collect(); len(got) != 0 {
		t.Fatalf("bob got it again: %d", len(got))
	}
}

// line makes a, b and c members of one domain, neighbours in a row.
func line(t testing.TB) (b *bench, x, y, z *site) {
	b = newBench(t)
	x, y, z = b.site("ada"), b.site("ben"), b.site("cleo")
	b.found(x, "ridge")
	b.member(x, y)
	b.member(x, z)
	b.join(x, y)
	b.join(y, z)
	return b, x, y, z
}

func TestParcelCrossesTwoHopsWithCustodyAtEach(t *testing.T) {
	b, x, y, z := line(t)
	alice, bob := x.app("alice"), z.app("bob")
	raw := alice.parcel(bob, "p1", text(20_000))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.must(5*time.Minute, "the parcel to wait at the end of the line", func() bool { return bob.waits() == 1 })
	b.must(time.Minute, "the gateway between to have passed it on", func() bool { return y.state(raw) == Carried && y.bodies() == 0 })
	if got := bob.collect(); len(got) != 1 || !bytes.Equal(got[0], raw) {
		t.Fatalf("bob got %d parcels, want the one sent, bit for bit", len(got))
	}
	b.must(time.Minute, "the receipt at the origin", func() bool { return x.state(raw) == Delivered })
	b.must(time.Minute, "bodies and receipts to be gone", func() bool {
		n := 0
		for _, s := range b.sites {
			n += s.bodies() + len(s.disk[KindNote])
		}
		return n == 0
	})
	if p := x.core.Parcels(b.now, true); len(p) != 1 || p[0].By != "ben" {
		t.Fatalf("the origin says %+v, want one parcel, carried by ben", p)
	}
}

func TestParcelWithoutRouteWaitsForTheAdvert(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	raw := alice.parcel(bob, "p1", text(100))
	p, err := alice.deliver(raw)
	if err != nil || p.Why != "no_route" {
		t.Fatalf("deliver: %v, why %q, want no_route", err, p.Why)
	}
	b.join(a, c)
	b.must(time.Minute, "delivery once the neighbour is there", func() bool { return bob.waits() == 1 })
}
