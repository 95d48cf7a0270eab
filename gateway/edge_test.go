package gateway

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/registration"
	"packhorse/link"
	"packhorse/store"
)

// duo is two members that have heard of each other, without a wire.
func duo(t testing.TB) (b *bench, a, c *site) {
	b = newBench(t)
	a, c = b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	c.known(a.core.self)
	a.known(c.core.self)
	return b, a, c
}

func TestNothingGoesBackWhereItCameFrom(t *testing.T) {
	_, a, c := duo(t)
	from := c.core.self
	if _, ok := a.core.usable(from, avoidNobody, from); ok {
		t.Error("an item may go back to where it came from")
	}
	if _, ok := a.core.usable(from, avoidNobody, link.PeerID{9}); !ok {
		t.Error("an item from elsewhere may not go to this neighbour")
	}
}

func TestAdmissionOfAnotherGatewayMakesNoMember(t *testing.T) {
	b, a, c := duo(t)
	s := b.site("dora")
	stranger := link.PeerID{5}
	s.core.peers[stranger] = newPeer(stranger, true)
	s.core.pairing = &pairing{until: b.now.Add(time.Minute), stranger: stranger}
	spki, err := s.core.box.spki()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.core.certify(b.now, a.core.member); err != nil {
		t.Fatal(err)
	}
	params, _, err := a.core.authorise(b.now, spki, inDomain(b.now, a.core.member))
	if err != nil {
		t.Fatal(err)
	}
	ad := admission{Membership: c.core.member.Marshal(), Record: a.core.member.Record.Raw, Contact: params}
	if r, _ := s.receive(stranger, ItemAdmission, ad.append(nil)); r != link.ReasonMalformed || s.core.member != nil {
		t.Fatalf("reason %d, member %v; want malformed, no member", r, s.core.member)
	}
	if s.secrets[SecretMembership] != nil {
		t.Fatal("the membership of another was stored")
	}
}

func TestAnswersOfTheStoreOutOfTurnChangeNothing(t *testing.T) {
	b := newBench(t)
	a := b.site("ada")
	b.found(a, "ridge")
	alice, bob := a.app("alice"), a.app("bob")
	raw := alice.parcel(bob, "p1", text(10))
	a.core.HandleEvent(b.now, Deliver{1, raw})
	for _, wrong := range []uint64{0, a.core.batches.Last() + 1} {
		a.core.HandleEvent(b.now, Persisted{Seq: wrong})
	}
	if a.state(raw) != 0 {
		t.Fatal("a parcel counts as stored by an answer to another batch")
	}
	b.settle()
	a.core.HandleEvent(b.now, Persisted{Seq: a.core.batches.Last()})
	if a.state(raw) != Saved {
		t.Fatalf("the parcel is %v, want saved", a.state(raw))
	}
}

