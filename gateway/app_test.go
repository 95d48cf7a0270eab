package gateway

import (
	"crypto/rsa"
	"crypto/sha256"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
)

// app is an endpoint program that speaks PoWeb.
type app struct {
	s    *site
	key  *rsa.PrivateKey
	id   pki.NodeID
	cert *pki.Certificate
	gw   *pki.Certificate
}

func (s *site) app(name string) *app {
	s.b.t.Helper()
	a := &app{s: s, key: pkitest.Key(s.b.t, "app "+name)}
	spki, err := pki.EncodeSPKI(a.key.Public())
	if err != nil {
		s.b.t.Fatal(err)
	}
	a.id = pki.IDOf(spki)
	pnra, err := s.core.PreRegister(s.b.now, sha256.Sum256(spki))
	if err != nil {
		s.b.t.Fatal(err)
	}
	pnrr, err := registration.NewRequest(pnra, a.key, seeded(1, name))
	if err != nil {
		s.b.t.Fatal(err)
	}
	pnr := s.mustCall(func(t Token) Event { return Register{t, pnrr} }).([]byte)
	r, err := registration.ParseResult(pnr)
	if err != nil {
		s.b.t.Fatal(err)
	}
	a.cert, a.gw = r.Node, r.Gateway
	return a
}

// authorise is the delivery authorisation of a for another app.
func (a *app) authorise(o *app) *pki.Certificate {
	c, err := pki.Issue(pki.Template{Subject: o.key.Public(), Issuer: a.cert, IssuerKey: a.key, NotBefore: a.s.b.now.Add(-time.Minute),
		NotAfter: a.s.b.now.Add(20 * day), Rand: seeded(3, string(o.id))})
	if err != nil {
		a.s.b.t.Fatal(err)
	}
	return c
}

// parcel writes from a to o.
func (a *app) parcel(o *app, id string, payload []byte, change ...func(*ramf.Message)) []byte {
	m := &ramf.Message{Type: ramf.Parcel, Recipient: o.id, ID: id, Created: a.s.b.now.Truncate(time.Second), TTL: 10 * day, Payload: payload,
		Sender: o.authorise(a), Chain: []*pki.Certificate{o.cert, o.gw}}
	for _, f := range change {
		f(m)
	}
	raw, err := ramf.Sign(m, a.key, seeded(4, id))
	if err != nil {
		a.s.b.t.Fatal(err)
	}
	return raw
}

func (a *app) deliver(raw []byte) (Parcel, error) {
	a.s.b.t.Helper()
	v, err := a.s.call(func(t Token) Event { return Deliver{t, raw} })
	p, _ := v.(Parcel)
	return p, err
}

// collect takes everything that waits for the app, acknowledging each.
// state is a parcel's state at a site, 0 when it does not know it.
func (a *app) collect() (got [][]byte) {
	a.s.b.t.Helper()
	a.s.token++
	sub := uint64(a.s.token)
	a.s.core.HandleEvent(a.s.b.now, Collect{sub, []pki.NodeID{a.id}})
	for {
		c := a.s.mustCall(func(t Token) Event { return Next{Token: t, Sub: sub} }).(*Collected)
		if c == nil {
			break
		}
		got = append(got, c.Parcel)
		a.s.mustCall(func(t Token) Event { return Ack{t, sub, c.Key} })
	}
	a.s.core.HandleEvent(a.s.b.now, CloseCollect{sub})
	return got
}

func (a *app) waits() int {
	return len(a.s.core.waitingFor(a.s.b.now, a.id))
}
