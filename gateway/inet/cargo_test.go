package inet

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
)

func TestCargoIsTakenAndAcknowledgedByCargo(t *testing.T) {
	r := newRig(t, Limits{})
	p, other := r.register("gateway"), r.register("other gateway")
	must(t, r.deliver("", p.inward("waits")))
	in, out := other.inward("in"), p.outward("out", "elsewhere.example")
	taken, err := p.cargo(in, []byte("garbage"), out, pkitest.Corrupt(in, -9), cargo.PCA{Sender: "0a", Recipient: "0b", ID: "unknown"}.Marshal())
	if want := (CargoTaken{Parcels: 2, Skipped: 3}); err != nil || taken != want {
		t.Errorf("got %+v, %v; want %+v", taken, err, want)
	}
	r.restart()
	items := p.fetch()
	if len(items) != 3 || items[0].PCA == nil || items[1].PCA == nil || items[2].Parcel == nil {
		t.Fatalf("got %d items, want two acknowledgements and the parcel: %+v", len(items), items)
	}
	ids := []string{items[0].PCA.ID, items[1].PCA.ID}
	if slices.Sort(ids); !slices.Equal(ids, []string{"in", "out"}) {
		t.Errorf("acknowledged %v", ids)
	}
	if items := other.fetch(); len(items) != 1 || items[0].Parcel == nil {
		t.Errorf("the other private gateway got %+v, want its parcel alone", items)
	}
	pca := cargo.PCA{Sender: p.pda.ID, Recipient: p.endpoint.ID, ID: "waits"}.Marshal()
	if taken, _ := other.cargo(pca); taken.Acks != 0 || taken.Skipped != 1 {
		t.Errorf("another private gateway acknowledged what is not its: %+v", taken)
	}
	if taken, err := p.cargo(pca, pca); err != nil || taken.Acks != 1 {
		t.Errorf("its own acknowledgement: %+v, %v", taken, err)
	}
	r.restart()
	if items := p.fetch(); len(items) != 2 {
		t.Errorf("got %d items, want the two acknowledgements until the parcels expire", len(items))
	}
	r.pass(2 * day)
	if items := p.fetch(); len(items) != 0 || r.kinds(gateway.KindInetOwed) != 0 {
		t.Errorf("got %d items, %d records after all expired", len(items), r.kinds(gateway.KindInetOwed))
	}
}

func TestCargoIsAnsweredWhenItIsDurable(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	r.full = errors.New("the disk is gone")
	if _, err := p.cargo(p.inward("one")); err == nil {
		t.Error("taken on a disk that is gone")
	}
	r.full = nil
	if len(p.fetch()) != 0 {
		t.Error("acknowledged what was not durable")
	}
	if taken, err := p.cargo(p.inward("one")); err != nil || taken.Parcels != 1 {
		t.Errorf("again: %+v, %v", taken, err)
	}
}

func TestCargoRefusals(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	b := cargo.NewBatch(0)
	b.Add([]byte("x"))
	good, _, err := p.book.Seal(address, b, r.now.Add(day), r.now, pki.ClockNTP, rand.Reader)
	must(t, err)
	with := func(change func(*ramf.Message)) []byte {
		m, err := ramf.Parse(good)
		must(t, err)
		change(m)
		return sign(t, m, "gateway")
	}
	self := p.issue("gateway", nil, "gateway", true)
	for name, c := range map[string]struct {
		want ramf.Refusal
		raw  []byte
	}{
		"a parcel":               {ramf.WrongType, p.inward("x")},
		"for another id":         {ramf.NotAuthorised, with(func(m *ramf.Message) { m.Recipient = p.id })},
		"for another address":    {ramf.NotAuthorised, with(func(m *ramf.Message) { m.InternetAddress = "elsewhere.example" })},
		"of nobody of ours":      {ramf.NoPath, with(func(m *ramf.Message) { m.Sender = self })},
		"of an endpoint of ours": {ramf.NotAuthorised, sign(t, &ramf.Message{Type: ramf.Cargo, Recipient: r.core.id, ID: "x", Created: r.now, TTL: day, Sender: p.endpoint, Chain: []*pki.Certificate{p.cert}}, "endpoint")},
		"not sealed":             {ramf.Malformed, with(func(m *ramf.Message) { m.Payload = []byte("x") })},
	} {
		if _, err := r.ask(func(k Token) Event { return TakeCargo{k, c.raw} }); refusal(err) != c.want {
			t.Errorf("%s: got %v, want refusal %v", name, err, c.want)
		}
	}
}

