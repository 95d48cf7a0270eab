package gateway

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

func (s *site) revoke(name string) {
	s.b.t.Helper()
	s.mustCall(func(t Token) Event { return Revoke{t, name} })
}

// out tells that a site has nothing more to do with a gateway.
func (s *site) out(o *site) bool {
	id := o.core.self
	return errors.Is(s.core.standing(s.b.now, id), domain.ErrRevoked) && s.core.peers[id] == nil &&
		s.core.adverts.bySubject[nodeSubject(id)] == nil && s.disk[KindAdvert][nodeSubject(id)] == nil
}

// square has ada, who owns the domain, ben and cleo beside her, and ben beside cleo.
func square(t testing.TB) (b *bench, x, y, z *site) {
	b, x, y, z = trio(t)
	b.join(y, z)
	b.knowing(y, "cleo")
	b.knowing(z, "ben")
	b.must(5*time.Minute, "ben and cleo to be neighbours", func() bool { return y.core.peers[z.core.self] != nil && z.core.peers[y.core.self] != nil })
	return b, x, y, z
}

func TestARevokedGatewayIsRefusedEverywhere(t *testing.T) {
	b, x, y, z := square(t)
	bob, eve := y.app("bob"), z.app("eve")
	b.must(5*time.Minute, "eve to be known", func() bool { _, ok := y.core.gatewayOf(eve.id); return ok })
	node := z.core.adverts.bySubject[nodeSubject(z.core.self)].body
	engine := z.core.adverts.bySubject[engineSubject(eve.id)].body
	toEve := bob.parcel(eve, "p1", text(10))
	x.revoke("cleo")
	for range 2 {
		b.must(time.Hour, "all to drop cleo", func() bool { return x.out(z) && y.out(z) })
		b.run(time.Hour, func() bool { return false })
		if y.core.peers[z.core.self] != nil || x.core.peers[z.core.self] != nil {
			t.Fatal("a session with the revoked gateway lives on")
		}
		for what, got := range map[string]link.Reason{
			"its node advert":   y.handed(x, ItemNodeAdvert, node),
			"its engine advert": y.handed(x, ItemEngineAdvert, engine),
			"its dispatch":      y.handed(x, ItemDispatch, z.forge(domain.TopicAskContact, y, 1<<40, nil).Raw),
		} {
			if got != link.ReasonUnauthorised {
				t.Errorf("%s: told %v, want unauthorised", what, got)
			}
		}
		_, err := bob.deliver(toEve)
		var r *ramf.Error
		if !errors.As(err, &r) || r.Refusal != ramf.NotAuthorised {
			t.Errorf("a parcel authorised through it: %v, want not authorised", err)
		}
		_, err = x.call(func(t Token) Event { return Send{Token: t, To: "cleo", Content: text(1)} })
		refusedWith(t, err, "refused", "revoked")
		m := x.core.Members(b.now)
		if len(m) != 3 || m[2].Name != "cleo" || !m[2].Revoked || !m[0].Owner || !m[0].Self || m[1].Revoked {
			t.Errorf("the owner lists %+v, want ada, ben and cleo revoked", m)
		}
		x.boot()
		y.boot()
	}
	n := len(y.letters)
	x.write("ben", text(30))
	b.must(time.Hour, "those who stay to write to each other", func() bool { return len(y.letters) == n+1 })
	b.now = b.now.Add(21 * day)
	b.run(3*time.Hour, func() bool { return false })
	if y.until().Sub(b.now) < 9*day || z.until().Sub(b.now) > 9*day {
		t.Errorf("ben has %v left and cleo %v: want ben alone renewed", y.until().Sub(b.now), z.until().Sub(b.now))
	}
}

// Who was away hears of a revocation from any neighbour when it is back.
func TestWhoWasAwayHearsOfARevocation(t *testing.T) {
	b, x, y, z := square(t)
	x.pipes[0].set(false) // ben hears only cleo, who will be revoked
	x.revoke("cleo")
	b.must(time.Hour, "the owner to drop cleo", func() bool { return x.out(z) })
	b.run(time.Hour, func() bool { return false })
	x.pipes[0].set(true)
	b.must(time.Hour, "ben to drop cleo", func() bool { return y.out(z) })
}

