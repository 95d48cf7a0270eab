package inetnode

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/cargo"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/discovery"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/uplink"
	"packhorse/store"
)

const address = "gw.example.org"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tlsFiles writes a certificate for localhost with a serial number.
func tlsFiles(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	now := time.Now()
	x := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, x, x, k.Public(), k)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// finder sends every address to one host.
type finder struct{ at discovery.Target }

func (f finder) Lookup(context.Context, discovery.Service, string) ([]discovery.Target, error) {
	return []discovery.Target{f.at}, nil
}

// house is an Internet gateway on loopback.
type house struct {
	*Node
	t     *testing.T
	dir   string
	cfg   Config
	roots *x509.CertPool
	stop  func()
}

func newHouse(t *testing.T, f finder) *house {
	dir := t.TempDir()
	cert, key := tlsFiles(t, dir, 1)
	h := &house{t: t, dir: dir, roots: x509.NewCertPool()}
	b, err := os.ReadFile(cert)
	must(t, err)
	h.roots.AppendCertsFromPEM(b)
	h.cfg = Config{Address: address, PoWeb: "127.0.0.1:0", CogRPC: "127.0.0.1:0", PoHTTP: "127.0.0.1:0", Certificate: cert, Key: key, Lookup: f.Lookup,
		Secrets: store.Secrets{Dir: dir}}
	h.open()
	return h
}

func (h *house) open() {
	h.t.Helper()
	s, err := store.Open(filepath.Join(h.dir, "store"), store.Options{Reserve: -1})
	must(h.t, err)
	h.cfg.Store = s
	h.Node, err = Open(h.cfg)
	must(h.t, err)
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
		must(h.t, s.Close())
	}
	h.t.Cleanup(func() { h.stop() })
}

func (h *house) target() discovery.Target {
	return discovery.Target{Address: h.Addr("PoWeb"), Name: "localhost", Roots: h.roots}
}

func (h *house) http() *http.Client {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: h.target().TLS()}}
	h.t.Cleanup(c.CloseIdleConnections)
	return c
}

// private is a private gateway that registered over PoWeb, with an endpoint behind it.
type private struct {
	h        *house
	book     *uplink.Book
	web      *poweb.Client
	signer   poweb.Signer
	endpoint *pki.Certificate
}

func (h *house) private(name string) *private {
	h.t.Helper()
	key := pkitest.Key(h.t, name)
	book, err := uplink.New(key)
	must(h.t, err)
	web, err := poweb.NewClient(poweb.ClientOptions{URL: h.target().URL(), TLS: h.target().TLS(), Timeout: time.Minute})
	must(h.t, err)
	h.t.Cleanup(web.Close)
	pnr, err := web.RegisterKey(h.t.Context(), key)
	must(h.t, err)
	change, err := book.Register(address, pnr, time.Now(), pki.ClockNTP)
	must(h.t, err)
	change.Apply()
	cert, err := book.Signer(address, time.Now(), pki.ClockNTP)
	must(h.t, err)
	p := &private{h: h, book: book, web: web, signer: poweb.Signer{Certificate: cert, Key: key}}
	p.endpoint = issue(h.t, "endpoint", cert, name, true)
	return p
}

func issue(t *testing.T, subject string, issuer *pki.Certificate, issuerName string, ca bool) *pki.Certificate {
	t.Helper()
	c, err := pki.Issue(pki.Template{Subject: pkitest.Key(t, subject).Public(), Issuer: issuer, IssuerKey: pkitest.Key(t, issuerName), CA: ca,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), Rand: rand.Reader})
	must(t, err)
	return c
}

func sign(t *testing.T, m *ramf.Message, key string) []byte {
	t.Helper()
	m.Type, m.Created, m.TTL, m.Payload = ramf.Parcel, time.Now().Add(-time.Minute), time.Hour, []byte("payload")
	b, err := ramf.Sign(m, pkitest.Key(t, key), rand.Reader)
	must(t, err)
	return b
}

