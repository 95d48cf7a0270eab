package gateway

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
)

// days lets virtual time pass.
func (b *bench) days(n int) { b.run(time.Duration(n)*day, func() bool { return false }) }

func (s *site) until() time.Time { return s.core.member.Record.NotAfter }

func TestMembershipsAreRenewedOverTheMesh(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	end := y.until()
	b.days(15)
	if got := y.until(); !got.Equal(end) {
		t.Fatalf("renewed until %v, though it was not due: want %v", got, end)
	}
	ups := func() (n int) {
		for _, s := range b.sites {
			for _, e := range s.events {
				if u, ok := e.(PeerChanged); ok && len(u.Peer.Ports) == 0 {
					n++
				}
			}
		}
		return n
	}
	before := ups()
	for range 5 {
		b.days(10)
		for _, s := range b.sites {
			if left := s.until().Sub(b.now); left < 9*day {
				t.Fatalf("%s has %v left on day %d, want to be renewed", s.name, left, int(b.now.Sub(epoch)/day))
			}
			for _, o := range b.sites {
				if !s.core.IsMember(b.now, o.core.self) {
					t.Fatalf("on day %d %s takes %s for no member", int(b.now.Sub(epoch)/day), s.name, o.name)
				}
			}
		}
	}
	if got := ups() - before; got != 0 {
		t.Errorf("%d sessions broke, want none", got)
	}
	for _, s := range b.sites {
		if !s.core.box.ep.Chain[0].Equal(s.core.member.Cert) {
			t.Errorf("%s: the built-in endpoint has no certificate under the renewed one", s.name)
		}
		m, err := domain.UnmarshalMembership(s.secrets[SecretMembership])
		if err != nil || !bytes.Equal(m.Record.Raw, s.core.member.Record.Raw) {
			t.Errorf("%s: the membership on disk is not the one in force: %v", s.name, err)
		}
		s.boot()
	}
	for i, w := range []struct{ from, to *site }{{x, y}, {y, x}, {y, z}, {z, x}} {
		n := len(w.to.letters)
		p := w.from.write(w.to.name, text(100+i))
		b.must(2*day, "a letter after months", func() bool { return len(w.to.letters) == n+1 && w.from.stateOf(p.ID) == Delivered })
	}
}

// A delivery authorisation ends with the certificate of the recipient's gateway. Who writes now and then has a new
// one before that.
func TestContactsAreRefreshedBeforeTheyEnd(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	y.write("cleo", text(10))
	b.must(time.Hour, "the first letter", func() bool { return len(z.letters) == 1 })
	for i, w := range []struct{ from, to *site }{{y, z}, {y, x}, {x, z}} {
		n := len(w.to.letters)
		ends := func() time.Time { return w.from.core.box.ep.Contacts[w.from.index(w.to.name)].PDA.X509.NotAfter }
		b.now = maxTime(b.now, epoch.Add(22*day))
		b.run(time.Hour, func() bool { return false })
		before := ends()
		if p := w.from.write(w.to.name, text(20+i)); p.Why == whyContact {
			t.Errorf("%s to %s waits, though the contact is good for days", w.from.name, w.to.name)
		}
		b.must(time.Hour, "the letter and a new authorisation", func() bool { return len(w.to.letters) == n+1 && ends().Sub(before) > 15*day })
	}
}

func (s *site) index(name string) int {
	return slices.IndexFunc(s.core.box.ep.Contacts, func(k endpoint.Contact) bool { return k.Name == name })
}

func TestCrashAtAnyBatchOfARenewal(t *testing.T) {
	road := func(t *testing.T, n int, applied bool) int {
		b, x, y := pairedBench(t)
		b.days(19)
		count := 0
		b.crash = func(s *site, p Persist, after bool) bool {
			if after != applied {
				return false
			}
			count++
			return count == n
		}
		start := b.now
		b.must(5*day, "renewal of both", func() bool {
			return x.until().Sub(start) > 25*day && y.until().Sub(start) > 25*day
		})
		b.must(time.Hour, "both to know it", func() bool {
			for _, s := range b.sites {
				for _, o := range b.sites {
					if rec, ok := s.core.roster.Get(o.core.self); !ok || !rec.NotAfter.Equal(o.until()) {
						return false
					}
				}
				if !s.core.box.ep.Chain[0].Equal(s.core.member.Cert) {
					return false
				}
			}
			return true
		})
		seen := count
		b.crash = nil
		y.write("ada", text(50))
		b.must(time.Hour, "a letter", func() bool { return len(x.core.Letters()) == 1 })
		return seen
	}
	batches := road(t, 0, false)
	if batches < 8 {
		t.Fatalf("only %d batches: the test misses its subject", batches)
	}
	for n := 1; n <= batches; n++ {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("batch %d applied %v", n, applied), func(t *testing.T) { road(t, n, applied) })
		}
	}
}

