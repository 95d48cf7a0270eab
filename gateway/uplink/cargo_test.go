package uplink

import (
	"crypto/rsa"
	"errors"
	"testing"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
)

func refusal(err error) ramf.Refusal {
	var e *ramf.Error
	if errors.As(err, &e) {
		return e.Refusal
	}
	return 0
}

// A CCA goes up, cargo comes down, cargo goes up, and all again after a restart.
func TestThereAndBack(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	for round := range 3 {
		at := now.Add(time.Duration(round) * day)
		cda := i.collect(d.cca(north, at), at)
		if cda.ID != i.own.ID || cda.Issuer != gatewayID(t) || !cda.X509.IsCA || cda.X509.MaxPathLen != 1 || !cda.X509.NotAfter.Equal(at.Add(14*day)) {
			t.Errorf("CDA for %s, path length %d, until %v", cda.ID, cda.X509.MaxPathLen, cda.X509.NotAfter)
		}
		d.restart()
		o := d.opens(i.cargo(cda, at, nil, "one", "two"), at, "one", "two")
		if o.From != i.own.ID || o.Address != north || o.Skipped != 0 {
			t.Errorf("got %+v", o)
		}
		d.restart()
		m, plain := i.open(d.seal(north, at, at.Add(5*day), "three"), ramf.Cargo, at)
		items, _, err := cargo.Parse(plain)
		if err != nil || len(items) != 1 || string(items[0].Parcel) != "three" || !m.Created.Equal(at.Add(-3*time.Hour)) || !m.Expires().Equal(at.Add(5*day)) {
			t.Errorf("%+v from %v to %v, %v", items, m.Created, m.Expires(), err)
		}
	}
}

// Each Internet gateway has its own CDA, sessions and certificates.
func TestTwoRegistrations(t *testing.T) {
	d, n, s := newDesk(t), newInternet(t, north), newInternet(t, south)
	d.register(n, now)
	d.register(s, now)
	fromN, fromS := n.collect(d.cca(north, now), now), s.collect(d.cca(south, now), now)
	if got := len(d.issuers); got != 1 {
		t.Errorf("%d issuers of CDAs, want 1 for both", got)
	}
	if o := d.opens(s.cargo(fromS, now, nil, "south"), now, "south"); o.Address != south {
		t.Errorf("got %+v", o)
	}
	d.opens(n.cargo(fromN, now, nil, "north"), now, "north")
	n.open(d.seal(north, now, now.Add(day), "x"), ramf.Cargo, now)
	s.open(d.seal(south, now, now.Add(day), "x"), ramf.Cargo, now)
	d.forget(north)
	if _, err := d.Open(n.cargo(fromN, now, nil, "late"), now, gps); refusal(err) != ramf.NotAuthorised {
		t.Errorf("cargo of who was left: %v", err)
	}
	d.opens(s.cargo(fromS, now, nil, "south again"), now, "south again")
}

// Cargo comes out of order, and twice: all of it opens, and we answer to the key of what was made last.
func TestOutOfOrderAndReplay(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	cda := i.collect(d.cca(north, now), now)
	var sent []*ramf.Message
	for n := range 4 {
		at := now.Add(time.Duration(4+n) * time.Hour)
		sent = append(sent, i.cargo(cda, at, nil, string(rune('a'+n))))
	}
	at := now.Add(day)
	for _, n := range []int{2, 0, 3, 1} {
		d.restart()
		if o := d.opens(sent[n], at, string(rune('a'+n))); len(o.Records) != n/2 { // only of 2 and 3 is the key news
			t.Errorf("cargo %d changes %d records", n, len(o.Records))
		}
	}
	latest, _ := d.ring.Peer(i.own.ID)
	for n, m := range sent {
		if o := d.opens(m, at, string(rune('a'+n))); len(o.Records) != 0 {
			t.Errorf("a replay of cargo %d changes %d records", n, len(o.Records))
		}
	}
	if k, _ := d.ring.Peer(i.own.ID); string(k.ID) != string(latest.ID) {
		t.Error("a replay took the session back")
	}
	i.open(d.seal(north, at, at.Add(day), "answer"), ramf.Cargo, at)
}