// inward is a parcel for the endpoint.
func (p *private) inward(id string) []byte {
	return sign(p.h.t, &ramf.Message{Recipient: p.endpoint.ID, ID: id, Sender: issue(p.h.t, "sender", p.endpoint, "endpoint", false),
		Chain: []*pki.Certificate{p.endpoint, p.signer.Certificate}}, "sender")
}

// collect gives all that waits.
func (p *private) collect() (all [][]byte) {
	p.h.t.Helper()
	must(p.h.t, p.web.Collect(p.h.t.Context(), poweb.Collection{Signers: []poweb.Signer{p.signer}, Take: func(_ context.Context, b []byte) error {
		all = append(all, b)
		return nil
	}}))
	return all
}

func TestParcelsBetweenPrivateGatewaysAndTheInternet(t *testing.T) {
	got := make(chan []byte, 1)
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- b
		w.WriteHeader(http.StatusAccepted)
	}))
	defer other.Close()
	roots := x509.NewCertPool()
	roots.AddCert(other.Certificate())
	h := newHouse(t, finder{discovery.Target{Address: other.Listener.Addr().String(), Name: "example.com", Roots: roots}})
	p := h.private("gateway")

	in, out := p.inward("in"), sign(t, &ramf.Message{Recipient: "0abc", InternetAddress: "pong.example", ID: "out", Sender: issue(t, "endpoint", nil, "endpoint", true)}, "endpoint")
	must(t, p.web.Deliver(t.Context(), in, p.signer))
	must(t, p.web.Deliver(t.Context(), out, p.signer))
	if b := <-got; !bytes.Equal(b, out) {
		t.Errorf("the other node got %d octets", len(b))
	}
	post := func(parcel []byte) int {
		r, err := h.http().Post("https://"+h.Addr("PoHTTP")+"/", "application/vnd.awala.parcel", bytes.NewReader(parcel))
		must(t, err)
		r.Body.Close()
		return r.StatusCode
	}
	second := p.inward("second")
	for name, c := range map[string]struct {
		want   int
		parcel []byte
	}{"for an endpoint of ours": {202, second}, "for the Internet": {403, out}, "forged": {403, pkitest.Corrupt(in, -9)}, "garbage": {400, []byte("x")}} {
		if status := post(c.parcel); status != c.want {
			t.Errorf("a parcel over PoHTTP, %s: got %d, want %d", name, status, c.want)
		}
	}
	params, err := p.web.ConnectionParams(t.Context())
	if err != nil || !bytes.Contains(params, []byte(address)) {
		t.Errorf("connection parameters: %x, %v", params, err)
	}
	h.stop()
	h.open()
	p.web, err = poweb.NewClient(poweb.ClientOptions{URL: h.target().URL(), TLS: h.target().TLS(), Timeout: time.Minute})
	must(t, err)
	defer p.web.Close()
	if all := p.collect(); len(all) != 2 || !bytes.Equal(all[0], in) || !bytes.Equal(all[1], second) {
		t.Errorf("after a restart: got %d parcels, want both", len(all))
	}
	if len(p.collect()) != 0 {
		t.Error("what was acknowledged comes again")
	}
	var refused *poweb.ClientError
	if err := p.web.Deliver(t.Context(), pkitest.Corrupt(in, -9), p.signer); !errors.As(err, &refused) || !refused.Refused() {
		t.Errorf("a forged parcel: %v", err)
	}
}

