package poweb

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"

	"sync"
	"testing"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

// fakeBackend keeps parcels in memory, all for the endpoint of chain.
type fakeBackend struct {
	chain pkitest.Chain

	mu      sync.Mutex
	anchors []*pki.Certificate
	err     error
	got     [][]byte
	queue   []Delivery
	acked   []string
	asked   []pki.NodeID
	open    int
	changed chan struct{}
}

func newBackend(t testing.TB) *fakeBackend {
	c := pkitest.NewChain(t)
	return &fakeBackend{chain: c, anchors: []*pki.Certificate{c.Gateway}, changed: make(chan struct{})}
}

func (b *fakeBackend) Clock() (time.Time, pki.Quality) { return pkitest.Now, pki.ClockGPS }

func (b *fakeBackend) PreRegister(_ context.Context, digest [32]byte) ([]byte, error) {
	return append([]byte("PNRA for "), digest[:]...), b.err
}

func (b *fakeBackend) Register(_ context.Context, pnrr []byte) ([]byte, error) {
	return append([]byte("PNR for "), pnrr...), b.err
}

func (b *fakeBackend) Anchors() []*pki.Certificate { return b.anchors }

func (b *fakeBackend) Deliver(_ context.Context, parcel []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.got = append(b.got, parcel)
	}
	return b.err
}

// put queues a parcel for the endpoint.
func (b *fakeBackend) put(parcels ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range parcels {
		b.queue = append(b.queue, Delivery{Key: "key " + p, Parcel: []byte(p)})
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *fakeBackend) Collect(_ context.Context, ids []pki.NodeID) (Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = ids
	b.open++
	return &fakeSubscription{b: b}, b.err
}

type fakeSubscription struct {
	b *fakeBackend
}

func (s *fakeSubscription) Next(ctx context.Context, wait bool) (Delivery, bool, error) {
	for {
		s.b.mu.Lock()
		changed, rest := s.b.changed, s.b.queue
		s.b.mu.Unlock()
		if len(rest) > 0 {
			return rest[0], true, nil
		}
		if !wait {
			return Delivery{}, false, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Delivery{}, false, ctx.Err()
		}
	}
}

// Ack takes a while, as a disk does.
func (s *fakeSubscription) Ack(ctx context.Context, d Delivery) error {
	time.Sleep(time.Second)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.acked = append(s.b.acked, d.Key)
	s.b.queue = slices.DeleteFunc(s.b.queue, func(q Delivery) bool { return q.Key == d.Key })
	return nil
}

func (s *fakeSubscription) Close() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.open--
}

func sign(t testing.TB, p pki.Purpose, octets []byte, signer *pki.Certificate, key string) []byte {
	t.Helper()
	sig, err := cms.Countersign(p, octets, signer, pkitest.Key(t, key), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// post describes a request; want is the status.
type post struct {
	name, method, path, contentType string
	headers                         map[string]string
	body                            []byte
	err                             error // of the backend
	want                            int
}

func (p post) send(t *testing.T, h http.Handler) *recorder {
	t.Helper()
	r, err := http.NewRequest(p.method, "http://127.0.0.1"+p.path, bytes.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	if p.contentType != "" {
		r.Header.Set("Content-Type", p.contentType)
	}
	for name, value := range p.headers {
		r.Header.Set(name, value)
	}
	w := &recorder{header: http.Header{}}
	h.ServeHTTP(w, r)
	return w
}

// recorder is a ResponseWriter.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func authorization(name string, sig []byte) map[string]string {
	return map[string]string{"Authorization": name + " " + base64.StdEncoding.EncodeToString(sig)}
}

var errDisk = errors.New("disk on fire")
