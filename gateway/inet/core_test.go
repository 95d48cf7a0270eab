package inet

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/store"
)

func refusal(err error) ramf.Refusal {
	var r *ramf.Error
	if errors.As(err, &r) {
		return r.Refusal
	}
	return 0
}

func code(err error) string {
	var g *gateway.Error
	if errors.As(err, &g) {
		return g.Code
	}
	return ""
}

func TestRegistrationFollowsTheProfile(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	own := r.core.authority.cert(r.now)
	x := own.X509
	if x.MaxPathLen != 2 || !x.NotBefore.Equal(r.now.Add(-3*time.Hour)) || !x.NotAfter.Equal(r.now.Add(360*day)) || own.ID != own.Issuer {
		t.Errorf("own certificate: path length %d, %v to %v", x.MaxPathLen, x.NotBefore, x.NotAfter)
	}
	x = p.cert.X509
	if x.MaxPathLen != 1 || !x.IsCA || !x.NotBefore.Equal(r.now.Add(-3*time.Hour)) || !x.NotAfter.Equal(r.now.Add(180*day)) {
		t.Errorf("private gateway's certificate: path length %d, %v to %v", x.MaxPathLen, x.NotBefore, x.NotAfter)
	}
	params, err := r.core.ConnectionParams(r.now)
	if err != nil || !bytes.Contains(params, []byte(address)) || !bytes.Contains(params, r.core.spki) {
		t.Errorf("connection parameters: %x, %v", params, err)
	}
}

func TestRegistrationRefusals(t *testing.T) {
	r := newRig(t, Limits{})
	spki, _ := pki.EncodeSPKI(pkitest.Key(t, "gateway").Public())
	pnra, err := r.core.PreRegister(r.now, sha256.Sum256(spki))
	must(t, err)
	if got := r.registerWith(pnra, "sender"); got != registration.OtherKey {
		t.Errorf("another key's PNRA: %v", got)
	}
	if got := r.registerWith(pnra, "gateway"); got != 0 {
		t.Errorf("the first time: %v", got)
	}
	if got := r.registerWith(pnra, "gateway"); got != registration.Expired {
		t.Errorf("the second time: %v", got)
	}
	r.core.HandleEvent(r.now, Clock{pki.ClockNeighbour})
	if _, err := r.core.PreRegister(r.now, sha256.Sum256(spki)); code(err) != "not_yet" {
		t.Errorf("without a trusted clock: %v", err)
	}
}

func TestOwnCertificateAndKeyRenewAndOldOnesStillVerify(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	first, key := r.core.authority.cert(r.now), r.core.authority.key
	r.pass(170 * day)
	if !r.core.authority.cert(r.now).Equal(first) || bytes.Equal(r.core.authority.key.ID, key.ID) {
		t.Error("with 190 days left: another certificate, or the same session key")
	}
	p.endpoint = p.issue("endpoint", p.cert, "gateway", true) // its certificate ends with that of its gateway
	p.pda = p.issue("sender", p.endpoint, "endpoint", false)
	r.pass(10*day - time.Hour)
	r.pass(day / 2)
	r.restart()
	if r.core.authority.cert(r.now).Equal(first) || len(r.core.Anchors()) != 2 {
		t.Errorf("with less than 180 days left: %d certificates", len(r.core.Anchors()))
	}
	r.at(pkitest.Now.Add(179 * day))
	if _, err := p.cargo(p.inward("old")); err != nil {
		t.Errorf("under the old certificate and session key: %v", err)
	}
	r.at(pkitest.Now.Add(361 * day))
	if slices.ContainsFunc(r.core.Anchors(), first.Equal) || r.kinds(gateway.KindInetState) != 3 {
		t.Errorf("after its end: %d certificates, %d records", len(r.core.Anchors()), r.kinds(gateway.KindInetState))
	}
}

