package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

const frankfurt = "frankfurt.example.com"

// stranger is a gateway outside the domain: a phone's, or an Internet gateway.
type stranger struct {
	b    *bench
	cert *pki.Certificate
	name string
}

func (b *bench) stranger(name string) stranger {
	b.t.Helper()
	key := pkitest.Key(b.t, "stranger "+name)
	cert, err := pki.Issue(pki.Template{Subject: key.Public(), IssuerKey: key, NotBefore: b.now.Add(-day), NotAfter: b.now.Add(100 * day), CA: true, PathLen: 2, Rand: seeded(5, name)})
	if err != nil {
		b.t.Fatal(err)
	}
	return stranger{b, cert, name}
}

// write signs a message of a type.
func (g stranger) write(typ ramf.Type, to pki.NodeID, address, id string, payload []byte) []byte {
	g.b.t.Helper()
	m := &ramf.Message{Type: typ, Recipient: to, InternetAddress: address, ID: id, Created: g.b.now.Truncate(time.Second), TTL: 10 * day, Payload: payload, Sender: g.cert}
	raw, err := ramf.Sign(m, pkitest.Key(g.b.t, "stranger "+g.name), seeded(6, id))
	if err != nil {
		g.b.t.Fatal(err)
	}
	return raw
}

// online is a parcel of an app to an endpoint on the Internet.
func (a *app) online(id string) []byte {
	return a.parcel(a, id, text(100), func(m *ramf.Message) { m.InternetAddress, m.Sender, m.Chain = "ping.example.com", a.cert, nil })
}

// ridge, relay and hq stand in a line; nobody reaches the Internet yet.
func ridge(t testing.TB) (b *bench, x, y, z *site) {
	b = newBench(t)
	x, y, z = b.site("ada"), b.site("ben"), b.site("cleo")
	b.found(x, "ridge")
	b.member(x, y)
	b.member(x, z)
	b.join(x, y)
	b.join(y, z)
	b.run(2*time.Minute, func() bool { return false })
	return b, x, y, z
}

func (s *site) uplink(live bool) { s.core.HandleEvent(s.b.now, Uplink{frankfurt, live}) }

// up opens a subscription to what waits for the Internet.
func (s *site) up(what Outbound) uint64 {
	s.token++
	s.core.HandleEvent(s.b.now, CollectUp{uint64(s.token), what})
	return uint64(s.token)
}

// take is the next of a subscription, nil when nothing waits.
func (s *site) take(sub uint64) *Collected {
	s.b.t.Helper()
	return s.mustCall(func(t Token) Event { return Next{Token: t, Sub: sub} }).(*Collected)
}

func (s *site) acknowledge(sub uint64, key string) {
	s.b.t.Helper()
	s.mustCall(func(t Token) Event { return Ack{t, sub, key} })
}

// sendUp acknowledges all that waits for the Internet, and returns it.
func (s *site) sendUp(what Outbound) (got []*Collected) {
	s.b.t.Helper()
	sub := s.up(what)
	for m := s.take(sub); m != nil; m = s.take(sub) {
		got = append(got, m)
		s.acknowledge(sub, m.Key)
	}
	s.core.HandleEvent(s.b.now, CloseCollect{sub})
	return got
}

// bring holds what a courier or an Internet gateway brought.
func (s *site) bring(raw []byte, asked string) error {
	s.b.t.Helper()
	m, err := ramf.Parse(raw)
	if err != nil {
		s.b.t.Fatal(err)
	}
	var got error
	s.core.holdCargo(s.b.now, m, Carry{For: asked}, func(_ time.Time, _ *entry, err error) { got = err })
	s.core.settle(s.b.now)
	s.b.settle()
	return got
}

func (s *site) waitsUp() int { return len(s.core.waitingUp(s.b.now)) }

func (s *site) view(raw []byte) Parcel {
	return s.core.parcelView(s.b.now, s.core.queue.bySum[sumOf(raw)])
}

