package uplink

import (
	"crypto/rsa"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
)

const (
	north = "north.example.org"
	south = "south.example.org"
	gps   = pki.ClockGPS
)

var now = pkitest.Now

// internet is an Internet gateway: as much of it as its side of cargo needs.
type internet struct {
	t       testing.TB
	address string
	key     *rsa.PrivateKey
	own     *pki.Certificate
	ring    *session.Ring
	first   session.PrivateKey // that of registrations
	rand    *rand.ChaCha8
}

func newInternet(t testing.TB, address string) *internet {
	i := &internet{t: t, address: address, key: pkitest.Key(t, address), rand: rand.NewChaCha8([32]byte{address[0]})}
	i.own = i.issue(i.key.Public().(*rsa.PublicKey), nil, 2, now, 360*day)
	i.ring = session.NewRing(i.own.ID, 64)
	var err error
	if i.first, err = session.NewKey(i.rand); err != nil {
		t.Fatal(err)
	}
	i.ring.Keep(i.first, "", now, gps)
	return i
}

func (i *internet) issue(to *rsa.PublicKey, issuer *pki.Certificate, pathLen int, from time.Time, life time.Duration) *pki.Certificate {
	i.t.Helper()
	c, err := pki.Issue(pki.Template{Subject: to, Issuer: issuer, IssuerKey: i.key, CA: true, PathLen: pathLen,
		NotBefore: from.Add(-3 * time.Hour), NotAfter: from.Add(life), Rand: i.rand})
	if err != nil {
		i.t.Fatal(err)
	}
	return c
}

// certify issues a PDC certificate to the gateway of the tests.
func (i *internet) certify(from time.Time) *pki.Certificate {
	return i.issue(&pkitest.Key(i.t, "gateway").PublicKey, i.own, 1, from, 180*day)
}

// result is a registration.
func (i *internet) result(at time.Time) registration.Result {
	public := i.first.Public()
	return registration.Result{Node: i.certify(at), Gateway: i.own, Address: i.address, Session: &public}
}

// collect is CollectCargo: it judges the CCA as JavaScript does, and returns the CDA.
func (i *internet) collect(cca []byte, at time.Time) *pki.Certificate {
	i.t.Helper()
	m, plain := i.open(cca, ramf.CCA, at)
	if m.Expires() != at.Add(14*day) || m.Created != at.Add(-90*time.Minute) {
		i.t.Errorf("CCA from %v to %v", m.Created, m.Expires())
	}
	cda, err := cargo.ParseRequest(plain)
	if err != nil {
		i.t.Fatal(err)
	}
	return cda
}

// open opens what the gateway of the tests sends.
func (i *internet) open(raw []byte, want ramf.Type, at time.Time) (*ramf.Message, []byte) {
	i.t.Helper()
	m, err := ramf.Parse(raw)
	if err != nil {
		i.t.Fatal(err)
	}
	if m.Type != want || m.Recipient != i.own.ID || m.InternetAddress != i.address || len(m.Chain) != 0 || len(m.ID) != 36 {
		i.t.Errorf("%v %s for %s at %s with a chain of %d", m.Type, m.ID, m.Recipient, m.InternetAddress, len(m.Chain))
	}
	path, err := m.Check([]*pki.Certificate{i.own}, at, gps)
	if err != nil || len(path) != 2 {
		i.t.Fatalf("path of %d, %v", len(path), err)
	}
	plain, _, err := i.ring.Open(m.Payload, m.Sender.ID, m.Created)
	if err != nil {
		i.t.Fatal(err)
	}
	return m, plain
}

// cargo seals items for the gateway of the tests; change may be nil.
func (i *internet) cargo(cda *pki.Certificate, at time.Time, change func(*ramf.Message), items ...string) *ramf.Message {
	i.t.Helper()
	batch := cargo.NewBatch(0)
	for _, item := range items {
		batch.Add([]byte(item))
	}
	to := gatewayID(i.t)
	payload, _, err := i.ring.Seal(batch.Marshal(), to, at, gps, i.rand)
	if err != nil {
		i.t.Fatal(err)
	}
	m := &ramf.Message{Type: ramf.Cargo, Recipient: to, ID: "cargo", Created: at.Add(-3 * time.Hour), TTL: 30 * day, Payload: payload, Sender: cda}
	if change != nil {
		change(m)
	}
	return signed(i.t, m, i.key)
}

// signed is the message as who receives it reads it.
func signed(t testing.TB, m *ramf.Message, key *rsa.PrivateKey) *ramf.Message {
	t.Helper()
	raw, err := ramf.Sign(m, key, rand.NewChaCha8([32]byte{9}))
	if err != nil {
		t.Fatal(err)
	}
	out, err := ramf.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func gatewayID(t testing.TB) pki.NodeID {
	t.Helper()
	spki, err := pki.EncodeSPKI(pkitest.Key(t, "gateway").Public())
	if err != nil {
		t.Fatal(err)
	}
	return pki.IDOf(spki)
}

// desk is a book with its store and random source.
type desk struct {
	t testing.TB
	*Book
	disk map[string][]byte
	rand *rand.ChaCha8
}

func newDesk(t testing.TB) *desk {
	d := &desk{t: t, disk: map[string][]byte{}, rand: rand.NewChaCha8([32]byte{1})}
	d.restart()
	return d
}

// restart loads the book again from what is stored.
func (d *desk) restart() {
	d.t.Helper()
	b, err := New(pkitest.Key(d.t, "gateway"))
	if err != nil {
		d.t.Fatal(err)
	}
	if skipped := b.Load(d.records()); len(skipped) > 0 {
		d.t.Fatal(skipped)
	}
	d.Book = b
}

func (d *desk) records() (out []Record) {
	for _, k := range slices.Sorted(maps.Keys(d.disk)) {
		out = append(out, Record{Key: k, Value: d.disk[k]})
	}
	return out
}

func (d *desk) store(records []Record) {
	for _, r := range records {
		if r.Delete {
			delete(d.disk, r.Key)
		} else {
			d.disk[r.Key] = r.Value
		}
	}
}

// take makes a change as the core does.
func (d *desk) take(c Change, err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	d.store(c.Records)
	c.Apply()
}

func (d *desk) register(i *internet, at time.Time) {
	d.t.Helper()
	d.take(d.Register(i.address, i.result(at).Marshal(), at, gps))
}

func (d *desk) forget(address string) {
	d.store(d.leave(address))
	delete(d.gateways, address)
}

func (d *desk) cca(address string, at time.Time) []byte {
	d.t.Helper()
	raw, records, err := d.MakeCCA(address, at, gps, d.rand)
	if err != nil {
		d.t.Fatal(err)
	}
	d.store(records)
	return raw
}

func (d *desk) seal(address string, at time.Time, expires time.Time, items ...string) []byte {
	d.t.Helper()
	batch := cargo.NewBatch(0)
	for _, item := range items {
		batch.Add([]byte(item))
	}
	raw, records, err := d.Seal(address, batch, expires, at, gps, d.rand)
	if err != nil {
		d.t.Fatal(err)
	}
	d.store(records)
	return raw
}

// opens says that the cargo opens to these items.
func (d *desk) opens(m *ramf.Message, at time.Time, want ...string) Opened {
	d.t.Helper()
	o, err := d.Open(m, at, gps)
	if err != nil {
		d.t.Fatal(err)
	}
	var got []string
	for _, i := range o.Items {
		got = append(got, string(i.Parcel))
	}
	if !slices.Equal(got, want) {
		d.t.Errorf("got %q, want %q", got, want)
	}
	d.store(o.Records)
	return o
}
