package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
)

// single is one gateway with a domain and two apps.
func single(t testing.TB) (*bench, *site, *app, *app) {
	b := newBench(t)
	s := b.site("ada")
	b.found(s, "ridge")
	return b, s, s.app("alice"), s.app("bob")
}

func TestParcelsOfAppsAreRefusedForAReason(t *testing.T) {
	b, s, alice, bob := single(t)
	eve := &app{s: s, key: alice.key, id: alice.id, cert: alice.cert, gw: alice.gw}
	good := alice.parcel(bob, "good", text(10))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-5] ^= 1
	at := func(d time.Duration) func(*ramf.Message) {
		return func(m *ramf.Message) { m.Created = m.Created.Add(d) }
	}
	for _, c := range []struct {
		name string
		raw  []byte
		want ramf.Refusal
	}{
		{"not a message", []byte("hello"), ramf.Malformed},
		{"cut short", good[:len(good)/2], ramf.Malformed},
		{"another signature", flipped, ramf.BadSignature},
		{"from tomorrow", alice.parcel(bob, "p", nil, at(day)), ramf.NotYetValid},
		{"too old", alice.parcel(bob, "p", nil, at(-11*day)), ramf.Expired},
		{"a cargo", alice.parcel(bob, "p", nil, func(m *ramf.Message) { m.Type = ramf.Cargo }), ramf.WrongType},
		{"to somebody else", eve.parcel(bob, "p", nil, func(m *ramf.Message) { m.Recipient = alice.id }), ramf.NotAuthorised},
		{"without the recipient's certificate", alice.parcel(bob, "p", nil, func(m *ramf.Message) { m.Chain = nil }), ramf.NoPath},
	} {
		_, err := alice.deliver(c.raw)
		var r *ramf.Error
		if !errors.As(err, &r) || r.Refusal != c.want {
			t.Errorf("%s: got %v, want refusal %d", c.name, err, c.want)
		}
	}
	if len(s.core.Parcels(b.now, true)) != 0 || s.bodies() != 0 {
		t.Errorf("refused parcels left %d records and %d bodies", len(s.core.Parcels(b.now, true)), s.bodies())
	}
}

func TestTheSameParcelAgainIsAcceptedOnce(t *testing.T) {
	b, s, alice, bob := single(t)
	raw := alice.parcel(bob, "p1", text(10))
	for range 3 {
		if _, err := alice.deliver(raw); err != nil {
			t.Fatal(err)
		}
	}
	if got := bob.collect(); len(got) != 1 {
		t.Fatalf("bob got it %d times, want once", len(got))
	}
	if _, err := alice.deliver(raw); err != nil {
		t.Fatalf("after delivery: %v", err)
	}
	if got := bob.collect(); len(got) != 0 {
		t.Fatalf("after delivery bob got it again")
	}
	other := alice.parcel(bob, "p1", text(11))
	var r *ramf.Error
	if _, err := alice.deliver(other); !errors.As(err, &r) {
		t.Fatalf("another parcel under the same id: got %v, want a refusal", err)
	}
	if s.state(raw) != Delivered {
		t.Fatalf("a local parcel is %v after its acknowledgement, want delivered", s.state(raw))
	}
	_ = b
}

func TestParcelsForTheInternetAreKept(t *testing.T) {
	b, s, alice, bob := single(t)
	raw := alice.parcel(bob, "p1", nil, func(m *ramf.Message) {
		m.InternetAddress, m.Sender, m.Chain = "example.com", alice.cert, nil
	})
	p, err := alice.deliver(raw)
	if err != nil || p.State != Saved || p.Why != whyNoUplink {
		t.Fatalf("got %v, %v %q, want saved, no_uplink", err, p.State, p.Why)
	}
	if n := len(bob.collect()); n != 0 {
		t.Fatalf("a parcel for the Internet was handed out here")
	}
	_, _ = b, s
}

func TestQuotaRefusesNewAndKeepsOld(t *testing.T) {
	b := newBench(t)
	s := b.site("ada")
	b.found(s, "ridge")
	s.limits = Limits{Bytes: 4000, SenderBytes: 4000}
	s.boot()
	alice, bob := s.app("alice"), s.app("bob")
	if _, err := alice.deliver(alice.parcel(bob, "p1", noise(1000))); err != nil {
		t.Fatal(err)
	}
	_, err := alice.deliver(alice.parcel(bob, "p2", noise(2000)))
	refusedWith(t, err, "quota", "no room")
	if n := bob.waits(); n != 1 {
		t.Fatalf("%d parcels wait, want the old one", n)
	}
}

