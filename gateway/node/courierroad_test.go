package node

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	crand "crypto/rand"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/cargo"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
)

// cloud is an Internet gateway that acknowledges each parcel of the cargo it gets in the next cargo that is fetched.
type cloud struct {
	t    *testing.T
	key  *rsa.PrivateKey
	cert *pki.Certificate

	mu      sync.Mutex
	ring    *session.Ring
	parcels [][]byte
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{t: t, key: pkitest.Key(t, "cloud")}
	c.cert = must[*pki.Certificate](t)(pki.Issue(c.certificate(c.key.Public().(*rsa.PublicKey), 2)))
	c.ring = session.NewRing(c.cert.ID, 64)
	return c
}

func (c *cloud) certificate(to *rsa.PublicKey, depth int) pki.Template {
	return pki.Template{Subject: to, Issuer: c.cert, IssuerKey: c.key, CA: true, PathLen: depth,
		NotBefore: time.Now().Add(-3 * time.Hour), NotAfter: time.Now().Add(360 * 24 * time.Hour), Rand: crand.Reader}
}

// register registers a gateway.
func (c *cloud) register(n running) {
	c.t.Helper()
	k := must[session.PrivateKey](c.t)(session.NewKey(crand.Reader))
	c.ring.Keep(k, "", time.Now(), pki.ClockNTP)
	public := k.Public()
	pnr := registration.Result{Node: must[*pki.Certificate](c.t)(pki.Issue(c.certificate(&n.n.identity.RSA.PublicKey, 1))), Gateway: c.cert, Address: "cloud.example", Session: &public}
	must[any](c.t)(n.n.ask(c.t.Context(), func(t gateway.Token) gateway.Event {
		return gateway.Registered{Token: t, Address: "cloud.example", PNR: pnr.Marshal()}
	}))
}

// open opens what a gateway sealed.
func (c *cloud) open(raw []byte) (*ramf.Message, []byte, error) {
	m, err := ramf.Parse(raw)
	if err != nil {
		return nil, nil, err
	}
	if _, err := m.Check([]*pki.Certificate{c.cert}, time.Now(), pki.ClockNTP); err != nil {
		return nil, nil, err
	}
	plain, _, err := c.ring.Open(m.Payload, m.Sender.ID, m.Created)
	return m, plain, err
}

func (c *cloud) DeliverCargo(_ context.Context, raw []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, plain, err := c.open(raw)
	if err != nil {
		c.t.Errorf("cargo: %v", err)
		return err
	}
	items, skipped, err := cargo.Parse(plain)
	if err != nil || skipped > 0 {
		c.t.Errorf("cargo: %d skipped, %v", skipped, err)
	}
	for _, i := range items {
		c.parcels = append(c.parcels, i.Parcel)
	}
	return nil
}

func (c *cloud) Collect(_ context.Context, raw []byte) (cogrpc.Subscription, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, plain, err := c.open(raw)
	if err != nil {
		c.t.Errorf("CCA: %v", err)
		return nil, err
	}
	cda := must[*pki.Certificate](c.t)(cargo.ParseRequest(plain))
	set := cargo.NewBatch(0)
	for _, b := range c.parcels {
		p := must[*ramf.Message](c.t)(ramf.Parse(b))
		set.Add(cargo.PCA{Sender: p.Sender.ID, Recipient: p.Recipient, ID: p.ID}.Marshal())
	}
	payload, _, err := c.ring.Seal(set.Marshal(), m.Sender.ID, time.Now(), pki.ClockNTP, crand.Reader)
	if err != nil {
		return nil, err
	}
	answer, err := ramf.Sign(&ramf.Message{Type: ramf.Cargo, Recipient: m.Sender.ID, ID: "answer", Payload: payload, Sender: cda,
		Created: time.Now().Add(-3 * time.Hour).Truncate(time.Second), TTL: 30 * 24 * time.Hour}, c.key, crand.Reader)
	return &answers{left: []string{string(answer)}}, err
}