func TestCCAIsServedOnce(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	must(t, r.deliver("", p.inward("one")))
	cca := p.cca()
	lost, err := r.open(cca)
	must(t, err)
	if r.nextCargo(lost) == nil {
		t.Fatal("no cargo")
	}
	sub, err := r.open(cca) // the courier lost its connection
	must(t, err)
	if _, err := r.ask(func(k Token) Event { return NextCargo{k, lost} }); err == nil {
		t.Error("two collections by one CCA")
	}
	made := r.nextCargo(sub)
	m, err := ramf.Parse(made.Raw)
	must(t, err)
	if m.Recipient != p.id || m.InternetAddress != "" || len(m.Chain) != 0 || !m.Created.Equal(r.now.Add(-3*time.Hour)) || m.Sender.ID != r.core.id || m.Sender.Issuer != p.id || m.TTL < day {
		t.Errorf("cargo for %s at %q of %s under %s, made %v, for %v", m.Recipient, m.InternetAddress, m.Sender.ID, m.Sender.Issuer, m.Created, m.TTL)
	}
	if items := p.unpack(made); len(items) != 1 || r.nextCargo(sub) != nil {
		t.Errorf("got %d items", len(items))
	}
	r.restart()
	var e *CCAError
	if _, err := r.open(cca); !errors.As(err, &e) || e.Refusal != Fulfilled {
		t.Errorf("the second time, after a restart: %v", err)
	}
	r.pass(15 * day)
	if n := r.kinds(gateway.KindInetServed); n != 0 {
		t.Errorf("%d records after the CCA expired", n)
	}
}

func TestCCARefusals(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	with := func(change func(*ramf.Message)) []byte {
		m, err := ramf.Parse(p.cca())
		must(t, err)
		change(m)
		return sign(t, m, "gateway")
	}
	self := p.issue("gateway", nil, "gateway", true)
	for name, c := range map[string]struct {
		want CCARefusal
		raw  []byte
	}{
		"garbage":             {BadCCA, []byte("x")},
		"a parcel":            {BadCCA, p.inward("x")},
		"forged":              {BadCCA, pkitest.Corrupt(p.cca(), -9)},
		"of nobody of ours":   {BadCCA, with(func(m *ramf.Message) { m.Sender = self })},
		"not sealed":          {BadCCA, with(func(m *ramf.Message) { m.Payload = []byte("x") })},
		"expired":             {BadCCA, with(func(m *ramf.Message) { m.TTL = time.Second })},
		"for another id":      {OtherRecipient, with(func(m *ramf.Message) { m.Recipient = p.id })},
		"for another address": {OtherRecipient, with(func(m *ramf.Message) { m.InternetAddress = "elsewhere.example" })},
	} {
		var e *CCAError
		if _, err := r.open(c.raw); !errors.As(err, &e) || e.Refusal != c.want {
			t.Errorf("%s: got %v, want refusal %d", name, err, c.want)
		}
	}
}

func TestCargoIsCutToSize(t *testing.T) {
	r := newRig(t, Limits{CargoBytes: 40_000})
	p := r.register("gateway")
	for n := range 5 {
		must(t, r.deliver("", p.inward(fmt.Sprint(n), func(m *ramf.Message) { m.Payload = bytes.Repeat([]byte{byte(n)}, 9000) })))
	}
	must(t, r.deliver("", p.inward("giant", func(m *ramf.Message) { m.Payload = make([]byte, 50_000) })))
	sub, err := r.open(p.cca())
	must(t, err)
	var counts []int
	for made := r.nextCargo(sub); made != nil; made = r.nextCargo(sub) {
		if len(made.Raw) > 40_000 {
			t.Errorf("a cargo of %d octets", len(made.Raw))
		}
		counts = append(counts, len(p.unpack(made)))
	}
	if !slices.Equal(counts, []int{2, 2, 1}) {
		t.Errorf("got cargo with %v parcels, want 2, 2, 1: the giant waits for PoWeb", counts)
	}
}

func TestCargoBringsANewCertificateInTime(t *testing.T) {
	r := newRig(t, Limits{})
	p := r.register("gateway")
	r.pass(90*day - time.Hour)
	if items := p.fetch(); len(items) != 0 {
		t.Errorf("with more than 90 days left: %d items", len(items))
	}
	r.pass(2 * time.Hour)
	items := p.fetch()
	if len(items) != 1 || items[0].Rotation == nil {
		t.Fatalf("with less than 90 days left: %+v", items)
	}
	leaf := items[0].Rotation.Leaf
	if leaf.ID != p.id || !leaf.X509.NotAfter.Equal(r.now.Add(180*day)) || leaf.X509.MaxPathLen != 1 || leaf.IssuedBy(items[0].Rotation.Authorities[0]) != nil {
		t.Errorf("got a certificate of %s until %v", leaf.ID, leaf.X509.NotAfter)
	}
}
