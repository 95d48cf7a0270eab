package gateway

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"slices"
	"testing"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
	"packhorse/link"
	"packhorse/store/queue"
)

// cloud is an Internet gateway, as much of it as a private gateway sees.
type cloud struct {
	b       *bench
	address string
	key     *rsa.PrivateKey
	cert    *pki.Certificate
	ring    *session.Ring
	rand    io.Reader
	seq     int
}

func (b *bench) cloud(address string) *cloud {
	key := pkitest.Key(b.t, address)
	g := &cloud{b: b, address: address, key: key, cert: b.issue(key, nil, key, 2), rand: seeded(8, address)}
	g.ring = session.NewRing(g.cert.ID, 64)
	return g
}

// enrol registers a site.
func (g *cloud) enrol(s *site) error {
	g.b.t.Helper()
	k, err := session.NewKey(g.rand)
	if err != nil {
		g.b.t.Fatal(err)
	}
	g.ring.Keep(k, "", g.b.now, pki.ClockGPS)
	public := k.Public()
	r := registration.Result{Node: g.b.issue(s.core.id.RSA, g.cert, g.key, 1), Gateway: g.cert, Address: g.address, Session: &public}
	_, err = s.call(func(t Token) Event { return Registered{t, g.address, r.Marshal()} })
	return err
}

func (g *cloud) mustEnrol(s *site) {
	g.b.t.Helper()
	if err := g.enrol(s); err != nil {
		g.b.t.Fatal(err)
	}
}

// open opens what a site sealed.
func (g *cloud) open(raw []byte) (*ramf.Message, []byte) {
	g.b.t.Helper()
	m, err := ramf.Parse(raw)
	if err != nil {
		g.b.t.Fatal(err)
	}
	if _, err := m.Check([]*pki.Certificate{g.cert}, g.b.now, pki.ClockGPS); err != nil {
		g.b.t.Fatal(err)
	}
	plain, _, err := g.ring.Open(m.Payload, m.Sender.ID, m.Created)
	if err != nil {
		g.b.t.Fatal(err)
	}
	return m, plain
}

// cargo answers a CCA of a site.
func (g *cloud) cargo(s *site, items ...[]byte) []byte {
	g.b.t.Helper()
	return g.answer(s.mustCall(func(t Token) Event { return MakeCCA{t, g.address} }).([]byte), items...)
}

// answer is the cargo for a CCA.
func (g *cloud) answer(cca []byte, items ...[]byte) []byte {
	g.b.t.Helper()
	m, plain := g.open(cca)
	cda, err := cargo.ParseRequest(plain)
	if err != nil {
		g.b.t.Fatal(err)
	}
	set := cargo.NewBatch(0)
	for _, i := range items {
		set.Add(i)
	}
	payload, _, err := g.ring.Seal(set.Marshal(), m.Sender.ID, g.b.now, pki.ClockGPS, g.rand)
	if err != nil {
		g.b.t.Fatal(err)
	}
	g.seq++
	raw, err := ramf.Sign(&ramf.Message{Type: ramf.Cargo, Recipient: m.Sender.ID, ID: fmt.Sprint("cargo ", g.seq), Payload: payload, Sender: cda,
		Created: g.b.now.Add(-3 * time.Hour).Truncate(time.Second), TTL: 30 * day}, g.key, g.rand)
	if err != nil {
		g.b.t.Fatal(err)
	}
	return raw
}

// shipped packs everything of a site into cargo of at most max octets each, and returns what was in them.
func (s *site) shipped(g *cloud, max int) (parcels [][]byte, acks []cargo.PCA, cargos int) {
	s.b.t.Helper()
	s.token++
	sub := uint64(s.token)
	s.core.HandleEvent(s.b.now, CollectUp{sub, UpParcels})
	defer s.core.HandleEvent(s.b.now, CloseCollect{sub})
	for {
		made := s.mustCall(func(t Token) Event { return MakeCargo{t, sub, g.address, max} }).(*CargoMade)
		if made == nil {
			return parcels, acks, cargos
		}
		if max > 0 && len(made.Raw) > max {
			s.b.t.Errorf("a cargo of %d octets, at most %d were asked for", len(made.Raw), max)
		}
		cargos++
		_, plain := g.open(made.Raw)
		items, skipped, err := cargo.Parse(plain)
		if err != nil || skipped > 0 {
			s.b.t.Fatalf("%d skipped, %v", skipped, err)
		}
		for _, i := range items {
			if i.PCA != nil {
				acks = append(acks, *i.PCA)
			} else {
				parcels = append(parcels, i.Parcel)
			}
		}
	}
}

