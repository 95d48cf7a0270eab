package uplink

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/registration"
)

func reason(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return 0
}

func TestRegisterRefuses(t *testing.T) {
	i := newInternet(t, north)
	ours, stranger := pkitest.Key(t, "gateway"), pkitest.Key(t, "stranger")
	leaf := func(change func(*pki.Template)) *pki.Certificate {
		tpl := pki.Template{Subject: ours.Public(), Issuer: i.own, IssuerKey: i.key, CA: true, PathLen: 1, NotBefore: now, NotAfter: now.Add(day), Rand: i.rand}
		change(&tpl)
		c, err := pki.Issue(tpl)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	above := i.issue(&i.key.PublicKey, i.own, 2, now, 10*day) // looks self-issued and is: a second one
	middle := pkitest.Issue(t, "stranger", i.own, north, true, 1)
	for _, tt := range []struct {
		name   string
		want   Reason // 0: accepted
		change func(*registration.Result)
	}{
		{"as it should be", 0, func(*registration.Result) {}},
		{"a newer certificate of its own", 0, func(r *registration.Result) { r.Gateway = above }},
		{"address in capitals", 0, func(r *registration.Result) { r.Address = strings.ToUpper(north) + "." }},
		{"other address", BadAddress, func(r *registration.Result) { r.Address = south }},
		{"no session key", NoSession, func(r *registration.Result) { r.Session = nil }},
		{"other key", OtherKey, func(r *registration.Result) { r.Node = leaf(func(t *pki.Template) { t.Subject = stranger.Public() }) }},
		{"not by that gateway", Malformed, func(r *registration.Result) { r.Gateway = newInternet(t, south).own }},
		{"no gateway's certificate", NotIssued, func(r *registration.Result) { r.Node = leaf(func(t *pki.Template) { t.CA = false }) }},
		{"ended", Expired, func(r *registration.Result) {
			r.Node = leaf(func(t *pki.Template) { t.NotBefore, t.NotAfter = now.Add(-day), now.Add(-time.Second) })
		}},
		{"not begun", Expired, func(r *registration.Result) {
			r.Node = leaf(func(t *pki.Template) { t.NotBefore = now.Add(time.Second) })
		}},
		{"the gateway's ended", Expired, func(r *registration.Result) { r.Gateway = i.issue(&i.key.PublicKey, nil, 2, now.Add(-2*day), day) }},
		{"issued under a gateway that is under another", NotIssued, func(r *registration.Result) {
			r.Gateway, r.Node = middle, leaf(func(t *pki.Template) { t.Issuer, t.IssuerKey = middle, stranger })
		}},
		{"our own key on both sides", NotIssued, func(r *registration.Result) {
			r.Gateway = pkitest.Issue(t, "gateway", nil, "", true, 2)
			r.Node = leaf(func(t *pki.Template) { t.Issuer, t.IssuerKey = r.Gateway, ours })
		}},
	} {
		d, r := newDesk(t), i.result(now)
		tt.change(&r)
		c, err := d.Register(north, r.Marshal(), now, gps)
		if reason(err) != tt.want || (err == nil) != (tt.want == 0) {
			t.Errorf("%s: %v, want reason %d", tt.name, err, tt.want)
		}
		if len(d.Gateways()) != 0 || err != nil && c.Records != nil {
			t.Errorf("%s: something changed before it was durable", tt.name)
		}
	}
	d := newDesk(t)
	for address, want := range map[string]Reason{"": BadAddress, "localhost": BadAddress, "a/../b.org": BadAddress, south: BadAddress} {
		if _, err := d.Register(address, i.result(now).Marshal(), now, gps); reason(err) != want {
			t.Errorf("%q: %v, want reason %d", address, err, want)
		}
	}
	if _, err := d.Register(north, []byte("garbage"), now, gps); reason(err) != Malformed {
		t.Errorf("garbage: %v", err)
	}
	d.take(d.Register("NORTH.example.org.", i.result(now).Marshal(), time.Time{}, pki.ClockNone)) // nobody can judge the dates
	if g := d.Gateways(); len(g) != 1 || g[0].Address != north || g[0].ID != i.own.ID {
		t.Errorf("got %+v", g)
	}
}

func TestBookIsBounded(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	var named []string
	for n := range MaxGateways {
		i.address = fmt.Sprintf("gateway%d.example.org", n)
		d.register(i, now)
		named = append(named, i.address)
	}
	i.address = north
	d.Prefer(named...)
	if _, err := d.Register(north, i.result(now).Marshal(), now, gps); reason(err) != Full {
		t.Errorf("one more: %v", err)
	}
	d.Prefer(append(named[1:], north)...)
	d.register(i, now)
	d.restart()
	if all := d.Gateways(); len(all) != MaxGateways || d.gateways[named[0]] != nil || d.gateways[north] == nil {
		t.Errorf("after another took the place of the one that nobody names any more: %+v", all)
	}
	i.address = "gateway3.example.org"
	for n := range 2 * maxCertificates {
		d.register(i, now.Add(time.Duration(n)*time.Hour))
	}
	if got := len(d.gateways[i.address].ours); got != maxCertificates || len(d.Gateways()) != MaxGateways {
		t.Errorf("%d certificates, %d gateways", got, len(d.Gateways()))
	}
	if c, err := d.Signer(i.address, now.Add(7*time.Hour), gps); err != nil || !c.X509.NotAfter.Equal(now.Add(7*time.Hour+180*day)) {
		t.Errorf("signs with another certificate than the last: %v", err)
	}
}

// Due 90 days before the end; the new certificate signs, the old one is an anchor until it ends.
func TestRenewal(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	first, _ := d.Signer(north, now, gps)
	if g := d.Gateways()[0]; !g.Until.Equal(now.Add(180*day)) || !g.Renew.Equal(now.Add(90*day)) {
		t.Errorf("until %v, renew %v", g.Until, g.Renew)
	}
	later := now.Add(100 * day)
	d.register(i, later)
	d.restart()
	second, err := d.Signer(north, later, gps)
	if anchors := d.Anchors(later, gps); err != nil || second.Equal(first) || len(anchors) != 2 || !anchors[0].Equal(second) {
		t.Errorf("%d anchors, %v", len(anchors), err)
	}
	if g := d.Gateways()[0]; !g.Renew.Equal(later.Add(90 * day)) {
		t.Errorf("renewed, and due on %v again", g.Renew)
	}
	if anchors := d.Anchors(now.Add(181*day), gps); len(anchors) != 1 || !anchors[0].Equal(second) {
		t.Errorf("%d anchors after the first ended", len(anchors))
	}
	short := i.issue(&pkitest.Key(t, "gateway").PublicKey, i.own, 1, now, 21*time.Hour)
	if got := renewAt(short); !got.Equal(now.Add(9 * time.Hour)) {
		t.Errorf("a certificate of 24 hours from %v is due at %v, want half-way", short.X509.NotBefore, got)
	}
	_, err = d.Signer(north, later.Add(181*day), gps)
	if reason(err) != Expired || len(d.Anchors(later.Add(181*day), gps)) != 0 {
		t.Errorf("all ended: %v", err)
	}
}

// An Internet gateway that lost its key registers us anew: what it issued before no longer signs.
func TestOtherIdentityAtTheSameAddress(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now.Add(5*day))
	other := newInternet(t, south)
	other.address = north
	d.register(other, now)
	d.register(other, now.Add(time.Hour))
	d.restart()
	at := now.Add(6 * day)
	if g := d.Gateways()[0]; !g.Until.Equal(now.Add(time.Hour + 180*day)) {
		t.Errorf("until %v, the end of what the lost key signed", g.Until)
	}
	if _, err := d.Signer(north, now.Add(184*day), gps); reason(err) != Expired || len(d.Anchors(now.Add(184*day), gps)) != 1 {
		t.Errorf("only the certificate under the lost key is valid: %v", err)
	}
	c, err := d.Signer(north, at, gps)
	if err != nil || c.Issuer != other.own.ID || d.Gateways()[0].ID != other.own.ID {
		t.Errorf("%v; signs under %s, want %s", err, c.Issuer, other.own.ID)
	}
	d.opens(other.cargo(other.collect(d.cca(north, at), at), at, nil, "hi"), at, "hi")
}

