package apps

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/gateway/pki"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
)

// size is how many endpoints send how many parcels each, and how long those live. A gateway remembers a parcel until it
// expires, so that it is not delivered again.
type size struct {
	endpoints, each int
	ttl             time.Duration
}

func (s size) parcels() int { return s.endpoints * s.each }

// crowd is one gateway and its endpoints. Each writes to the next.
type crowd struct {
	t      *testing.T
	size   size
	gw     *node.Node
	client *poweb.Client
	apps   []*app

	mu   sync.Mutex
	seen map[[32]byte]int // deliveries of each parcel
	took []time.Duration  // from the post to its answer
	way  []time.Duration  // from the post to the recipient
	heap []uint64         // live octets, each time a further part had come; guarded by still
	sent map[[32]byte]time.Time
	all  chan struct{} // closed when every parcel was delivered

	still sync.RWMutex // locked while the heap is measured: what is on its way then would count as live
	looks sync.WaitGroup
}

type app struct {
	key  *rsa.PrivateKey
	cert *pki.Certificate
	gw   *pki.Certificate
	id   pki.NodeID
}

// parts is how often the heap is measured.
const parts = 20

func start(t *testing.T, s size) *crowd {
	n, err := node.Open(node.Config{StateDir: t.TempDir(), Name: "ridge", PoWeb: "127.0.0.1:0", Limits: gateway.Limits{Parcels: 4 * s.parcels()}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if _, err := n.API().Up(ctx, admin.Up{Domain: "valley"}); err != nil {
		t.Fatal(err)
	}
	all := s.parcels() // room for all from the beginning, so that only the gateway grows
	c := &crowd{t: t, size: s, gw: n, seen: make(map[[32]byte]int, all), sent: make(map[[32]byte]time.Time, all), took: make([]time.Duration, 0, all),
		way: make([]time.Duration, 0, all), heap: make([]uint64, 0, parts), all: make(chan struct{})}
	if c.client, err = poweb.NewClient(poweb.ClientOptions{URL: "http://" + n.PoWebAddr(), Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	for range s.endpoints {
		c.apps = append(c.apps, c.register())
	}
	return c
}

func (c *crowd) register() *app {
	c.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, pki.MinKeyBits)
	if err != nil {
		c.t.Fatal(err)
	}
	pnr, err := c.client.RegisterKey(c.t.Context(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := registration.ParseResult(pnr)
	if err != nil {
		c.t.Fatal(err)
	}
	return &app{key: key, cert: r.Node, gw: r.Gateway, id: r.Node.ID}
}

// authorise lets another write to a.
func (a *app) authorise(o *app) (*pki.Certificate, error) {
	return pki.Issue(pki.Template{Subject: o.key.Public(), Issuer: a.cert, IssuerKey: a.key, NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().Add(time.Hour), Rand: rand.Reader})
}

// send writes all parcels of one endpoint, one after another.
func (c *crowd) send(n int) error {
	from, to := c.apps[n], c.apps[(n+1)%len(c.apps)]
	pda, err := to.authorise(from)
	if err != nil {
		return err
	}
	for i := range c.size.each {
		m := &ramf.Message{Type: ramf.Parcel, Recipient: to.id, ID: fmt.Sprintf("%d-%d", n, i), Created: time.Now().Add(-time.Second), TTL: c.size.ttl,
			Payload: make([]byte, 500), Sender: pda, Chain: []*pki.Certificate{to.cert, to.gw}}
		raw, err := ramf.Sign(m, from.key, rand.Reader)
		if err != nil {
			return err
		}
		if err := c.post(from, raw); err != nil {
			return fmt.Errorf("parcel %s: %w", m.ID, err)
		}
	}
	return nil
}

func (c *crowd) post(from *app, raw []byte) error {
	c.still.RLock()
	defer c.still.RUnlock()
	begin := time.Now()
	c.mu.Lock()
	c.sent[sha256.Sum256(raw)] = begin
	c.mu.Unlock()
	err := c.client.Deliver(c.t.Context(), raw, poweb.Signer{Certificate: from.cert, Key: from.key})
	c.mu.Lock()
	c.took = append(c.took, time.Since(begin))
	c.mu.Unlock()
	return err
}

// collect takes what comes for one endpoint until ctx ends.
func (c *crowd) collect(ctx context.Context, a *app) error {
	err := c.client.Collect(ctx, poweb.Collection{Keep: true, Signers: []poweb.Signer{{Certificate: a.cert, Key: a.key}},
		Take: func(_ context.Context, parcel []byte) error { c.arrived(sha256.Sum256(parcel)); return nil }})
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("a collection ended early: %w", err)
}

func (c *crowd) arrived(sum [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[sum]++
	c.way = append(c.way, time.Since(c.sent[sum]))
	n := len(c.way)
	if n%(c.size.parcels()/parts) == 0 {
		c.looks.Go(c.look)
	}
	if n == c.size.parcels() {
		close(c.all)
	}
}

// look measures what a collection of garbage leaves while nobody sends.
func (c *crowd) look() {
	c.still.Lock()
	defer c.still.Unlock()
	runtime.GC()
	m := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(m)
	c.heap = append(c.heap, m[0].Value.Uint64())
}

// run has everybody send and collect at once, until all is delivered or something fails.
func (c *crowd) run() {
	c.t.Helper()
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	failed := make(chan error, 2*len(c.apps))
	var collectors sync.WaitGroup
	for n, a := range c.apps {
		collectors.Go(func() { failed <- c.collect(ctx, a) })
		go func() {
			if err := c.send(n); err != nil {
				failed <- err
			}
		}()
	}
	select {
	case <-c.all:
	case err := <-failed:
		c.t.Error(err)
	}
	stop()
	collectors.Wait()
	c.looks.Wait()
	for sum, n := range c.seen {
		if _, ours := c.sent[sum]; !ours || n != 1 {
			c.t.Errorf("a parcel was delivered %d times, sent by us %v; want once", n, ours)
		}
	}
	if len(c.seen) != c.size.parcels() {
		c.t.Errorf("%d parcels were delivered, want %d", len(c.seen), c.size.parcels())
	}
}

func TestACrowdIsServedOnceEach(t *testing.T) {
	if os.Getenv("PACKHORSE_BENCH") == "" {
		start(t, size{endpoints: 10, each: 40, ttl: time.Hour}).run()
		return
	}
	for _, ttl := range []time.Duration{10 * time.Second, 14 * 24 * time.Hour} {
		t.Run(ttl.String(), func(t *testing.T) {
			c := start(t, size{endpoints: 50, each: 200, ttl: ttl})
			begin := time.Now()
			if c.run(); !t.Failed() {
				c.report(time.Since(begin))
			}
		})
	}
}

// report prints the figures.
func (c *crowd) report(took time.Duration) {
	n := c.size.parcels()
	fmt.Printf("%d parcels of %d endpoints, living %v, in %v: %.0f a second, each delivered once\n", n, c.size.endpoints, c.size.ttl, took.Round(time.Millisecond), float64(n)/took.Seconds())
	fmt.Printf("accepted after  median %v, p99 %v\n", quantile(c.took, .5), quantile(c.took, .99))
	fmt.Printf("delivered after median %v, p99 %v\n", quantile(c.way, .5), quantile(c.way, .99))
	half := len(c.heap) / 2
	first, second := slices.Max(c.heap[:half]), slices.Max(c.heap[half:])
	fmt.Printf("live heap, most of each half: %.2f and %.2f MiB, ratio %.3f; with the clients\n", mib(first), mib(second), float64(second)/float64(first))
}

func quantile(all []time.Duration, q float64) time.Duration {
	s := slices.Sorted(slices.Values(all))
	return s[int(q*float64(len(s)-1))].Round(10 * time.Microsecond)
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }
