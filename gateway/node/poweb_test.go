package node

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"packhorse/gateway/admin"
	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"

	crand "crypto/rand"
)

// app is an endpoint program.
type app struct {
	key      *rsa.PrivateKey
	id       pki.NodeID
	cert, gw *pki.Certificate
}

func register(t *testing.T, p powebAPI, name string) app {
	t.Helper()
	a := app{key: pkitest.Key(t, name)}
	spki := must[[]byte](t)(pki.EncodeSPKI(a.key.Public()))
	a.id = pki.IDOf(spki)
	pnra := must[[]byte](t)(p.PreRegister(t.Context(), sha256.Sum256(spki)))
	pnrr := must[[]byte](t)(registration.NewRequest(pnra, a.key, crand.Reader))
	pnr := must[[]byte](t)(p.Register(t.Context(), pnrr))
	r := must[registration.Result](t)(registration.ParseResult(pnr))
	a.cert, a.gw = r.Node, r.Gateway
	return a
}

// parcel writes from a to o.
func (a app) parcel(t *testing.T, o app, id string, created time.Time) []byte {
	t.Helper()
	pda := must[*pki.Certificate](t)(pki.Issue(pki.Template{Subject: a.key.Public(), Issuer: o.cert, IssuerKey: o.key,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour), Rand: crand.Reader}))
	m := &ramf.Message{Type: ramf.Parcel, Recipient: o.id, ID: id, Created: created, TTL: time.Hour, Payload: []byte("hi"),
		Sender: pda, Chain: []*pki.Certificate{o.cert, o.gw}}
	return must[[]byte](t)(ramf.Sign(m, a.key, crand.Reader))
}

func TestAppsRegisterDeliverAndCollect(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		n := start(t, Config{StateDir: dir, Name: "ada"}, nil)
		defer n.stop()
		p := powebAPI{n.n}
		if _, err := p.PreRegister(ctx, [32]byte{1}); statusOf(err) != http.StatusInternalServerError {
			t.Fatalf("registration without a domain: %v, want status 500", err)
		}
		must[admin.Status](t)(n.Up(ctx, admin.Up{Domain: "ridge"}))
		alice, bob := register(t, p, "alice"), register(t, p, "bob")
		sub := must[poweb.Subscription](t)(p.Collect(ctx, []pki.NodeID{bob.id}))
		raw := alice.parcel(t, bob, "p1", time.Now())
		go func() {
			time.Sleep(time.Minute)
			if err := p.Deliver(ctx, raw); err != nil {
				t.Error(err)
			}
		}()
		d, ok, err := sub.Next(ctx, true)
		if err != nil || !ok || !bytes.Equal(d.Parcel, raw) {
			t.Fatalf("next: %v, %v, %d octets; want the parcel", ok, err, len(d.Parcel))
		}
		if err := sub.Ack(ctx, d); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := sub.Next(ctx, false); ok || err != nil {
			t.Fatalf("next after the ack: %v, %v; want nothing", ok, err)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, _, err := sub.Next(short, true); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("next with a deadline: %v", err)
		}
		sub.Close()
		for _, c := range []struct {
			what string
			raw  []byte
			want int
		}{
			{"garbage", []byte("hello"), http.StatusBadRequest},
			{"too old", alice.parcel(t, bob, "p2", time.Now().Add(-2*time.Hour)), http.StatusUnprocessableEntity},
			{"another under the same id", alice.parcel(t, bob, "p1", time.Now().Add(-time.Second)), http.StatusUnprocessableEntity},
			{"the same again", raw, 0},
		} {
			if got := statusOf(p.Deliver(ctx, c.raw)); got != c.want {
				t.Errorf("%s: status %d, want %d", c.what, got, c.want)
			}
		}
	})
}

func statusOf(err error) int {
	var s *poweb.StatusError
	if errors.As(err, &s) {
		return s.Status
	}
	return 0
}

func TestPoWebIsServed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := start(t, Config{StateDir: dir, Name: "ada"}, nil)
		defer n.stop()
		must[admin.Status](t)(n.Up(t.Context(), admin.Up{Domain: "ridge"}))
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/pre-registrations", strings.NewReader(strings.Repeat("ab", 32)))
		r.Header.Set("Content-Type", "text/plain")
		w := httptest.NewRecorder()
		poweb.NewHandler(powebAPI{n.n}).ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Fatalf("pre-registration answers %d with %d octets, want 200 and a PNRA", w.Code, w.Body.Len())
		}
	})
}

// Stopping must tell apps that collect, not leave their sockets to goroutines that nobody ends.
func TestStopEndsCollections(t *testing.T) {
	n := start(t, Config{StateDir: t.TempDir(), Name: "ada", PoWeb: "127.0.0.1:0"}, nil)
	must[admin.Status](t)(n.Up(t.Context(), admin.Up{Domain: "ridge"}))
	conn, _, err := websocket.Dial(t.Context(), "ws://"+n.n.PoWebAddr()+"/v1/parcel-collection", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if _, b, err := conn.Read(t.Context()); err != nil || len(b) == 0 {
		t.Fatalf("challenge: %d octets, %v", len(b), err)
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); n.stop() }()
	defer func() { <-stopped }()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Fatalf("the collection ended with %v, want a close frame 1001", err)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	n := start(t, Config{StateDir: t.TempDir(), Name: "ada", PoWeb: "127.0.0.1:0"}, nil)
	defer n.stop()
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), "GET", "http://"+n.n.PoWebAddr()+"/v1/nodes", nil))
	r.Header.Set("X-Much", strings.Repeat("a", 100<<10))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return // the server hung up while we wrote
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Fatalf("100 kB of headers: status %d, want 431", resp.StatusCode)
	}
}

// An endpoint takes back what it authorised; nobody else can.
func TestAppsTakeAuthorisationsBack(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		n := start(t, Config{StateDir: dir, Name: "ada"}, nil)
		defer n.stop()
		p := powebAPI{n.n}
		must[admin.Status](t)(n.Up(ctx, admin.Up{Domain: "ridge"}))
		alice, bob := register(t, p, "alice"), register(t, p, "bob")
		if err := p.Deliver(ctx, alice.parcel(t, bob, "before", time.Now())); err != nil {
			t.Fatal(err)
		}
		denial := func(by app) []byte {
			return must[[]byte](t)(permit.Sign(permit.PDD{Recipient: bob.id, Expires: time.Now().Add(24 * time.Hour), Signer: by.cert, Chain: []*pki.Certificate{by.gw}}, by.key, crand.Reader))
		}
		if got := statusOf(p.Deauthorise(ctx, denial(alice))); got != http.StatusForbidden {
			t.Errorf("alice speaks for bob: status %d, want 403", got)
		}
		if err := p.Deliver(ctx, alice.parcel(t, bob, "between", time.Now())); err != nil {
			t.Errorf("after a refused PDD: %v", err)
		}
		if err := p.Deauthorise(ctx, denial(bob)); err != nil {
			t.Fatal(err)
		}
		if got := statusOf(p.Deliver(ctx, alice.parcel(t, bob, "after", time.Now()))); got != http.StatusUnprocessableEntity {
			t.Errorf("a parcel after the PDD: status %d, want 422", got)
		}
	})
}