func TestPreference(t *testing.T) {
	d := newDesk(t)
	n, s := newInternet(t, north), newInternet(t, south)
	d.register(s, now)
	d.register(n, now)
	for _, tt := range []struct {
		order []string
		want  string
	}{{nil, north}, {[]string{"South.Example.Org."}, south}, {[]string{"nobody.example.org", north, south}, north}} {
		d.Prefer(tt.order...)
		if g := d.Gateways(); len(g) != 2 || g[0].Address != tt.want {
			t.Errorf("%q: got %+v, want %s first", tt.order, g, tt.want)
		}
	}
	d.forget(north)
	d.restart()
	if _, ok := d.Gateway(n.own.ID); ok || len(d.disk) != 2 {
		t.Errorf("%d records left of one registration, want 2", len(d.disk))
	}
	if _, err := d.Signer(north, now, gps); reason(err) != Unregistered {
		t.Errorf("signs: %v", err)
	}
}

// Two changes of one registration are made before either is durable: both stay, also on disk.
func TestChangesMadeTogether(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	at := now.Add(5 * day)
	rotated := &cargo.Rotation{Leaf: i.certify(at), Authorities: []*pki.Certificate{i.own}}
	from := d.Gateways()[0].ID
	first, err := d.Rotate(from, rotated, at, gps)
	if err != nil {
		t.Fatal(err)
	}
	r := i.result(at.Add(time.Hour))
	second, err := d.Register(north, r.Marshal(), at.Add(time.Hour), gps)
	d.take(first, nil)
	d.take(second, err)
	for _, when := range []string{"applied", "restarted"} {
		if got := d.Anchors(at.Add(2*time.Hour), gps); len(got) != 3 {
			t.Errorf("%s: %d certificates, want 3", when, len(got))
		}
		d.restart()
	}
}

