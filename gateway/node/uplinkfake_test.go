package node

import (
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/discovery"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
)

// fakeOwner is a gateway whose registrations are certificates of a pkitest chain.
type fakeOwner struct {
	chain pkitest.Chain
	key   *rsa.PrivateKey

	mu         sync.Mutex
	registered map[string]gateway.UplinkInfo
	registers  []string
	lives      []string
	came       []string
	refuse     error  // of FromInternet
	early      error  // of MayRegister
	slow       string // its registration takes a second
	queue      []string
	acked      []string
	dropped    []string
	kept       []string
	changed    chan struct{}
}

const validity = 90 * 24 * time.Hour

func newOwner(t *testing.T) *fakeOwner {
	return &fakeOwner{chain: pkitest.NewChain(t), key: pkitest.Key(t, "gateway"), registered: map[string]gateway.UplinkInfo{}}
}

func (o *fakeOwner) Uplinks(context.Context) (out []gateway.UplinkInfo, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, i := range o.registered {
		out = append(out, i)
	}
	return out, nil
}

func (o *fakeOwner) MayRegister(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.early
}

func (o *fakeOwner) Signer(_ context.Context, address string) (poweb.Signer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.registered[address]; !ok {
		return poweb.Signer{}, errors.New("not registered")
	}
	return poweb.Signer{Certificate: o.chain.Gateway, Key: o.key}, nil
}

func (o *fakeOwner) Registered(_ context.Context, address string, pnr []byte) error {
	if address == o.slow {
		time.Sleep(time.Second)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.registers = append(o.registers, address)
	o.registered[address] = gateway.UplinkInfo{Address: address, Until: time.Now().Add(2 * validity), Renew: time.Now().Add(validity)}
	return nil
}

func (o *fakeOwner) Live(_ context.Context, address string, live bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	sign := "-"
	if live {
		sign = "+"
	}
	o.lives = append(o.lives, sign+address)
}

func (o *fakeOwner) FromInternet(_ context.Context, parcel []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if string(parcel) == "garbage" {
		return &ramf.Error{Refusal: ramf.Malformed, Detail: "no parcel"}
	}
	if o.refuse == nil {
		o.came = append(o.came, string(parcel))
	}
	return o.refuse
}

// refuses sets what becomes of parcels from the Internet.
func (o *fakeOwner) refuses(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = err
}

// due makes it time to renew a registration.
func (o *fakeOwner) due(address string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.registered[address] = gateway.UplinkInfo{Address: address, Until: time.Now().Add(validity), Renew: time.Now()}
}

func (o *fakeOwner) Outbound(context.Context) (outbox, error) { return &fakeBox{o: o}, nil }

// put queues parcels for the Internet.
func (o *fakeOwner) put(parcels ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = append(o.queue, parcels...)
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
}

// state copies what a test looks at.
func (o *fakeOwner) state(field *[]string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(*field)
}

// fakeBox hands out each parcel once.
type fakeBox struct {
	o    *fakeOwner
	seen []string
}

func (b *fakeBox) Next(ctx context.Context) (string, []byte, error) {
	for {
		b.o.mu.Lock()
		for _, p := range b.o.queue {
			if !slices.Contains(b.seen, p) {
				b.seen = append(b.seen, p)
				b.o.mu.Unlock()
				return p, []byte(p), nil
			}
		}
		if b.o.changed == nil {
			b.o.changed = make(chan struct{})
		}
		changed := b.o.changed
		b.o.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return "", nil, ctx.Err()
		}
	}
}

func (b *fakeBox) end(list *[]string, key string) error {
	b.o.mu.Lock()
	defer b.o.mu.Unlock()
	*list = append(*list, key)
	b.o.queue = slices.DeleteFunc(b.o.queue, func(p string) bool { return p == key })
	return nil
}

func (b *fakeBox) Ack(_ context.Context, key string) error     { return b.end(&b.o.acked, key) }
func (b *fakeBox) Drop(_ context.Context, key, _ string) error { return b.end(&b.o.dropped, key) }

func (b *fakeBox) Keep(_ context.Context, key string) error {
	b.o.mu.Lock()
	defer b.o.mu.Unlock()
	b.o.kept = append(b.o.kept, key)
	return nil
}

func (b *fakeBox) Close() {}

// double is an Internet gateway on an in-memory network.
type double struct {
	t       *testing.T
	anchor  *pki.Certificate
	mu      sync.Mutex
	fail    error // of every request
	status  map[string]int
	got     []string
	lose    int // so many answers to deliveries are lost
	queue   []string
	pnrrs   int
	changed chan struct{}
	server  *http.Server
}

func (d *double) PreRegister(context.Context, [32]byte) ([]byte, error) {
	return []byte("PNRA"), d.err("")
}

func (d *double) Register(context.Context, []byte) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pnrrs++
	return []byte("PNR"), d.fail
}

func (d *double) Anchors() []*pki.Certificate {
	d.mu.Lock()
	defer d.mu.Unlock()
	return []*pki.Certificate{d.anchor}
}

func (d *double) ConnectionParams(context.Context) ([]byte, error) {
	return []byte("params"), d.err("")
}

