package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	crand "crypto/rand"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/discovery"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
)

// fakeCore answers the events of couriers from memory.
type fakeCore struct {
	t  *testing.T
	mu sync.Mutex

	subs    uint64
	open    map[uint64]*fakeLine
	waiting []gateway.Collected  // for Internet gateways, cargo first
	held    map[string][]string  // cargo that a CCA's signer may have, by CCA
	made    []*gateway.CargoMade // that MakeCargo answers
	cca     []byte               // that MakeCCA answers; nil: registered nowhere
	refuse  map[string]error     // by octets that are carried
	carried []string             // octets, and the key of the CCA that fetched them
	ended   []string             // keys that were acknowledged, or dropped
	came    chan struct{}        // gets a word for each that ended
	news    chan struct{}        // gets a word for each that arrives later
}

type fakeLine struct {
	what gateway.Outbound
	cca  string
	sent int
	out  map[string]bool
}

func newFakeCore(t *testing.T, waiting ...gateway.Collected) *fakeCore {
	return &fakeCore{t: t, open: map[uint64]*fakeLine{}, held: map[string][]string{}, refuse: map[string]error{}, waiting: waiting, came: make(chan struct{}, 100), news: make(chan struct{}, 100)}
}

func (f *fakeCore) newSub() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs++
	return f.subs
}

func (f *fakeCore) tell(_ context.Context, e gateway.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := e.(type) {
	case gateway.CollectUp:
		f.open[e.Sub] = &fakeLine{what: e.What, out: map[string]bool{}}
	case gateway.CloseCollect:
		delete(f.open, e.Sub)
	}
	return nil
}

var errFakeUnregistered = &gateway.Error{Code: "not_yet", Message: "registered nowhere"}

func (f *fakeCore) ask(ctx context.Context, request func(gateway.Token) gateway.Event) (any, error) {
	switch e := request(1).(type) {
	case gateway.Next:
		c := f.next(e.Sub)
		for ; c == nil && e.Wait; c = f.next(e.Sub) {
			select {
			case <-f.news:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return c, nil
	case gateway.Ack:
		return nil, f.end(e.Sub, "ack "+e.Key, e.Key)
	case gateway.Drop:
		return nil, f.end(e.Sub, "drop "+e.Key, e.Key)
	case gateway.Carry:
		return f.carry(e)
	case gateway.CollectCargo:
		f.mu.Lock()
		defer f.mu.Unlock()
		if err := f.refuse[string(e.CCA)]; err != nil {
			return nil, err
		}
		f.open[e.Sub] = &fakeLine{cca: string(e.CCA), out: map[string]bool{}}
		return nil, nil
	case gateway.MakeCCA:
		if f.cca == nil {
			return nil, errFakeUnregistered
		}
		return f.cca, nil
	case gateway.MakeCargo:
		f.mu.Lock()
		defer f.mu.Unlock()
		l := f.open[e.Sub]
		if l.sent++; l.sent > len(f.made) {
			return (*gateway.CargoMade)(nil), nil
		}
		return f.made[l.sent-1], nil
	}
	return nil, errors.New("not asked for")
}

func (f *fakeCore) next(sub uint64) *gateway.Collected {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.open[sub]
	if l == nil {
		return nil
	}
	list := f.waiting
	if l.what == 0 {
		list = nil
		for _, raw := range f.held[l.cca] {
			list = append(list, gateway.Collected{Key: raw, Parcel: []byte(raw), Type: ramf.Cargo})
		}
	}
	for _, c := range list {
		if !l.out[c.Key] {
			l.out[c.Key] = true
			return &c
		}
	}
	return nil
}

// arrive brings something more for Internet gateways.
func (f *fakeCore) arrive(c gateway.Collected) {
	f.mu.Lock()
	f.waiting = append(f.waiting, c)
	f.mu.Unlock()
	f.news <- struct{}{}
}

func (f *fakeCore) end(sub uint64, word, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.open[sub]; l == nil || !l.out[key] {
		return errors.New("was not handed out")
	}
	f.ended = append(f.ended, word)
	f.waiting = slices.DeleteFunc(f.waiting, func(c gateway.Collected) bool { return c.Key == key })
	f.came <- struct{}{}
	return nil
}

func (f *fakeCore) carry(e gateway.Carry) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse[string(e.Raw)]; err != nil {
		return nil, err
	}
	f.carried = append(f.carried, string(e.Raw)+" by "+e.For)
	return gateway.CargoTaken{Parcels: 2, Acks: 1}, nil
}

func (f *fakeCore) want(what string, got []string, want ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(got, want) {
		f.t.Errorf("%s: got %.100q, want %q", what, got, want)
	}
	if len(f.open) != 0 {
		f.t.Errorf("lines left open: got %d, want 0", len(f.open))
	}
}

// newTestCourier waits for nothing.
func newTestCourier(core core) *courier {
	return &courier{core: core, say: func(string) {}, way: func(context.Context) (gateway.CargoWay, error) { return gateway.CargoWay{}, nil }, waits: Waits{Retry: time.Millisecond, Most: time.Millisecond},
		find: func(context.Context) (netip.AddrPort, error) { return netip.AddrPort{}, cogrpc.ErrNoCourier }}
}

var tlsOnce = sync.OnceValues(func() (*cogrpc.Identity, error) { return cogrpc.NewIdentity(time.Now) })

// serveCargo runs a server of any role on the loopback interface.
func serveCargo(t *testing.T, b cogrpc.Backend, role cogrpc.Role) string {
	t.Helper()
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	s := cogrpc.NewServer(b, cogrpc.Options{Role: role, TLS: must[*cogrpc.Identity](t)(tlsOnce()).Config()})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop(0)
		<-done
	})
	return l.Addr().String()
}

