package node

import (
	"context"
	"crypto/rsa"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	crand "crypto/rand"

	"packhorse/gateway/admin"
	"packhorse/gateway/discovery"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
)

// registry is a double that registers private gateways as an Internet gateway does.
type registry struct {
	*double
	key     *rsa.PrivateKey
	own     *pki.Certificate
	session session.PrivateKey

	office sync.Mutex
	desk   *registration.Office
}

func newRegistry(t *testing.T, w *wire, name string) *registry {
	t.Helper()
	r := &registry{key: pkitest.Key(t, "root")}
	r.own = must[*pki.Certificate](t)(pki.Issue(pki.Template{Subject: r.key.Public(), IssuerKey: r.key, CA: true, PathLen: 2,
		NotBefore: time.Now().Add(-3 * time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), Rand: crand.Reader}))
	r.session = must[session.PrivateKey](t)(session.NewKey(crand.Reader))
	r.desk = registration.NewOffice(r.key, crand.Reader)
	r.double = &double{t: t, anchor: r.own, status: map[string]int{}, changed: make(chan struct{})}
	r.server = poweb.NewInternetServer(r, poweb.InternetOptions{})
	end := wireEnd{make(chan net.Conn)}
	w.hosts["127.0.0.1:"+portOf[name]] = end.conns
	go r.server.Serve(end)
	return r
}

func (r *registry) PreRegister(_ context.Context, digest [32]byte) ([]byte, error) {
	r.office.Lock()
	defer r.office.Unlock()
	return r.desk.PreRegister(time.Now(), digest)
}

func (r *registry) Register(_ context.Context, pnrr []byte) ([]byte, error) {
	r.office.Lock()
	defer r.office.Unlock()
	q, err := r.desk.Register(time.Now(), pnrr)
	if err != nil {
		return nil, err
	}
	cert, err := pki.Issue(pki.Template{Subject: q.Key, Issuer: r.own, IssuerKey: r.key, CA: true, PathLen: 1,
		NotBefore: time.Now().Add(-3 * time.Hour), NotAfter: time.Now().AddDate(0, 6, 0), Rand: crand.Reader})
	if err != nil {
		return nil, err
	}
	public := r.session.Public()
	return registration.Result{Node: cert, Gateway: r.own, Address: "one.example", Session: &public}.Marshal(), nil
}

// to is a parcel from app a to an endpoint on the Internet.
func (a app) to(t *testing.T, address, id string) []byte {
	t.Helper()
	m := &ramf.Message{Type: ramf.Parcel, Recipient: pkitest.Issue(t, "sender", nil, "sender", true, 0).ID, InternetAddress: address, ID: id,
		Created: time.Now(), TTL: time.Hour, Payload: []byte("hi"), Sender: a.cert}
	return must[[]byte](t)(ramf.Sign(m, a.key, crand.Reader))
}

// A whole gateway, its real core and disk, with an Internet gateway that is not: it registers, its apps get
// certificates under the Internet gateway, and parcels go both ways; a restart goes on with the same registration.
func TestGatewayWithAnInternetGateway(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		w := newWire(t)
		r := newRegistry(t, w, "one.example")
		defer r.server.Close()
		cfg := Config{StateDir: dir, Name: "ada", dialUplink: w.dial, Uplinks: UplinkConfig{Gateways: []string{"one.example"},
			Fixed: []discovery.Fixed{{Name: "one.example", PoWeb: "127.0.0.1:" + portOf["one.example"], Plain: true}}}}
		n := start(t, cfg, nil)
		time.Sleep(time.Second)
		if !hasProblem(t, n, "Internet gateway one.example") {
			t.Error("status does not say why there is no Internet without a domain")
		}
		if r.registrations() > 0 {
			t.Error("it asked for a registration that it cannot take")
		}
		must[admin.Status](t)(n.Up(ctx, admin.Up{Domain: "ridge"}))
		time.Sleep(2 * firstRetry)
		if h := n.n.Uplinks(); len(h) != 1 || !h[0].Registered || !h[0].Live || hasProblem(t, n, "Internet gateway one.example") {
			t.Fatalf("uplinks %+v", h)
		}
		alice, bob := register(t, powebAPI{n.n}, "alice"), register(t, powebAPI{n.n}, "bob")
		if alice.gw.Issuer != r.own.ID {
			t.Errorf("the app's gateway was certified by %s, want the Internet gateway %s", alice.gw.Issuer, r.own.ID)
		}
		out := alice.to(t, "ping.example.com", "p1")
		if err := (powebAPI{n.n}).Deliver(ctx, out); err != nil {
			t.Fatal(err)
		}
		in := alice.parcel(t, bob, "p2", time.Now())
		sub := must[poweb.Subscription](t)(powebAPI{n.n}.Collect(ctx, []pki.NodeID{bob.id}))
		r.change(func() { r.queue = []string{"garbage", string(in)} })
		d, ok, err := sub.Next(ctx, true)
		if err != nil || !ok || string(d.Parcel) != string(in) {
			t.Errorf("from the Internet: %v, %v, %d octets", ok, err, len(d.Parcel))
		}
		sub.Close()
		time.Sleep(time.Minute)
		if got, left := r.list(&r.got), r.list(&r.queue); !slices.Equal(got, []string{string(out)}) || len(left) != 0 {
			t.Errorf("the Internet gateway got %d parcels and holds %d, want 1 and 0", len(got), len(left))
		}
		n.stop()
		w.breakOff("one.example")
		n = start(t, cfg, nil)
		defer n.stop()
		time.Sleep(time.Minute)
		if h := n.n.Uplinks()[0]; !h.Registered || h.Live || h.Problem == "" {
			t.Errorf("after a restart without a line: %+v", h)
		}
		w.mend("one.example")
		time.Sleep(2 * longestRetry)
		if h := n.n.Uplinks()[0]; !h.Live {
			t.Errorf("after a restart: %+v", h)
		}
	})
}

// hasProblem tells whether status has a problem that begins so.
func hasProblem(t *testing.T, n running, begins string) bool {
	t.Helper()
	s := must[admin.Status](t)(n.Status(t.Context()))
	return slices.ContainsFunc(s.Problems, func(p admin.Problem) bool {
		return len(p.What) >= len(begins) && p.What[:len(begins)] == begins && p.Fix != ""
	})
}
