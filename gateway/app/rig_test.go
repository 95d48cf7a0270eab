package app

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/store"
)

// gateway is a private gateway in memory that keeps what it is told to forget: each delivery may come again.
type gateway struct {
	t    testing.TB
	key  string // name of its key
	cert *pki.Certificate

	mu      sync.Mutex
	office  *registration.Office
	anchors []*pki.Certificate
	err     error // of the next deliveries
	queue   []*item
	posts   int
	pdds    [][]byte
	changed chan struct{}
	conns   chan net.Conn // nil: it is off
	off     func()
}

type item struct {
	to     pki.NodeID
	parcel []byte
	acks   int
	hidden bool // acknowledged, and kept for again
}

func newGateway(t testing.TB, key string) *gateway {
	t.Helper()
	g := &gateway{t: t, key: key, changed: make(chan struct{})}
	c, err := pki.Issue(pki.Template{Subject: pkitest.Key(t, key).Public(), IssuerKey: pkitest.Key(t, key), CA: true, PathLen: 2,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0), Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	g.cert, g.anchors = c, []*pki.Certificate{c}
	g.office = registration.NewOffice(pkitest.Key(t, key), rand.Reader)
	return g
}

// on serves until off is called, on an in-memory network that virtual time can wait for. With plain it knows no PDDs.
func (g *gateway) on(plain bool) {
	conns := make(chan net.Conn)
	var b poweb.Backend = g
	if plain {
		b = struct {
			poweb.Backend
			poweb.Clock
		}{g, g}
	}
	s := poweb.NewServer(b)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(listener(conns)) }()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns = conns
	g.off = func() {
		g.mu.Lock()
		g.conns = nil
		g.mu.Unlock()
		s.Shutdown(context.Background())
		s.Close()
		<-done
	}
}

type listener chan net.Conn