// A rotation arrives in a cargo; the new certificate signs from then on.
func TestRotation(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	cda := i.collect(d.cca(north, now), now)
	fresh := cargo.Rotation{Leaf: i.certify(now.Add(5 * day)), Authorities: []*pki.Certificate{i.own}}
	o, err := d.Open(i.cargo(cda, now, nil, string(fresh.Marshal())), now, gps)
	if err != nil || len(o.Items) != 1 || o.Items[0].Rotation == nil {
		t.Fatalf("%+v, %v", o, err)
	}
	at := now.Add(5 * day)
	d.take(d.Rotate(o.From, o.Items[0].Rotation, at, gps))
	d.restart()
	if c, err := d.Signer(north, at, gps); err != nil || !c.Equal(fresh.Leaf) || len(d.Anchors(at, gps)) != 2 {
		t.Errorf("%d anchors, %v", len(d.Anchors(at, gps)), err)
	}
	if c, err := d.Rotate(o.From, o.Items[0].Rotation, at, gps); err != nil || c.Records != nil {
		t.Errorf("again: %d records, %v", len(c.Records), err)
	}
	next := i.issue(&i.key.PublicKey, nil, 2, at, 360*day) // the Internet gateway's own certificate is new as well
	leaf := i.issue(&pkitest.Key(t, "gateway").PublicKey, next, 1, at, 180*day+time.Hour)
	d.take(d.Rotate(i.own.ID, &cargo.Rotation{Leaf: leaf, Authorities: []*pki.Certificate{next}}, at, gps))
	if !d.gateways[north].certificate.Equal(next) {
		t.Error("the Internet gateway's newer certificate was not taken")
	}
}