func (d *double) err(parcel string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.status[parcel]; s != 0 {
		return &poweb.StatusError{Status: s, Message: "no"}
	}
	return d.fail
}

func (d *double) Deliver(_ context.Context, parcel []byte) error {
	if err := d.err(string(parcel)); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, string(parcel))
	if d.lose > 0 {
		d.lose--
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (d *double) Collect(context.Context, []pki.NodeID) (poweb.Subscription, error) {
	return &doubleQueue{d}, d.err("")
}

// list copies one of the double's lists.
func (d *double) list(field *[]string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(*field)
}

func (d *double) registrations() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pnrrs
}

// change alters the double under its lock and wakes collections.
func (d *double) change(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	close(d.changed)
	d.changed = make(chan struct{})
}

type doubleQueue struct{ d *double }

func (q *doubleQueue) Next(ctx context.Context, wait bool) (poweb.Delivery, bool, error) {
	for {
		q.d.mu.Lock()
		rest, changed, fail := q.d.queue, q.d.changed, q.d.fail
		q.d.mu.Unlock()
		if fail != nil || len(rest) > 0 || !wait {
			if len(rest) == 0 || fail != nil {
				return poweb.Delivery{}, false, fail
			}
			return poweb.Delivery{Key: rest[0], Parcel: []byte(rest[0])}, true, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return poweb.Delivery{}, false, ctx.Err()
		}
	}
}

func (q *doubleQueue) Ack(_ context.Context, d poweb.Delivery) error {
	q.d.mu.Lock()
	defer q.d.mu.Unlock()
	q.d.queue = slices.DeleteFunc(q.d.queue, func(p string) bool { return p == d.Key })
	return nil
}

func (q *doubleQueue) Close() {}

// wire is a network of doubles by host name.
type wire struct {
	t     *testing.T
	mu    sync.Mutex
	hosts map[string]chan net.Conn
	down  map[string]error // of lookups
	cut   map[string]bool  // no connection is made
	open  map[string][]net.Conn
	dials int
}

// wireEnd is a listener of a wire.
type wireEnd struct{ conns chan net.Conn }

func (l wireEnd) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l wireEnd) Close() error   { close(l.conns); return nil }
func (l wireEnd) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (w *wire) Lookup(_ context.Context, _ discovery.Service, name string) ([]discovery.Target, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.down[name]; err != nil {
		return nil, err
	}
	return []discovery.Target{{Address: "127.0.0.1:" + portOf[name], Plain: true}}, nil
}

// portOf stands for the hosts of a test's two gateways: the client takes plain HTTP from loopback addresses alone.
var portOf = map[string]string{"one.example": "1", "two.example": "2"}

// lookups sets how those of one.example end.
func (w *wire) lookups(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down["one.example"] = err
}

func (w *wire) dial(_ context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dials++
	cut, host := w.cut[address], w.hosts[address]
	w.mu.Unlock()
	if cut || host == nil {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	host <- there
	w.mu.Lock()
	w.open[address] = append(w.open[address], here)
	w.mu.Unlock()
	return here, nil
}

// break ends what is connected to a host, and lets nobody connect until mend.
func (w *wire) breakOff(name string) {
	address := "127.0.0.1:" + portOf[name]
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[address] = true
	for _, c := range w.open[address] {
		c.Close()
	}
	w.open[address] = nil
}

func (w *wire) mend(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut["127.0.0.1:"+portOf[name]] = false
}

// newDouble serves at a name of portOf.
func (w *wire) newDouble(name string, chain pkitest.Chain) *double {
	d := &double{t: w.t, anchor: chain.Root, status: map[string]int{}, changed: make(chan struct{})}
	d.server = poweb.NewInternetServer(d, poweb.InternetOptions{})
	l := wireEnd{make(chan net.Conn)}
	w.hosts["127.0.0.1:"+portOf[strings.ToLower(strings.TrimSuffix(name, "."))]] = l.conns
	go d.server.Serve(l)
	return d
}

// runUplinks runs uplinks to doubles named one.example and two.example until the test is over.
func runUplinks(t *testing.T, o *fakeOwner, gateways ...string) (u *uplinks, w *wire, doubles []*double) {
	t.Helper()
	w = newWire(t)
	u, doubles = w.run(o, gateways...)
	return u, w, doubles
}

func newWire(t *testing.T) *wire {
	return &wire{t: t, hosts: map[string]chan net.Conn{}, down: map[string]error{}, cut: map[string]bool{}, open: map[string][]net.Conn{}}
}

func (w *wire) run(o *fakeOwner, gateways ...string) (u *uplinks, doubles []*double) {
	w.t.Helper()
	for _, g := range gateways {
		doubles = append(doubles, w.newDouble(g, o.chain))
	}
	u = newUplinks(gateways, o, w, o.key, slog.New(slog.DiscardHandler))
	u.dial, u.jitter = w.dial, func(d time.Duration) time.Duration { return d }
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); u.run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		<-done
		for _, d := range doubles {
			d.server.Close()
		}
	})
	return u, doubles
}
