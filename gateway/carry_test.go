package gateway

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"packhorse/link"
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

// A receipt comes close behind the custody of its parcel, while the origin's disk still writes that.
func TestReceiptBehindCustodyWaitsForASlowDisk(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	b.join(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	raw := alice.parcel(bob, "p1", text(3000))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	a.lag = 100 * time.Millisecond
	b.must(time.Minute, "the parcel to wait at the other gateway", func() bool { return bob.waits() == 1 })
	bob.collect()
	b.must(5*time.Second, "the receipt", func() bool { return a.state(raw) == Delivered })
}

// In a triangle the direct way breaks while a parcel is on it: it goes round, once.
func TestParcelGoesRoundWhenItsWayBreaks(t *testing.T) {
	b, x, y, z := line(t)
	direct := b.join(x, z)
	alice, bob := x.app("alice"), z.app("bob")
	b.run(time.Minute, func() bool { return false })
	raw := alice.parcel(bob, "p1", noise(60_000))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.run(100*time.Millisecond, func() bool { return false })
	if p := x.core.Parcels(b.now, false); p[0].Next != "cleo" || p[0].Why != whyMoving {
		t.Fatalf("the parcel goes to %q, why %q; want cleo, moving", p[0].Next, p[0].Why)
	}
	direct.set(false)
	b.must(10*time.Minute, "the parcel to come round", func() bool { return bob.waits() == 1 })
	if got := bob.collect(); len(got) != 1 || !bytes.Equal(got[0], raw) {
		t.Fatalf("bob got %d parcels, want the one sent", len(got))
	}
	b.must(time.Minute, "the receipt", func() bool { return x.state(raw) == Delivered && y.bodies() == 0 })
	if p := x.core.Parcels(b.now, true); p[0].By != "ben" {
		t.Fatalf("carried by %q, want ben", p[0].By)
	}
}

// A port on which a neighbour has fallen silent is none that it is said to be reached by.
func TestSilentPortDoesNotCountUntilItIsHeardAgain(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	dies, lives := b.join(a, c), b.join(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	ports := func() []link.Port { return a.core.Snapshot(b.now).Peers[0].Ports }
	both := []link.Port{dies.port, lives.port}
	b.must(time.Minute, "sessions on both ports", func() bool { return slices.Equal(ports(), both) })
	dies.deaf = true
	if _, err := alice.deliver(alice.parcel(bob, "p1", noise(20_000))); err != nil {
		t.Fatal(err)
	}
	b.must(time.Minute, "delivery by the other port", func() bool { return bob.waits() == 1 })
	if got := ports(); !slices.Equal(got, []link.Port{lives.port}) {
		t.Errorf("with the first port dead the neighbour is reached on %v, want %v", got, []link.Port{lives.port})
	}
	dies.deaf = false
	b.must(time.Hour, "the first port again", func() bool { return slices.Equal(ports(), both) })
}

// A neighbour whose beacons stay away is said to be silent before its session is given up, and no longer
// once it is heard again.
func TestNeighbourThatIsNotHeardIsSilent(t *testing.T) {
	b, x, _ := pairedBench(t)
	b.run(time.Minute, func() bool { return false }) // nothing is asked any more: beacons alone tell
	peer := func() Peer { return x.core.Snapshot(b.now).Peers[0] }
	if p := peer(); p.Silent || len(p.Ports) != 1 {
		t.Fatalf("at first: got %+v, want it reached on one port", p)
	}
	x.pipes[0].deaf = true
	b.must(time.Hour, "silence", func() bool { return peer().Silent })
	if p := peer(); len(p.Ports) != 0 || b.now.Sub(p.Heard) < 3*time.Minute || b.now.Sub(p.Heard) > 7*time.Minute {
		t.Errorf("got %d ports, heard %s ago, want none and 3 to 7 minutes", len(p.Ports), b.now.Sub(p.Heard))
	}
	x.pipes[0].deaf = false
	b.must(time.Hour, "the neighbour again", func() bool { return !peer().Silent && len(peer().Ports) == 1 })
}

func TestEmergencyGoesBeforeWhatWaits(t *testing.T) {
	b, x, y := pairedBench(t)
	x.pipes[0].set(false)
	send := func(p link.Priority, n int) {
		x.mustCall(func(t Token) Event { return Send{Token: t, To: "ben", Priority: p, Content: noise(n)} })
	}
	for range window + 4 {
		send(link.Bulk, 20_000)
	}
	send(link.Emergency, 50)
	x.pipes[0].set(true)
	b.must(time.Hour, "a letter", func() bool { return len(y.letters) > 0 })
	if y.letters[0].Size != 50 {
		t.Fatalf("the first letter has %d octets, want the emergency's 50", y.letters[0].Size)
	}
	b.must(time.Hour, "the others", func() bool { return len(y.letters) == window+5 })
}

// A gateway whose only neighbour changes must become known anew: the old one cannot tell the way by itself.
func TestGatewayIsFoundBehindAnotherNeighbour(t *testing.T) {
	b := newBench(t)
	a, x, c := b.site("ada"), b.site("ben"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, x)
	b.member(a, c)
	b.join(a, x)
	old := b.join(x, c)
	alice, bob := x.app("alice"), c.app("bob")
	b.must(time.Hour, "the endpoint to be known", func() bool {
		gw, ok := a.core.gatewayOf(bob.id)
		return ok && a.core.routes.Known(gw)
	})
	b.run(time.Hour, func() bool { return false })
	old.set(false)
	b.run(time.Hour, func() bool { return false })
	b.join(a, c)
	b.run(time.Minute, func() bool { return false })
	if _, err := alice.deliver(alice.parcel(bob, "p1", text(100))); err != nil {
		t.Fatal(err)
	}
	b.must(time.Hour, "delivery over the new neighbour", func() bool { return bob.waits() == 1 })
}