func TestFailedBatchPromisesNothing(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	b.join(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	raw := alice.parcel(bob, "p1", noise(500))
	full := func(p Persist) error {
		for _, op := range p.Ops {
			if op.Kind == KindBody && !op.Delete {
				return fmt.Errorf("disk: %w", store.ErrFull)
			}
		}
		return nil
	}
	a.fail = full
	_, err := alice.deliver(raw)
	refusedWith(t, err, "quota", "full")
	if a.state(raw) != 0 {
		t.Fatalf("a parcel that was not stored is %v", a.state(raw))
	}
	a.fail, c.fail = nil, full
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.run(time.Minute, func() bool { return false })
	p, _ := a.core.Parcel(b.now, a.core.Parcels(b.now, true)[0].ID)
	if p.State != Saved || p.Why != whyQuota {
		t.Fatalf("while the neighbour is full the parcel is %v, why %q; want saved, quota", p.State, p.Why)
	}
	c.fail = nil
	b.must(10*time.Minute, "delivery once there is room", func() bool { return bob.waits() == 1 })
}

func TestWithoutAClockParcelsAreCarriedAndNothingExpires(t *testing.T) {
	b, s, alice, bob := single(t)
	raw := alice.parcel(bob, "p1", text(10))
	s.core.HandleEvent(b.now, Clock{pki.ClockNone})
	b.now = b.now.Add(300 * day)
	if _, err := alice.deliver(raw); err != nil {
		t.Fatalf("without a clock: %v", err)
	}
	b.run(day, func() bool { return false })
	if s.state(raw) != Saved {
		t.Fatalf("without a clock the parcel is %v, want saved", s.state(raw))
	}
	if _, err := s.core.PreRegister(b.now, [32]byte{1}); err == nil {
		t.Fatal("an endpoint was registered without a clock")
	}
	_, err := s.call(func(t Token) Event { return ExportContact{t, endpoint.CardText.Encode("x", []byte("y"))} })
	refusedWith(t, err, "not_yet", "clock")
	s.core.HandleEvent(b.now, Clock{pki.ClockNeighbour})
	b.run(day, func() bool { return false })
	if s.state(raw) != Saved {
		t.Fatalf("by a neighbour's clock the parcel is %v, want saved", s.state(raw))
	}
	s.core.HandleEvent(b.now, Clock{pki.ClockGPS})
	b.must(time.Minute, "expiry by a clock that counts", func() bool { return s.state(raw) == Expired && s.bodies() == 0 })
	b.must(20*day, "the end of the memory", func() bool { return len(s.disk[KindParcel]) == 0 })
}

func TestExpiryAtTheMinuteOfTheParcel(t *testing.T) {
	b, s, alice, bob := single(t)
	raw := alice.parcel(bob, "p1", text(10), func(m *ramf.Message) { m.TTL = time.Hour })
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.run(59*time.Minute, func() bool { return false })
	if s.state(raw) != Saved {
		t.Fatalf("a minute before its end the parcel is %v, want saved", s.state(raw))
	}
	b.must(2*time.Minute, "expiry", func() bool { return s.state(raw) == Expired })
	if got := bob.collect(); len(got) != 0 {
		t.Fatal("an expired parcel was handed out")
	}
}

func TestSubscriptionWaitsAndIsAnsweredOnArrival(t *testing.T) {
	b, s, alice, bob := single(t)
	s.core.HandleEvent(b.now, Collect{1, []pki.NodeID{bob.id}})
	tok := s.ask(func(t Token) Event { return Next{Token: t, Sub: 1, Wait: true} })
	b.settle()
	if _, ok := s.answers[tok]; ok {
		t.Fatal("answered before anything arrived")
	}
	raw := alice.parcel(bob, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.must(time.Second, "the answer", func() bool { _, ok := s.answers[tok]; return ok })
	if c := s.answers[tok].Value.(*Collected); c == nil || !bytes.Equal(c.Parcel, raw) {
		t.Fatal("another parcel was handed out")
	}
	if c := s.mustCall(func(t Token) Event { return Next{Token: t, Sub: 1} }).(*Collected); c != nil {
		t.Fatal("a parcel in flight was handed out twice on one subscription")
	}
	_, err := s.call(func(t Token) Event { return Ack{t, 1, "deadbeef"} })
	refusedWith(t, err, "refused", "no such parcel")
	tok = s.ask(func(t Token) Event { return Next{Token: t, Sub: 1, Wait: true} })
	s.core.HandleEvent(b.now, CloseCollect{1})
	b.settle()
	if c, _ := s.answers[tok].Value.(*Collected); c != nil {
		t.Fatal("closing answered with a parcel")
	}
}

// known adds a neighbour to a core without a link session, to try what a hostile one may do.
func (s *site) known(id link.PeerID) {
	s.core.peers[id] = newPeer(id, false)
	s.core.peers[id].ports[99] = true
}

func TestOffersAreAnsweredByWhatIsKnown(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	a.limits = Limits{Bytes: 20_000}
	a.boot()
	b.member(a, c)
	alice, bob := a.app("alice"), a.app("bob")
	raw := alice.parcel(bob, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	from, other := link.PeerID{1}, link.PeerID{2}
	a.known(from)
	a.known(other)
	x := a.core.queue.bySum[sumOf(raw)]
	offer := func(p link.PeerID, it link.Item) [2]uint8 {
		v, r := a.core.judgeOffer(b.now, p, it)
		return [2]uint8{uint8(v), uint8(r)}
	}
	item := link.Item{Digest: x.Digest, Kind: ItemParcel, Size: x.BodySize, Lifetime: time.Hour}
	fresh := link.Item{Digest: link.Digest{7}, Kind: ItemParcel, Size: 100, Lifetime: time.Hour}
	with := func(it link.Item, f func(*link.Item)) link.Item { f(&it); return it }
	state := func(f func(r *parcelRecord)) { f(&x.parcelRecord) }
	yes := func(v link.Verdict) [2]uint8 { return [2]uint8{uint8(v), uint8(link.ReasonNone)} }
	no := func(r link.Reason) [2]uint8 { return [2]uint8{uint8(link.Refuse), uint8(r)} }
	check := func(what string, got, want [2]uint8) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got verdict and reason %v, want %v", what, got, want)
		}
	}
	check("new", offer(from, fresh), yes(link.Accept))
	check("unknown kind", offer(from, with(fresh, func(i *link.Item) { i.Kind = 99 })), no(link.ReasonMalformed))
	check("too large", offer(from, with(fresh, func(i *link.Item) { i.Size = maxParcelBody + 1 })), no(link.ReasonMalformed))
	check("no lifetime", offer(from, with(fresh, func(i *link.Item) { i.Lifetime = 0 })), no(link.ReasonExpired))
	check("join request of a member", offer(from, with(fresh, func(i *link.Item) { i.Kind = ItemJoinRequest })), no(link.ReasonPolicy))
	check("unknown neighbour", offer(link.PeerID{3}, fresh), no(link.ReasonBusy))
	check("held", offer(from, item), yes(link.Have))
	state(func(r *parcelRecord) { r.Origin, r.From, r.State, r.Held = false, from, Carried, false })
	check("passed on, offered by its source", offer(from, item), yes(link.Have))
	check("an older copy than what was passed on", offer(other, item), yes(link.Have))
	back := with(item, func(i *link.Item) { i.Cost = 2 })
	check("passed on, comes back", offer(other, back), yes(link.Accept))
	state(func(r *parcelRecord) { r.Turns, r.Since = 1, b.now })
	check("passed on, comes back again at once", offer(other, back), no(link.ReasonLoop))
	state(func(r *parcelRecord) { r.Since = b.now.Add(-turnRest(1)) })
	check("passed on, comes back again later", offer(other, back), yes(link.Accept))
	check("passed on, in too many hands", offer(other, with(item, func(i *link.Item) { i.Cost = maxHands + 1 })), no(link.ReasonLoop))
	x.busy = true
	check("comes back while it is changed", offer(other, back), no(link.ReasonBusy))
	x.busy = false
	state(func(r *parcelRecord) { r.Origin, r.From, r.Held = true, link.PeerID{}, true })
	check("ours, carried, comes back", offer(other, back), yes(link.Have))
	state(func(r *parcelRecord) { r.State = Delivered })
	check("delivered", offer(other, item), yes(link.Have))
	x.fresh = true
	check("being stored", offer(other, item), no(link.ReasonBusy))
	check("over quota", offer(from, with(fresh, func(i *link.Item) { i.Size = 10_001 })), no(link.ReasonFull))
}

// reply runs received and returns what the link is told.
func (s *site) receive(from link.PeerID, kind uint8, body []byte) (reason link.Reason, answered bool) {
	e := link.Received{Peer: from, Body: body, Item: link.Item{Kind: kind, Digest: digestOf(kind, body), Size: len(body), Lifetime: time.Hour}}
	reply := func(_ time.Time, r link.Reason) { reason, answered = r, true }
	switch kind {
	case ItemParcel:
		s.core.takeParcel(s.b.now, e, reply)
	case ItemReceipt:
		s.core.takeReceipt(s.b.now, e, reply)
	case ItemNodeAdvert, ItemEngineAdvert:
		s.core.takeAdvert(s.b.now, e, reply)
	case ItemContact:
		s.core.takeContact(s.b.now, e, reply)
	case ItemJoinRequest:
		s.core.takeJoinRequest(s.b.now, e, reply)
	case ItemAdmission:
		s.core.takeAdmission(s.b.now, e, reply)
	default:
		return link.ReasonUnknown, true
	}
	s.b.settle()
	return reason, answered
}

func TestReceiptsExpireToo(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	p := b.join(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	if _, err := alice.deliver(alice.parcel(bob, "p1", text(10))); err != nil {
		t.Fatal(err)
	}
	b.must(time.Minute, "the parcel", func() bool { return bob.waits() == 1 })
	p.set(false)
	bob.collect()
	if n := len(c.disk[KindNote]); n != 1 {
		t.Fatalf("%d receipts wait for the lost neighbour, want 1", n)
	}
	receipts := func() (n int) {
		for _, v := range c.core.notes.byDigest {
			if v.kind == ItemReceipt {
				n++
			}
		}
		return n
	}
	b.must(60*day, "the end of the receipt", func() bool { return receipts() == 0 })
	if d := b.now.Sub(epoch); d < 39*day {
		t.Fatalf("the receipt ended after %v, before 40 days", d)
	}
}
