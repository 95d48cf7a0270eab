package gateway

import (
	"bytes"
	"testing"
	"time"

	"packhorse/gateway/ramf"
)

// known to the domain, and to an Internet gateway as well.
func both(m *ramf.Message) { m.InternetAddress = frankfurt }

// fromAbove takes a parcel that an Internet gateway or its cargo brought.
func (s *site) fromAbove(raw []byte) (err error) {
	s.b.t.Helper()
	in, err := s.core.inspect(s.b.now, raw)
	if err != nil {
		s.b.t.Fatal(err)
	}
	in.rec.Internet, in.rec.Address = false, ""
	s.core.admit(s.b.now, in, func(_ time.Time, _ *entry, e error) { err = e })
	s.core.settle(s.b.now)
	s.b.settle()
	return err
}

func TestTheMeshIsTheFirstOfTwoRoads(t *testing.T) {
	b, x, _, z := ridge(t)
	alice, bob := x.app("alice"), z.app("bob")
	b.run(time.Minute, func() bool { return false })
	x.uplink(true)
	raw := alice.parcel(bob, "p1", text(100), both)
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.must(time.Minute, "the parcel over the mesh", func() bool { return bob.waits() == 1 })
	if n := len(x.sendUp(UpParcels)); n != 0 || len(bob.collect()) != 1 {
		t.Fatalf("%d went up, want none, and one over the mesh", n)
	}
	b.must(time.Minute, "the receipt", func() bool { return x.state(raw) == Delivered })
}

// Where the mesh leads nowhere a parcel goes up, to come down where its endpoint is; the origin keeps it until the
// receipt, and what comes both ways is delivered once.
func TestAParcelTakesTheSecondRoad(t *testing.T) {
	for _, at := range []string{"ada", "ben"} {
		secondRoad(t, at)
	}
}

func secondRoad(t *testing.T, uplinkAt string) {
	b, x, y, z := ridge(t)
	alice, bob := x.app("alice"), z.app("bob")
	b.run(time.Minute, func() bool { return false })
	b.pipes[1].set(false)
	b.run(20*time.Minute, func() bool { return false })
	if uplinkAt == x.name {
		y = x
	}
	y.uplink(true)
	raw := alice.parcel(bob, "p1", text(100), both)
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.run(meshPatience-time.Minute, func() bool { return false })
	if y.waitsUp() != 0 {
		t.Fatal("it went up before the mesh had its time")
	}
	b.must(2*meshPatience, "the parcel at the uplink", func() bool { return y.waitsUp() == 1 })
	b.run(time.Second, func() bool { return false })
	if got := y.sendUp(UpParcels); len(got) != 1 || got[0].Address != frankfurt || !bytes.Equal(got[0].Parcel, raw) {
		t.Fatalf("%d went up, want the parcel", len(got))
	}
	if v := x.view(raw); v.State != Carried || x.bodies() != 1 || y != x && y.bodies() != 0 {
		t.Errorf("up at %s: %v, %d bodies at its origin, %d where it went up; want carried, 1, none", uplinkAt, v.State, x.bodies(), y.bodies())
	}
	if err := z.fromAbove(raw); err != nil {
		t.Fatal(err)
	}
	b.pipes[1].set(true)
	b.run(2*day, func() bool { return false })
	if n := len(bob.collect()); n != 1 {
		t.Fatalf("bob got it %d times, want once", n)
	}
	b.must(time.Hour, "the receipt", func() bool { return x.state(raw) == Delivered && x.bodies() == 0 })
}

// A gateway that passed a parcel on over the mesh gets it back from above: the mesh broke behind it, and the next
// gateway sent it up. It must not take the parcel for one that is safe elsewhere.
func TestWhatWentOnAndComesBackFromAboveIsTakenAgain(t *testing.T) {
	b, x, y, z := ridge(t)
	alice, bob := x.app("alice"), z.app("bob")
	b.run(time.Minute, func() bool { return false })
	b.pipes[1].set(false)
	raw := alice.parcel(bob, "p1", text(100), both)
	if err := x.fromAbove(raw); err != nil {
		t.Fatal(err)
	}
	y.uplink(true)
	b.must(2*meshPatience, "the parcel at the uplink", func() bool { return y.waitsUp() == 1 || x.waitsUp() == 1 })
	b.run(time.Second, func() bool { return false })
	if n := len(y.sendUp(UpParcels)); n != 1 || x.state(raw) != Carried {
		t.Fatalf("%d went up, %v before; want 1, carried", n, x.state(raw))
	}
	if err := x.fromAbove(raw); err != nil || x.state(raw) != Saved || x.bodies() != 1 {
		t.Fatalf("back from above: %v, %v, %d bodies; want saved, 1", err, x.state(raw), x.bodies())
	}
	if err := x.fromAbove(raw); err != nil || x.bodies() != 1 {
		t.Errorf("once more: %v, %d bodies; want 1", err, x.bodies())
	}
	b.pipes[1].set(true)
	b.must(2*time.Hour, "the parcel over the mesh", func() bool { return bob.waits() == 1 })
	if n := len(bob.collect()); n != 1 {
		t.Fatalf("bob got it %d times, want once", n)
	}
}

// While the way is broken for long a parcel may run in circles by the Internet: ever more slowly, and never refused, for
// nobody else would have it then, and the Internet gateway hands out nothing behind it.
func TestWhatRunsInCirclesRests(t *testing.T) {
	b, x, y, z := ridge(t)
	alice, bob := x.app("alice"), z.app("bob")
	b.run(time.Minute, func() bool { return false })
	b.pipes[1].set(false)
	y.uplink(true)
	raw := alice.parcel(bob, "p1", text(100), both)
	for turn := range uint8(4) {
		came := b.now
		if err := x.fromAbove(raw); err != nil || x.state(raw) != Saved || x.bodies() != 1 {
			t.Fatalf("turn %d: %v, %v, %d bodies; want saved, 1", turn, err, x.state(raw), x.bodies())
		}
		b.must(time.Hour, "the parcel to go on", func() bool { return x.state(raw) == Carried })
		if rest := b.now.Sub(came); rest < turnRest(turn) {
			t.Errorf("turn %d: it went on after %v, want at least %v", turn, rest, turnRest(turn))
		}
		b.must(3*meshPatience, "the parcel at the uplink", func() bool { return y.waitsUp() == 1 })
		b.run(time.Second, func() bool { return false })
		if n := len(y.sendUp(UpParcels)); n != 1 {
			t.Fatalf("turn %d: %d went up, want 1", turn, n)
		}
	}
	x.boot()
	if err := x.fromAbove(raw); err != nil || x.state(raw) != Saved {
		t.Fatalf("right after the last turn: %v, %v; want saved", err, x.state(raw))
	}
	b.run(turnRest(4)-time.Second, func() bool { return false })
	if x.state(raw) != Saved {
		t.Errorf("after a restart it did not rest: %v", x.state(raw))
	}
}
