package cogrpc

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"packhorse/gateway/pki/pkitest"
)

// fakeBackend holds cargo in memory.
type fakeBackend struct {
	mu      sync.Mutex
	refuse  map[string]error // by cargo
	taken   []string
	waiting []string // cargo, which is its own key
	ccas    []string
	collect error
	acked   []string
	open    int
	changed chan struct{} // gets a word after each acknowledgement
}

func newBackend(waiting ...string) *fakeBackend {
	return &fakeBackend{refuse: map[string]error{}, waiting: slices.Clone(waiting), changed: make(chan struct{}, 1000)}
}

func (b *fakeBackend) DeliverCargo(_ context.Context, cargo []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refuse[string(cargo)]; err != nil {
		return err
	}
	b.taken = append(b.taken, string(cargo))
	return nil
}

func (b *fakeBackend) Collect(_ context.Context, cca []byte) (Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ccas = append(b.ccas, string(cca))
	if b.collect != nil {
		return nil, b.collect
	}
	b.open++
	return &fakeSubscription{b: b, left: slices.Clone(b.waiting)}, nil
}

type fakeSubscription struct {
	b    *fakeBackend
	left []string
}

func (s *fakeSubscription) Next(context.Context) (Cargo, bool, error) {
	if len(s.left) == 0 {
		return Cargo{}, false, nil
	}
	c := Cargo{Key: s.left[0], Raw: []byte(s.left[0])}
	s.left = s.left[1:]
	return c, true, nil
}

func (s *fakeSubscription) Ack(_ context.Context, key string) error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.acked = append(s.b.acked, key)
	s.b.waiting = slices.DeleteFunc(s.b.waiting, func(w string) bool { return w == key })
	s.b.changed <- struct{}{}
	return nil
}

func (s *fakeSubscription) Close() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.open--
}

func (b *fakeBackend) wantTaken(t *testing.T, want ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.taken, want) {
		t.Errorf("taken: got %d %.60q, want %d %.60q", len(b.taken), b.taken, len(want), want)
	}
}

func (b *fakeBackend) wantAcked(t *testing.T, want ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.acked, want) {
		t.Errorf("acknowledged: got %q, want %q", b.acked, want)
	}
}

func testIdentity(t *testing.T) *Identity {
	return newIdentity(pkitest.Key(t, "courier tls"), time.Now)
}

func listen(t *testing.T) (net.Listener, netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, netip.MustParseAddrPort(l.Addr().String())
}

// serve runs a server on the loopback interface until the test ends.
func serve(t *testing.T, b Backend, o Options) netip.AddrPort {
	t.Helper()
	l, at := listen(t)
	o.TLS = testIdentity(t).Config()
	s := NewServer(b, o)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop(0)
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return at
}

// client dials as a private gateway does.
func client(t *testing.T, at netip.AddrPort) *Client {
	t.Helper()
	c, err := DialCourier(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// raw opens a stream that says what the test wants.
func raw(t *testing.T, c *Client, ctx context.Context, desc *grpc.StreamDesc) grpc.ClientStream {
	t.Helper()
	s, err := c.conn.NewStream(ctx, desc, "/relaynet.cogrpc.CargoRelay/"+desc.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stranger is a server that behaves as the test says.
func stranger(t *testing.T, deliver, collect func(grpc.ServerStream) error) netip.AddrPort {
	t.Helper()
	l, at := listen(t)
	s := &service{places: newPlaces(100)}
	desc := s.desc("relaynet.cogrpc.CargoRelay")
	desc.Streams[0].Handler = func(_ any, s grpc.ServerStream) error { return deliver(s) }
	desc.Streams[1].Handler = func(_ any, s grpc.ServerStream) error { return collect(s) }
	g := grpc.NewServer(serverOptions(Options{TLS: testIdentity(t).Config()})...)
	g.RegisterService(desc, s)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return at
}

// cargos hands out cargo of these octets, each its own key.
func cargos(list ...string) func(yield func(Cargo, error) bool) {
	return func(yield func(Cargo, error) bool) {
		for _, c := range list {
			if !yield(Cargo{Key: c, Raw: []byte(c)}, nil) {
				return
			}
		}
	}
}

// record keeps what a callback was called with.
type record []string

func (r *record) add(s string) error {
	*r = append(*r, s)
	return nil
}

func (r *record) octets(b []byte) error { return r.add(string(b)) }

func (r record) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if !slices.Equal(r, want) {
		t.Errorf("%s: got %d %.80q, want %d %.80q", what, len(r), []string(r), len(want), want)
	}
}