func TestHostileRenewals(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	request := func(s *site) []byte {
		raw, err := s.core.joinRequest()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	answers := func() (n int) {
		for _, v := range x.core.notes.byDigest {
			if v.dispatch.Topic == domain.TopicRenewal {
				n++
			}
		}
		return n
	}
	x.pipes[0].set(false)
	x.pipes[1].set(false)
	check := func(what string, d domain.Dispatch, want int) {
		t.Helper()
		if x.handed(y, ItemDispatch, d.Raw); answers() != want {
			t.Errorf("%s: %d renewals were given, want %d", what, answers(), want)
		}
	}
	check("too early", y.forge(domain.TopicAskRenewal, x, 1<<40, request(y)), 0)
	b.days(25)
	check("another's request", y.forge(domain.TopicAskRenewal, x, 1<<40+1, request(z)), 0)
	check("no request", y.forge(domain.TopicAskRenewal, x, 1<<40+2, []byte("x")), 0)
	name := y.core.id.Name
	y.core.id.Name = "cleo"
	check("under another's name", y.forge(domain.TopicAskRenewal, x, 1<<40+3, request(y)), 0)
	y.core.id.Name = name
	good := y.forge(domain.TopicAskRenewal, x, 1<<40+4, request(y))
	check("a good one", good, 1)
	check("the same again", good, 1)
	check("another at once", y.forge(domain.TopicAskRenewal, x, 1<<40+5, request(y)), 1)
	check("a member who is no owner", z.forge(domain.TopicAskRenewal, x, 1, nil), 1)

	// What a member takes for a renewal must be the domain's word, on itself, and later.
	end := y.until()
	for what, body := range map[string][]byte{"ours again": y.core.member.Renewal(), "another's": z.core.member.Renewal(), "nothing": nil} {
		y.handed(x, ItemDispatch, x.forge(domain.TopicRenewal, y, x.core.counters[counterDispatch]+uint64(len(what)), body).Raw)
		if got := y.until(); !got.Equal(end) {
			t.Errorf("%s: renewed until %v, want %v as before", what, got, end)
		}
	}
	if y.handed(x, ItemDispatch, y.forge(domain.TopicAskRenewal, y, 1, request(y)).Raw); len(y.secrets[SecretOwner]) != 0 {
		t.Error("a member that is no owner has the domain's keys")
	}
}

// A gateway that was away past the end of its membership is refused by all, keeps what it has, and is let in by pairing.
func TestALapsedMemberPairsAnew(t *testing.T) {
	b, x, y, z := trio(t)
	b.knowing(y, "cleo")
	x.pipes[1].set(false)
	b.days(45)
	p := z.write("ada", text(60))
	if err := x.core.standing(b.now, z.core.self); err == nil {
		t.Fatal("the owner takes a gateway for a member whose record ended: the test misses its subject")
	}
	x.pipes[1].set(true)
	b.run(time.Hour, func() bool { return false })
	if len(x.core.peers) != 1 {
		t.Fatalf("the owner has %d neighbours, want ben alone", len(x.core.peers))
	}
	b.pair(x, z)
	b.must(2*day, "cleo to be a member for all", func() bool {
		return x.core.IsMember(b.now, z.core.self) && y.core.IsMember(b.now, z.core.self)
	})
	b.must(2*day, "what it wrote meanwhile", func() bool { return z.stateOf(p.ID) == Delivered })
	z.boot()
	n := len(z.letters)
	y.write("cleo", text(61))
	b.must(2*day, "a letter to it", func() bool { return len(z.letters) == n+1 })
}

func TestALapsedMemberJoinsNoOtherDomain(t *testing.T) {
	b, x, y := pairedBench(t)
	v := b.site("vera")
	b.found(v, "valley")
	b.join(v, y)
	x.pipes[0].set(false)
	b.days(45)
	offer := v.mustCall(func(t Token) Event { return OpenPairing{t} }).(PairOffer)
	_, err := y.call(func(t Token) Event { return JoinPairing{t, offer.Code} })
	refusedWith(t, err, "refused", "another domain")
	if got := y.core.Snapshot(b.now).Domain; got != "ridge" {
		t.Fatalf("it is in domain %q, want ridge as before", got)
	}
}
