package port

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"packhorse/link"
)

// node is a gateway with a host whose handles tell what happens.
type node struct {
	key  ed25519.PrivateKey
	host *eventHost
}

func newNode(seed byte) *node {
	return &node{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)), newEventHost()}
}

func (n *node) id() link.PeerID { return link.PeerID(n.key.Public().(ed25519.PublicKey)) }

// eventHost passes on what a transport does over channels, so that tests wait
// for events and not for time.
type eventHost struct {
	ups    chan link.PortUp
	frames chan []byte // received
	out    chan []byte // to send
	closed chan struct{}
	mu     sync.Mutex
	seen   []Health
	health chan struct{} // something was reported
}

func newEventHost() *eventHost {
	return &eventHost{ups: make(chan link.PortUp, 64), frames: make(chan []byte, 64), out: make(chan []byte, 64),
		closed: make(chan struct{}, 64), health: make(chan struct{}, 1)}
}

func (h *eventHost) Open(up link.PortUp) Handle { h.ups <- up; return eventHandle{h} }
func (h *eventHost) Health(v Health) {
	h.mu.Lock()
	h.seen = append(h.seen, v)
	h.mu.Unlock()
	select {
	case h.health <- struct{}{}:
	default:
	}
}
func (h *eventHost) LeftBehind() ([][]byte, error)    { return nil, nil }
func (h *eventHost) LoadState(string) ([]byte, error) { return nil, nil }
func (h *eventHost) SaveState(string, []byte) error   { return nil }

// problem waits until the health says this.
func (h *eventHost) problem(t *testing.T, ctx context.Context, says string) {
	t.Helper()
	for {
		h.mu.Lock()
		for _, v := range h.seen {
			if !v.OK && strings.Contains(v.Problem, says) {
				h.mu.Unlock()
				return
			}
		}
		h.mu.Unlock()
		select {
		case <-h.health:
		case <-ctx.Done():
			t.Fatalf("no health says %q: got %+v", says, h.seen)
		}
	}
}

type eventHandle struct{ *eventHost }

func (h eventHandle) Frame(b []byte, _ link.Meta) { h.frames <- bytes.Clone(b) }
func (h eventHandle) Next(ctx context.Context) ([]byte, error) {
	select {
	case b := <-h.out:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
func (h eventHandle) Clear(time.Time)        {}
func (h eventHandle) Tunes() <-chan int      { return nil }
func (h eventHandle) Tuned(int, bool)        {}
func (h eventHandle) Budget(link.PortBudget) {}
func (h eventHandle) Close()                 { h.closed <- struct{}{} }

// bounded is a context that ends the test before the whole run's limit.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wait[T any](t *testing.T, ctx context.Context, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		t.Fatalf("never: %s", what)
		panic("unreachable")
	}
}

// start runs a transport until the test ends or the function is called.
func (n *node) start(t *testing.T, spec DTLSSpec) (tr *DTLS, stop func()) {
	t.Helper()
	return n.startWith(t, spec, defaultTiming)
}

func (n *node) startWith(t *testing.T, spec DTLSSpec, timing dtlsTiming) (tr *DTLS, stop func()) {
	t.Helper()
	spec.Name, spec.Key = "internet", n.key
	tr, err := NewDTLS(spec)
	if err != nil {
		t.Fatal(err)
	}
	tr.time = timing
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tr.Run(ctx, n.host)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return tr, stop
}

func members(nodes ...*node) func(link.PeerID) bool {
	return func(id link.PeerID) bool {
		for _, n := range nodes {
			if n.id() == id {
				return true
			}
		}
		return false
	}
}