func (l listener) Accept() (net.Conn, error) {
	c, ok := <-l
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l listener) Close() error   { close(l); return nil }
func (l listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (g *gateway) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	g.mu.Lock()
	conns := g.conns
	g.mu.Unlock()
	if conns == nil {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	select {
	case conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *gateway) Clock() (time.Time, pki.Quality) { return time.Now(), pki.ClockNTP }

func (g *gateway) PreRegister(_ context.Context, digest [32]byte) ([]byte, error) {
	return g.office.PreRegister(time.Now(), digest)
}

func (g *gateway) Register(_ context.Context, pnrr []byte) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.office.Register(time.Now(), pnrr)
	if err != nil {
		return nil, err
	}
	g.anchors = []*pki.Certificate{g.cert}
	n, err := registration.Issue(r, g.cert, pkitest.Key(g.t, g.key), "ridge.example", time.Now(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return n.Marshal(), nil
}

func (g *gateway) Anchors() []*pki.Certificate {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.anchors
}

func (g *gateway) Deliver(_ context.Context, parcel []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	m, err := ramf.Parse(parcel)
	if err != nil {
		return &poweb.StatusError{Status: http.StatusBadRequest, Message: err.Error()}
	}
	g.posts++
	if m.InternetAddress == "ridge.example" {
		_, err = m.Check([]*pki.Certificate{g.cert}, time.Now(), pki.ClockNTP)
	} else {
		err = m.CheckSender(time.Now(), pki.ClockNTP)
	}
	if err != nil {
		return &poweb.StatusError{Status: http.StatusUnprocessableEntity, Message: err.Error()}
	}
	g.put(m.Recipient, parcel)
	return nil
}

// put queues a parcel; g.mu is held.
func (g *gateway) put(to pki.NodeID, parcel []byte) {
	g.queue = append(g.queue, &item{to: to, parcel: parcel})
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gateway) Deauthorise(_ context.Context, pdd []byte) error {
	p, err := permit.Parse(pdd)
	if err == nil {
		err = p.Verify(pki.Terms{Now: time.Now(), Quality: pki.ClockNTP}, []*pki.Certificate{g.cert})
	}
	if err != nil {
		return &poweb.StatusError{Status: http.StatusForbidden, Message: err.Error()}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pdds = append(g.pdds, pdd)
	return nil
}

// again forgets all acknowledgements.
func (g *gateway) again() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, x := range g.queue {
		x.hidden = false
	}
}

func (g *gateway) set(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

func (g *gateway) Collect(_ context.Context, ids []pki.NodeID) (poweb.Subscription, error) {
	return &subscription{g, ids[0]}, nil
}

type subscription struct {
	g  *gateway
	id pki.NodeID
}

func (s *subscription) Next(ctx context.Context, wait bool) (poweb.Delivery, bool, error) {
	for {
		s.g.mu.Lock()
		changed := s.g.changed
		i := slices.IndexFunc(s.g.queue, func(x *item) bool { return x.to == s.id && !x.hidden })
		var d poweb.Delivery
		if i >= 0 {
			d = poweb.Delivery{Key: string(rune(i)), Parcel: s.g.queue[i].parcel}
		}
		s.g.mu.Unlock()
		if i >= 0 || !wait {
			return d, i >= 0, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return d, false, ctx.Err()
		}
	}
}

func (s *subscription) Ack(_ context.Context, d poweb.Delivery) error {
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	x := s.g.queue[[]rune(d.Key)[0]]
	x.hidden = true
	x.acks++
	return nil
}

func (s *subscription) Close() {}

// reports collects what an endpoint reports.
type reports struct {
	mu  sync.Mutex
	all []string
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, err.Error())
}

func (r *reports) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := ""
	for _, s := range r.all {
		out += s + "\n"
	}
	return out
}

// openAs opens an endpoint that has the test key of a name.
func openAs(t testing.TB, dir, name string, o Options) *Endpoint {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, secretKey)); err != nil {
		b, err := x509.MarshalPKCS8PrivateKey(pkitest.Key(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := (store.Secrets{Dir: dir}).Write(secretKey, b); err != nil {
			t.Fatal(err)
		}
	}
	e, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// pair is alice, whom bob may write to, at one gateway.
type pair struct {
	g                  *gateway
	alice, bob         *Endpoint
	aliceDir, bobDir   string
	aliceSays, bobSays reports
}

func newPair(t testing.TB, terms Terms) *pair {
	t.Helper()
	p := &pair{g: newGateway(t, "gateway"), aliceDir: t.TempDir(), bobDir: t.TempDir()}
	p.g.on(false)
	p.alice = openAs(t, p.aliceDir, "alice", Options{Dial: p.g.dial, Report: p.aliceSays.add})
	p.bob = openAs(t, p.bobDir, "bob", Options{Dial: p.g.dial, Report: p.bobSays.add})
	for _, e := range []*Endpoint{p.alice, p.bob} {
		if _, err := e.Register(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	p.introduce(t, terms)
	return p
}

// introduce lets bob write to alice.
func (p *pair) introduce(t testing.TB, terms Terms) {
	t.Helper()
	c, err := p.alice.Authorise(p.bob.Card(), terms)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.bob.AddContact("alice", c); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) close() {
	p.alice.Close()
	p.bob.Close()
	p.g.off()
}

// copyOf is a directory as it is on disk at this moment.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, secretKey), 0o600); err != nil { // CopyFS adds rights
		t.Fatal(err)
	}
	return to
}

// fetch collects what waits.
func fetch(t testing.TB, e *Endpoint) (out []Letter) {
	t.Helper()
	err := e.Fetch(t.Context(), func(_ context.Context, l Letter) error { out = append(out, l); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// texts are the contents of letters, those that may come for the second time with a +.
func texts(letters []Letter) (out []string) {
	for _, l := range letters {
		s := string(l.Content)
		if l.Again {
			s += "+"
		}
		out = append(out, s)
	}
	return out
}

func text(s string) Message { return Message{Type: "text/plain", Content: []byte(s)} }

// send sends a message that the gateway must take.
func send(t testing.TB, e *Endpoint, m Message) {
	t.Helper()
	s, err := e.Send(t.Context(), "alice", m)
	if err != nil || !s.Posted {
		t.Fatalf("got %+v, %v; want it posted", s, err)
	}
}