func TestWhatIsForTheInternetGoesToTheUplink(t *testing.T) {
	b, x, y, z := ridge(t)
	alice := x.app("alice")
	raw := alice.online("p1")
	p, err := alice.deliver(raw)
	if err != nil || p.State != Saved || p.Why != whyNoUplink {
		t.Fatalf("got %v %q, %v; want saved, no_uplink", p.State, p.Why, err)
	}
	z.uplink(true)
	b.must(2*time.Minute, "the parcel at the uplink", func() bool { return z.waitsUp() == 1 })
	b.run(time.Minute, func() bool { return false })
	if v := x.view(raw); v.State != Carried || v.By != "ben" || x.bodies()+y.bodies() != 0 {
		t.Errorf("at its origin %v by %q, %d bodies on the way; want carried by ben, none", v.State, v.By, x.bodies()+y.bodies())
	}
	got := z.sendUp(UpParcels)
	if len(got) != 1 || !bytes.Equal(got[0].Parcel, raw) || got[0].Type != ramf.Parcel || got[0].Address != "ping.example.com" || got[0].Sender != alice.id {
		t.Fatalf("handed out %+v, want the parcel", got)
	}
	if v := z.view(raw); v.State != Carried || v.By != "the Internet" || z.bodies() != 0 {
		t.Errorf("after delivery %v by %q, %d bodies; want carried by the Internet, none", v.State, v.By, z.bodies())
	}
	back := link.Item{Digest: z.core.queue.bySum[sumOf(raw)].Digest, Kind: ItemParcel, Size: 100, Lifetime: time.Hour, Cost: 50}
	if v, _ := z.core.judgeOffer(b.now, y.core.self, back); v != link.Have {
		t.Errorf("what the Internet has is offered again: verdict %d, want have", v)
	}
	b.must(20*day, "the end of the memory", func() bool {
		return len(x.disk[KindParcel])+len(y.disk[KindParcel])+len(z.disk[KindParcel]) == 0
	})
}

func TestAnUplinkThatMovesTakesWhatWaitsAlong(t *testing.T) {
	b, x, y, z := ridge(t)
	alice := y.app("alice")
	z.uplink(true)
	b.run(time.Minute, func() bool { return false })
	z.uplink(false)
	if _, err := alice.deliver(alice.online("p1")); err != nil {
		t.Fatal(err)
	}
	b.must(time.Minute, "the parcel where the uplink was", func() bool { return z.waitsUp() == 1 })
	x.uplink(true)
	b.run(4*time.Minute, func() bool { return false })
	if z.waitsUp() != 1 {
		t.Fatal("it went on before the loss was told")
	}
	b.must(10*time.Minute, "the parcel where the uplink is", func() bool { return x.waitsUp() == 1 })
	b.run(time.Second, func() bool { return false })
	if n := len(x.sendUp(UpParcels)); n != 1 || y.bodies()+z.bodies() != 0 {
		t.Fatalf("%d handed out, %d bodies left; want 1 and none", n, y.bodies()+z.bodies())
	}
}

// An uplink that comes and goes costs no more than an advert in five minutes, and one that is lost for a moment none.
func TestAFlappingUplinkCostsLittleAir(t *testing.T) {
	b, _, _, z := ridge(t)
	adverts := 0
	z.fail = func(p Persist) error {
		for _, op := range p.Ops {
			if op.Kind == KindAdvert && op.Key == nodeSubject(z.core.self) {
				adverts++
			}
		}
		return nil
	}
	for _, tc := range []struct {
		up, down time.Duration
		min, max int // adverts in an hour, after the first
	}{
		{time.Second, 2 * time.Second, 0, 0},
		{4 * time.Minute, 4 * time.Minute, 0, 0},
		{6 * time.Minute, 6 * time.Minute, 8, 12},
		{10 * time.Second, 301 * time.Second, 8, 12},
	} {
		z.uplink(true)
		b.run(11*time.Minute, func() bool { return false })
		adverts = 0
		for end := b.now.Add(time.Hour); b.now.Before(end); {
			z.uplink(false)
			b.run(tc.down, func() bool { return false })
			z.uplink(true)
			b.run(tc.up, func() bool { return false })
		}
		if adverts < tc.min || adverts > tc.max {
			t.Errorf("up for %v, down for %v: %d adverts in an hour, want %d to %d", tc.up, tc.down, adverts, tc.min, tc.max)
		}
	}
}