// freeAddr is a UDP address that nobody uses just now.
func freeAddr(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func TestDTLSMovesFramesBetweenMembers(t *testing.T) {
	ctx, a, b, addr := bounded(t), newNode(1), newNode(2), freeAddr(t)
	tr, _ := a.start(t, DTLSSpec{Listen: addr, Allowed: members(b)})
	b.start(t, DTLSSpec{Peers: []DTLSPeer{{"a", addr, a.id()}}, Allowed: members(a)})
	for _, c := range []struct{ n, other *node }{{a, b}, {b, a}} {
		up := wait(t, ctx, "a port", c.n.host.ups)
		if up.Peer != c.other.id() || up.Medium != link.Datagram || up.MTU != 1200 || up.Access <= 0 {
			t.Errorf("port: got %+v", up)
		}
	}
	full := bytes.Repeat([]byte{7}, 1200)
	for _, c := range []struct{ from, to *node }{{a, b}, {b, a}} {
		for _, want := range [][]byte{{1}, full} {
			c.from.host.out <- want
			if got := wait(t, ctx, "a frame", c.to.host.frames); !bytes.Equal(got, want) {
				t.Errorf("got %d octets, want %d", len(got), len(want))
			}
		}
	}
	tr.mu.Lock()
	state, ok := tr.inbound[b.id()].conn.ConnectionState()
	tr.mu.Unlock()
	if !ok || state.CipherSuiteID != 0xCCA9 { // ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
		t.Errorf("cipher suite: got %04x, want cca9", uint16(state.CipherSuiteID))
	}
}

func TestDTLSKeepAliveIsNoFrame(t *testing.T) {
	ctx, a, b, addr := bounded(t), newNode(1), newNode(2), freeAddr(t)
	tr, _ := a.start(t, DTLSSpec{Listen: addr, Allowed: members(b)})
	b.start(t, DTLSSpec{Peers: []DTLSPeer{{"a", addr, a.id()}}, Allowed: members(a)})
	wait(t, ctx, "a port", b.host.ups)
	wait(t, ctx, "a port", a.host.ups)
	tr.mu.Lock()
	c := tr.inbound[b.id()]
	tr.mu.Unlock()
	if _, err := c.conn.Write(nil); err != nil {
		t.Fatal(err)
	}
	a.host.out <- []byte{9}
	if got := wait(t, ctx, "a frame", b.host.frames); !bytes.Equal(got, []byte{9}) {
		t.Errorf("got % x, want 09 only", got)
	}
}

func TestDTLSRefusesStrangers(t *testing.T) {
	ctx, a, b, addr := bounded(t), newNode(1), newNode(2), freeAddr(t)
	a.start(t, DTLSSpec{Listen: addr, Allowed: members()})
	b.start(t, DTLSSpec{Peers: []DTLSPeer{{"a", addr, a.id()}}, Allowed: members(a)})
	b.host.problem(t, ctx, "a: ")
	if len(a.host.ups) != 0 {
		t.Error("a stranger got a port")
	}
}

func TestDTLSRefusesAnotherGatewayAtTheAddress(t *testing.T) {
	ctx, a, b, c, addr := bounded(t), newNode(1), newNode(2), newNode(3), freeAddr(t)
	a.start(t, DTLSSpec{Listen: addr, Allowed: members(b)})
	b.start(t, DTLSSpec{Peers: []DTLSPeer{{"c", addr, c.id()}}, Allowed: members(a, c)})
	b.host.problem(t, ctx, "another gateway answers")
	if len(b.host.ups) != 0 {
		t.Error("the wrong gateway got a port")
	}
}

func TestDTLSDialsAgain(t *testing.T) {
	ctx, a, b, addr := bounded(t), newNode(1), newNode(2), freeAddr(t)
	b.start(t, DTLSSpec{Peers: []DTLSPeer{{"a", addr, a.id()}}, Allowed: members(a)})
	_, stop := a.start(t, DTLSSpec{Listen: addr, Allowed: members(b)})
	wait(t, ctx, "a port", b.host.ups)
	wait(t, ctx, "a port", a.host.ups)
	stop()
	wait(t, ctx, "the port going down", b.host.closed)
	a.start(t, DTLSSpec{Listen: addr, Allowed: members(b)})
	wait(t, ctx, "a second port", b.host.ups)
}

func TestDTLSNewestInboundConnectionWins(t *testing.T) {
	ctx, a, b, addr := bounded(t), newNode(1), newNode(2), freeAddr(t)
	a.start(t, DTLSSpec{Listen: addr, Allowed: members(b)})
	spec := DTLSSpec{Peers: []DTLSPeer{{"a", addr, a.id()}}, Allowed: members(a)}
	b.start(t, spec)
	wait(t, ctx, "a port", a.host.ups)
	twin := newNode(2)
	twin.start(t, spec)
	wait(t, ctx, "a second port", a.host.ups)
	wait(t, ctx, "the first port going down", a.host.closed)
}

func TestDTLSSaysWhenItCannotListen(t *testing.T) {
	ctx, a := bounded(t), newNode(1)
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	a.start(t, DTLSSpec{Listen: taken.LocalAddr().String(), Allowed: members()})
	a.host.problem(t, ctx, "cannot listen on "+taken.LocalAddr().String())
}

// Strangers who say hello and no more, many of them, do not keep a member out.
func TestDTLSHandshakesAreCapped(t *testing.T) {
	ctx, a, b, addr := bounded(t), newNode(1), newNode(2), freeAddr(t)
	patient := defaultTiming
	patient.handshake = time.Hour
	tr, _ := a.startWith(t, DTLSSpec{Listen: addr, Allowed: members(b)}, patient)
	wait(t, ctx, "listening", a.host.health)
	hello := firstDatagram(t, ctx)
	for range 2 * dtlsHandshakes {
		c, err := net.Dial("udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		until, _ := ctx.Deadline()
		c.SetDeadline(until)
		c.Write(hello)
		c.Read(make([]byte, 2000)) // it holds its place now
	}
	b.start(t, DTLSSpec{Peers: []DTLSPeer{{"a", addr, a.id()}}, Allowed: members(a)})
	wait(t, ctx, "a port among strangers", a.host.ups)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if n := len(tr.pending); n != dtlsHandshakes-1 {
		t.Errorf("%d handshakes under way, want %d", n, dtlsHandshakes-1)
	}
}

// firstDatagram is what somebody says who connects.
func firstDatagram(t *testing.T, ctx context.Context) []byte {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	x := newNode(9)
	x.start(t, DTLSSpec{Peers: []DTLSPeer{{"c", c.LocalAddr().String(), x.id()}}, Allowed: members()})
	until, _ := ctx.Deadline()
	c.SetDeadline(until)
	b := make([]byte, 2000)
	n, _, err := c.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// quick is for tests that wait for a keep-alive.
var quick = dtlsTiming{handshake: 10 * time.Second, keepAlive: 10 * time.Millisecond, dead: time.Hour}

func TestDTLSConnectionEndsWithMembership(t *testing.T) {
	ctx, a, b, addr := bounded(t), newNode(1), newNode(2), freeAddr(t)
	var expelled atomic.Bool
	a.startWith(t, DTLSSpec{Listen: addr, Allowed: func(link.PeerID) bool { return !expelled.Load() }}, quick)
	b.start(t, DTLSSpec{Peers: []DTLSPeer{{"a", addr, a.id()}}, Allowed: members(a)})
	wait(t, ctx, "a port", a.host.ups)
	expelled.Store(true)
	wait(t, ctx, "the port going down", a.host.closed)
}

func TestDTLSGivesUpASilentPeer(t *testing.T) {
	ctx, a, b, addr := bounded(t), newNode(1), newNode(2), freeAddr(t)
	a.start(t, DTLSSpec{Listen: addr, Allowed: members(b)})
	deaf := quick
	deaf.dead = 0 // nothing is ever recent enough
	b.startWith(t, DTLSSpec{Peers: []DTLSPeer{{"a", addr, a.id()}}, Allowed: members(a)}, deaf)
	b.host.problem(t, ctx, "silent")
}

func TestPeerIDOfOtherCertificates(t *testing.T) {
	n := newNode(1)
	own, err := certificate(n.key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := peerID(own.Certificate); err != nil || got != n.id() {
		t.Errorf("own: got %x, %v", got, err)
	}
	for name, chain := range map[string][][]byte{
		"none":    nil,
		"two":     {own.Certificate[0], own.Certificate[0]},
		"garbage": {[]byte("x")},
		"P-256":   p256(t).Certificate,
	} {
		if _, err := peerID(chain); !errors.Is(err, errCertificate) {
			t.Errorf("%s: got %v, want errCertificate", name, err)
		}
	}
}

func p256(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}}
}

func TestNewDTLSRefuses(t *testing.T) {
	a := newNode(1)
	good := DTLSSpec{Name: "internet", Key: a.key, Peers: []DTLSPeer{{"b", "example.org:4711", newNode(2).id()}}, Allowed: members()}
	for name, change := range map[string]func(*DTLSSpec){
		"no name":        func(s *DTLSSpec) { s.Name = "" },
		"no key":         func(s *DTLSSpec) { s.Key = nil },
		"nothing to do":  func(s *DTLSSpec) { s.Peers = nil },
		"no members":     func(s *DTLSSpec) { s.Allowed = nil },
		"no port number": func(s *DTLSSpec) { s.Peers = []DTLSPeer{{"b", "example.org", a.id()}} },
		"no id":          func(s *DTLSSpec) { s.Peers = []DTLSPeer{{"b", "example.org:1", link.PeerID{}}} },
	} {
		s := good
		change(&s)
		if _, err := NewDTLS(s); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := NewDTLS(good); err != nil {
		t.Errorf("a good spec: got %v", err)
	}
}