func (s *site) carry(raw []byte) (CargoTaken, error) {
	s.b.t.Helper()
	v, err := s.call(func(t Token) Event { return Carry{Token: t, Raw: raw, For: ""} })
	taken, _ := v.(CargoTaken)
	return taken, err
}

// enrolled is a site that is registered, with two apps.
func enrolled(t testing.TB) (b *bench, g *cloud, s *site, alice, bob *app) {
	b, s, _, _ = single(t)
	g = b.cloud(frankfurt)
	g.mustEnrol(s)
	return b, g, s, s.app("carol"), s.app("dave")
}

func TestEndpointsOfAnEnrolledGatewayAreCertifiedUnderTheInternetGateway(t *testing.T) {
	b, g, s, alice, bob := enrolled(t)
	if alice.gw.Issuer != g.cert.ID || alice.cert.IssuedBy(alice.gw) != nil {
		t.Fatalf("the endpoint's gateway certificate is of %s, want %s", alice.gw.Issuer, g.cert.ID)
	}
	if _, err := alice.deliver(alice.parcel(bob, "p1", text(10))); err != nil {
		t.Fatal(err)
	}
	if len(bob.collect()) != 1 {
		t.Fatal("a parcel between two endpoints of one gateway did not stay here")
	}
	if n := len(s.core.Anchors(b.now)); n != 2 {
		t.Fatalf("%d anchors for countersigners, want the domain's certificate and the Internet gateway's", n)
	}
	before := s.core.Uplinks(b.now)
	s.boot()
	if after := s.core.Uplinks(b.now); !slices.Equal(before, after) || len(after) != 1 || after[0].Address != frankfurt {
		t.Fatalf("after a restart the uplinks are %+v, want %+v", after, before)
	}
}

func TestRegistrationsAreCheckedAndNeedAClock(t *testing.T) {
	b, s, _, _ := single(t)
	g := b.cloud(frankfurt)
	_, err := s.call(func(t Token) Event { return Registered{t, frankfurt, []byte("junk")} })
	refusedWith(t, err, "refused", "unusable registration")
	s.core.HandleEvent(b.now, Clock{pki.ClockNone})
	refusedWith(t, g.enrol(s), "not_yet", "clock")
	if len(s.core.Uplinks(b.now)) != 0 {
		t.Fatal("a refused registration counts")
	}
	_, err = s.call(func(t Token) Event { return MakeCCA{t, frankfurt} })
	refusedWith(t, err, "not_yet", "not registered")
}

// A parcel that came in cargo is delivered once and acknowledged in every cargo until it expires.
func TestCargoIsOpenedOnceAndAcknowledgedUntilItExpires(t *testing.T) {
	b, g, s, alice, bob := enrolled(t)
	in := alice.parcel(bob, "p1", text(100))
	raw := g.cargo(s, in, []byte("junk"), alice.parcel(bob, "p2", text(10), func(m *ramf.Message) { m.Sender = alice.cert }))
	for range 2 {
		taken, err := s.carry(raw)
		if err != nil || taken != (CargoTaken{Parcels: 1, Refused: 2}) {
			t.Fatalf("got %+v, %v; want 1 parcel, 2 refused", taken, err)
		}
	}
	if got := bob.collect(); len(got) != 1 || !bytes.Equal(got[0], in) {
		t.Fatalf("bob got %d parcels, want the one", len(got))
	}
	want := []cargo.PCA{{Sender: alice.id, Recipient: bob.id, ID: "p1"}}
	for range 2 {
		if _, acks, n := s.shipped(g, 0); n != 1 || !slices.Equal(acks, want) {
			t.Fatalf("%d cargos with %v, want one with %v", n, acks, want)
		}
		s.boot()
	}
	b.run(11*day, func() bool { return false })
	if len(s.core.owed) != 0 || len(s.disk[KindOwed]) != 0 {
		t.Fatal("an acknowledgement is owed after the end of its parcel")
	}
}