// After a restart what is for the Internet is kept until the loss of the uplink is told, as without one.
func TestARestartTellsOfALostUplink(t *testing.T) {
	b, x, y, z := ridge(t)
	alice := y.app("alice")
	z.uplink(true)
	b.must(time.Minute, "the uplink to be known", func() bool { return len(x.core.adverts.exits) == 1 })
	z.boot()
	if _, err := alice.deliver(alice.online("p1")); err != nil {
		t.Fatal(err)
	}
	b.must(time.Minute, "the parcel where the uplink was", func() bool { return z.waitsUp() == 1 })
	if v := z.core.Parcels(b.now, false)[0]; v.Why != whyPeerSilent {
		t.Errorf("why %q, want peer_silent", v.Why)
	}
	b.must(10*time.Minute, "the loss to be told", func() bool { return len(x.core.adverts.exits) == 0 })
	if v := z.core.Parcels(b.now, false)[0]; v.Why != whyNoUplink {
		t.Errorf("why %q, want no_uplink", v.Why)
	}
}

func TestCargoComesBackToWhereItWasAskedFor(t *testing.T) {
	b, x, y, z := ridge(t)
	phone, inet := b.stranger("phone"), b.stranger("frankfurt")
	cca := phone.write(ramf.CCA, inet.cert.ID, frankfurt, "cca1", text(3000))
	sub := uint64(77)
	x.mustCall(func(t Token) Event { return CollectCargo{Token: t, Sub: sub, CCA: cca} })
	up := phone.write(ramf.Cargo, inet.cert.ID, frankfurt, "up1", noise(20_000))
	if err := x.bring(up, ""); err != nil {
		t.Fatal(err)
	}
	if c := x.take(sub); c != nil {
		t.Fatalf("%v was handed to its own sender", c.Type)
	}
	z.uplink(true)
	b.must(10*time.Minute, "both at the uplink", func() bool { return z.waitsUp() == 2 })
	got := z.sendUp(UpCargo)
	if len(got) != 2 || !bytes.Equal(got[0].Parcel, up) || !bytes.Equal(got[1].Parcel, cca) || got[0].Address != frankfurt || got[1].Type != ramf.CCA {
		t.Fatalf("handed out %d, want the cargo, then the CCA", len(got))
	}
	down := inet.write(ramf.Cargo, phone.cert.ID, "", "down1", noise(30_000))
	tok := x.ask(func(t Token) Event { return Next{Token: t, Sub: sub, Wait: true} })
	if err := z.bring(down, got[1].Key); err != nil {
		t.Fatal(err)
	}
	b.must(10*time.Minute, "the cargo for the phone", func() bool { _, ok := x.answers[tok]; return ok })
	c := x.answers[tok].Value.(*Collected)
	if c == nil || !bytes.Equal(c.Parcel, down) || c.Recipient != phone.cert.ID || c.Address != "" || c.Type != ramf.Cargo {
		t.Fatalf("handed out %+v, want the cargo", c)
	}
	x.acknowledge(sub, c.Key)
	b.run(time.Second, func() bool { return false })
	if v := x.view(down); v.State != Delivered || x.bodies()+y.bodies()+z.bodies() != 0 {
		t.Errorf("after it was fetched %v, %d bodies; want delivered, none", v.State, x.bodies()+y.bodies()+z.bodies())
	}
	if n := len(x.disk[KindNote]) + len(z.disk[KindNote]); n != 0 {
		t.Errorf("%d receipts were made of cargo", n)
	}
}

// Where nobody knows who asked for cargo it stays where it came, and goes to whoever comes for it there.
func TestCargoThatNobodyAskedForStays(t *testing.T) {
	b, x, _, z := ridge(t)
	phone, other, inet := b.stranger("phone"), b.stranger("other"), b.stranger("frankfurt")
	down := inet.write(ramf.Cargo, phone.cert.ID, "", "down1", noise(3000))
	if err := z.bring(down, "no such key"); err != nil {
		t.Fatal(err)
	}
	b.run(time.Hour, func() bool { return false })
	if v := z.view(down); v.State != Saved || v.Why != whyPeerSilent || x.bodies() != 0 {
		t.Fatalf("%v, why %q; want saved, peer_silent", v.State, v.Why)
	}
	for i, g := range []stranger{other, phone} {
		sub := uint64(100 + i)
		z.mustCall(func(t Token) Event {
			return CollectCargo{Token: t, Sub: sub, CCA: g.write(ramf.CCA, inet.cert.ID, frankfurt, "cca", text(10))}
		})
		if c := z.take(sub); (c != nil) != (i == 1) {
			t.Errorf("%s got cargo: %v, want %v", g.name, c != nil, i == 1)
		}
	}
}