// internet is Internet gateways that answer collections with cargo named after the CCA.
type internet struct {
	mu     sync.Mutex
	took   []string
	refuse map[string]error // by cargo or CCA
	empty  bool
}

func (i *internet) DeliverCargo(_ context.Context, cargo []byte) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.took = append(i.took, string(cargo))
	return i.refuse[string(cargo)]
}

func (i *internet) Collect(_ context.Context, cca []byte) (cogrpc.Subscription, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.took = append(i.took, string(cca))
	if err := i.refuse[string(cca)]; err != nil {
		return nil, err
	}
	if i.empty {
		return &answers{}, nil
	}
	return &answers{left: []string{"for " + string(cca)}}, nil
}

type answers struct{ left []string }

func (a *answers) Next(context.Context) (cogrpc.Cargo, bool, error) {
	if len(a.left) == 0 {
		return cogrpc.Cargo{}, false, nil
	}
	raw := a.left[0]
	a.left = a.left[1:]
	return cogrpc.Cargo{Key: raw, Raw: []byte(raw)}, true, nil
}
func (a *answers) Ack(context.Context, string) error { return nil }
func (a *answers) Close()                            {}

func (i *internet) want(t *testing.T, want ...string) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if !slices.Equal(i.took, want) {
		t.Errorf("the other side got %q, want %q", i.took, want)
	}
}

// at makes a courier find Internet gateways by name.
func (c *courier) at(t *testing.T, hosts map[string]string) *courier {
	pool := x509.NewCertPool()
	c.lookup = func(_ context.Context, _ discovery.Service, name string) ([]discovery.Target, error) {
		host, ok := hosts[name]
		if !ok {
			return nil, errors.New("no such host")
		}
		return []discovery.Target{{Address: host, Name: "127.0.0.1", Roots: pool}}, nil
	}
	for _, host := range hosts {
		pool.AddCert(leafOf(t, host))
	}
	return c
}

func heldCargo(key, address string) gateway.Collected {
	return gateway.Collected{Key: key, Parcel: []byte(key), Type: ramf.Cargo, Address: address}
}

func heldCCA(key, address string) gateway.Collected {
	return gateway.Collected{Key: key, Parcel: []byte(key), Type: ramf.CCA, Address: address}
}

// tripUp makes one trip to the Internet with all that waits.
func tripUp(t *testing.T, c *courier) (*trip, error) {
	t.Helper()
	l := must[*line](t)(waitingUp(t.Context(), c.core, gateway.UpCargo))
	defer l.close()
	tr := &trip{core: c.core, line: l, dial: c.dialUp}
	return tr, tr.run(t.Context())
}

func TestTripDeliversThenCollects(t *testing.T) {
	i, other := &internet{}, &internet{}
	f := newFakeCore(t, heldCargo("one", "a.example"), heldCargo("two", "a.example"), heldCargo("three", "b.example"), heldCCA("cca 1", "a.example"), heldCCA("cca 2", "b.example"))
	c := newTestCourier(f).at(t, map[string]string{"a.example": serveCargo(t, i, cogrpc.InternetGateway), "b.example": serveCargo(t, other, cogrpc.InternetGateway)})
	tr, err := tripUp(t, c)
	if err != nil || tr.tripCounts != (tripCounts{delivered: 3, collected: 2}) {
		t.Errorf("got %+v, %v", tr.tripCounts, err)
	}
	i.want(t, "one", "two", "cca 1")
	other.want(t, "three", "cca 2")
	f.want("ended", f.ended, "ack one", "ack two", "ack three", "ack cca 1", "ack cca 2")
	f.want("carried", f.carried, "for cca 1 by cca 1", "for cca 2 by cca 2")
}

