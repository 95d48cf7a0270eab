package gateway

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
)

// ghost is an endpoint that is certified in the domain and at no gateway that anyone knows.
func (s *site) ghost(gw *app) *app {
	key := pkitest.Key(s.b.t, "ghost")
	cert := s.b.issue(key, gw.gw, s.core.id.RSA, 0)
	return &app{s: s, key: key, id: cert.ID, cert: cert, gw: gw.gw}
}

// A refusal for good makes the Internet gateway forget the parcel: a clock that nothing vouches for is no reason for one.
func TestAnUnsureClockLosesNothingFromTheInternet(t *testing.T) {
	b, _, s, alice, bob := enrolled(t)
	at := func(id string, d time.Duration) []byte {
		return alice.parcel(bob, id, text(10), func(m *ramf.Message) {
			m.Created, m.TTL = b.now.Add(d).Truncate(time.Second), time.Hour
		})
	}
	for _, raw := range [][]byte{at("early", 3*time.Hour), at("late", -2*time.Hour)} {
		for _, q := range []pki.Quality{pki.ClockNTP, pki.ClockNeighbour} {
			s.core.HandleEvent(b.now, Clock{q})
			_, err := s.call(func(t Token) Event { return FromInternet{t, raw} })
			var r *ramf.Error
			if err == nil || errors.As(err, &r) != (q == pki.ClockNTP) {
				t.Errorf("clock of quality %v: got %v", q, err)
			}
		}
	}
}

// Who may write to an app of ours does not use up what our apps may have.
func TestParcelsFromTheInternetLeaveRoomForApps(t *testing.T) {
	b, s, _, _ := single(t)
	b.cloud(frankfurt).mustEnrol(s)
	s.limits = Limits{Parcels: 16}
	s.boot()
	alice, bob := s.app("carol"), s.app("dave")
	var err error
	for i := 0; err == nil && i < 16; i++ {
		_, err = s.call(func(t Token) Event { return FromInternet{t, alice.parcel(bob, fmt.Sprint(i), text(10))} })
	}
	refusedWith(t, err, "quota", "no room")
	if _, err := bob.deliver(bob.parcel(alice, "p", text(10))); err != nil {
		t.Fatalf("an app of ours: %v", err)
	}
}

// A courier that gives up in the middle of a cargo keeps nothing back from the next.
func TestACargoThatWasGivenUpKeepsNothing(t *testing.T) {
	b, g, s, alice, _ := enrolled(t)
	for i := range 3 {
		if _, err := alice.deliver(alice.online(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	sub := s.up(UpParcels)
	token := s.ask(func(t Token) Event { return MakeCargo{t, sub, g.address, 0} })
	s.core.HandleEvent(b.now, CloseCollect{sub})
	b.settle()
	if a, ok := s.answers[token]; !ok || a.Err == nil {
		t.Fatalf("the cargo that was given up: %+v, answered %v", a, ok)
	}
	if got, _, _ := s.shipped(g, 0); len(got) != 3 {
		t.Fatalf("%d parcels for the next courier, want 3", len(got))
	}
}

// What expired while a collector had it is not alive again by its late word.
func TestALateAcknowledgementRevivesNothing(t *testing.T) {
	b, _, s, alice, _ := enrolled(t)
	raw := alice.parcel(s.ghost(alice), "p1", text(10), both, func(m *ramf.Message) { m.TTL = time.Hour })
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	sub := s.up(UpParcels)
	m := s.take(sub)
	b.run(2*time.Hour, func() bool { return false })
	s.acknowledge(sub, m.Key)
	if s.state(raw) != 0 || s.bodies() != 0 {
		t.Fatalf("state %v, %d bodies; want nothing left of it", s.state(raw), s.bodies())
	}
}

// A parcel with two roads that went up in cargo goes up once.
func TestAnAcknowledgementEndsTheSecondRoad(t *testing.T) {
	_, g, s, alice, _ := enrolled(t)
	ghost := s.ghost(alice)
	raw := alice.parcel(ghost, "p1", text(10), both)
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	if up, _, _ := s.shipped(g, 0); len(up) != 1 {
		t.Fatalf("%d parcels went up, want 1", len(up))
	}
	ack := cargo.PCA{Sender: alice.id, Recipient: ghost.id, ID: "p1"}
	if taken, err := s.carry(g.cargo(s, ack.Marshal())); err != nil || taken.Acks != 1 {
		t.Fatalf("got %+v, %v; want one acknowledgement", taken, err)
	}
	if up, _, _ := s.shipped(g, 0); len(up) != 0 || s.state(raw) != Carried || s.bodies() != 1 {
		t.Fatalf("%d go up again, state %v, %d bodies; want none, carried, and the origin's body", len(up), s.state(raw), s.bodies())
	}
}

// The word of an Internet gateway ends nothing that the domain can deliver.
func TestARefusalAboveLeavesTheMesh(t *testing.T) {
	_, _, s, alice, _ := enrolled(t)
	raw := alice.parcel(s.ghost(alice), "p1", text(10), both)
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	sub := s.up(UpParcels)
	m := s.take(sub)
	s.mustCall(func(t Token) Event { return Drop{t, sub, m.Key, "never heard of it"} })
	for range 2 {
		if s.state(raw) != Saved || s.bodies() != 1 || len(s.sendUp(UpParcels)) != 0 {
			t.Fatalf("state %v, %d bodies; want it saved, and not handed out again", s.state(raw), s.bodies())
		}
		s.boot()
	}
}