func TestCargoByCourier(t *testing.T) {
	h := newHouse(t, finder{})
	p := h.private("gateway")
	courier, err := cogrpc.DialGateway(h.Addr("CogRPC"), h.target().TLS())
	must(t, err)
	defer courier.Close()
	now, items := time.Now(), cargo.NewBatch(0)
	in := p.inward("by cargo")
	items.Add(in)
	raw, _, err := p.book.Seal(address, items, now.Add(time.Hour), now, pki.ClockNTP, rand.Reader)
	must(t, err)
	acked := 0
	must(t, courier.Deliver(t.Context(), func(yield func(cogrpc.Cargo, error) bool) { yield(cogrpc.Cargo{Key: "1", Raw: raw}, nil) }, func(string) error { acked++; return nil }))
	cca, _, err := p.book.MakeCCA(address, now, pki.ClockNTP, rand.Reader)
	must(t, err)
	var taken []cargo.Item
	fetch := func() error {
		_, err := courier.Collect(t.Context(), cca, func(b []byte) error {
			m, err := ramf.Parse(b)
			must(t, err)
			o, err := p.book.Open(m, time.Now(), pki.ClockNTP)
			must(t, err)
			taken = append(taken, o.Items...)
			return nil
		})
		return err
	}
	must(t, fetch())
	if acked != 1 || len(taken) != 2 || taken[0].PCA == nil || taken[0].PCA.ID != "by cargo" || !bytes.Equal(taken[1].Parcel, in) {
		t.Errorf("%d acknowledged; got %+v, want the acknowledgement of the parcel and the parcel", acked, taken)
	}
	var spent *cogrpc.Error
	if err := fetch(); !errors.As(err, &spent) || spent.Refusal != cogrpc.Spent {
		t.Errorf("the same CCA again: %v", err)
	}
	cca = []byte("x")
	if err := fetch(); !errors.As(err, &spent) || spent.Refusal != cogrpc.Invalid {
		t.Errorf("no CCA: %v", err)
	}
}

func TestStatusTellsWhatWaits(t *testing.T) {
	h := newHouse(t, finder{})
	p := h.private("gateway")
	must(t, p.web.Deliver(t.Context(), p.inward("in"), p.signer))
	var s admin.Status
	h.Status(t.Context(), &s)
	if v := s.InternetGateway; v.Address != address || v.Inward != 1 || v.Gateways != 1 || v.Outward != 0 || v.SizeBytes == 0 || v.Until == nil || !v.TLS || v.PoWeb != h.Addr("PoWeb") || len(s.Problems) != 0 {
		t.Errorf("got %+v, %+v", v, s.Problems)
	}
}

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	cert, key := tlsFiles(t, dir, 1)
	c, err := loadCertificates(cert, key, slog.New(slog.DiscardHandler))
	must(t, err)
	now := time.Now()
	serial := func() int64 {
		now = now.Add(lookAgain)
		return c.get(now).Leaf.SerialNumber.Int64()
	}
	touch := func(age time.Duration) { must(t, os.Chtimes(cert, now.Add(age), now.Add(age))) }
	tlsFiles(t, dir, 2)
	touch(time.Hour)
	if got := serial(); got != 2 {
		t.Errorf("after a renewal: certificate %d, want 2", got)
	}
	must(t, os.WriteFile(cert, []byte("half a fi"), 0o600))
	touch(2 * time.Hour)
	if got := serial(); got != 2 {
		t.Errorf("with a broken file: certificate %d, want 2", got)
	}
	tlsFiles(t, dir, 3)
	touch(3 * time.Hour)
	if got := serial(); got != 3 {
		t.Errorf("once it is mended: certificate %d, want 3", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	s, err := store.Open(t.TempDir(), store.Options{Reserve: -1})
	must(t, err)
	defer s.Close()
	dir := t.TempDir()
	cert, key := tlsFiles(t, dir, 1)
	for want, c := range map[string]Config{
		"open to the network": {Address: address, PoWeb: "0.0.0.0:0", Plain: true},
		"no certificate":      {Address: address, PoWeb: "127.0.0.1:0"},
		"is not the address":  {Address: "nowhere", Plain: true},
		"certificate for TLS": {Address: address, Certificate: key, Key: cert},
	} {
		c.Store, c.Secrets = s, store.Secrets{Dir: dir}
		if _, err := Open(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	must(t, store.Secrets{Dir: dir}.Write(gateway.SecretInternet, []byte("damaged")))
	if _, err := Open(Config{Address: address, Plain: true, Store: s, Secrets: store.Secrets{Dir: dir}}); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("with a damaged key: %v", err)
	}
}