func TestCertificateOfAClockThatWasAheadIsNotWaitedFor(t *testing.T) {
	r := newRig(t, Limits{})
	r.disk = map[loadKey][]byte{}
	r.now = pkitest.Now.Add(3 * 365 * day)
	r.restart()
	future := r.core.authority.cert(r.now)
	key := r.core.authority.key
	r.now = pkitest.Now
	r.restart()
	p := r.register("gateway")
	if own := r.core.authority.cert(r.now); own.Equal(future) || !own.Valid(r.now, pki.ClockNTP) || bytes.Equal(r.core.authority.key.ID, key.ID) {
		t.Errorf("the certificate of %v is used on %v", own.X509.NotBefore, r.now)
	}
	r.pass(100 * day)
	items := p.fetch()
	if len(items) != 1 || items[0].Rotation == nil || !items[0].Rotation.Leaf.Valid(r.now, pki.ClockNTP) {
		t.Errorf("after 100 days cargo brings %+v, want a certificate that is valid", items)
	}
	if s := r.core.Snapshot(r.now); !s.Until.Before(future.X509.NotBefore) {
		t.Errorf("status tells %v", s.Until)
	}
}

func TestNothingIsCertifiedByWhatIsNotDurable(t *testing.T) {
	r := newRig(t, Limits{})
	r.disk = map[loadKey][]byte{}
	r.full = store.ErrFull
	r.restart()
	if _, err := r.core.PreRegister(r.now, [32]byte{}); code(err) != "not_yet" || len(r.core.Anchors()) != 0 {
		t.Errorf("got %v with %d certificates", err, len(r.core.Anchors()))
	}
	r.full = nil
	r.pass(time.Minute)
	if _, err := r.core.PreRegister(r.now, [32]byte{}); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestParcelWaitsForItsPrivateGatewayAndIsDeliveredOnce(t *testing.T) {
	r := newRig(t, Limits{})
	p, other := r.register("gateway"), r.register("other gateway")
	raw := p.inward("one")
	must(t, r.deliver(other.id, raw))
	must(t, r.deliver("", raw)) // again, by another road
	if r.kinds(gateway.KindInetParcel) != 1 {
		t.Fatalf("%d records, want 1", r.kinds(gateway.KindInetParcel))
	}
	r.restart()
	if got := r.next(other.collect()); got != nil {
		t.Error("another private gateway got it")
	}
	sub := p.collect()
	got := r.next(sub)
	if got == nil || !bytes.Equal(got.Parcel, raw) || r.next(sub) != nil {
		t.Fatalf("got %v, want the parcel once", got)
	}
	if again := r.next(p.collect()); again == nil || again.Key != got.Key {
		t.Error("it was not acknowledged, and another connection does not get it")
	}
	r.ack(sub, got.Key)
	r.ack(sub, r.mustSend(p, sub, "two"))
	r.restart()
	must(t, r.deliver("", raw))
	if r.next(p.collect()) != nil || r.kinds(gateway.KindInetBody) != 0 {
		t.Error("what was acknowledged is delivered again")
	}
	if err := r.deliver("", p.inward("one")); refusal(err) != ramf.NotAuthorised {
		t.Errorf("other octets under the id of what was delivered: %v", err)
	}
	r.pass(2 * day)
	if n := r.kinds(gateway.KindInetParcel); n != 0 {
		t.Errorf("%d records after all expired", n)
	}
}

// mustSend delivers a parcel and gives the key under which a subscription hands it out.
func (r *rig) mustSend(p *private, sub uint64, id string) string {
	r.t.Helper()
	must(r.t, r.deliver("", p.inward(id)))
	got := r.next(sub)
	if got == nil {
		r.t.Fatal("it is not handed out")
	}
	return got.Key
}

func TestParcelsArePushedAsTheyBecomeDurable(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	sub := p.collect()
	wait := r.start(func(k Token) Event { return Next{k, sub, true} })
	r.held = true
	sent := r.start(func(k Token) Event { return Deliver{k, "", p.inward("one")} })
	if _, early := r.answers[sent]; early || r.answers[wait].Token != 0 {
		t.Error("answered before it is durable")
	}
	r.release()
	a, pushed := r.answers[wait]
	if _, ok := r.answers[sent]; !ok || !pushed || a.Value.(*Collected) == nil {
		t.Fatalf("sent: %t, pushed: %t", ok, pushed)
	}
	wait = r.start(func(k Token) Event { return Next{k, sub, true} })
	r.core.HandleEvent(r.now, Close{sub})
	r.pump()
	if a, ok := r.answers[wait]; !ok || a.Value.(*Collected) != nil {
		t.Error("the end of the subscription did not end the wait")
	}
}

func TestSameParcelReplacesTheOneThatWaits(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	must(t, r.deliver("", p.inward("one")))
	sub := p.collect()
	stale := r.next(sub)
	second := p.inward("one", func(m *ramf.Message) { m.Payload = []byte("second") })
	must(t, r.deliver("", second))
	r.ack(sub, stale.Key)
	got := r.next(sub)
	if got == nil || !bytes.Equal(got.Parcel, second) || r.kinds(gateway.KindInetBody) != 1 {
		t.Fatalf("the word of a later parcel is lost: %v, %d bodies", got, r.kinds(gateway.KindInetBody))
	}
	r.full = store.ErrFull
	if err := r.deliver("", p.inward("one")); code(err) != "quota" {
		t.Errorf("on a full disk: %v", err)
	}
	r.full = nil
	if got := r.next(p.collect()); got == nil || !bytes.Equal(got.Parcel, second) {
		t.Error("what could not be replaced is gone")
	}
}

func TestParcelRefusals(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	far := p.issue("endpoint", p.cert, "gateway", true)
	direct := p.issue("sender", p.cert, "gateway", false)
	deep := p.issue("other gateway", p.endpoint, "endpoint", true) // the endpoint's path length is 0
	for name, c := range map[string]struct {
		want ramf.Refusal
		by   pki.NodeID
		raw  []byte
	}{
		"garbage":                          {ramf.Malformed, p.id, []byte("Awala\x50\x00nothing")},
		"another type":                     {ramf.WrongType, p.id, p.cca()},
		"without chain":                    {ramf.NoPath, "", p.inward("a", func(m *ramf.Message) { m.Chain = nil })},
		"for another than it is by":        {ramf.NotAuthorised, "", p.inward("b", func(m *ramf.Message) { m.Recipient = p.id })},
		"expired":                          {ramf.Expired, "", p.inward("c", func(m *ramf.Message) { m.TTL = time.Second })},
		"too far in the future":            {ramf.NotYetValid, p.id, p.inward("d", func(m *ramf.Message) { m.Created = r.now.Add(3 * time.Hour) })},
		"in the future, of the Internet":   {ramf.NotYetValid, "", p.inward("e", func(m *ramf.Message) { m.Created = r.now.Add(time.Hour) })},
		"forged":                           {ramf.BadSignature, "", pkitest.Corrupt(p.inward("f"), -9)},
		"for a gateway itself":             {ramf.NotAuthorised, "", p.inward("g", func(m *ramf.Message) { m.Sender, m.Recipient = direct, p.id })},
		"of the Internet for the Internet": {ramf.NotAuthorised, "", p.outward("h", "elsewhere.example")},
		"below the path length": {ramf.NoPath, "", sign(t, &ramf.Message{Type: ramf.Parcel, Recipient: deep.ID, ID: "i", Created: r.now, TTL: day, Payload: []byte("x"),
			Sender: p.issue("sender", deep, "other gateway", false), Chain: []*pki.Certificate{deep, far, p.cert}}, "sender")},
	} {
		if err := r.deliver(c.by, c.raw); refusal(err) != c.want {
			t.Errorf("%s: got %v, want refusal %v", name, err, c.want)
		}
	}
	if n := r.kinds(gateway.KindInetParcel); n != 0 {
		t.Errorf("%d records of refused parcels", n)
	}
}

func TestParcelOfAClockThatIsAheadRestsUntilItBegins(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	sub := p.collect()
	must(t, r.deliver(p.id, p.inward("early", func(m *ramf.Message) { m.Created = r.now.Add(time.Hour) })))
	r.restart()
	sub = p.collect()
	wait := r.start(func(k Token) Event { return Next{k, sub, true} })
	r.pass(time.Hour - time.Second)
	if _, ok := r.answers[wait]; ok {
		t.Error("handed to somebody who would refuse it")
	}
	r.pass(time.Second)
	if a := r.answers[wait]; a.Value == nil || a.Value.(*Collected) == nil {
		t.Error("not handed out once it has begun")
	}
}

func TestQuotas(t *testing.T) {
	r := newRig(t, Limits{Parcels: 12})
	p, other := r.register("gateway"), r.register("other gateway")
	for n := range 3 {
		must(t, r.deliver(p.id, p.outward(fmt.Sprint(n), "elsewhere.example")))
	}
	if err := r.deliver(p.id, p.outward("more", "further.example")); code(err) != "quota" {
		t.Errorf("a private gateway took more than its share: %v", err)
	}
	for n := range 3 {
		must(t, r.deliver("", p.inward(fmt.Sprint("in", n))))
	}
	if err := r.deliver("", p.inward("in more")); code(err) != "quota" {
		t.Errorf("the queue of a private gateway has no end: %v", err)
	}
	if err := r.deliver("", other.inward("in more")); code(err) != "quota" {
		t.Errorf("a sender took more than its share: %v", err)
	}
	if taken, err := p.cargo(p.inward("by cargo")); err != nil || taken.Skipped != 1 || len(r.core.owed.byID) != 0 {
		t.Errorf("what has no room is acknowledged: %+v, %v, %d owed", taken, err, len(r.core.owed.byID))
	}
}

func TestOnlyWhoIsAllowedRegistersAndIsServed(t *testing.T) {
	r := newRig(t, Limits{})
	p, other := r.register("gateway"), r.register("other gateway")
	r.allow = []pki.NodeID{p.id}
	r.restart()
	must(t, r.deliver(p.id, p.outward("one", "elsewhere.example")))
	must(t, r.deliver("", p.inward("two")))
	if err := r.deliver(other.id, other.outward("three", "elsewhere.example")); refusal(err) != ramf.NotAuthorised {
		t.Errorf("a private gateway that is not named sends: %v", err)
	}
	if err := r.deliver("", other.inward("four")); refusal(err) != ramf.NotAuthorised {
		t.Errorf("something is kept for a private gateway that is not named: %v", err)
	}
	if got := r.registers("other gateway"); got != registration.OtherKey {
		t.Errorf("a private gateway that is not named registers: %v", got)
	}
	if got := r.registers("gateway"); got != 0 {
		t.Errorf("one that is named does not: %v", got)
	}
}

// registers tells why a key is not registered.
func (r *rig) registers(key string) registration.Reason {
	r.t.Helper()
	spki, err := pki.EncodeSPKI(pkitest.Key(r.t, key).Public())
	must(r.t, err)
	pnra, err := r.core.PreRegister(r.now, sha256.Sum256(spki))
	must(r.t, err)
	return r.registerWith(pnra, key)
}

func (r *rig) registerWith(pnra []byte, key string) registration.Reason {
	r.t.Helper()
	pnrr, err := registration.NewRequest(pnra, pkitest.Key(r.t, key), rand.Reader)
	must(r.t, err)
	_, err = r.ask(func(k Token) Event { return Register{k, pnrr} })
	var e *registration.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return 0
}

func TestStrangersDoNotFillAnOpenGateway(t *testing.T) {
	for _, c := range []struct {
		open bool
		want int
	}{{true, 16}, {false, 4}} {
		l := Limits{}
		l.fill(c.open)
		q := l.quotas(c.open)
		if got := int(q.All.Octets / q.Peer.Octets); got != c.want {
			t.Errorf("open is %v: %d private gateways fill it, want %d", c.open, got, c.want)
		}
		if got := q.All.Items / q.Peer.Items; got != c.want {
			t.Errorf("open is %v: parcels of %d private gateways fill it, want %d", c.open, got, c.want)
		}
	}
}

func TestRateLimitAndDeauthorisation(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	limited, err := pki.Issue(pki.Template{Subject: pkitest.Key(t, "sender").Public(), Issuer: p.endpoint, IssuerKey: pkitest.Key(t, "endpoint"),
		NotBefore: r.now.Add(-time.Hour), NotAfter: r.now.Add(day), RateLimit: &pki.RateLimit{Limit: 2, Period: time.Hour}, Rand: rand.Reader})
	must(t, err)
	by := func(m *ramf.Message) { m.Sender = limited }
	first := p.inward("one", by)
	must(t, r.deliver("", first))
	must(t, r.deliver("", first)) // counts once
	must(t, r.deliver("", p.inward("two", by)))
	r.restart()
	if err := r.deliver("", p.inward("three", by)); code(err) != "not_yet" {
		t.Errorf("the third in an hour, after a restart: %v", err)
	}
	if taken, err := p.cargo(p.inward("in cargo", by)); err != nil || taken.Skipped != 1 {
		t.Errorf("the third in an hour, in a cargo: %+v, %v", taken, err)
	}
	r.pass(time.Hour)
	must(t, r.deliver("", p.inward("four", by)))

	pdd, err := permit.Sign(permit.PDD{Recipient: p.endpoint.ID, Expires: r.now.Add(day), Signer: p.endpoint, Chain: []*pki.Certificate{p.cert}}, pkitest.Key(t, "endpoint"), rand.Reader)
	must(t, err)
	if err := r.deliver("", pdd); refusal(err) != ramf.WrongType {
		t.Errorf("a PDD from the Internet: %v", err)
	}
	if taken, err := p.cargo(pdd); err != nil || taken.Skipped != 0 {
		t.Errorf("a PDD in a cargo: %+v, %v", taken, err)
	}
	r.restart()
	if err := r.deliver("", p.inward("five")); refusal(err) != ramf.NotAuthorised {
		t.Errorf("under an authorisation that was taken back: %v", err)
	}
	r.pass(2 * day)
	if n := r.kinds(gateway.KindInetDenial) + r.kinds(gateway.KindInetRate); n != 0 {
		t.Errorf("%d records of permits that are over", n)
	}
}

// What the store had no room for counts for no rate limit: it comes again.
func TestWhatIsNotStoredCountsForNoRate(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	limited, err := pki.Issue(pki.Template{Subject: pkitest.Key(t, "sender").Public(), Issuer: p.endpoint, IssuerKey: pkitest.Key(t, "endpoint"),
		NotBefore: r.now.Add(-time.Hour), NotAfter: r.now.Add(day), RateLimit: &pki.RateLimit{Limit: 1, Period: time.Hour}, Rand: rand.Reader})
	must(t, err)
	parcel := p.inward("one", func(m *ramf.Message) { m.Sender = limited })
	r.full = store.ErrFull
	for range 3 {
		if err := r.deliver("", parcel); code(err) != "quota" {
			t.Errorf("got %v, want quota", err)
		}
	}
	r.full = nil
	must(t, r.deliver("", parcel))
}

func (r *rig) outgoing() Token { return r.start(func(k Token) Event { return Outgoing{k} }) }

func (r *rig) outbound(t Token) *Outbound {
	v, _ := r.answers[t].Value.(*Outbound)
	return v
}

func (r *rig) sent(key string, o Outcome) {
	r.t.Helper()
	_, err := r.ask(func(k Token) Event { return Sent{k, key, o} })
	must(r.t, err)
}

func TestOutboundRetriesWithPatienceAndGoesOnce(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	wait := r.outgoing()
	raw := p.outward("one", "Elsewhere.example.")
	must(t, r.deliver(p.id, raw))
	o := r.outbound(wait)
	if o == nil || o.Address != "elsewhere.example" || !bytes.Equal(o.Parcel, raw) {
		t.Fatalf("got %+v", o)
	}
	rest := firstRest
	for range 5 {
		r.sent(o.Key, Failed)
		wait = r.outgoing()
		r.pass(rest - time.Second)
		if r.outbound(wait) != nil {
			t.Fatalf("tried again before %v", rest)
		}
		r.pass(time.Second)
		if o = r.outbound(wait); o == nil {
			t.Fatalf("not tried again after %v", rest)
		}
		rest *= 2
	}
	if _, err := r.ask(func(k Token) Event { return Sent{k, "ffff", Delivered} }); code(err) != "refused" {
		t.Errorf("a key that was not handed out: %v", err)
	}
	r.sent(o.Key, Delivered)
	r.restart()
	must(t, r.deliver(p.id, raw))
	if wait = r.outgoing(); r.outbound(wait) != nil || r.kinds(gateway.KindInetBody) != 0 {
		t.Error("it goes twice")
	}
	must(t, r.deliver(p.id, p.outward("two", "elsewhere.example")))
	r.sent(r.outbound(wait).Key, Refused)
	if wait = r.outgoing(); r.outbound(wait) != nil {
		t.Error("what is refused goes again")
	}
}

func TestAParcelThatIsPostponedDoesNotStopThoseBehindIt(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	first, second := p.outward("one", "elsewhere.example"), p.outward("two", "elsewhere.example")
	must(t, r.deliver(p.id, first))
	wait := r.outgoing()
	o := r.outbound(wait)
	must(t, r.deliver(p.id, second))
	began := r.now
	r.sent(o.Key, Postponed)
	wait = r.outgoing()
	r.pass(firstRest)
	if o = r.outbound(wait); o == nil || !bytes.Equal(o.Parcel, second) {
		t.Fatalf("got %+v, want the second", o)
	}
	r.sent(o.Key, Delivered)
	wait = r.outgoing()
	r.at(began.Add(postponed - time.Second))
	if r.outbound(wait) != nil {
		t.Error("the first goes before its rest is over")
	}
	r.pass(time.Second)
	if o = r.outbound(wait); o == nil || !bytes.Equal(o.Parcel, first) {
		t.Errorf("got %+v, want the first", o)
	}
}

func TestOneDeadAddressDoesNotStopTheOthers(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	for n := range 6 {
		must(t, r.deliver(p.id, p.outward(fmt.Sprint(n), "dead.example")))
	}
	must(t, r.deliver(p.id, p.outward("last", "alive.example")))
	var got []string
	for range 7 {
		if o := r.outbound(r.outgoing()); o != nil {
			got = append(got, o.Address)
		}
	}
	slices.Sort(got)
	if want := []string{"alive.example", "dead.example", "dead.example", "dead.example", "dead.example"}; !slices.Equal(got, want) {
		t.Errorf("on their way: %v, want %v", got, want)
	}
}

func TestDamagedRecordsAreToldAndPassedOver(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	must(t, r.deliver("", p.inward("one")))
	_, err := p.cargo(p.inward("two"))
	must(t, err)
	for k, v := range r.disk {
		if slices.Contains(BootKinds(), k.kind) && !strings.HasPrefix(k.key, certPrefix) {
			for n := range v {
				c, err := New(Config{Address: address, Key: pkitest.Key(t, "root"), Clock: pki.ClockNTP, Rand: rand.Reader}, []gateway.Record{{Kind: k.kind, Key: k.key, Value: v[:n]}})
				must(t, err)
				if e, ok := c.PollEvent(); !ok || !e.(Notice).Warn {
					t.Fatalf("kind %d cut at %d: got %v, want a warning", k.kind, n, e)
				}
			}
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{Address: address, Rand: rand.Reader}, {Address: "no domain", Key: pkitest.Key(t, "root"), Rand: rand.Reader}, {Address: address, Key: pkitest.Key(t, "root")}} {
		if _, err := New(c, nil); err == nil {
			t.Errorf("%q: no error", c.Address)
		}
	}
}
