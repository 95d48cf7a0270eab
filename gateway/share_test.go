package gateway

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/registration"
	"packhorse/link"
)

// What one neighbour, one gateway or one app sends must not fill a table that others need.

func TestOneSourceLeavesRoomForOthers(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	a.limits = Limits{Parcels: 4, Notes: 8}
	b.found(a, "ridge")
	a.boot()
	b.member(a, c)
	alice, bob := a.app("alice"), a.app("bob")
	from, other := link.PeerID{1}, link.PeerID{2}
	a.known(from)
	a.known(other)
	for i := range 2 {
		body, err := pack(alice.parcel(bob, fmt.Sprint("far", i), text(10)))
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := a.receive(from, ItemParcel, body); r != link.ReasonNone || !ok {
			t.Fatalf("parcel %d of the neighbour: reason %d, want none", i, r)
		}
	}
	bob.collect() // the record of what was delivered still counts
	offer := link.Item{Digest: link.Digest{9}, Kind: ItemParcel, Size: 10, Lifetime: time.Hour}
	if v, r := a.core.judgeOffer(b.now, from, offer); v != link.Refuse || r != link.ReasonFull {
		t.Errorf("offer beyond the neighbour's half: %d %d, want refuse, full", v, r)
	}
	if v, _ := a.core.judgeOffer(b.now, other, offer); v != link.Accept {
		t.Errorf("offer of another neighbour: verdict %d, want accept", v)
	}
	for i := range 4 {
		n := &note{kind: ItemContact, digest: link.Digest{byte(i)}, from: from, expires: b.now.Add(day)}
		a.core.keepNote(n)
		a.core.keepNote(n)
	}
	offer.Kind = ItemReceipt
	if v, r := a.core.judgeOffer(b.now, from, offer); v != link.Refuse || r != link.ReasonFull {
		t.Errorf("receipt beyond the neighbour's half: %d %d, want refuse, full", v, r)
	}
	if v, _ := a.core.judgeOffer(b.now, other, offer); v != link.Accept {
		t.Errorf("receipt of another neighbour: verdict %d, want accept", v)
	}
	a.core.dropNote(a.core.notes.byDigest[link.Digest{}])
	if v, _ := a.core.judgeOffer(b.now, from, offer); v != link.Accept {
		t.Errorf("receipt once another went on: verdict %d, want accept", v)
	}
}

func TestOneGatewayLeavesRoomForEndpointsOfOthers(t *testing.T) {
	b := newBench(t)
	s := b.site("ada")
	b.found(s, "ridge")
	s.core.cfg.Limits.Endpoints = 4 // the built-in endpoint and one more
	s.app("alice")
	spki, err := pki.EncodeSPKI(pkitest.Key(t, "app bob").Public())
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := pki.IDOf(spki).Digest()
	pnra, err := s.core.PreRegister(b.now, digest)
	if err != nil {
		t.Fatal(err)
	}
	pnrr, err := registration.NewRequest(pnra, pkitest.Key(t, "app bob"), seeded(1, "bob"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.call(func(t Token) Event { return Register{t, pnrr} })
	var g *Error
	if !errors.As(err, &g) || g.Code != "quota" {
		t.Fatalf("a third endpoint of four: got %v, want quota", err)
	}
}

// A subject that is advertised anew for ever must not leave anything behind.
func TestReplacedAdvertsAreForgottenOfNeighbours(t *testing.T) {
	b, a, c := duo(t)
	alice := a.app("alice")
	p := c.core.peers[a.core.self]
	size := 0
	for i := range 20 {
		b.now = b.now.Add(subjectEvery)
		seq := registration.NextSequence(0, b.now, pki.ClockNTP) + uint64(i)
		digest, _ := alice.id.Digest()
		auth := registration.Authorize(registration.Claim{Digest: digest, Gateway: a.core.self, Sequence: seq}, b.now, a.core.id.Sign)
		raw, err := registration.NewRequest(auth.Raw, alice.key, seeded(uint64(i), "again"))
		if err != nil {
			t.Fatal(err)
		}
		req, err := registration.ParseRequest(raw)
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := c.receive(a.core.self, ItemEngineAdvert, domain.NewEngineAdvert(req).Raw); r != link.ReasonNone || !ok {
			t.Fatalf("advert %d: reason %d, want none", i, r)
		}
		if i == 0 {
			size = len(p.has)
		}
	}
	if len(p.has) != size {
		t.Fatalf("%d adverts are remembered of the neighbour, want %d as after the first", len(p.has), size)
	}
}

func TestFullInboxKeepsParcels(t *testing.T) {
	b, x, y := pairedBench(t)
	y.core.cfg.Limits.LetterBytes = 6000
	send := func() {
		x.mustCall(func(t Token) Event { return Send{Token: t, To: "ben", Type: "text/plain", Content: noise(1000)} })
		b.run(time.Minute, func() bool { return false })
	}
	send()
	y.core.cfg.Limits.LetterBytes = y.core.box.bytes + 100
	send()
	if n, waits := len(y.core.Letters()), y.bodies(); n != 1 || waits != 1 {
		t.Fatalf("%d letters and %d parcels, want 1 and 1", n, waits)
	}
	y.limits.LetterBytes = 1 << 20
	y.boot()
	b.must(time.Minute, "the second letter", func() bool { return len(y.core.Letters()) == 2 })
	if got, want := y.core.box.bytes, int64(2000); got != want {
		t.Fatalf("%d octets of letters are counted, want %d", got, want)
	}
}