// What goes up stays here until the Internet gateway has it, and goes in as many cargos as a courier needs.
// What is over stays owed while nothing vouches for the clock, and makes no cargo.
func TestDebtsThatAreOverMakeNoCargo(t *testing.T) {
	b, g, s, alice, bob := enrolled(t)
	if _, err := s.carry(g.cargo(s, alice.parcel(bob, "p1", text(100)))); err != nil {
		t.Fatal(err)
	}
	s.core.HandleEvent(b.now, Clock{pki.ClockNeighbour})
	b.run(11*day, func() bool { return false })
	if len(s.core.owed) != 1 {
		t.Fatalf("%d owed, want 1: nothing vouches for the clock", len(s.core.owed))
	}
	if _, _, n := s.shipped(g, 0); n != 0 {
		t.Errorf("%d cargos, want none", n)
	}
}

func TestOutgoingCargoIsSplitAndKeptUntilAcknowledged(t *testing.T) {
	_, g, s, alice, _ := enrolled(t)
	var want [][]byte
	for i := range 5 {
		raw := alice.parcel(alice, fmt.Sprint("up ", i), noise(3000), func(m *ramf.Message) { m.InternetAddress, m.Sender, m.Chain = "ping.example.com", alice.cert, nil })
		if _, err := alice.deliver(raw); err != nil {
			t.Fatal(err)
		}
		want = append(want, raw)
	}
	for range 2 {
		got, _, n := s.shipped(g, 16<<10)
		if n != 3 || !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("%d parcels in %d cargos, want all five in order in three", len(got), n)
		}
	}
	if _, _, n := s.shipped(g, 4000); n != 0 {
		t.Fatalf("%d cargos for a courier that none of the parcels fits", n)
	}
	ack := cargo.PCA{Sender: alice.id, Recipient: alice.id, ID: "up 0"}
	if taken, err := s.carry(g.cargo(s, ack.Marshal(), cargo.PCA{Sender: alice.id, ID: "no such"}.Marshal())); err != nil || taken.Acks != 1 {
		t.Fatalf("got %+v, %v; want one acknowledgement", taken, err)
	}
	if got, _, _ := s.shipped(g, 0); !slices.EqualFunc(got, want[1:], bytes.Equal) {
		t.Fatalf("%d parcels go on after one was acknowledged, want 4", len(got))
	}
}

// An acknowledgement ends what goes to the Internet, and nothing else.
func TestAnAcknowledgementEndsNoParcelOfTheDomain(t *testing.T) {
	_, g, s, alice, bob := enrolled(t)
	raw := alice.parcel(bob, "p1", text(10))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	taken, err := s.carry(g.cargo(s, cargo.PCA{Sender: alice.id, Recipient: bob.id, ID: "p1"}.Marshal()))
	if err != nil || taken.Acks != 0 || s.state(raw) != Saved || bob.waits() != 1 {
		t.Fatalf("got %+v, %v, state %v; want a parcel that still waits", taken, err, s.state(raw))
	}
}

func TestCargoOfOthersIsRefused(t *testing.T) {
	_, g, s, alice, bob := enrolled(t)
	in := alice.parcel(bob, "p1", text(100))
	forged := bytes.Clone(g.cargo(s, in))
	forged[len(forged)-9] ^= 1
	for what, raw := range map[string][]byte{"forged": forged, "cut": forged[:len(forged)/2], "a parcel": in} {
		_, err := s.carry(raw)
		var r *ramf.Error
		if !errors.As(err, &r) {
			t.Errorf("%s: got %v, want a refusal for good", what, err)
		}
	}
	if bob.waits() != 0 {
		t.Fatal("a parcel of refused cargo was taken")
	}
}

// A parcel comes by radio and by the Internet: once. None goes back up.
func TestAParcelThatComesBothWaysIsDeliveredOnce(t *testing.T) {
	b, x, _, z := square(t)
	g := b.cloud(frankfurt)
	g.mustEnrol(z)
	alice, bob := x.app("alice"), z.app("bob")
	b.must(time.Hour, "bob to be known", func() bool { _, ok := x.core.gatewayOf(bob.id); return ok })
	raw := alice.parcel(bob, "p1", text(100), func(m *ramf.Message) { m.InternetAddress = g.address })
	z.mustCall(func(t Token) Event { return FromInternet{t, raw} })
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.run(time.Hour, func() bool { return false })
	if got := bob.collect(); len(got) != 1 {
		t.Fatalf("bob got it %d times, want once", len(got))
	}
	z.mustCall(func(t Token) Event { return FromInternet{t, raw} })
	if got := bob.collect(); len(got) != 0 {
		t.Fatal("bob got it again")
	}
	if up, _, _ := z.shipped(g, 0); len(up) != 0 {
		t.Fatal("what came from the Internet goes back there")
	}
}

