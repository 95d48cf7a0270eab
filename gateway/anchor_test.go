package gateway

import (
	"crypto/rsa"
	"errors"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
)

// issue certifies a key for tests, for a hundred days.
func (b *bench) issue(subject *rsa.PrivateKey, issuer *pki.Certificate, key *rsa.PrivateKey, pathLen int) *pki.Certificate {
	b.t.Helper()
	c, err := pki.Issue(pki.Template{Subject: subject.Public(), Issuer: issuer, IssuerKey: key, NotBefore: b.now.Add(-day),
		NotAfter: b.now.Add(100 * day), CA: true, PathLen: pathLen, Rand: seeded(7, "issue")})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// underInternet gives an app the certificate that it would have under an Internet gateway with which gw registered.
func (a *app) underInternet(gw *rsa.PrivateKey) {
	b := a.s.b
	key := pkitest.Key(b.t, "internet gateway")
	a.gw = b.issue(gw, b.issue(key, nil, key, 2), key, 1)
	a.cert = b.issue(a.key, a.gw, gw, 0)
}

// Endpoints that registered under an Internet gateway reach each other inside the domain, since their gateways' keys
// are those of members.
func TestAuthorisationsUnderAnInternetGatewayCountInTheDomain(t *testing.T) {
	b, x, _, z := square(t)
	alice, bob := x.app("alice"), z.app("bob")
	bob.underInternet(z.core.id.RSA)
	b.must(time.Hour, "bob to be known", func() bool { _, ok := x.core.gatewayOf(bob.id); return ok })
	raw := alice.parcel(bob, "p1", text(100))
	if _, err := alice.deliver(raw); err != nil {
		t.Fatal(err)
	}
	b.must(time.Hour, "the parcel to come", func() bool { return bob.waits() == 1 })
	if got := bob.collect(); len(got) != 1 || string(got[0]) != string(raw) {
		t.Fatalf("bob got %d parcels, want the one", len(got))
	}
	b.must(time.Hour, "the receipt to come back", func() bool { return x.state(raw) == Delivered })
}

func TestKeysOfStrangersAnchorNothing(t *testing.T) {
	b, x, _, z := square(t)
	alice, bob := x.app("alice"), z.app("bob")
	for what, gw := range map[string]*rsa.PrivateKey{"a stranger's": pkitest.Key(t, "stranger"), "an endpoint's": alice.key} {
		bob.underInternet(gw)
		_, err := alice.deliver(alice.parcel(bob, what, text(10)))
		var r *ramf.Error
		if !errors.As(err, &r) || r.Refusal != ramf.NoPath {
			t.Errorf("%s key in the place of a gateway's: got %v, want no path", what, err)
		}
	}
	bob.underInternet(z.core.id.RSA)
	x.revoke("cleo")
	b.must(time.Hour, "cleo to be out", func() bool { return x.out(z) })
	_, err := alice.deliver(alice.parcel(bob, "p2", text(10)))
	if err == nil {
		t.Error("a revoked gateway's key still anchors what is for its endpoints")
	}
}

// A forged certificate with a member's key does not make another key's word that member's.
func TestAMembersNameIsNotItsKey(t *testing.T) {
	b, x, _, z := square(t)
	alice, bob, eve := x.app("alice"), z.app("bob"), pkitest.Key(t, "eve")
	root := b.issue(eve, nil, eve, 2)
	bob.gw = b.issue(z.core.id.RSA, root, eve, 1)
	bob.cert = b.issue(bob.key, b.issue(eve, root, eve, 1), eve, 0)
	if _, err := alice.deliver(alice.parcel(bob, "p1", text(10))); err == nil {
		t.Fatal("a certificate that the member did not sign was taken for its own")
	}
}

// Nobody vouches for the clock of an app.
func TestAnAppMayBeTwoHoursAhead(t *testing.T) {
	b, _, alice, bob := single(t)
	for ahead, ok := range map[time.Duration]bool{pki.ClockDrift: true, pki.ClockDrift + time.Second: false} {
		at := b.now.Truncate(time.Second).Add(ahead)
		_, err := alice.deliver(alice.parcel(bob, ahead.String(), text(10), func(m *ramf.Message) { m.Created = at }))
		var r *ramf.Error
		if ok != (err == nil) || !ok && (!errors.As(err, &r) || r.Refusal != ramf.NotYetValid) {
			t.Errorf("written %v ahead: got %v, want accepted %v", ahead, err, ok)
		}
	}
}

// A collection authorisation makes an Internet gateway no gateway of the domain.
func TestACollectionAuthorisationCertifiesNoEndpoints(t *testing.T) {
	b, x, _, z := square(t)
	alice, bob, cloud := x.app("alice"), z.app("bob"), pkitest.Key(t, frankfurt)
	issuer := b.issue(z.core.id.RSA, nil, z.core.id.RSA, 2)
	cda := b.issue(cloud, issuer, z.core.id.RSA, 1)
	bob.cert = b.issue(bob.key, cda, cloud, 0)
	_, err := alice.deliver(alice.parcel(bob, "p1", text(10), func(m *ramf.Message) { m.Chain = []*pki.Certificate{bob.cert, cda, issuer} }))
	var r *ramf.Error
	if !errors.As(err, &r) || r.Refusal != ramf.NoPath {
		t.Fatalf("got %v, want no path", err)
	}
}
