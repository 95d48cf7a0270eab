package port

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"

	"packhorse/link"
)

const (
	dtlsMTU         = 1200 // with every header below the smallest IPv6 path, 1280
	dtlsHandshakes  = 32   // unauthenticated at one time
	dtlsConnections = 128  // authenticated, inbound
	dtlsIDSize      = 8    // octets of our connection ids (RFC 9146)
	dtlsOctetTime   = 2 * time.Microsecond
	dtlsFix         = "check the address, the firewall (UDP) and that the other gateway runs; it is tried again by itself"
)

// dtlsTiming is how patient a transport is.
type dtlsTiming struct{ handshake, keepAlive, dead time.Duration }

// defaultTiming keeps the mappings of common NATs, which forget UDP after 30 s,
// and gives a peer up after three lost keep-alives.
var defaultTiming = dtlsTiming{handshake: 15 * time.Second, keepAlive: 25 * time.Second, dead: 80 * time.Second}

// DTLSPeer is a gateway to dial.
type DTLSPeer struct {
	Name string // for people
	Addr string // host:port
	ID   link.PeerID
}

// DTLSSpec makes the Internet transport.
type DTLSSpec struct {
	Name   string
	Key    ed25519.PrivateKey // of the gateway
	Listen string             // UDP host:port; empty = only dial
	Peers  []DTLSPeer
	// Allowed tells whether a gateway may connect; asked at every handshake and
	// again at every keep-alive. Called from several goroutines.
	Allowed func(link.PeerID) bool
}

func (s DTLSSpec) validate() error {
	switch {
	case s.Name == "" || s.Allowed == nil:
		return errors.New("port: the Internet transport needs a name and a way to know members")
	case len(s.Key) != ed25519.PrivateKeySize:
		return errors.New("port: the Internet transport needs the gateway's key")
	case s.Listen == "" && len(s.Peers) == 0:
		return errors.New("port: the Internet transport has neither an address to listen on nor a peer to dial")
	}
	for _, p := range s.Peers {
		if _, _, err := net.SplitHostPort(p.Addr); err != nil {
			return fmt.Errorf("port: peer %s: %q is no address of the form host:port", p.Name, p.Addr)
		}
		if p.ID == (link.PeerID{}) {
			return fmt.Errorf("port: peer %s has no gateway id", p.Name)
		}
	}
	return nil
}

// DTLS is a transport over DTLS 1.2 (RFC 6347) with connection ids (RFC 9146):
// one port for each gateway connected, in either direction. It authenticates
// gateways by their Ed25519 keys; the link's own Noise runs inside.
type DTLS struct {
	spec DTLSSpec
	cert tls.Certificate
	time dtlsTiming

	mu       sync.Mutex
	health   Health
	problems map[string]string      // by what they concern
	inbound  map[link.PeerID]*inner // newest connection of each
	pending  []net.Conn             // inbound, their handshakes under way, oldest first
	addr     net.Addr               // listening on, for tests
}

var _ Transport = (*DTLS)(nil)

// NewDTLS checks the spec and makes the gateway's certificate.
func NewDTLS(spec DTLSSpec) (*DTLS, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	cert, err := certificate(spec.Key)
	if err != nil {
		return nil, fmt.Errorf("port: make the gateway's certificate: %w", err)
	}
	return &DTLS{
		spec:     spec,
		cert:     cert,
		time:     defaultTiming,
		health:   Health{Transport: spec.Name},
		problems: map[string]string{},
		inbound:  map[link.PeerID]*inner{},
	}, nil
}

// Name of the config section.
func (t *DTLS) Name() string { return t.spec.Name }

// Run listens and dials until ctx ends.
func (t *DTLS) Run(ctx context.Context, h Host) error {
	var wg sync.WaitGroup
	if t.spec.Listen != "" {
		wg.Go(func() { t.keepTrying(ctx, h, "listening", func(ctx context.Context) error { return t.listen(ctx, h) }) })
	}
	for _, p := range t.spec.Peers {
		wg.Go(func() { t.keepTrying(ctx, h, p.Name, func(ctx context.Context) error { return t.dial(ctx, h, p) }) })
	}
	wg.Wait()
	return nil
}

// keepTrying repeats one job with backoff and shows what is wrong with it.
func (t *DTLS) keepTrying(ctx context.Context, h Host, what string, job func(context.Context) error) {
	for backoff := backoffFirst; ctx.Err() == nil; {
		start := time.Now()
		err := job(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) >= healthyAfter {
			backoff = backoffFirst
		}
		t.problem(h, what, err)
		pause(ctx, backoff)
		backoff = min(2*backoff, backoffMost)
	}
}

// problem notes what is wrong with one job (nil: nothing) and shows the sum.
func (t *DTLS) problem(h Host, what string, err error) {
	t.mu.Lock()
	delete(t.problems, what)
	if err != nil {
		t.problems[what] = what + ": " + err.Error()
	}
	var all []string
	for _, p := range t.problems {
		all = append(all, p)
	}
	sort.Strings(all)
	t.health.OK, t.health.Problem, t.health.Fix = len(all) == 0, strings.Join(all, "; "), ""
	if len(all) > 0 {
		t.health.Fix = dtlsFix
	}
	v := t.health
	t.mu.Unlock()
	h.Health(v)
}