func TestOnlyParcelsForTheDomainComeFromTheInternet(t *testing.T) {
	_, _, s, alice, _ := enrolled(t)
	_, err := s.call(func(t Token) Event { return FromInternet{t, alice.online("p1")} })
	var r *ramf.Error
	if !errors.As(err, &r) || r.Refusal != ramf.NotAuthorised {
		t.Fatalf("a parcel for elsewhere: got %v, want not authorised", err)
	}
}

// A certificate that came in cargo is used from then on.
func TestARotationRenewsOurCertificate(t *testing.T) {
	b, g, s, _, _ := enrolled(t)
	b.run(40*day, func() bool { return false })
	old := s.core.Uplinks(b.now)[0].Until
	leaf := b.issue(s.core.id.RSA, g.cert, g.key, 1)
	g.cert = b.issue(g.key, nil, g.key, 2)
	leaf = b.issue(s.core.id.RSA, g.cert, g.key, 1)
	r := cargo.Rotation{Leaf: leaf, Authorities: []*pki.Certificate{g.cert}}
	if taken, err := s.carry(g.cargo(s, r.Marshal())); err != nil || taken.Refused != 0 {
		t.Fatalf("got %+v, %v; want it taken", taken, err)
	}
	if until := s.core.Uplinks(b.now)[0].Until; !until.After(old) {
		t.Fatalf("our certificate ends on %v as before", until)
	}
	foreign := cargo.Rotation{Leaf: b.issue(pkitest.Key(t, "else"), g.cert, g.key, 1), Authorities: []*pki.Certificate{g.cert}}
	if taken, err := s.carry(g.cargo(s, foreign.Marshal())); err != nil || taken.Refused != 1 {
		t.Fatalf("a certificate of another key: got %+v, %v; want it refused", taken, err)
	}
}

