package inet

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/uplink"
	"packhorse/store"
)

const address = "gw.example.org"

// loadKey names a record of the store.
type loadKey struct {
	kind store.Kind
	key  string
}

// rig is an Internet gateway on a store in memory, in virtual time.
type rig struct {
	t       testing.TB
	core    *Core
	limits  Limits
	allow   []pki.NodeID
	disk    map[loadKey][]byte
	full    error // what the store answers to batches that grow it
	held    bool  // batches wait
	waiting []Persist
	answers map[Token]Answer
	token   Token
	sub     uint64
	now     time.Time
}

func newRig(t testing.TB, l Limits) *rig {
	r := &rig{t: t, limits: l, disk: map[loadKey][]byte{}, now: pkitest.Now}
	r.restart()
	return r
}

// restart loses all that is only in memory.
func (r *rig) restart() {
	var records []gateway.Record
	keys := slices.SortedFunc(maps.Keys(r.disk), func(a, b loadKey) int {
		return bytes.Compare([]byte(fmt.Sprint(a)), []byte(fmt.Sprint(b)))
	})
	for _, k := range keys {
		if slices.Contains(BootKinds(), k.kind) {
			records = append(records, gateway.Record{Kind: k.kind, Key: k.key, Value: r.disk[k]})
		}
	}
	c, err := New(Config{Address: address, Key: pkitest.Key(r.t, "root"), Clock: pki.ClockNTP, Rand: rand.Reader, Limits: r.limits, Allow: r.allow}, records)
	if err != nil {
		r.t.Fatal(err)
	}
	r.core, r.answers, r.waiting = c, map[Token]Answer{}, nil
	r.at(r.now)
}

// at lets time pass.
func (r *rig) at(now time.Time) {
	r.now = now
	for n := 0; ; n++ {
		r.core.HandleTimeout(now)
		r.pump()
		if at, _ := r.core.PollTimeout(); at.After(now) {
			return
		}
		if n > 100 {
			r.t.Fatal("the core wants to be called for ever")
		}
	}
}

func (r *rig) pass(d time.Duration) { r.at(r.now.Add(d)) }

// pump carries out what the core asks for.
func (r *rig) pump() {
	for e, ok := r.core.PollEvent(); ok; e, ok = r.core.PollEvent() {
		switch e := e.(type) {
		case Persist:
			if r.held {
				r.waiting = append(r.waiting, e)
				continue
			}
			r.persist(e)
		case Load:
			v, ok := r.disk[loadKey{e.Kind, e.Key}]
			l := Loaded{Kind: e.Kind, Key: e.Key, Value: slices.Clone(v)}
			if !ok {
				l.Err = store.ErrNotFound
			}
			r.core.HandleEvent(r.now, l)
		case Answer:
			r.answers[e.Token] = e
		case Notice:
			if e.Warn {
				r.t.Logf("notice: %s", e.Text)
			}
		}
	}
}

func (r *rig) persist(e Persist) {
	err := r.full
	if !slices.ContainsFunc(e.Ops, func(op store.Op) bool { return !op.Delete }) {
		err = nil
	}
	for _, op := range e.Ops {
		if k := (loadKey{op.Kind, op.Key}); err != nil {
		} else if op.Delete {
			delete(r.disk, k)
		} else {
			r.disk[k] = slices.Clone(op.Value)
		}
	}
	r.core.HandleEvent(r.now, Persisted{Seq: e.Seq, Err: err})
}

// release makes durable what waited.
func (r *rig) release() {
	r.held = false
	w := r.waiting
	r.waiting = nil
	for _, e := range w {
		r.persist(e)
		r.pump()
	}
}

// ask passes a request and gives its answer, which must have come.
func (r *rig) ask(f func(Token) Event) (any, error) {
	r.t.Helper()
	t := r.start(f)
	a, ok := r.answers[t]
	if !ok {
		r.t.Fatal("no answer")
	}
	return a.Value, a.Err
}

func (r *rig) start(f func(Token) Event) Token {
	r.token++
	r.core.HandleEvent(r.now, f(r.token))
	r.pump()
	return r.token
}

func (r *rig) deliver(by pki.NodeID, parcel []byte) error {
	r.t.Helper()
	_, err := r.ask(func(t Token) Event { return Deliver{t, by, slices.Clone(parcel)} })
	return err
}

// kinds counts records.
func (r *rig) kinds(k store.Kind) (n int) {
	for key := range r.disk {
		if key.kind == k {
			n++
		}
	}
	return n
}

// private is a private gateway with an endpoint behind it.
type private struct {
	r        *rig
	name     string
	id       pki.NodeID
	book     *uplink.Book
	cert     *pki.Certificate
	endpoint *pki.Certificate
	pda      *pki.Certificate // for the key "sender"
}