func TestForgedCargo(t *testing.T) {
	d, i, s := newDesk(t), newInternet(t, north), newInternet(t, south)
	d.register(i, now)
	d.register(s, now)
	cda := i.collect(d.cca(north, now), now)
	s.collect(d.cca(south, now), now)
	ours, stranger := pkitest.Key(t, "gateway"), pkitest.Key(t, "stranger")
	foreign := pkitest.Issue(t, "stranger", nil, "", true, 2)
	pdc, _ := d.Signer(north, now, gps)
	below := func(issuer *pki.Certificate, key, to *rsa.PrivateKey) *pki.Certificate {
		c, err := pki.Issue(pki.Template{Subject: to.Public(), Issuer: issuer, IssuerKey: key, CA: true, PathLen: 0, NotBefore: now.Add(-day), NotAfter: now.Add(day), Rand: i.rand})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, tt := range []struct {
		name   string
		key    *rsa.PrivateKey
		want   ramf.Refusal // 0: opens
		change func(*ramf.Message)
	}{
		{"as it should be", i.key, 0, func(*ramf.Message) {}},
		{"with the issuer attached", i.key, 0, func(m *ramf.Message) { m.Chain = d.issuers }},
		{"with a stranger attached", i.key, 0, func(m *ramf.Message) { m.Chain = []*pki.Certificate{foreign, pdc} }},
		{"with an Internet address", i.key, 0, func(m *ramf.Message) { m.InternetAddress = "gateway.example.org" }},
		{"under the Internet gateway's own certificate", i.key, ramf.NoPath, func(m *ramf.Message) { m.Sender = i.own }},
		{"certified by our PDC certificate, which is our word as well", i.key, 0, func(m *ramf.Message) { m.Sender = below(pdc, ours, i.key); m.Chain = []*pki.Certificate{pdc, i.own} }},
		{"by a stranger", stranger, ramf.NoPath, func(m *ramf.Message) { m.Sender = foreign }},
		{"under the CDA, by a friend of the Internet gateway's", stranger, ramf.NotAuthorised, func(m *ramf.Message) { m.Sender, m.Chain = below(cda, i.key, stranger), []*pki.Certificate{cda} }},
		{"by us", ours, ramf.NotAuthorised, func(m *ramf.Message) { m.Sender = d.issuers[0] }},
		{"by someone whom we authorised, but no Internet gateway", stranger, ramf.NotAuthorised, func(m *ramf.Message) { m.Sender = below(d.issuers[0], ours, stranger) }},
		{"in the session of another Internet gateway", s.key, ramf.Malformed, func(m *ramf.Message) { m.Sender = below(d.issuers[0], ours, s.key) }},
		{"for another gateway", i.key, ramf.NotAuthorised, func(m *ramf.Message) { m.Recipient = s.own.ID }},
		{"for the Internet gateway, by another under its CDA", s.key, ramf.NotAuthorised, func(m *ramf.Message) {
			m.Recipient, m.Sender, m.Chain = i.own.ID, below(cda, i.key, s.key), []*pki.Certificate{cda}
		}},
		{"a CCA", i.key, ramf.NotAuthorised, func(m *ramf.Message) { m.Type = ramf.CCA }},
		{"payload that is not sealed", i.key, ramf.Malformed, func(m *ramf.Message) { m.Payload = []byte("open") }},
		{"expired", i.key, ramf.Expired, func(m *ramf.Message) { m.TTL = time.Hour }},
		{"from the future", i.key, ramf.NotYetValid, func(m *ramf.Message) { m.Created = now.Add(time.Second) }},
	} {
		m := &ramf.Message{}
		i.cargo(cda, now, func(sealed *ramf.Message) { *m = *sealed }, "hello")
		tt.change(m)
		o, err := d.Open(signed(t, m, tt.key), now, gps)
		if refusal(err) != tt.want || (err == nil) != (tt.want == 0) || err != nil && o.Items != nil {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	raw := i.cargo(cda, now, nil, "hello").Raw
	changed, err := ramf.Parse(pkitest.Corrupt(raw, -3))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(changed, now, gps); refusal(err) != ramf.BadSignature {
		t.Errorf("changed: %v", err)
	}
}

// A set that cannot be read, and items that cannot be, are told and cost nothing else.
func TestUnreadableItems(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	cda := i.collect(d.cca(north, now), now)
	if o := d.opens(i.cargo(cda, now, nil, "Awala\x51\x00broken", "fine"), now, "fine"); o.Skipped != 1 {
		t.Errorf("skipped %d, want 1", o.Skipped)
	}
	payload, _, err := i.ring.Seal([]byte("no set"), gatewayID(t), now, gps, i.rand)
	if err != nil {
		t.Fatal(err)
	}
	broken := i.cargo(cda, now, func(m *ramf.Message) { m.Payload = payload })
	if o := d.opens(broken, now); o.Skipped != 1 {
		t.Errorf("no set at all: skipped %d, want 1", o.Skipped)
	}
}

// The issuer of CDAs is renewed at 90 days left; the one before opens cargo until it ends.
func TestIssuerRenewal(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	old := i.collect(d.cca(north, now), now)
	until := now.Add(180*day - 90*time.Minute)
	if c := d.issuers[0].X509; !c.NotAfter.Equal(until) || !c.NotBefore.Equal(now.Add(-90*time.Minute)) || c.MaxPathLen != 2 {
		t.Errorf("issuer from %v to %v, path length %d", c.NotBefore, c.NotAfter, c.MaxPathLen)
	}
	renewal := until.Add(-90 * day)
	d.register(i, renewal)
	d.cca(north, renewal.Add(-time.Second))
	if len(d.issuers) != 1 {
		t.Errorf("%d issuers with more than 90 days left, want 1", len(d.issuers))
	}
	i.collect(d.cca(north, renewal), renewal)
	d.restart()
	if len(d.issuers) != 2 {
		t.Errorf("%d issuers with 90 days left, want 2", len(d.issuers))
	}
	at := now.Add(13 * day)
	d.opens(i.cargo(old, at, nil, "under the first"), at, "under the first")
	if _, err := d.Open(i.cargo(old, at, nil, "late"), now.Add(14*day+time.Second), gps); refusal(err) != ramf.SenderExpired {
		t.Errorf("after the CDA: %v", err)
	}
	if o, err := d.Open(i.cargo(old, at, nil, "x"), time.Time{}, pki.ClockNone); err != nil || len(o.Items) != 1 {
		t.Errorf("without a clock: %v", err)
	}
}

// The clock was ahead and is right again: the issuer of then is not valid yet.
func TestClockGoesBack(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	d.cca(north, now.Add(80*day))
	cda := i.collect(d.cca(north, now), now)
	d.opens(i.cargo(cda, now, nil, "hi"), now, "hi")
}

// What the first CCA was to store is lost, because the store was full: the second one brings all that it needs.
func TestLostRecords(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	if _, _, err := d.MakeCCA(north, now, gps, d.rand); err != nil {
		t.Fatal(err)
	}
	cda := i.collect(d.cca(north, now), now)
	d.restart()
	d.opens(i.cargo(cda, now, nil, "hi"), now, "hi")
}

// A clock that jumps about does not fill the book with issuers.
func TestIssuersAreBounded(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	i.own = i.issue(&i.key.PublicKey, nil, 2, now, 3600*day)
	for n := range 6 {
		at := now.Add(time.Duration(n) * 400 * day)
		d.register(i, at)
		d.cca(north, at)
	}
	d.restart()
	if len(d.issuers) != maxCertificates {
		t.Errorf("%d issuers, want %d", len(d.issuers), maxCertificates)
	}
}

func TestTidy(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	d.cca(north, now)
	d.register(i, now.Add(100*day))
	if d.Tidy(now.AddDate(9, 0, 0), pki.ClockNeighbour) != nil || d.Tidy(now.Add(100*day), gps) != nil {
		t.Error("dropped what may still be good")
	}
	d.store(d.Tidy(now.Add(260*day), gps))
	d.restart()
	if len(d.gateways[north].ours) != 1 || len(d.issuers) != 0 || len(d.disk) != 2 {
		t.Errorf("%d certificates, %d issuers, %d records; want 1, 0, 2", len(d.gateways[north].ours), len(d.issuers), len(d.disk))
	}
	d.store(d.Tidy(now.AddDate(9, 0, 0), gps))
	if g := d.Gateways(); len(g) != 1 || !g[0].Until.Equal(now.Add(280*day)) {
		t.Errorf("after all ended: %+v", g)
	}
}

// Without a clock nothing is signed, and certificates are issued only by one that can be trusted.
func TestClock(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	for q, want := range map[pki.Quality][2]Reason{pki.ClockNone: {NoClock, NoClock}, pki.ClockNeighbour: {NoClock, 0}, pki.ClockNTP: {0, 0}} {
		_, _, cca := d.MakeCCA(north, now, q, d.rand)
		_, _, sealed := d.Seal(north, cargo.NewBatch(0), now.Add(day), now, q, d.rand)
		_, room := d.Room(north, 0, now, q)
		if reason(cca) != want[0] || reason(sealed) != want[1] || reason(room) != want[1] {
			t.Errorf("clock %d: CCA %v, cargo %v, room %v", q, cca, sealed, room)
		}
	}
	if _, _, err := d.MakeCCA(south, now, gps, d.rand); reason(err) != Unregistered {
		t.Errorf("unregistered: %v", err)
	}
}

func TestSealLifetime(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	m, _ := i.open(d.seal(north, now, now.AddDate(2, 0, 0)), ramf.Cargo, now)
	if m.TTL != ramf.MaxTTL {
		t.Errorf("lives %v, want %v", m.TTL, ramf.MaxTTL)
	}
	if _, _, err := d.Seal(north, cargo.NewBatch(0), now, now, gps, d.rand); reason(err) != Expired {
		t.Errorf("of expired parcels: %v", err)
	}
	d.ring.Forget(i.own.ID)
	if _, _, err := d.Seal(north, cargo.NewBatch(0), now.Add(day), now, gps, d.rand); reason(err) != NoSession {
		t.Errorf("without a session: %v", err)
	}
}

// A batch of Room's size makes a cargo of at most what was asked for, and not much less.
func TestRoom(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	for _, most := range []int{5_000, 20_000, 1 << 20, 0} {
		room, err := d.Room(north, most, now, gps)
		if err != nil {
			t.Fatal(err)
		}
		batch := cargo.NewBatch(room)
		if !batch.Add(make([]byte, room-2*cargo.ItemOverhead)) {
			t.Fatalf("%d: an item of all the room does not fit", most)
		}
		raw, _, err := d.Seal(north, batch, now.Add(day), now, gps, d.rand)
		if limit := most; err != nil || limit > 0 && (len(raw) > limit || len(raw) < limit-sealOverhead) || len(raw) > 8_397_056 {
			t.Errorf("at most %d: %d octets, %v", most, len(raw), err)
		}
	}
	for _, most := range []int{1, 1000, 4000} {
		if room, err := d.Room(north, most, now, gps); err != nil || cargo.NewBatch(room).Add(nil) {
			t.Errorf("at most %d: room %d, %v", most, room, err)
		}
	}
}
