package gateway

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"packhorse/link"
)

// swallow drops what a site has custody of and should pass on, as if it had gone on.
func (s *site) swallow() {
	for _, x := range s.core.queue.all() {
		if s.swallows && x.forwardable() && !x.fresh && !x.busy {
			s.core.carried(s.b.now, x, link.PeerID{9})
		}
	}
}

// diamond is ada, who knows cleo through ben and through bea.
func diamond(t testing.TB) (b *bench, x, y1, y2, z *site) {
	b = newBench(t)
	x, y1, y2, z = b.site("ada"), b.site("ben"), b.site("bea"), b.site("cleo")
	b.found(x, "ridge")
	for _, s := range []*site{y1, y2, z} {
		b.member(x, s)
	}
	for _, s := range []*site{y1, y2} {
		b.join(x, s)
		b.join(s, z)
	}
	b.run(2*time.Minute, func() bool { return false })
	return b, x, y1, y2, z
}

// A neighbour takes custody and drops everything: each parcel goes another way in the end, is delivered once, and after
// three such times nothing new goes to it.
func TestParcelsGoAnotherWayThanALiar(t *testing.T) {
	b, x, y1, y2, z := diamond(t)
	alice, bob := x.app("alice"), z.app("bob")
	n := 0
	send := func() []byte {
		n++
		raw := alice.parcel(bob, fmt.Sprint("p", n), text(3000))
		if _, err := alice.deliver(raw); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	arrive := func(within time.Duration, raw []byte) {
		t.Helper()
		var got [][]byte
		b.must(within, "the parcel at bob's", func() bool { got = append(got, bob.collect()...); return len(got) > 0 })
		if len(got) != 1 || !bytes.Equal(got[0], raw) {
			t.Fatalf("bob got %d parcels, want the one sent", len(got))
		}
		b.must(time.Minute, "the receipt", func() bool { return x.state(raw) == Delivered })
	}
	raw := send()
	arrive(time.Minute, raw)
	liar, other := y1, y2
	if p := x.core.Parcels(b.now, true); p[0].By == "bea" {
		liar, other = y2, y1
	}
	liar.swallows = true
	for range 3 {
		b.run(30*time.Minute, func() bool { return false })
		raw := send()
		b.must(time.Minute, "custody at the liar", func() bool { return x.state(raw) == Carried })
		arrive(2*time.Hour, raw)
	}
	if p := x.core.peers[liar.core.self]; p == nil || p.shunned.IsZero() {
		t.Fatalf("the liar is not shunned: %+v", p)
	}
	if p := x.core.peers[other.core.self]; !p.shunned.IsZero() {
		t.Error("the other is shunned too")
	}
	arrive(time.Minute, send())
}

// An app that is away for long makes nobody suspected, and its parcels cross the air twice at most.
func TestAnAppThatIsAwayMakesNobodyALiar(t *testing.T) {
	b, x, y1, y2, z := diamond(t)
	alice, bob := x.app("alice"), z.app("bob")
	for i := range 6 {
		raw := alice.parcel(bob, fmt.Sprint("p", i), text(1000))
		if _, err := alice.deliver(raw); err != nil {
			t.Fatal(err)
		}
		b.run(time.Duration(i)*time.Hour, func() bool { return false })
	}
	b.run(4*day, func() bool { return false })
	if got := bob.collect(); len(got) != 6 {
		t.Fatalf("bob got %d parcels, want 6", len(got))
	}
	b.run(time.Hour, func() bool { return false })
	for _, s := range []*site{y1, y2} {
		if p := x.core.peers[s.core.self]; !p.shunned.IsZero() {
			t.Errorf("%s is shunned", s.name)
		}
	}
	for _, p := range x.core.Parcels(b.now, true) {
		if p.State != Delivered {
			t.Errorf("%s is %v", p.ID, p.State)
		}
	}
}

// Who says that it has what nobody but us can have is not believed.
func TestHavingWhatNobodyCanHaveIsNotBelieved(t *testing.T) {
	b, x, y1, y2, z := diamond(t)
	alice, bob := x.app("alice"), z.app("bob")
	raw := alice.parcel(bob, "p1", text(3000))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	var first *peer
	d := x.core.queue.all()[0].Digest
	b.must(time.Minute, "a submit", func() bool {
		for _, s := range []*site{y1, y2} {
			if p := x.core.peers[s.core.self]; p.sub[d] {
				first = p
			}
		}
		return first != nil
	})
	x.core.link.HandleEvent(b.now, link.Withdraw{Peer: first.id, Digest: d})
	x.core.fromLink(b.now, link.Custody{Peer: first.id, Digest: d, Early: true})
	b.must(time.Minute, "the parcel by the other way", func() bool { return bob.waits() == 1 })
	if x := x.core.queue.all()[0]; x.By == first.id {
		t.Errorf("carried by %v, who was not believed", x.By)
	}
	_ = z
}

// A neighbour that the link shuns gets nothing, whatever the reason, and is tried again after its time.
func TestAShunnedNeighbourIsPassedBy(t *testing.T) {
	b, x, y1, y2, z := diamond(t)
	alice, bob := x.app("alice"), z.app("bob")
	until := b.now.Add(time.Hour)
	for _, s := range []*site{y1, y2} {
		x.core.fromLink(b.now, link.Shunned{Peer: s.core.self, Until: until})
	}
	raw := alice.parcel(bob, "p1", text(300))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.run(50*time.Minute, func() bool { return false })
	if bob.waits() > 0 || x.state(raw) != Saved {
		t.Error("the parcel went through a neighbour that is shunned")
	}
	b.must(20*time.Minute, "delivery once they are tried again", func() bool { return bob.waits() == 1 })
	_ = z
}