// Whoever hangs up while the CCA is being written leaves nothing behind: anybody on the local network could take up all
// subscriptions in that way.
func TestCollectorThatGoesBeforeTheCCAIsDurableLeavesNothing(t *testing.T) {
	b, s, _, _ := single(t)
	phone, inet := b.stranger("phone"), b.stranger("frankfurt")
	before := len(s.core.subs)
	s.lag = time.Second
	tok := s.ask(func(t Token) Event {
		return CollectCargo{Token: t, Sub: 500, CCA: phone.write(ramf.CCA, inet.cert.ID, frankfurt, "cca", text(10))}
	})
	s.core.HandleEvent(b.now, Forget{tok})
	s.core.HandleEvent(b.now, CloseCollect{500})
	b.run(time.Minute, func() bool { return false })
	if len(s.core.subs) != before {
		t.Errorf("%d subscriptions are open, want %d", len(s.core.subs), before)
	}
	if len(s.disk[KindParcel]) != 1 {
		t.Errorf("%d CCAs are kept, want 1", len(s.disk[KindParcel]))
	}
}

func TestEachCollectorHasItsOwn(t *testing.T) {
	b, s, alice, _ := single(t)
	s.uplink(true)
	var all [][]byte
	for i := range 3 {
		all = append(all, alice.online(fmt.Sprint("p", i)))
		if _, err := alice.deliver(all[i]); err != nil {
			t.Fatal(err)
		}
	}
	one, two := s.up(UpParcels), s.up(UpParcels)
	a, c := s.take(one), s.take(two)
	if !bytes.Equal(a.Parcel, all[0]) || !bytes.Equal(c.Parcel, all[1]) {
		t.Fatal("two collectors have the same, or not the oldest")
	}
	tok := s.ask(func(t Token) Event { return Next{Token: t, Sub: two, Wait: true} })
	b.settle()
	third := s.answers[tok].Value.(*Collected)
	tok = s.ask(func(t Token) Event { return Next{Token: t, Sub: two, Wait: true} })
	b.settle()
	s.core.HandleEvent(b.now, CloseCollect{one})
	b.settle()
	if again, _ := s.answers[tok].Value.(*Collected); !bytes.Equal(third.Parcel, all[2]) || again == nil || again.Key != a.Key {
		t.Fatal("what one let go of did not come to the other")
	}
	s.mustCall(func(t Token) Event { return Drop{t, two, c.Key, "no such endpoint"} })
	if v := s.view(all[1]); v.State != Refused || v.Why != "no such endpoint" || s.bodies() != 2 {
		t.Errorf("dropped: %v %q, %d bodies; want refused, no such endpoint, 2", v.State, v.Why, s.bodies())
	}
	_, err := s.call(func(t Token) Event { return Drop{t, one, c.Key, "late"} })
	refusedWith(t, err, "refused", "no such parcel")
	s.fail = func(Persist) error { return errors.New("broken") }
	if _, err := s.call(func(t Token) Event { return Ack{t, two, third.Key} }); err == nil {
		t.Error("an acknowledgement that is not on disk was answered")
	}
	s.fail = nil
	s.acknowledge(two, third.Key)
	s.acknowledge(two, a.Key)
	s.boot()
	if n := s.waitsUp(); n != 0 {
		t.Errorf("after a restart %d wait again, want none", n)
	}
}

// What an Internet gateway did not take is a courier's to carry, and comes to no collector twice.
func TestWhatACollectorKeepsIsAnybodys(t *testing.T) {
	b, s, alice, _ := single(t)
	s.uplink(true)
	raw := alice.online("p")
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	one, two := s.up(UpParcels), s.up(UpParcels)
	a := s.take(one)
	if s.take(two) != nil {
		t.Fatal("two collectors have one parcel")
	}
	s.core.HandleEvent(b.now, Keep{two, a.Key})
	s.core.HandleEvent(b.now, Keep{one, "no such"})
	if b.settle(); s.take(two) != nil {
		t.Fatal("a collector let go of what another has")
	}
	s.core.HandleEvent(b.now, Keep{one, a.Key})
	b.settle()
	if again := s.take(two); again == nil || again.Key != a.Key {
		t.Fatal("nobody else gets what a collector kept")
	}
	if s.take(one) != nil {
		t.Fatal("a collector gets again what it kept")
	}
	s.acknowledge(two, a.Key)
	if s.waitsUp() != 0 {
		t.Error("it still waits")
	}
}

