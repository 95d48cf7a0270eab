package gateway

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// deny has the site believe that its next hop turned the parcel away for good.
func (s *site) deny(x *entry, r link.Reason) link.PeerID {
	hop := x.next
	s.core.link.HandleEvent(s.b.now, link.Withdraw{Peer: hop, Digest: x.Digest})
	s.core.fromLink(s.b.now, link.Refused{Peer: hop, Digest: x.Digest, Reason: r})
	s.core.settle(s.b.now)
	s.b.settle()
	return hop
}

// A neighbour that turns a parcel away, for whatever reason, must not end it: there is another way.
func TestADenialEndsNoParcel(t *testing.T) {
	for _, r := range []link.Reason{link.ReasonUnauthorised, link.ReasonMalformed} {
		b, x, _, z := line(t)
		d := b.site("dora")
		b.member(x, d)
		b.join(x, d)
		b.join(d, z)
		alice, bob := x.app("alice"), z.app("bob")
		b.run(time.Minute, func() bool { return false })
		raw := alice.parcel(bob, "p1", noise(60_000))
		if _, err := alice.deliver(raw); err != nil {
			t.Fatal(err)
		}
		b.run(20*time.Millisecond, func() bool { return false })
		e := x.core.queue.bySum[sumOf(raw)]
		first := x.deny(e, r)
		if e.State != Saved || !e.Held || x.bodies() != 1 {
			t.Fatalf("reason %d: the parcel is %v, held %v, %d bodies; want saved and held", r, e.State, e.Held, x.bodies())
		}
		if e.next == first || e.next == (link.PeerID{}) {
			t.Fatalf("reason %d: it goes to %s, denied by %s; want another way", r, x.core.peerName(e.next), x.core.peerName(first))
		}
		b.must(10*time.Minute, "the parcel to come by the other way", func() bool { return bob.waits() == 1 })
		if got := bob.collect(); len(got) != 1 || !bytes.Equal(got[0], raw) {
			t.Fatalf("bob got %d parcels, want the one sent", len(got))
		}
		b.must(time.Minute, "the receipt", func() bool { return x.state(raw) == Delivered })
	}
}

// Where there is no other way the same neighbour is asked again, ever more rarely, and the sender sees why.
func TestADenialIsShownAndTriedAgainEverMoreRarely(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	p := b.join(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	b.run(time.Minute, func() bool { return false })
	p.down = true // frames get lost, the session stays
	raw := alice.parcel(bob, "p1", text(100))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	e := a.core.queue.bySum[sumOf(raw)]
	var waits []time.Duration
	for range 3 {
		hop := a.deny(e, link.ReasonUnauthorised)
		waits = append(waits, a.core.peers[hop].hold[e.Digest].Sub(b.now))
		v := a.core.parcelView(b.now, e)
		if want := "refused by cleo: " + reasonText(link.ReasonUnauthorised); v.State != Saved || v.Why != want {
			t.Fatalf("the sender sees %v, why %q; want saved, %q", v.State, v.Why, want)
		}
		delete(a.core.peers[hop].hold, e.Digest)
		a.core.reline(e)
		a.core.dirty = true
		a.core.settle(b.now)
	}
	if want := []time.Duration{time.Minute, 4 * time.Minute, 16 * time.Minute}; waits[0] != want[0] || waits[1] != want[1] || waits[2] != want[2] {
		t.Fatalf("waits %v after denials, want %v", waits, want)
	}
	p.down = false
	b.must(time.Hour, "delivery all the same", func() bool { return bob.waits() == 1 })
}

// A refusal that the recipient's gateway signed is final; one that another member signed is nothing.
func TestASignedRefusalIsFinal(t *testing.T) {
	b := newBench(t)
	a, c, d := b.site("ada"), b.site("cleo"), b.site("dora")
	b.found(a, "ridge")
	b.member(a, c)
	b.member(a, d)
	alice, bob := a.app("alice"), c.app("bob")
	raw := alice.parcel(bob, "p1", text(100))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	a.known(c.core.self)
	refusal := func(s *site) []byte {
		return domain.NewReceipt(domain.Receipt{Parcel: sumOf(raw), Origin: a.core.self, Time: b.now, Quality: pki.ClockNTP, Verdict: domain.Refused}, s.core.id, a.core.member.Domain.ID).Raw
	}
	if r, ok := a.receive(c.core.self, ItemReceipt, refusal(d)); !ok || r != link.ReasonUnauthorised || a.state(raw) != Saved {
		t.Fatalf("a refusal of another member: reason %d, the parcel is %v; want unauthorised, saved", r, a.state(raw))
	}
	if r, ok := a.receive(c.core.self, ItemReceipt, refusal(c)); !ok || r != link.ReasonNone || a.state(raw) != Refused {
		t.Fatalf("the refusal: reason %d, the parcel is %v; want none, refused", r, a.state(raw))
	}
	p := a.core.Parcels(b.now, true)[0]
	if !strings.HasPrefix(p.Why, "refused by cleo") || a.bodies() != 0 {
		t.Fatalf("why %q with %d bodies, want the name of the recipient's gateway and none", p.Why, a.bodies())
	}
}

// What a careless origin lets pass is refused for good, and signed, by the gateway that it was for; the word goes
// back the way the parcel came.
func TestTheRecipientsGatewaySignsItsRefusal(t *testing.T) {
	b, x, y, z := line(t)
	alice, bob := x.app("alice"), z.app("bob")
	raw := alice.parcel(bob, "p1", text(100))
	raw[len(raw)-5] ^= 1
	m, err := ramf.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	body, err := pack(raw)
	if err != nil {
		t.Fatal(err)
	}
	careless := func(s *site, from link.PeerID) {
		in := intake{rec: newParcelRecord(m, nil, body), body: body}
		in.rec.From, in.rec.Origin = from, from == link.PeerID{}
		in.rec.Gateway = nodeIDOf(z.core.member.Record.RSAHash)
		s.core.admit(b.now, in, func(_ time.Time, _ *entry, err error) {
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	careless(x, link.PeerID{})
	x.core.change(x.core.queue.bySum[sumOf(raw)], func(r *parcelRecord) { r.State, r.By = Carried, y.core.self }, nil, ignoreResult)
	careless(y, x.core.self)
	b.must(10*time.Minute, "the refusal at the origin", func() bool { return x.state(raw) == Refused })
	b.must(time.Minute, "an end of it everywhere", func() bool {
		n := 0
		for _, s := range b.sites {
			n += s.bodies() + len(s.disk[KindNote])
		}
		return n == 0
	})
	if p := x.core.Parcels(b.now, true); p[0].Why != "refused by cleo" {
		t.Errorf("the origin says %q", p[0].Why)
	}
}