// Who got our export may write from anywhere on the Internet, and from inside the domain.
func TestAnExportOfAnEnrolledGatewayLeadsToTheInternetGateway(t *testing.T) {
	b, g, s, _, _ := enrolled(t)
	writer, err := endpoint.FromKey(pkitest.Key(t, "writer"), seeded(9, "writer"))
	if err != nil {
		t.Fatal(err)
	}
	text := s.mustCall(func(t Token) Event {
		return ExportContact{t, endpoint.CardText.Encode("writer", writer.PublicCard().SPKI)}
	}).(string)
	name, params, err := decodeText(endpoint.ContactText, text, maxContactBody)
	if err != nil {
		t.Fatal(err)
	}
	to, err := endpoint.ParseContact(name, params)
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.AddContact(to); err != nil {
		t.Fatal(err)
	}
	raw, err := writer.Seal(to.ID, "id", "text/plain", []byte("hello"), b.now.Truncate(time.Second), day, seeded(9, "letter"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := ramf.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	path, err := m.Check([]*pki.Certificate{g.cert}, b.now, pki.ClockGPS)
	if err != nil || len(path) != 4 || path[2].ID != s.core.awalaID() || m.InternetAddress != g.address {
		t.Fatalf("for %s, path of %d, %v; want one over our gateway to the Internet gateway", m.InternetAddress, len(path), err)
	}
	s.mustCall(func(t Token) Event { return FromInternet{t, raw} })
	if n := len(s.core.Letters()); n != 1 {
		t.Fatalf("%d letters, want the one", n)
	}
}

// A gateway without an uplink of its own asks for its cargo over the mesh: its CCA goes to the gateway that has one, the cargo
// comes back and is opened.
func TestCargoOfOursComesOverTheMesh(t *testing.T) {
	b, x, y, z := ridge(t)
	g := b.cloud(frankfurt)
	g.mustEnrol(x)
	alice, bob := x.app("alice"), x.app("bob")
	x.wantWay(CargoWay{}, 0)
	z.core.HandleEvent(b.now, Uplink{Address: frankfurt, Live: true})
	b.must(time.Minute, "the uplink to be known", func() bool { return x.core.CargoWay(b.now).Exit != "" })
	x.wantWay(CargoWay{Exit: "cleo"}, 0)
	cca := x.mustCall(func(t Token) Event { return MakeCCA{t, frankfurt} }).([]byte)
	if taken, err := x.carry(cca); err != nil || !taken.Held {
		t.Fatalf("our own CCA: %+v, %v; want it held", taken, err)
	}
	x.wantWay(CargoWay{Exit: "cleo"}, Saved)
	z.token++
	sub := uint64(z.token)
	z.core.HandleEvent(b.now, CollectUp{sub, UpCargo})
	up := z.mustCall(func(t Token) Event { return Next{t, sub, true} }).(*Collected)
	if !bytes.Equal(up.Parcel, cca) {
		t.Fatal("something else than the CCA arrived at the uplink")
	}
	x.wantWay(CargoWay{Exit: "cleo"}, Carried)
	raw := g.answer(cca, alice.parcel(bob, "p1", text(200)))
	z.mustCall(func(t Token) Event { return Carry{Token: t, Raw: raw, For: up.Key} })
	z.mustCall(func(t Token) Event { return Ack{t, sub, up.Key} })
	b.must(time.Hour, "the parcel to come", func() bool { return bob.waits() == 1 })
	b.must(time.Hour, "custody to end behind us", func() bool { return !z.core.queue.byID[parcelID(t, raw)].Held })
	if len(bob.collect()) != 1 {
		t.Fatal("bob got nothing")
	}
	x.wantWay(CargoWay{Exit: "cleo"}, 0)
	again := link.Item{Kind: ItemSealed, Digest: z.core.queue.byID[parcelID(t, raw)].Digest, Size: len(raw), Lifetime: time.Hour, Cost: 1}
	if v, r := x.core.judgeOffer(b.now, y.core.self, again); v != link.Have {
		t.Fatalf("offered again it is told %v, %v; want that we have it", v, r)
	}
}

// Cargo for a member goes to it, wherever it was brought and whoever asked for it.
func TestCargoForAMemberGoesToIt(t *testing.T) {
	b, x, _, z := ridge(t)
	g := b.cloud(frankfurt)
	g.mustEnrol(x)
	alice, bob := x.app("alice"), x.app("bob")
	raw := g.cargo(x, alice.parcel(bob, "p1", text(200)))
	if taken, err := z.carry(raw); err != nil || !taken.Held {
		t.Fatalf("got %+v, %v; want it held", taken, err)
	}
	b.must(time.Hour, "the parcel to come", func() bool { return bob.waits() == 1 })
}

// An Internet gateway that has nothing does not say so: after a day it may be asked again.
func TestCargoThatDoesNotComeMayBeAskedForAgain(t *testing.T) {
	b, x, _, z := ridge(t)
	b.cloud(frankfurt).mustEnrol(x)
	if err := x.bring(b.stranger("phone").write(ramf.CCA, b.stranger("frankfurt").cert.ID, frankfurt, "cca1", text(3000)), ""); err != nil {
		t.Fatal(err)
	}
	x.wantWay(CargoWay{}, 0) // that of a phone is not ours
	z.uplink(true)
	b.must(time.Hour, "the phone's CCA at the uplink", func() bool { return len(z.sendUp(UpCargo)) == 1 })
	if _, err := x.carry(x.mustCall(func(t Token) Event { return MakeCCA{t, ""} }).([]byte)); err != nil {
		t.Fatal(err)
	}
	b.must(time.Hour, "the CCA at the uplink", func() bool { return len(z.sendUp(UpCargo)) == 1 })
	x.wantWay(CargoWay{Exit: "cleo"}, Carried)
	x.boot()
	b.run(askAgain-time.Hour, func() bool { return false })
	x.wantWay(CargoWay{Exit: "cleo"}, Carried)
	b.run(2*time.Hour, func() bool { return false })
	x.wantWay(CargoWay{Exit: "cleo"}, 0)
	x.uplink(true)
	x.wantWay(CargoWay{Exit: "cleo", Live: true}, 0)
}

// wantWay checks the way of cargo and how far what asks for it is, 0: nothing does.
func (s *site) wantWay(want CargoWay, asked State) {
	s.b.t.Helper()
	got, state := s.core.CargoWay(s.b.now), State(0)
	if got.Asked != nil {
		state = got.Asked.State
	}
	if !got.Registered || got.Live != want.Live || got.Exit != want.Exit || (got.Airtime > 0) != (want.Exit != "") || state != asked {
		s.b.t.Errorf("way of cargo: got %+v, asked %v; want %+v, asked %v", got, state, want, asked)
	}
}

func parcelID(t *testing.T, raw []byte) queue.ID {
	t.Helper()
	m, err := ramf.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	r := parcelRecord{Type: m.Type, Sender: m.Sender.ID, Recipient: m.Recipient, ID: m.ID}
	return r.id()
}