func TestTripGoesOnPastWhoCannotBeReached(t *testing.T) {
	i := &internet{}
	f := newFakeCore(t, heldCargo("one", "lost.example"), heldCargo("two", "lost.example"), heldCargo("three", "b.example"), heldCCA("cca 1", "lost.example"), heldCCA("cca 2", "b.example"))
	c := newTestCourier(f).at(t, map[string]string{"b.example": serveCargo(t, i, cogrpc.InternetGateway)})
	if _, err := tripUp(t, c); err == nil || !strings.Contains(err.Error(), "lost.example") {
		t.Errorf("got %v, want that lost.example was not found", err)
	}
	i.want(t, "three", "cca 2")
	f.want("ended", f.ended, "ack three", "ack cca 2")
}

func TestRefusedCCAIsDroppedAndAFailedOneKept(t *testing.T) {
	i := &internet{refuse: map[string]error{"used": &cogrpc.Error{Refusal: cogrpc.Spent, Detail: "used before"}, "unlucky": errors.New("disk")}}
	f := newFakeCore(t, heldCCA("used", "a.example"), heldCCA("unlucky", "a.example"), heldCCA("later", "a.example"))
	c := newTestCourier(f).at(t, map[string]string{"a.example": serveCargo(t, i, cogrpc.InternetGateway)})
	if _, err := tripUp(t, c); err == nil {
		t.Error("got no error, want one")
	}
	i.want(t, "used", "unlucky")
	f.want("ended", f.ended, "drop used")
}

// A server that is strict about cargo gets the rest of it on the next trip.
func TestRefusedCargoIsDropped(t *testing.T) {
	i := &internet{refuse: map[string]error{"bad": &cogrpc.Error{Refusal: cogrpc.Invalid, Detail: "bad signature"}}}
	f := newFakeCore(t, heldCargo("one", "a.example"), heldCargo("bad", "a.example"), heldCargo("three", "a.example"))
	c := newTestCourier(f).at(t, map[string]string{"a.example": serveCargo(t, i, cogrpc.Courier)})
	if _, err := tripUp(t, c); err == nil {
		t.Error("first trip: got no error, want one")
	}
	if _, err := tripUp(t, c); err != nil {
		t.Errorf("second trip: %v", err)
	}
	f.want("ended", f.ended, "ack one", "drop bad", "ack three")
}

func TestBadCargoFromTheInternetIsPassedOver(t *testing.T) {
	i := &internet{}
	f := newFakeCore(t, heldCCA("cca", "a.example"))
	f.refuse["for cca"] = &ramf.Error{Refusal: ramf.Malformed, Detail: "no"}
	c := newTestCourier(f).at(t, map[string]string{"a.example": serveCargo(t, i, cogrpc.InternetGateway)})
	if tr, err := tripUp(t, c); err != nil || tr.refused != 1 {
		t.Errorf("got %+v, %v, want one refused", tr.tripCounts, err)
	}
	f.want("ended", f.ended, "ack cca")
}

func TestFullStoreKeepsTheCCA(t *testing.T) {
	i := &internet{}
	f := newFakeCore(t, heldCCA("cca", "a.example"))
	f.refuse["for cca"] = &gateway.Error{Code: "quota", Message: "full"}
	c := newTestCourier(f).at(t, map[string]string{"a.example": serveCargo(t, i, cogrpc.InternetGateway)})
	if _, err := tripUp(t, c); err == nil {
		t.Error("got no error, want one")
	}
	f.want("ended", f.ended)
}