func TestOnlyWhatWasHandedOutCanBeAcknowledged(t *testing.T) {
	b := newBench(t)
	a := b.site("ada")
	b.found(a, "ridge")
	alice, bob := a.app("alice"), a.app("bob")
	raw := alice.parcel(bob, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	key := a.core.queue.bySum[sumOf(raw)].key()
	a.core.HandleEvent(b.now, Collect{1, []pki.NodeID{alice.id}})
	_, err := a.call(func(t Token) Event { return Ack{t, 1, key} })
	refusedWith(t, err, "refused", "no such parcel")
	if bob.waits() != 1 {
		t.Fatal("another app's acknowledgement took the parcel away")
	}
}

func TestBodyThatIsNotWhatWasOfferedIsDropped(t *testing.T) {
	b, a, c := duo(t)
	alice, bob := a.app("alice"), c.app("bob")
	body, err := pack(alice.parcel(bob, "p1", text(10)))
	if err != nil {
		t.Fatal(err)
	}
	c.core.received(b.now, link.Received{Peer: a.core.self, Body: body, Item: link.Item{Kind: ItemParcel, Digest: link.Digest{1}, Size: len(body), Lifetime: time.Hour}})
	b.settle()
	if n := len(c.core.Parcels(b.now, true)); n != 0 {
		t.Fatalf("%d parcels were taken under a wrong digest", n)
	}
}

func TestOlderAdvertsReplaceNothing(t *testing.T) {
	_, a, c := duo(t)
	advert := func(seq uint64) []byte {
		n, err := domain.NewNodeAdvert(a.core.id, a.core.member, seq, nil)
		if err != nil {
			t.Fatal(err)
		}
		return n.Raw
	}
	newer, older := advert(1<<40), advert(1<<39)
	for _, body := range [][]byte{newer, older} {
		if r, _ := c.receive(a.core.self, ItemNodeAdvert, body); r != link.ReasonNone {
			t.Fatalf("reason %d, want none", r)
		}
	}
	if got := c.disk[KindAdvert][nodeSubject(a.core.self)]; !bytes.Equal(got[1:], newer) {
		t.Fatal("the disk holds the older advert")
	}
}

func TestAdvertsAreNotToldToWhomTheyAreAbout(t *testing.T) {
	b, a, c := duo(t)
	n := c.core.adverts.bySubject[nodeSubject(c.core.self)]
	if r, _ := a.receive(c.core.self, ItemNodeAdvert, n.body); r != link.ReasonNone {
		t.Fatalf("reason %d, want none", r)
	}
	var w wanted
	a.core.wantAdverts(b.now, a.core.peers[c.core.self], &w)
	for _, it := range w.items {
		if it.Digest == n.digest {
			t.Error("cleo is told its own advert")
		}
	}
	if len(w.items) == 0 {
		t.Error("cleo is told nothing")
	}
}

func TestEndedMembershipEndsTheSession(t *testing.T) {
	b, a, c := duo(t)
	delete(a.core.peers, c.core.self)
	late := b.now.Add(40 * day)
	a.core.peerUp(late, link.PeerUp{Peer: c.core.self, Port: 1})
	if a.core.peers[c.core.self] != nil {
		t.Fatal("a gateway whose record ended is a neighbour")
	}
}

func TestContactMustBeTheOneThatWasPromised(t *testing.T) {
	b, x, y := pairedBench(t)
	z := b.site("cleo")
	b.member(x, z)
	card := x.mustCall(func(t Token) Event { return ContactCard{t} }).(string)
	_, spki, err := decodeText(endpoint.CardText, card, maxSPKI)
	if err != nil {
		t.Fatal(err)
	}
	if err := z.core.certify(b.now, z.core.member); err != nil {
		t.Fatal(err)
	}
	params, _, err := z.core.authorise(b.now, spki, inDomain(b.now, z.core.member))
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := x.receive(y.core.self, ItemContact, packSmall(params)); r != link.ReasonUnauthorised {
		t.Fatalf("another's endpoint in the name of ben: reason %d, want unauthorised", r)
	}
	// Hearing of the gateway again must not lose whom we await.
	x.core.recordHeard(b.now, y.core.member.Record.Raw)
	x.core.know(b.now, memberRecord{Raw: y.core.member.Record.Raw})
	if x.core.members[y.core.self].Expect != y.core.box.id() {
		t.Fatal("the awaited endpoint was forgotten")
	}
}

func TestSequenceFromTheFutureIsRefused(t *testing.T) {
	b, a, c := duo(t)
	bob := c.app("bob")
	spki, err := pki.EncodeSPKI(bob.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	claim := registration.Claim{Digest: sha256.Sum256(spki), Gateway: c.core.self, Sequence: 1 << 63}
	auth := registration.Authorize(claim, b.now.Add(time.Minute), c.core.id.Sign)
	raw, err := registration.NewRequest(auth.Raw, bob.key, seeded(1, "x"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := registration.ParseRequest(raw)
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := a.receive(c.core.self, ItemEngineAdvert, domain.NewEngineAdvert(req).Raw); r != link.ReasonUnauthorised {
		t.Fatalf("reason %d, want unauthorised", r)
	}
}

// The key for the answer is in the state that is stored with the parcel.
func TestAnswerCanBeOpenedAfterARestart(t *testing.T) {
	b, x, y := pairedBench(t)
	write := func(from, to *site) {
		from.mustCall(func(t Token) Event { return Send{Token: t, To: to.name, Content: text(40)} })
		b.must(time.Hour, "the letter", func() bool { return len(to.core.Letters()) == 1 })
	}
	write(x, y)
	x.boot()
	write(y, x)
}

func TestParcelWaitsForAnEndpointThatMovesHere(t *testing.T) {
	b, a, c := duo(t)
	alice, bob := a.app("alice"), c.app("bob")
	raw := alice.parcel(bob, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Minute)
	moved := a.app("bob")
	if got := moved.collect(); len(got) != 1 || !bytes.Equal(got[0], raw) {
		t.Fatalf("got %d parcels after the move, want the one that waited", len(got))
	}
}

// A disk that does not let go of an endpoint which moved away must not bring it back with the next start.
func TestEndpointThatMovedAwayStaysAway(t *testing.T) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.join(a, c)
	b.member(a, c)
	alice, bob := a.app("alice"), a.app("bob")
	a.fail = func(p Persist) error {
		if slices.ContainsFunc(p.Ops, func(op store.Op) bool { return op.Kind == KindEndpoint && op.Delete }) {
			return errors.New("input/output error")
		}
		return nil
	}
	b.now = b.now.Add(time.Minute)
	moved := c.app("bob")
	b.must(time.Hour, "the word of the move", func() bool { _, ours := a.core.local[bob.id]; return !ours })
	if a.disk[KindEndpoint][string(bob.id)] == nil {
		t.Fatal("the endpoint left the disk: the test misses its subject")
	}
	a.fail = nil
	a.boot()
	b.run(time.Minute, func() bool { return false })
	if _, ours := a.core.local[bob.id]; ours || a.disk[KindEndpoint][string(bob.id)] != nil {
		t.Fatalf("after a restart the endpoint is ours: %v; on disk: %v", ours, a.disk[KindEndpoint][string(bob.id)] != nil)
	}
	raw := alice.parcel(moved, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.must(time.Hour, "the parcel at the endpoint's gateway", func() bool { return c.state(raw) == Saved })
	if got := moved.collect(); len(got) != 1 || !bytes.Equal(got[0], raw) {
		t.Fatalf("got %d parcels at the new gateway, want the one sent", len(got))
	}
}

func TestOneChangeOfAParcelAtATime(t *testing.T) {
	b := newBench(t)
	a := b.site("ada")
	b.found(a, "ridge")
	alice, bob := a.app("alice"), a.app("bob")
	raw := alice.parcel(bob, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	x := a.core.queue.bySum[sumOf(raw)]
	if !a.core.finish(b.now, x, nil, ignoreResult) {
		t.Fatal("the first change was refused")
	}
	if a.core.finish(b.now, x, nil, ignoreResult) {
		t.Fatal("a second change began before the first was durable")
	}
}

// Symbols received before a restart are not asked for again.
func TestPartialTransferIsResumed(t *testing.T) {
	b, a, c := duo(t)
	delete(a.core.peers, c.core.self)
	delete(c.core.peers, a.core.self)
	b.join(a, c)
	alice, bob := a.app("alice"), c.app("bob")
	b.run(time.Minute, func() bool { return false })
	raw := alice.parcel(bob, "p1", noise(400_000))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.must(time.Hour, "some symbols on disk", func() bool { return len(c.disk[KindPartial]) > 2 })
	c.boot()
	c.core.HandleTimeout(b.now)
	done := 0
	for _, tr := range c.core.link.Transfers() {
		done += tr.Done
	}
	if done == 0 {
		t.Fatal("the link begins anew, though symbols are on disk")
	}
	b.must(time.Hour, "the parcel", func() bool { return bob.waits() == 1 })
	b.must(time.Hour, "the end of the symbols kept", func() bool { return len(c.disk[KindPartial]) == 0 })
}

// One rotten body must not keep an endpoint from all that waits behind it.
func TestDamagedParcelIsPassedOver(t *testing.T) {
	b, s, alice, bob := single(t)
	bad, good := alice.parcel(bob, "p1", noise(100)), alice.parcel(bob, "p2", noise(200))
	for _, raw := range [][]byte{bad, good} {
		if _, err := alice.deliver(raw); err != nil {
			t.Fatal(err)
		}
	}
	s.disk[KindBody][digestKey(s.core.queue.bySum[sumOf(bad)].Digest)][20] ^= 1
	for range 2 {
		s.core.HandleEvent(b.now, Collect{1, []pki.NodeID{bob.id}})
		for _, wait := range []bool{true, false} {
			v, err := s.call(func(t Token) Event { return Next{Token: t, Sub: 1, Wait: wait} })
			if c, _ := v.(*Collected); err != nil || wait && (c == nil || !bytes.Equal(c.Parcel, good)) || !wait && c != nil {
				t.Fatalf("next, wait %v: got %v, %v; want the good parcel, then nothing", wait, c != nil, err)
			}
		}
		s.core.HandleEvent(b.now, CloseCollect{1})
	}
	if s.state(bad) != Saved {
		t.Fatalf("the damaged parcel is %v, want saved: a backup of the store may mend it", s.state(bad))
	}
}

// A letter whose batch failed is opened once the disk takes it, not only after a restart.
func TestLetterIsOpenedOnceThereIsRoom(t *testing.T) {
	b, x, y := pairedBench(t)
	full := true
	y.fail = func(p Persist) error {
		for _, op := range p.Ops {
			if full && op.Kind == KindLetterBody {
				return store.ErrFull
			}
		}
		return nil
	}
	x.mustCall(func(t Token) Event { return Send{Token: t, To: "ben", Type: "text/plain", Content: text(30)} })
	b.run(10*time.Minute, func() bool { return false })
	if n := len(y.core.Letters()); n != 0 {
		t.Fatalf("%d letters on a full disk, want 0", n)
	}
	full = false
	b.must(10*time.Minute, "the letter", func() bool { return len(y.core.Letters()) == 1 })
	b.must(time.Hour, "the receipt", func() bool {
		p := x.core.Parcels(b.now, true)
		return len(p) == 1 && p[0].State == Delivered
	})
}

// An endpoint that went elsewhere between the two steps of a registration is not ours by the older word.
func TestOlderWordOfAnEndpointRegistersNothing(t *testing.T) {
	b, a, c := duo(t)
	alice := a.app("alice")
	digest, _ := alice.id.Digest()
	pnra, err := a.core.PreRegister(b.now, digest)
	if err != nil {
		t.Fatal(err)
	}
	seq := a.core.adverts.bySubject[engineSubject(alice.id)].seq + 5
	auth := registration.Authorize(registration.Claim{Digest: digest, Gateway: c.core.self, Sequence: seq}, b.now, c.core.id.Sign)
	raw, err := registration.NewRequest(auth.Raw, alice.key, seeded(1, "moves"))
	if err != nil {
		t.Fatal(err)
	}
	moved, err := registration.ParseRequest(raw)
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := a.receive(c.core.self, ItemEngineAdvert, domain.NewEngineAdvert(moved).Raw); r != link.ReasonNone || !ok {
		t.Fatalf("advert of the move: reason %d, want none", r)
	}
	pnrr, err := registration.NewRequest(pnra, alice.key, seeded(2, "stays"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.call(func(t Token) Event { return Register{t, pnrr} })
	var r *registration.Error
	if !errors.As(err, &r) || r.Reason != registration.Expired {
		t.Errorf("registration: got %v, want expired", err)
	}
	a.boot()
	if gw, _ := a.core.gatewayOf(alice.id); gw != c.core.self {
		t.Error("after a restart the older word stands")
	}
}