func TestRotationRefuses(t *testing.T) {
	d, n, s := newDesk(t), newInternet(t, north), newInternet(t, south)
	d.register(n, now)
	d.register(s, now)
	ours, stranger := &pkitest.Key(t, "gateway").PublicKey, &pkitest.Key(t, "stranger").PublicKey
	leaf := func(i *internet, to *rsa.PublicKey, from time.Time) *cargo.Rotation {
		return &cargo.Rotation{Leaf: i.issue(to, i.own, 1, from, 180*day), Authorities: []*pki.Certificate{i.own}}
	}
	forged := leaf(n, ours, now)
	var err error
	if forged.Leaf, err = pki.Parse(pkitest.Corrupt(forged.Leaf.Raw(), -1)); err != nil {
		t.Fatal(err)
	}
	user := pkitest.Issue(t, "gateway", n.own, north, false, 0)
	for _, tt := range []struct {
		name string
		from pki.NodeID
		r    *cargo.Rotation
		want Reason
	}{
		{"for another", n.own.ID, leaf(n, stranger, now), OtherKey},
		{"by the other Internet gateway", n.own.ID, leaf(s, ours, now), NotIssued},
		{"by nobody that we know", gatewayID(t), leaf(n, ours, now), Unregistered},
		{"forged", n.own.ID, forged, NotIssued},
		{"no gateway's", n.own.ID, &cargo.Rotation{Leaf: user, Authorities: []*pki.Certificate{n.own}}, NotIssued},
		{"ended", n.own.ID, leaf(n, ours, now.Add(-181*day)), Expired},
	} {
		if c, err := d.Rotate(tt.from, tt.r, now, gps); reason(err) != tt.want || c.Records != nil {
			t.Errorf("%s: %v, want reason %d", tt.name, err, tt.want)
		}
	}
}

func TestLoadSkips(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	d.cca(north, now)
	records := d.records()
	slices.Reverse(records)
	load := func(r ...Record) (*Book, []Skipped) {
		b, err := New(pkitest.Key(t, "gateway"))
		if err != nil {
			t.Fatal(err)
		}
		return b, b.Load(r)
	}
	if b, skipped := load(records...); len(skipped) != 0 || len(b.Gateways()) != 1 || len(b.issuers) != 1 || len(records) != 4 {
		t.Errorf("%d records the other way round: skipped %v", len(records), skipped)
	}
	other, err := New(pkitest.Key(t, "stranger"))
	if err != nil {
		t.Fatal(err)
	}
	if skipped := other.Load(records); len(skipped) != 4 || len(other.Gateways()) != 0 {
		t.Errorf("another gateway's: skipped %v", skipped)
	}
	for _, r := range records {
		newer := slices.Clone(r.Value)
		newer[slices.Index(newer, 2)+2] = 9 // INTEGER 1
		for name, bad := range map[string][]byte{"cut": r.Value[:len(r.Value)-1], "empty": nil, "of a newer version": newer} {
			if _, skipped := load(Record{Key: r.Key, Value: bad}); len(skipped) != 1 || skipped[0].Key != r.Key {
				t.Errorf("%s, %s: skipped %v", r.Key, name, skipped)
			}
		}
		if _, skipped := load(Record{Key: r.Key[:len(r.Key)-1] + "x", Value: r.Value}); len(skipped) != 1 && !strings.HasPrefix(r.Key, "peer/") {
			t.Errorf("%s under another key: skipped %v", r.Key, skipped)
		}
	}
}

// FuzzRegister: whatever an Internet gateway answers, what is taken is certified for our key and survives a restart.
func FuzzRegister(f *testing.F) {
	i := newInternet(f, north)
	whole := i.result(now)
	f.Add(whole.Marshal())
	whole.Session = nil
	f.Add(whole.Marshal())
	f.Fuzz(func(t *testing.T, pnr []byte) {
		d := newDesk(t)
		c, err := d.Register(north, pnr, now, gps)
		if err != nil {
			if reason(err) == 0 {
				t.Fatalf("%T without a reason: %v", err, err)
			}
			return
		}
		d.take(c, nil)
		d.restart()
		if s, err := d.Signer(north, now, gps); err != nil || s.ID != gatewayID(t) {
			t.Fatalf("signs with %v, %v", s, err)
		}
		d.cca(north, now)
	})
}