// toTheInternet writes from an app to an endpoint on the Internet.
func (a app) toTheInternet(t *testing.T) []byte {
	t.Helper()
	own := must[*pki.Certificate](t)(pki.Issue(pki.Template{Subject: a.key.Public(), IssuerKey: a.key, CA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), Rand: crand.Reader}))
	m := &ramf.Message{Type: ramf.Parcel, Recipient: pkitest.Issue(t, "clinic", nil, "", true, 0).ID, InternetAddress: "clinic.example", ID: "first", Created: time.Now().Add(-time.Minute).Truncate(time.Second),
		TTL: time.Hour, Payload: []byte("hi"), Sender: own}
	return must[[]byte](t)(ramf.Sign(m, a.key, crand.Reader))
}

// A parcel goes from an app through a courier of strangers to its Internet gateway, and the acknowledgement comes back.
func TestParcelGoesByCourierAndIsAcknowledged(t *testing.T) {
	c := newCloud(t)
	none := &Waits{}
	ada := start(t, Config{StateDir: t.TempDir(), Name: "ada", Courier: Courier{Waits: none}}, nil)
	defer ada.stop()
	ben := start(t, Config{StateDir: t.TempDir(), Name: "ben", Courier: Courier{Listen: "127.0.0.1:0", Waits: none}}, nil)
	defer ben.stop()
	must[admin.Status](t)(ada.Up(t.Context(), admin.Up{Domain: "ridge"}))
	must[admin.Status](t)(ben.Up(t.Context(), admin.Up{Domain: "hill"}))
	c.register(ada)
	parcel := register(t, powebAPI{ada.n}, "alice").toTheInternet(t)
	if err := (powebAPI{ada.n}).Deliver(t.Context(), parcel); err != nil {
		t.Fatal(err)
	}
	first := must[admin.CourierSync](t)(ada.SyncCourier(t.Context(), ben.n.CourierAddr()))
	if first.CargoIn != 0 || first.CargoOut != 1 || first.ParcelsOut != 1 {
		t.Errorf("first visit: got %+v", first)
	}
	ben.n.courier.at(t, map[string]string{"cloud.example": serveCargo(t, c, cogrpc.InternetGateway)})
	if up, err := tripUp(t, ben.n.courier); err != nil || up.tripCounts != (tripCounts{delivered: 1, collected: 1}) {
		t.Errorf("trip: got %+v, %v", up.tripCounts, err)
	}
	c.mu.Lock()
	if !slices.ContainsFunc(c.parcels, func(b []byte) bool { return string(b) == string(parcel) }) {
		t.Errorf("the Internet gateway has %d parcels, not ours", len(c.parcels))
	}
	c.mu.Unlock()
	second := must[admin.CourierSync](t)(ada.SyncCourier(t.Context(), ben.n.CourierAddr()))
	if second.CargoIn != 1 || second.AcksIn != 1 || second.ParcelsOut != 0 || second.Refused != 0 {
		t.Errorf("second visit: got %+v", second)
	}
	if left := must[[]admin.Parcel](t)(ada.Queue(t.Context())); len(left) != 0 {
		t.Errorf("left in the queue: got %+v", left)
	}
}

// A whole gateway listens, refuses what is no cargo, and tells how it is.
func TestGatewayAsCourier(t *testing.T) {
	n := start(t, Config{StateDir: t.TempDir(), Name: "ada", Courier: Courier{Listen: "127.0.0.1:0"}}, nil)
	defer n.stop()
	s := must[admin.CourierState](t)(n.Courier(t.Context()))
	c := must[*cogrpc.Client](t)(cogrpc.DialCourier(netip.MustParseAddrPort(s.Listen)))
	defer c.Close()
	err := c.Deliver(t.Context(), func(yield func(cogrpc.Cargo, error) bool) { yield(cogrpc.Cargo{Raw: []byte("x")}, nil) }, nil)
	var e *cogrpc.Error
	if !errors.As(err, &e) || e.Refusal != cogrpc.Invalid {
		t.Errorf("got %v, want that it is invalid", err)
	}
	if s.Waiting != 0 || s.Problem != "" {
		t.Errorf("state: got %+v", s)
	}
}
