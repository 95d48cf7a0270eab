package gateway

import (
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// trio is a domain of two known gateways and a stranger's domain of the same name.
func TestHostileItemsChangeNothing(t *testing.T) {
	b := newBench(t)
	a, c, e := b.site("ada"), b.site("cleo"), b.site("eve")
	b.found(a, "ridge")
	b.member(a, c)
	b.found(e, "evil")
	alice, bob := a.app("alice"), c.app("bob")
	raw := alice.parcel(bob, "p1", text(100))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	body, err := pack(raw)
	if err != nil {
		t.Fatal(err)
	}
	cleo, eve := c.core.self, e.core.self
	c.known(a.core.self)
	a.known(cleo)
	before := len(a.core.Parcels(b.now, true))
	check := func(what string, s *site, from link.PeerID, kind uint8, body []byte, want link.Reason) {
		t.Helper()
		if got, ok := s.receive(from, kind, body); !ok || got != want {
			t.Errorf("%s: got reason %d, answered %v; want %d", what, got, ok, want)
		}
	}
	check("cut parcel", c, a.core.self, ItemParcel, body[:len(body)/2], link.ReasonMalformed)
	evil := e.app("mallory")
	foreign, _ := pack(evil.parcel(evil, "p", nil))
	check("parcel of another domain", c, a.core.self, ItemParcel, foreign, link.ReasonUnauthorised)

	receiptBy := func(i *domain.Identity, d [16]byte, sum [32]byte) []byte {
		return domain.NewReceipt(domain.Receipt{Parcel: sum, Origin: a.core.self, Time: b.now, Quality: pki.ClockNTP, Verdict: domain.Delivered}, i, d).Raw
	}
	id := a.core.member.Domain.ID
	check("receipt of no member", a, cleo, ItemReceipt, receiptBy(e.core.id, id, sumOf(raw)), link.ReasonBusy)
	check("receipt of another domain", a, cleo, ItemReceipt, receiptBy(c.core.id, e.core.member.Domain.ID, sumOf(raw)), link.ReasonMalformed)
	check("receipt of a member that is not the recipient's", c, a.core.self, ItemReceipt, receiptBy(a.core.id, id, sumOf(raw)), link.ReasonNone)
	b.member(a, b.site("dora"))
	dora := b.sites[3]
	check("receipt of a member that has not the endpoint", a, cleo, ItemReceipt, receiptBy(dora.core.id, id, sumOf(raw)), link.ReasonUnauthorised)
	if a.state(raw) != Saved {
		t.Errorf("after hostile receipts the parcel is %v, want saved", a.state(raw))
	}

	foreignAdvert, err := domain.NewNodeAdvert(e.core.id, e.core.member, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("node advert of another domain", a, cleo, ItemNodeAdvert, foreignAdvert.Raw, link.ReasonMalformed)
	own, err := domain.NewNodeAdvert(a.core.id, a.core.member, 1<<60, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("our own advert from another life", a, cleo, ItemNodeAdvert, own.Raw, link.ReasonPolicy)
	advert := e.core.adverts.bySubject[engineSubject(e.core.box.id())]
	check("engine advert of a gateway of no member", a, cleo, ItemEngineAdvert, advert.body, link.ReasonBusy)
	check("contact of whom we did not admit", a, cleo, ItemContact, []byte("x"), link.ReasonPolicy)
	check("join request outside pairing", a, cleo, ItemJoinRequest, []byte("x"), link.ReasonPolicy)
	check("admission outside pairing", a, cleo, ItemAdmission, []byte("x"), link.ReasonPolicy)
	if got := len(a.core.Parcels(b.now, true)); got != before {
		t.Errorf("%d parcels after hostile items, want %d", got, before)
	}
	if _, known := a.core.members[eve]; known {
		t.Error("a gateway of another domain became a member")
	}
	_ = time.Second
}

// A member that advertises an endpoint it never registered lacks the endpoint's word.
func TestMemberCannotStealAnEndpoint(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	b.join(a, c)
	bob := c.app("bob")
	b.must(time.Minute, "the advert", func() bool { gw, ok := a.core.gatewayOf(bob.id); return ok && gw == c.core.self })
	// The endpoint moves: it registers at the other gateway, with a later word of its own.
	moved := *bob
	b.now = b.now.Add(time.Minute)
	moved = *a.app("bob")
	b.must(time.Minute, "both to know", func() bool { gw, ok := c.core.gatewayOf(bob.id); return ok && gw == a.core.self })
	if _, ours := c.core.local[moved.id]; ours {
		t.Fatal("the old gateway still counts the endpoint as its own")
	}
	old := c.disk[KindAdvert][engineSubject(bob.id)]
	if len(old) == 0 {
		t.Fatal("the newer advert was not stored")
	}
}

func FuzzItem(f *testing.F) {
	b := newBench(f)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	body, err := pack(alice.parcel(bob, "p1", text(40)))
	if err != nil {
		f.Fatal(err)
	}
	c.known(a.core.self)
	f.Add(ItemParcel, body)
	f.Add(ItemReceipt, domain.NewReceipt(domain.Receipt{Parcel: sumOf(body), Time: b.now, Verdict: domain.Delivered}, a.core.id, a.core.member.Domain.ID).Raw)
	for _, s := range sortedKeys(a.core.adverts.bySubject) {
		f.Add(a.core.adverts.bySubject[s].kind, a.core.adverts.bySubject[s].body)
	}
	ad := admission{Membership: c.core.member.Marshal(), Record: a.core.member.Record.Raw, Contact: []byte("x")}
	f.Add(ItemAdmission, ad.append(nil))
	f.Add(ItemAdmission, refuseAdmission(errNoDomain))
	req, err := domain.NewJoinRequest(c.core.id, nil, seeded(1, "x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ItemJoinRequest, req)
	f.Add(ItemContact, []byte("0"))
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		if _, answered := c.receive(a.core.self, kind, body); !answered {
			t.Fatalf("kind %d: the link was not answered", kind)
		}
		c.core.parseNote(body)
		readPairingText(string(body), &link.JoinPairing{})
		decodeText(endpoint.CardText, string(body), maxSPKI)
	})
}

// What anybody can write into a record must come back as an error, never as a panic; and what was read is
// what would be written.
func FuzzRecords(f *testing.F) {
	p := parcelRecord{Type: ramf.Parcel, State: Saved, Sender: "0a", Recipient: "0b", ID: "x"}
	f.Add(p.append(nil))
	l := letterRecord{Key: "0123456789abcdef", New: true, Type: "text/plain"}
	f.Add(l.append(nil))
	q := partialRecord{Item: link.Item{Kind: ItemParcel, Size: 100}, Symbols: []byte("abc")}
	f.Add(q.append(nil))
	m := memberRecord{Raw: []byte("r")}
	op := m.put(link.PeerID{})
	f.Add(op.Value)
	d := draftRecord{State: draftWaiting, Size: 10, Type: "text/plain"}
	f.Add(d.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseParcelRecord(b); err == nil && string(r.append(nil)) != string(b) {
			t.Error("a parcel record changed by reading")
		}
		if r, err := parseLetterRecord("0123456789abcdef", b); err == nil && string(r.append(nil)) != string(b) {
			t.Error("a letter record changed by reading")
		}
		if r, err := parsePartialRecord(b); err == nil && b[0] == partialVersion && string(r.append(nil)) != string(b) {
			t.Error("a partial record changed by reading")
		}
		if r, err := parseMemberRecord(b); err == nil {
			if op := r.put(link.PeerID{}); string(op.Value) != string(b) {
				t.Error("a member record changed by reading")
			}
		}
		if r, err := parseDraftRecord(b); err == nil && string(r.append(nil)) != string(b) {
			t.Error("a draft record changed by reading")
		}
		if r, err := parseAdmission(b); err == nil && string(r.append(nil)) != string(b) {
			t.Error("an admission changed by reading")
		}
	})
}
