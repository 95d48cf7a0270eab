package gateway

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

// limited is a delivery authorisation of a for another app that allows so many parcels.
func (a *app) limited(o *app, limit int, period time.Duration) *pki.Certificate {
	a.s.b.t.Helper()
	c, err := pki.Issue(pki.Template{Subject: o.key.Public(), Issuer: a.cert, IssuerKey: a.key, NotBefore: a.s.b.now.Add(-time.Minute),
		NotAfter: a.s.b.now.Add(20 * day), RateLimit: &pki.RateLimit{Limit: limit, Period: period}, Rand: seeded(3, string(o.id))})
	if err != nil {
		a.s.b.t.Fatal(err)
	}
	return c
}

// takeBack signs a PDD of an app; no serials means all.
func (a *app) takeBack(serials ...*big.Int) []byte {
	a.s.b.t.Helper()
	raw, err := permit.Sign(permit.PDD{Recipient: a.id, Serials: serials, Expires: a.s.b.now.Add(20 * day), Signer: a.cert, Chain: []*pki.Certificate{a.gw}}, a.key, seeded(5, string(a.id)))
	if err != nil {
		a.s.b.t.Fatal(err)
	}
	return raw
}

func (a *app) deauthorise(pdd []byte) {
	a.s.b.t.Helper()
	a.s.mustCall(func(t Token) Event { return Deauthorise{t, pdd} })
}

func denied(t *testing.T, err error) {
	t.Helper()
	var r *ramf.Error
	if !errors.As(err, &r) || r.Refusal != ramf.NotAuthorised {
		t.Errorf("got %v, want not authorised", err)
	}
}

// The limit holds over restarts, by creation date, and for what is new only.
func TestARateLimitHolds(t *testing.T) {
	b, s, alice, bob := single(t)
	pda := bob.limited(alice, 2, time.Hour)
	at := b.now
	write := func(id string, after time.Duration) error {
		_, err := alice.deliver(alice.parcel(bob, id, text(10), func(m *ramf.Message) { m.Sender, m.Created = pda, at.Add(after).Truncate(time.Second) }))
		return err
	}
	for i := range 2 {
		for range 2 { // the second time it is known
			if err := write("p"+fmt.Sprint(i), -time.Duration(i)*time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		s.boot()
	}
	denied(t, write("p2", -2*time.Minute))
	if err := write("p3", -90*time.Minute); err != nil {
		t.Errorf("an earlier hour: %v", err)
	}
	b.run(time.Hour, func() bool { return false })
	if err := write("p4", time.Hour); err != nil {
		t.Errorf("an hour later: %v", err)
	}
	if n := len(bob.collect()); n != 4 {
		t.Errorf("bob has %d parcels, want 4", n)
	}
	b.run(25*day, func() bool { return false })
	if n := len(s.disk[KindRate]); n != 0 {
		t.Errorf("%d counts are kept after the authorisation ended", n)
	}
}

// What an endpoint took back is refused at every gateway of the domain, also after restarts, until the PDD ends.
func TestADeauthorisationSpreadsAndIsEnforced(t *testing.T) {
	b, x, y, z := square(t)
	alice, bob := x.app("alice"), z.app("bob")
	b.must(time.Hour, "bob to be known", func() bool { _, ok := x.core.gatewayOf(bob.id); return ok })
	serial := bob.authorise(alice).X509.SerialNumber
	bob.deauthorise(bob.takeBack(serial))
	knows := func(s *site) bool { return len(s.disk[KindDenial]) == 1 }
	b.must(time.Hour, "all to know", func() bool { return knows(x) && knows(y) && knows(z) })
	for range 2 {
		_, err := alice.deliver(alice.parcel(bob, "p1", text(10)))
		denied(t, err)
		x.boot()
	}
	b.run(25*day, func() bool { return false })
	if len(x.disk[KindDenial])+len(y.disk[KindDenial])+len(z.disk[KindDenial]) != 0 {
		t.Error("a PDD is kept after its end")
	}
}

func TestOnlyTheEndpointTakesItsAuthorisationsBack(t *testing.T) {
	b, s, alice, bob := single(t)
	forged := alice.takeBack()
	forged[len(forged)-3] ^= 1
	foreign, err := permit.Sign(permit.PDD{Recipient: bob.id, Expires: b.now.Add(day), Signer: alice.cert, Chain: []*pki.Certificate{alice.gw, bob.cert}}, alice.key, seeded(5, "x"))
	if err != nil {
		t.Fatal(err)
	}
	for what, pdd := range map[string][]byte{"another's": foreign, "forged": forged, "junk": []byte("Awala\x52\x00junk")} {
		_, err := s.call(func(t Token) Event { return Deauthorise{t, pdd} })
		var g *Error
		if !errors.As(err, &g) || g.Code != "refused" {
			t.Errorf("%s: got %v, want refused", what, err)
		}
	}
	if _, err := alice.deliver(alice.parcel(bob, "p1", text(10))); err != nil {
		t.Errorf("a parcel that nobody took back: %v", err)
	}
}

// A parcel that could not be stored comes again: it must not use up what the recipient allows.
func TestParcelsThatCouldNotBeStoredDoNotCount(t *testing.T) {
	_, s, alice, bob := single(t)
	pda := bob.limited(alice, 1, time.Hour)
	write := func(id string) error {
		_, err := alice.deliver(alice.parcel(bob, id, text(10), func(m *ramf.Message) { m.Sender = pda }))
		return err
	}
	s.fail = func(Persist) error { return errors.New("the disk is broken") }
	for range 2 {
		refusedWith(t, write("p1"), "failed", "nothing was saved")
	}
	s.fail = nil
	if err := write("p1"); err != nil {
		t.Errorf("once the disk works: %v", err)
	}
	denied(t, write("p2"))
}

// Who is told that a deauthorisation is taken can rely on it.
func TestADeauthorisationThatWasNotSavedIsSavedTheNextTime(t *testing.T) {
	_, s, alice, bob := single(t)
	pdd := bob.takeBack()
	s.fail = func(Persist) error { return errors.New("the disk is broken") }
	_, err := s.call(func(t Token) Event { return Deauthorise{t, pdd} })
	refusedWith(t, err, "failed", "nothing was saved")
	s.fail = nil
	bob.deauthorise(pdd)
	s.boot()
	_, err = alice.deliver(alice.parcel(bob, "p1", text(10)))
	denied(t, err)
}

// What is too large for the neighbours is refused here, where somebody can do otherwise.
func TestADeauthorisationThatCannotSpreadIsRefused(t *testing.T) {
	_, s, _, bob := single(t)
	random, serials := rand.New(rand.NewPCG(1, 2)), make([]*big.Int, permit.MaxSerials)
	for i := range serials {
		serials[i] = new(big.Int).SetUint64(random.Uint64() | 1)
	}
	_, err := s.call(func(t Token) Event { return Deauthorise{t, bob.takeBack(serials...)} })
	refusedWith(t, err, "quota", "too many")
	if len(s.disk[KindDenial]) != 0 {
		t.Error("it is kept")
	}
	bob.deauthorise(bob.takeBack(serials[:100]...))
}