// count adds to the totals and shows them.
func (t *DTLS) count(h Host, in, out uint64) {
	t.mu.Lock()
	t.health.FramesIn += in
	t.health.FramesOut += out
	v := t.health
	t.mu.Unlock()
	h.Health(v)
}

// suites in the order of preference: ChaCha20 is fast on boards without AES
// instructions and sends no nonce.
func (t *DTLS) suites() []dtls.CipherSuiteID {
	return []dtls.CipherSuiteID{
		dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	}
}

// verify accepts the certificate of a member; of just one when want is set. The
// library checks no chain: there is none, and no clock to check dates with.
func (t *DTLS) verify(want link.PeerID) func([][]byte) error {
	return func(chain [][]byte) error {
		id, err := peerID(chain)
		switch {
		case err != nil:
			return err
		case want != (link.PeerID{}) && id != want:
			return errors.New("port: another gateway answers at this address: compare its id with the configured one")
		case !t.spec.Allowed(id):
			return errors.New("port: the other gateway is not a member of this domain")
		}
		return nil
	}
}

// dial connects to a peer and serves the connection until it breaks.
func (t *DTLS) dial(ctx context.Context, h Host, p DTLSPeer) error {
	addr, err := new(net.Resolver).LookupIPAddr(ctx, hostOf(p.Addr))
	if err != nil {
		return fmt.Errorf("cannot find %s: %w", p.Addr, err)
	}
	remote, err := net.ResolveUDPAddr("udp", net.JoinHostPort(addr[0].String(), portOf(p.Addr)))
	if err != nil {
		return err
	}
	conn, err := dtls.DialWithOptions("udp", remote, t.clientOptions(p.ID)...)
	if err != nil {
		return err
	}
	defer conn.Close()
	start := time.Now()
	id, err := t.handshake(ctx, conn)
	if err != nil {
		return err
	}
	t.problem(h, p.Name, nil)
	return t.serve(ctx, h, &inner{conn: conn, peer: id}, time.Since(start))
}

func hostOf(addr string) string { host, _, _ := net.SplitHostPort(addr); return host }
func portOf(addr string) string { _, port, _ := net.SplitHostPort(addr); return port }

func (t *DTLS) clientOptions(want link.PeerID) []dtls.ClientOption {
	check := t.verify(want)
	return []dtls.ClientOption{
		dtls.WithCertificates(t.cert),
		dtls.WithCipherSuites(t.suites()...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithInsecureSkipVerify(true), // replaced by the next line
		dtls.WithVerifyPeerCertificate(verifier(check)),
		dtls.WithConnectionIDGenerator(dtls.OnlySendCIDGenerator()),
		dtls.WithMTU(dtlsMTU),
	}
}

// listen accepts connections until the socket breaks.
func (t *DTLS) listen(ctx context.Context, h Host) error {
	local, err := net.ResolveUDPAddr("udp", t.spec.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", t.spec.Listen, err)
	}
	listener, err := dtls.ListenWithOptions("udp", local, t.serverOptions()...)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", t.spec.Listen, err)
	}
	t.mu.Lock()
	t.addr = listener.Addr()
	t.mu.Unlock()
	t.problem(h, "listening", nil)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer wg.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if err != nil {
			listener.Close()
			return err
		}
		t.admit(conn)
		wg.Go(func() { t.accept(ctx, h, conn.(*dtls.Conn)) })
	}
}

// admit notes a handshake under way. Of too many the oldest goes: a member is through in
// a few round trips, and who only says hello must not keep members out.
func (t *DTLS) admit(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending = append(t.pending, conn); len(t.pending) > dtlsHandshakes {
		go t.pending[0].Close()
		t.pending = slices.Delete(t.pending, 0, 1)
	}
}

// settled takes a handshake off the list, however it ended.
func (t *DTLS) settled(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending = slices.DeleteFunc(t.pending, func(c net.Conn) bool { return c == conn })
}

func (t *DTLS) serverOptions() []dtls.ServerOption {
	return []dtls.ServerOption{
		dtls.WithCertificates(t.cert),
		dtls.WithCipherSuites(t.suites()...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithVerifyPeerCertificate(verifier(t.verify(link.PeerID{}))),
		dtls.WithConnectionIDGenerator(dtls.RandomCIDGenerator(dtlsIDSize)),
		dtls.WithMTU(dtlsMTU),
	}
}

// accept serves one inbound connection. A stranger's failure is nobody's problem and is
// not shown.
func (t *DTLS) accept(ctx context.Context, h Host, conn *dtls.Conn) {
	defer conn.Close()
	start := time.Now()
	id, err := t.handshake(ctx, conn)
	t.settled(conn)
	c := &inner{conn: conn, peer: id}
	if err != nil || !t.register(c) {
		return
	}
	defer t.unregister(c)
	t.serve(ctx, h, c, time.Since(start))
}