// register makes a private gateway with the key of this name.
func (r *rig) register(name string) *private {
	r.t.Helper()
	key := pkitest.Key(r.t, name)
	spki, err := pki.EncodeSPKI(key.Public())
	must(r.t, err)
	pnra, err := r.core.PreRegister(r.now, sha256.Sum256(spki))
	must(r.t, err)
	pnrr, err := registration.NewRequest(pnra, key, rand.Reader)
	must(r.t, err)
	v, err := r.ask(func(t Token) Event { return Register{t, pnrr} })
	must(r.t, err)
	res, err := registration.ParseResult(v.([]byte))
	must(r.t, err)
	p := &private{r: r, name: name, cert: res.Node, id: res.Node.ID}
	p.book, err = uplink.New(key)
	must(r.t, err)
	c, err := p.book.Register(address, v.([]byte), r.now, pki.ClockNTP)
	must(r.t, err)
	c.Apply()
	p.endpoint = p.issue("endpoint", p.cert, name, true)
	p.pda = p.issue("sender", p.endpoint, "endpoint", false)
	return p
}

func (p *private) issue(subject string, issuer *pki.Certificate, issuerName string, ca bool) *pki.Certificate {
	p.r.t.Helper()
	c, err := pki.Issue(pki.Template{Subject: pkitest.Key(p.r.t, subject).Public(), Issuer: issuer, IssuerKey: pkitest.Key(p.r.t, issuerName), CA: ca,
		NotBefore: p.r.now.Add(-time.Hour), NotAfter: p.r.now.Add(100 * day), Rand: rand.Reader})
	must(p.r.t, err)
	return c
}

// inward is a parcel for the endpoint behind a private gateway.
func (p *private) inward(id string, change ...func(*ramf.Message)) []byte {
	m := &ramf.Message{Type: ramf.Parcel, Recipient: p.endpoint.ID, ID: id, Created: p.r.now.Add(-time.Minute), TTL: day, Payload: []byte("payload of " + id),
		Sender: p.pda, Chain: []*pki.Certificate{p.endpoint, p.cert}}
	for _, f := range change {
		f(m)
	}
	return sign(p.r.t, m, "sender")
}

// outward is a parcel of its endpoint for an Internet endpoint.
func (p *private) outward(id, to string) []byte {
	self := p.issue("endpoint", nil, "endpoint", true)
	return sign(p.r.t, &ramf.Message{Type: ramf.Parcel, Recipient: "0abc", InternetAddress: to, ID: id, Created: p.r.now.Add(-time.Minute), TTL: day,
		Payload: []byte("out " + id), Sender: self}, "endpoint")
}

func sign(t testing.TB, m *ramf.Message, key string) []byte {
	t.Helper()
	b, err := ramf.Sign(m, pkitest.Key(t, key), rand.Reader)
	must(t, err)
	return b
}

// cargo delivers items by courier.
func (p *private) cargo(items ...[]byte) (CargoTaken, error) {
	p.r.t.Helper()
	b := cargo.NewBatch(0)
	for _, i := range items {
		b.Add(i)
	}
	raw, _, err := p.book.Seal(address, b, p.r.now.Add(day), p.r.now, pki.ClockNTP, rand.Reader)
	must(p.r.t, err)
	v, err := p.r.ask(func(t Token) Event { return TakeCargo{t, raw} })
	return v.(CargoTaken), err
}

func (p *private) cca() []byte {
	p.r.t.Helper()
	raw, _, err := p.book.MakeCCA(address, p.r.now, pki.ClockNTP, rand.Reader)
	must(p.r.t, err)
	return raw
}

// open opens a collection of cargo.
func (r *rig) open(cca []byte) (uint64, error) {
	r.t.Helper()
	r.sub++
	_, err := r.ask(func(t Token) Event { return OpenCCA{t, r.sub, slices.Clone(cca)} })
	return r.sub, err
}

func (r *rig) nextCargo(sub uint64) *CargoMade {
	r.t.Helper()
	v, err := r.ask(func(t Token) Event { return NextCargo{t, sub} })
	must(r.t, err)
	return v.(*CargoMade)
}

// fetch collects all cargo by a fresh CCA and opens it.
func (p *private) fetch() (items []cargo.Item) {
	p.r.t.Helper()
	sub, err := p.r.open(p.cca())
	must(p.r.t, err)
	for made := p.r.nextCargo(sub); made != nil; made = p.r.nextCargo(sub) {
		items = append(items, p.unpack(made)...)
	}
	return items
}

func (p *private) unpack(made *CargoMade) []cargo.Item {
	p.r.t.Helper()
	m, err := ramf.Parse(made.Raw)
	must(p.r.t, err)
	o, err := p.book.Open(m, p.r.now, pki.ClockNTP)
	must(p.r.t, err)
	return o.Items
}

// collect opens a subscription for PoWeb.
func (p *private) collect() uint64 {
	p.r.sub++
	p.r.core.HandleEvent(p.r.now, Collect{p.r.sub, p.id})
	p.r.pump()
	return p.r.sub
}

func (r *rig) next(sub uint64) *Collected {
	r.t.Helper()
	v, err := r.ask(func(t Token) Event { return Next{t, sub, false} })
	must(r.t, err)
	return v.(*Collected)
}

func (r *rig) ack(sub uint64, key string) {
	r.t.Helper()
	_, err := r.ask(func(t Token) Event { return Ack{t, sub, key} })
	must(r.t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