func TestCrashAtAnyBatchOfARevocation(t *testing.T) {
	road := func(t *testing.T, n int, applied bool) int {
		b, x, y, z := square(t)
		b.run(time.Hour, func() bool { return false })
		count := 0
		b.crash = func(s *site, p Persist, after bool) bool {
			if after != applied || s == z {
				return false
			}
			count++
			return count == n
		}
		for range 3 {
			boots := x.boots
			tok := x.ask(func(t Token) Event { return Revoke{t, "cleo"} })
			b.run(time.Minute, func() bool { _, ok := x.answers[tok]; return ok || x.boots > boots })
			if x.core.owner.CurrentEpoch() > 1 {
				break
			}
		}
		b.must(time.Hour, "all to drop cleo", func() bool { return x.out(z) && y.out(z) })
		b.run(time.Hour, func() bool { return false })
		if e := x.core.owner.CurrentEpoch(); e != 2 || y.core.roster.Advert().Epoch != 2 {
			t.Fatalf("the epoch is %d, and %d for ben; want 2", e, y.core.roster.Advert().Epoch)
		}
		return count
	}
	batches := road(t, 0, false)
	if batches < 3 {
		t.Fatalf("only %d batches: the test misses its subject", batches)
	}
	for n := 1; n <= batches; n++ {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("batch %d applied %v", n, applied), func(t *testing.T) { road(t, n, applied) })
		}
	}
}

// Keys that come back from an old backup know of no revocation: the domain's advert tells them.
func TestOldKeysTakeRevocationsBackFromTheAdvert(t *testing.T) {
	b, x, y, z := square(t)
	old := x.secrets[SecretOwner]
	x.revoke("cleo")
	b.must(time.Hour, "ben to drop cleo", func() bool { return y.out(z) })
	x.secrets[SecretOwner] = old
	x.boot()
	b.run(time.Hour, func() bool { return false })
	if e := y.core.roster.Advert().Epoch; e != 2 || !y.out(z) || !x.out(z) {
		t.Fatalf("epoch %d, cleo out for ben %v, for ada %v; want 2, out, out", e, y.out(z), x.out(z))
	}
	x.revoke("ben")
	if a := x.core.roster.Advert(); a.Epoch != 3 || len(a.Revoked) != 2 {
		t.Fatalf("the next revocation has epoch %d and %d gateways, want 3 and both", a.Epoch, len(a.Revoked))
	}
}

// Revoked by mistake, or repaired: pairing lets a gateway in again under its name.
func TestARevokedGatewayIsLetInAgainByPairing(t *testing.T) {
	b, x, y, z := square(t)
	x.revoke("cleo")
	b.must(time.Hour, "all to drop cleo", func() bool { return x.out(z) && y.out(z) })
	delete(z.secrets, SecretMembership)
	clear(z.disk)
	z.boot()
	b.pair(x, z)
	b.must(time.Hour, "cleo to be a member for all", func() bool {
		return x.core.IsMember(b.now, z.core.self) && y.core.IsMember(b.now, z.core.self) && y.core.peers[z.core.self] != nil
	})
	n := len(z.letters)
	y.write("cleo", text(40))
	b.must(2*day, "a letter", func() bool { return len(z.letters) == n+1 })
}

func TestHostileDomainAdverts(t *testing.T) {
	b, x, y, z := square(t)
	old := x.core.adverts.bySubject[domainSubject].body
	other := ownerOf(t, "valley")
	o := *other
	foreign, err := o.Revoke(b.now, z.core.self, x.core.self)
	if err != nil {
		t.Fatal(err)
	}
	if got := y.handed(z, ItemDomainAdvert, foreign.Raw); got != link.ReasonMalformed {
		t.Errorf("another domain's: told %v, want malformed", got)
	}
	forged := append([]byte(nil), old...)
	copy(forged[9:41], z.core.self[:])
	if got := y.handed(z, ItemDomainAdvert, forged); got != link.ReasonMalformed {
		t.Errorf("with a changed owner: told %v, want malformed", got)
	}
	x.revoke("cleo")
	b.must(time.Hour, "ben to drop cleo", func() bool { return y.out(z) })
	if got := y.handed(x, ItemDomainAdvert, old); got != link.ReasonNone || !y.out(z) {
		t.Errorf("the one before: told %v, cleo out %v; want none, and still out", got, y.out(z))
	}
}

func TestOnlyTheOwnerRevokes(t *testing.T) {
	b, x, y, _ := trio(t)
	for _, c := range []struct {
		at               *site
		who, code, words string
	}{{y, "ada", "refused", "key is not on this gateway"}, {x, "ada", "refused", "cannot revoke itself"}, {x, "dora", "not_found", "dora"}} {
		_, err := c.at.call(func(t Token) Event { return Revoke{t, c.who} })
		refusedWith(t, err, c.code, c.words)
	}
	x.core.HandleEvent(b.now, Clock{0})
	_, err := x.call(func(t Token) Event { return Revoke{t, "ben"} })
	refusedWith(t, err, "not_yet", "clock")
}
