package clouds

import (
	"crypto/rsa"
	"fmt"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
)

const day = 24 * time.Hour

// app is an endpoint behind a private gateway, with sessions of its own.
type app struct {
	t       testing.TB
	name    string
	now     *time.Time
	key     *rsa.PrivateKey
	ring    *session.Ring
	at      *ground
	cert    *pki.Certificate
	gw      *pki.Certificate
	id      pki.NodeID
	address string // of its Internet gateway
	pdas    map[pki.NodeID]*pki.Certificate
	seq     int
}

func newApp(t testing.TB, name string, at *ground) *app {
	a := &app{t: t, name: name, now: at.now, at: at, key: pkitest.Key(t, "app "+name)}
	for a.register() != nil { // it dies now and then
	}
	a.ring = session.NewRing(a.id, 1000)
	return a
}

// register gets certificates under what its gateway has now.
func (a *app) register() error {
	pnr, err := enrolWith(a.key, seeded(a.name, a.seq), func(d [32]byte) ([]byte, error) { return a.at.core.PreRegister(*a.now, d) },
		func(pnrr []byte) (any, error) {
			return a.at.call(func(t gateway.Token) gateway.Event { return gateway.Register{Token: t, PNRR: pnrr} })
		})
	if err != nil {
		return err
	}
	r := must[registration.Result](a.t)(registration.ParseResult(pnr))
	a.cert, a.gw, a.id, a.address, a.pdas = r.Node, r.Gateway, r.Node.ID, r.Address, map[pki.NodeID]*pki.Certificate{}
	return nil
}

// knows gives an app the first session key of another.
func (a *app) knows(o *app) {
	k := must[session.PrivateKey](a.t)(session.NewKey(seeded("key "+o.name, 0)))
	o.ring.Keep(k, "", *a.now, pki.ClockNTP)
	a.ring.Replace(o.id, k.Public(), *a.now)
}

// authorise lets another write, with one certificate for as long as its endpoint's.
func (a *app) authorise(o *app) *pki.Certificate {
	if a.pdas[o.id] == nil {
		a.pdas[o.id] = must[*pki.Certificate](a.t)(pki.Issue(pki.Template{Subject: o.key.Public(), Issuer: a.cert, IssuerKey: a.key,
			NotBefore: a.now.Add(-time.Hour), NotAfter: a.cert.X509.NotAfter, Rand: seeded("pda "+a.name, a.seq)}))
	}
	return a.pdas[o.id]
}

// write makes a parcel to another app, sealed to the session that they have.
func (a *app) write(o *app, ttl time.Duration) (*ramf.Message, []byte) {
	a.seq++
	payload, _, err := a.ring.Seal([]byte(fmt.Sprintf("%s writes %d", a.name, a.seq)), o.id, *a.now, pki.ClockNTP, seeded("seal "+a.name, a.seq))
	if err != nil {
		a.t.Fatal(err)
	}
	m := &ramf.Message{Type: ramf.Parcel, Recipient: o.id, InternetAddress: o.address, ID: fmt.Sprintf("%s-%d", a.name, a.seq), Created: a.now.Truncate(time.Second), TTL: ttl,
		Payload: payload, Sender: o.authorise(a), Chain: []*pki.Certificate{o.cert, o.gw}}
	return m, must[[]byte](a.t)(ramf.Sign(m, a.key, seeded("sign "+a.name, a.seq)))
}

// read opens what came.
func (a *app) read(raw []byte) (id, text string) {
	m := must[*ramf.Message](a.t)(ramf.Parse(raw))
	plain, _, err := a.ring.Open(m.Payload, m.Sender.ID, m.Created)
	if err != nil {
		a.t.Errorf("%s opens %s: %v", a.name, m.ID, err)
	}
	return m.ID, string(plain)
}