// What comes while the loop runs goes up, also after trips that failed.
func TestLoopTriesAgain(t *testing.T) {
	i := &internet{}
	f := newFakeCore(t, heldCargo("one", "a.example"))
	host, fails := serveCargo(t, i, cogrpc.InternetGateway), 3
	c := newTestCourier(f).at(t, map[string]string{"a.example": host})
	lookup := c.lookup
	c.lookup = func(ctx context.Context, s discovery.Service, name string) ([]discovery.Target, error) {
		if fails--; fails >= 0 {
			return nil, nil
		}
		return lookup(ctx, s, name)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.carryUp(ctx) }()
	<-f.came
	problem := func() string {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.last.Problem
	}
	for range 500 { // what was wrong is told until cargo went, and no longer
		if problem() == "" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if p := problem(); p != "" {
		t.Errorf("cargo went, and the problem is still %q", p)
	}
	stop()
	<-done
	f.want("ended", f.ended, "ack one")
	if c.last.Delivered != 1 || c.last.Internet.IsZero() || c.last.Problem != "" {
		t.Errorf("state: got %+v", c.last)
	}
}

// Anybody on the network may leave cargo for an address that does not exist.
func TestCargoThatCannotGoKeepsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCore(t, heldCargo("one", "lost.example"))
		c := newTestCourier(f)
		c.waits.Retry, c.waits.Most = time.Hour, 2*time.Hour
		var tried []string
		c.lookup = func(_ context.Context, _ discovery.Service, name string) ([]discovery.Target, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			tried = append(tried, name)
			return nil, nil
		}
		seen := func() (names []string, problem string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			c.mu.Lock()
			defer c.mu.Unlock()
			return slices.Clone(tried), c.last.Problem
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); c.carryUp(ctx) }()
		for i, want := range [][]string{{"lost.example"}, {"lost.example", "a.example"}, {"lost.example", "a.example", "lost.example", "a.example"}} {
			time.Sleep(time.Minute)
			synctest.Wait()
			if got, problem := seen(); !slices.Equal(got, want) || problem == "" {
				t.Errorf("step %d: tried %q, want %q; problem %q", i, got, want, problem)
			}
			if i == 0 {
				f.arrive(heldCargo("two", "a.example"))
			} else {
				time.Sleep(time.Hour)
			}
		}
		stop()
		<-done
	})
}

// signed is a cargo or a CCA of a private gateway.
func signed(t *testing.T, typ ramf.Type, address string) []byte {
	t.Helper()
	key := pkitest.Key(t, "private gateway")
	spki := must[[]byte](t)(pki.EncodeSPKI(key.Public()))
	m := &ramf.Message{Type: typ, Recipient: pki.IDOf(spki), InternetAddress: address, ID: "id", Created: pkitest.Now, TTL: time.Hour,
		Payload: []byte("sealed"), Sender: pkitest.Issue(t, "private gateway", nil, "", true, 1)}
	return must[[]byte](t)(ramf.Sign(m, key, crand.Reader))
}

// withCourier is a client of a courier server in front of the core.
func withCourier(t *testing.T, f *fakeCore) *cogrpc.Client {
	t.Helper()
	at := serveCargo(t, courierBackend{f}, cogrpc.Courier)
	c := must[*cogrpc.Client](t)(cogrpc.DialCourier(netip.MustParseAddrPort(at)))
	t.Cleanup(func() { c.Close() })
	return c
}

func TestServerTakesCargoForInternetGatewaysOnly(t *testing.T) {
	good := signed(t, ramf.Cargo, "a.example")
	for _, tc := range []struct {
		name string
		raw  []byte
		err  error
		want cogrpc.Refusal
	}{
		{"cargo", good, nil, 0},
		{"a CCA", signed(t, ramf.CCA, "a.example"), nil, cogrpc.Invalid},
		{"no address", signed(t, ramf.Cargo, ""), nil, cogrpc.Invalid},
		{"garbage", []byte("Awala"), nil, cogrpc.Invalid},
		{"refused", good, &ramf.Error{Refusal: ramf.Malformed, Detail: "expired"}, cogrpc.Invalid},
		{"no room", good, &gateway.Error{Code: "quota", Message: "full"}, cogrpc.Full},
	} {
		f := newFakeCore(t)
		if tc.err != nil {
			f.refuse[string(tc.raw)] = tc.err
		}
		err := withCourier(t, f).Deliver(t.Context(), func(yield func(cogrpc.Cargo, error) bool) { yield(cogrpc.Cargo{Raw: tc.raw}, nil) }, func(string) error { return nil })
		var e *cogrpc.Error
		if errors.As(err, &e); tc.want == 0 && err != nil || tc.want != 0 && (e == nil || e.Refusal != tc.want) {
			t.Errorf("%s: got %v, want refusal %d", tc.name, err, tc.want)
		}
		if took := len(f.carried) == 1 && bytes.HasPrefix([]byte(f.carried[0]), tc.raw); took != (tc.want == 0) {
			t.Errorf("%s: taken %v", tc.name, took)
		}
	}
}

