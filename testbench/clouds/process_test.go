package clouds

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/discovery"
	"packhorse/gateway/inetnode"
	"packhorse/gateway/node"
	"packhorse/store"
)

// patience bounds every wait: none is waited out where all is well.
const patience = 2 * time.Minute

// journal is a log that can be waited for.
type journal struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed at the next line
}

func newJournal() *journal { return &journal{more: make(chan struct{})} }

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	close(j.more)
	j.more = make(chan struct{})
	return nil
}

// end is the number of lines; await looks behind it.
func (j *journal) end() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.lines)
}

// await waits for a line behind the first ones that has all the words.
func (j *journal) await(t *testing.T, from int, words ...string) {
	t.Helper()
	late := time.After(patience)
	for {
		j.mu.Lock()
		lines, more := j.lines, j.more
		j.mu.Unlock()
		for ; from < len(lines); from++ {
			if hasAll(lines[from], words) {
				return
			}
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("never logged %q; last lines: %q", words, lines[max(0, len(lines)-10):])
		}
	}
}

func hasAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// process is one gateway as `packhorse run` starts it, with a role beside it or not.
type process struct {
	t      *testing.T
	cfg    node.Config
	n      *node.Node
	role   *inetnode.Node
	log    *journal
	fronts map[string]*front // of the role, by service
	stop   func()
}

func newProcess(t *testing.T, cfg node.Config) *process {
	p := &process{t: t, cfg: cfg, log: newJournal(), fronts: map[string]*front{}}
	p.cfg.StateDir, p.cfg.Log, p.cfg.Store = t.TempDir(), slog.New(p.log), store.Options{Reserve: -1}
	t.Cleanup(func() {
		if p.stop != nil {
			p.stop()
		}
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.n = must[*node.Node](p.t)(node.Open(p.cfg))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.n.Run(ctx) }()
	p.stop = func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
		p.stop = nil
	}
	for service, f := range p.fronts {
		f.point(p.role.Addr(service))
	}
}

func (p *process) restart() {
	p.stop()
	p.start()
}

// internet is what joins the processes: TLS by one authority, and hosts that are known by configuration.
type internet struct {
	t         *testing.T
	cert, key string
	fixed     []discovery.Fixed
	clouds    map[string]*process
}

// quick are the pauses of couriers that nobody needs to wait for.
var quick = &node.Waits{Gather: time.Second, Trip: time.Second, Retry: time.Second, Most: 5 * time.Second}

func newInternet(t *testing.T, addresses ...string) *internet {
	w := &internet{t: t, clouds: map[string]*process{}}
	ca := w.authority(t.TempDir())
	for _, a := range addresses {
		p := newProcess(t, node.Config{Name: strings.Split(a, ".")[0], Courier: node.Courier{Listen: "127.0.0.1:0", Internet: true, Waits: quick}})
		for _, s := range []string{"PoWeb", "PoHTTP", "CogRPC"} {
			p.fronts[s] = newFront(t)
		}
		p.cfg.Beside = func(s node.Shared) (node.Role, error) {
			var err error
			p.role, err = inetnode.Open(inetnode.Config{Address: a, PoWeb: "127.0.0.1:0", PoHTTP: "127.0.0.1:0", CogRPC: "127.0.0.1:0",
				Certificate: w.cert, Key: w.key, Store: s.Store, Secrets: s.Secrets, Lookup: s.Lookup, Log: p.cfg.Log})
			return p.role, err
		}
		w.clouds[a] = p
		w.fixed = append(w.fixed, discovery.Fixed{Name: a, CA: ca, PoWeb: p.fronts["PoWeb"].address(), PoHTTP: p.fronts["PoHTTP"].address(), CogRPC: p.fronts["CogRPC"].address()})
	}
	for _, a := range addresses {
		p := w.clouds[a]
		p.cfg.Uplinks.Fixed = w.fixed
		p.start()
		must[admin.Status](t)(p.n.API().Up(t.Context(), admin.Up{Domain: p.cfg.Name}))
	}
	return w
}

// authority makes a certificate for this machine that vouches for itself.
func (w *internet) authority(dir string) []byte {
	k := must[*ecdsa.PrivateKey](w.t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	x := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * day), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der := must[[]byte](w.t)(x509.CreateCertificate(rand.Reader, x, x, k.Public(), k))
	pkcs8 := must[[]byte](w.t)(x509.MarshalPKCS8PrivateKey(k))
	w.cert, w.key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, b := range map[string][]byte{w.cert: ca, w.key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return ca
}

// private is a private gateway in a domain of its own, connected to the first of the addresses.
func (w *internet) private(name string, addresses ...string) *process {
	w.t.Helper()
	p := newProcess(w.t, node.Config{Name: name, PoWeb: "127.0.0.1:0", Courier: node.Courier{Waits: quick}})
	p.start()
	must[admin.Status](w.t)(p.n.API().Up(w.t.Context(), admin.Up{Domain: name}))
	p.cfg.Uplinks = node.UplinkConfig{Gateways: addresses, Fixed: w.fixed}
	if err := p.n.Reload(p.cfg); err != nil {
		w.t.Fatal(err)
	}
	p.log.await(w.t, 0, "connection to an Internet gateway", addresses[0], "live=true")
	return p
}