func TestSealedItemsAreJudged(t *testing.T) {
	b, a, c := duo(t)
	phone := b.stranger("phone")
	seal := func(raw []byte, to, back link.PeerID) []byte {
		m, err := ramf.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		body, err := sealed{to: to, back: back, m: m}.pack()
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	none, gw := link.PeerID{}, a.core.self
	cca := phone.write(ramf.CCA, "0aa", frankfurt, "cca", text(10))
	up := phone.write(ramf.Cargo, "0aa", frankfurt, "up", text(10))
	down := phone.write(ramf.Cargo, "0aa", "", "down", text(10))
	ours := a.core.member.Domain.Address
	forged := slices.Clone(up)
	forged[len(forged)-3] ^= 1
	for _, tc := range []struct {
		name string
		body []byte
		want link.Reason
	}{
		{"a CCA", seal(cca, none, gw), link.ReasonNone},
		{"the same in another wrapping", seal(cca, none, link.PeerID{9}), link.ReasonNone},
		{"cargo for the Internet", seal(up, none, none), link.ReasonNone},
		{"cargo for a phone", seal(down, gw, none), link.ReasonNone},
		{"nothing", nil, link.ReasonMalformed},
		{"a head alone", make([]byte, sealedHead), link.ReasonMalformed},
		{"another version", append([]byte{9}, seal(up, none, none)[1:]...), link.ReasonMalformed},
		{"a parcel", seal(phone.write(ramf.Parcel, "0aa", frankfurt, "p", nil), none, none), link.ReasonMalformed},
		{"a CCA without an address", seal(phone.write(ramf.CCA, "0aa", "", "c", nil), none, gw), link.ReasonMalformed},
		{"cargo to the domain", seal(phone.write(ramf.Cargo, "0aa", ours, "c", nil), none, none), link.ReasonMalformed},
		{"cargo for the Internet, at a gateway", seal(up, gw, none), link.ReasonMalformed},
		{"cargo that asks for cargo", seal(down, none, gw), link.ReasonMalformed},
		{"a signature that is wrong", seal(forged, none, none), link.ReasonUnauthorised},
		{"another under the same id", seal(phone.write(ramf.Cargo, "0aa", frankfurt, "up", text(11)), none, none), link.ReasonUnauthorised},
	} {
		e := link.Received{Peer: gw, Body: tc.body, Item: link.Item{Kind: ItemSealed, Digest: digestOf(ItemSealed, tc.body), Size: len(tc.body), Lifetime: time.Hour, Cost: 1}}
		got := link.Reason(255)
		c.core.takeSealed(b.now, e, func(_ time.Time, r link.Reason) { got = r })
		b.settle()
		if got != tc.want {
			t.Errorf("%s: told %v, want %v", tc.name, got, tc.want)
		}
	}
	if n := len(c.core.queue.byID); n != 3 {
		t.Errorf("%d are held, want 3", n)
	}
}

// Anyone near may bring cargo: together they leave room for the apps, and who comes for cargo gets it though there is no
// room for his CCA.
func TestCouriersLeaveRoomForApps(t *testing.T) {
	b := newBench(t)
	s := b.site("ada")
	b.found(s, "ridge")
	s.limits = Limits{Bytes: 40_000}
	s.boot()
	alice := s.app("alice")
	phone, inet := b.stranger("phone"), b.stranger("frankfurt")
	var err error
	for i := 0; err == nil && i < 10; i++ {
		err = s.bring(b.stranger(fmt.Sprint("phone", i%2)).write(ramf.Cargo, phone.cert.ID, "", fmt.Sprint(i), noise(5000)), "")
	}
	refusedWith(t, err, "quota", "one neighbour")
	if _, err := alice.deliver(alice.online("p1")); err != nil {
		t.Errorf("an app finds no room: %v", err)
	}
	collect := func(g stranger, sub uint64) error {
		_, err := s.call(func(t Token) Event {
			return CollectCargo{Token: t, Sub: sub, CCA: g.write(ramf.CCA, inet.cert.ID, frankfurt, "cca", noise(9000))}
		})
		return err
	}
	refusedWith(t, collect(b.stranger("other"), 1), "quota", "couriers")
	if err := collect(phone, 2); err != nil || s.take(2) == nil {
		t.Errorf("who comes for cargo gets none: %v", err)
	}
	var r *ramf.Error
	if _, err := s.call(func(t Token) Event { return CollectCargo{Token: t, Sub: 3, CCA: alice.online("p2")} }); !errors.As(err, &r) || r.Refusal != ramf.WrongType {
		t.Errorf("a parcel as a CCA: %v", err)
	}
}