func TestServerHandsOutCargo(t *testing.T) {
	f := newFakeCore(t)
	f.held["cca"] = []string{"one", "two"}
	f.refuse["bad"] = &ramf.Error{Refusal: ramf.Malformed, Detail: "no"}
	c := withCourier(t, f)
	var got []string
	if _, err := c.Collect(t.Context(), []byte("cca"), func(b []byte) error { got = append(got, string(b)); return nil }); err != nil {
		t.Error(err)
	}
	if n, err := c.Collect(t.Context(), []byte("bad"), nil); n != 0 || err != nil {
		t.Errorf("a bad CCA: got %d, %v, want nothing", n, err)
	}
	if want := []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("collected: got %q, want %q", got, want)
	}
	f.want("ended", f.ended, "ack one", "ack two")
}

func TestSyncExchangesCargo(t *testing.T) {
	phone := &internet{}
	f := newFakeCore(t, heldCargo("for others", "a.example"), heldCargo("more", "b.example"), heldCCA("cca of others", "a.example"))
	f.cca, f.made = []byte("cca"), []*gateway.CargoMade{{Raw: []byte("sealed 1"), Parcels: 3, Acks: 2}, {Raw: []byte("sealed 2"), Parcels: 1}}
	c := newTestCourier(f)
	at := serveCargo(t, phone, cogrpc.Courier)
	c.find = func(context.Context) (netip.AddrPort, error) { return netip.ParseAddrPort(at) }
	got, err := c.sync(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := admin.CourierSync{Courier: at, CargoIn: 1, ParcelsIn: 2, AcksIn: 1, CargoOut: 2, ParcelsOut: 4, AcksOut: 2, RelayedOut: 2, RelayedIn: 1}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	phone.want(t, "cca", "sealed 1", "sealed 2", "for others", "more", "cca of others")
	f.want("ended", f.ended, "ack for others", "ack more", "ack cca of others")
	f.want("carried", f.carried, "for cca by ", "for cca of others by cca of others")
	if c.last.Synced.IsZero() {
		t.Error("the visit is not noted")
	}
}

// A CCA of others that brought nothing is shown again at the next visit.
func TestSyncKeepsTheCCAsOfOthers(t *testing.T) {
	f := newFakeCore(t, heldCCA("cca of others", "a.example"))
	f.cca = []byte("cca")
	c := newTestCourier(f)
	if _, err := c.sync(t.Context(), serveCargo(t, &internet{empty: true}, cogrpc.Courier)); err != nil {
		t.Error(err)
	}
	f.want("ended", f.ended)
}

func TestSyncOfAGatewayThatIsRegisteredNowhere(t *testing.T) {
	f := newFakeCore(t, heldCargo("for others", "a.example"))
	c, at := newTestCourier(f), serveCargo(t, &internet{}, cogrpc.Courier)
	if got, err := c.sync(t.Context(), at); err != nil || got.RelayedOut != 1 {
		t.Errorf("with cargo of others: got %+v, %v", got, err)
	}
	if _, err := c.sync(t.Context(), at); code(err) != admin.CodeNotYet {
		t.Errorf("with nothing: got %v, want that it is registered nowhere", err)
	}
}

func TestSyncsThatFail(t *testing.T) {
	broken := newFakeCore(t)
	broken.cca, broken.refuse["for cca"] = []byte("cca"), &gateway.Error{Code: "quota", Message: "full"}
	if _, err := newTestCourier(broken).sync(t.Context(), serveCargo(t, &internet{}, cogrpc.Courier)); code(err) != admin.CodeQuota {
		t.Errorf("no room for what came: got %v, want code quota", err)
	}
	full := &internet{refuse: map[string]error{"sealed": &cogrpc.Error{Refusal: cogrpc.Full, Detail: "full"}}}
	for _, tc := range []struct {
		name, to string
		want     admin.Code
	}{
		{"nobody there", "", admin.CodeNotFound},
		{"no address", "phone.local", admin.CodeUsage},
		{"on the Internet", "8.8.8.8", admin.CodeUsage},
		{"full", serveCargo(t, full, cogrpc.Courier), admin.CodeQuota},
	} {
		f := newFakeCore(t)
		f.cca, f.made = []byte("cca"), []*gateway.CargoMade{{Raw: []byte("sealed")}}
		if _, err := newTestCourier(f).sync(t.Context(), tc.to); code(err) != tc.want {
			t.Errorf("%s: got %v, want code %s", tc.name, err, tc.want)
		}
	}
	c := newTestCourier(newFakeCore(t))
	c.syncing.Lock()
	if _, err := c.sync(t.Context(), ""); code(err) != admin.CodeNotYet {
		t.Errorf("while another runs: got %v", err)
	}
}

func leafOf(t *testing.T, host string) *x509.Certificate {
	t.Helper()
	conn := must[*tls.Conn](t)(tls.Dial("tcp", host, &tls.Config{InsecureSkipVerify: true}))
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}
