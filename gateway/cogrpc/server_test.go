package cogrpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"packhorse/gateway/pki/pkitest"
)

// shortly is how long tests let the other side stall: nothing is measured against it.
const shortly = 50 * time.Millisecond

func TestCallsAreBounded(t *testing.T) {
	p := newPlaces(2)
	from := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	for i, tc := range []struct {
		from string
		want bool
	}{{"10.0.0.1", true}, {"10.0.0.1", true}, {"10.0.0.1", false}, {"10.0.0.2", true}, {"10.0.0.3", true}, {"10.0.0.4", false}} {
		if got := p.enter(from(tc.from)); got != tc.want {
			t.Errorf("call %d, from %s: got %v, want %v", i, tc.from, got, tc.want)
		}
	}
	p.exit(from("10.0.0.1"))
	if !p.enter(from("10.0.0.4")) {
		t.Error("after one ended: got no place, want one")
	}
}

// With the only place taken a call waits, the next one from there is told to come later.
func TestWaitingCalls(t *testing.T) {
	b := newBackend()
	at := serve(t, b, Options{Role: Courier, Calls: 2})
	c := client(t, at)
	for range 2 {
		s := raw(t, c, t.Context(), &deliverStream)
		s.SendMsg(&message{"id", nil})
		if err := s.RecvMsg(new(message)); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, c.Deliver(t.Context(), cargos("more"), nil), codes.Unavailable)
}

// Who opens connections and says nothing leaves room for others.
func TestConnectionsOfOneAddressAreBounded(t *testing.T) {
	l, at := listen(t)
	g := &guard{Listener: l, open: newCrowd(4)}
	taken := make(chan net.Conn, 3)
	go func() {
		for c, err := g.Accept(); err == nil; c, err = g.Accept() {
			taken <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	dial()
	first, second := <-taken, <-taken
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a third connection was taken")
	}
	first.Close()
	first.Close()
	dial()
	third := <-taken
	if g.open.all != 2 || g.open.of[at.Addr()] != 2 {
		t.Errorf("open: got %d, %v, want 2", g.open.all, g.open.of)
	}
	l.Close()
	second.Close()
	third.Close()
}

func TestStrangersAreTurnedAway(t *testing.T) {
	b := newBackend()
	c := client(t, serve(t, b, Options{Role: Courier, Allow: func(a netip.Addr) bool { return a != netip.MustParseAddr("127.0.0.1") }}))
	if err := c.Deliver(t.Context(), cargos("one"), nil); err == nil {
		t.Error("got no error, want one")
	}
	b.wantTaken(t)
}

func TestLocalAddresses(t *testing.T) {
	for text, want := range map[string]bool{"192.168.43.1": true, "10.1.2.3": true, "172.16.0.1": true, "127.0.0.1": true, "169.254.1.1": true,
		"fe80::1": true, "fd00::1": true, "::1": true, "::ffff:10.0.0.1": true, "8.8.8.8": false, "2001:db8::1": false, "::ffff:8.8.8.8": false, "0.0.0.0": false} {
		if got := Local(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
	if Local(netip.Addr{}) {
		t.Error("no address: got true, want false")
	}
	if _, err := DialCourier(netip.MustParseAddrPort("8.8.8.8:21473")); err == nil {
		t.Error("a courier on the Internet: got no error, want one")
	}
}

// The certificate names the address that was called, and a client that pins it is content.
func TestCertificateHasTheAddress(t *testing.T) {
	at := serve(t, newBackend(), Options{Role: Courier})
	conn, err := tls.Dial("tcp", at.String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	leaf := conn.ConnectionState().PeerCertificates[0]
	if leaf.Subject.CommonName != "127.0.0.1" || conn.ConnectionState().NegotiatedProtocol != "h2" {
		t.Errorf("got name %q, protocol %q", leaf.Subject.CommonName, conn.ConnectionState().NegotiatedProtocol)
	}
	pinned := x509.NewCertPool()
	pinned.AddCert(leaf)
	for name, want := range map[string]bool{"127.0.0.1": true, "127.0.0.2": false} {
		c, err := DialGateway(at.String(), &tls.Config{RootCAs: pinned, ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Deliver(t.Context(), cargos(), nil); (err == nil) != want {
			t.Errorf("pinned, called %s: got %v, want ok %v", name, err, want)
		}
	}
}

func TestGatewayOnTheInternetNeedsAGoodCertificate(t *testing.T) {
	c, err := DialGateway(serve(t, newBackend(), Options{Role: InternetGateway}).String(), &tls.Config{ServerName: "127.0.0.1", RootCAs: x509.NewCertPool()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wantCode(t, c.Deliver(t.Context(), cargos(), nil), codes.Unavailable)
}

func TestCertificateIsRenewed(t *testing.T) {
	now := pkitest.Now
	i := newIdentity(pkitest.Key(t, "courier tls"), func() time.Time { return now })
	get := func(a string) *tls.Certificate {
		c, err := i.certificate(netip.MustParseAddr(a))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := get("192.168.43.1")
	if l := first.Leaf; !l.NotBefore.Equal(now.Add(-2*time.Hour)) || l.NotAfter.Sub(l.NotBefore) != 24*time.Hour {
		t.Errorf("valid from %v to %v", l.NotBefore, l.NotAfter)
	}
	if get("192.168.43.1") != first || get("fe80::1") == first {
		t.Error("one certificate for each address, made once")
	}
	now = now.Add(13 * time.Hour)
	if get("192.168.43.1") != first {
		t.Error("after 13 h: got a new one")
	}
	now = now.Add(2 * time.Hour)
	if c := get("192.168.43.1"); c == first || c.Leaf.NotAfter.Sub(now) < 20*time.Hour {
		t.Error("after 15 h: want a new one")
	}
	now = pkitest.Now.Add(-24 * time.Hour)
	if c := get("192.168.43.1"); c.Leaf.NotBefore.After(now) {
		t.Errorf("after the clock went back: valid from %v, now %v", c.Leaf.NotBefore, now)
	}
	for n := range 2 * maxAddresses {
		get(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}).String())
	}
	if len(i.made) > maxAddresses {
		t.Errorf("certificates: got %d, want %d at most", len(i.made), maxAddresses)
	}
}

func TestDefaultGateways(t *testing.T) {
	table := strings.NewReader(`Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	012BA8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	0101A8C0	0003	0	0	100	00000000	0	0	0
eth0	00000000	0101A8C0	0003	0	0	900	00000000	0	0	0
tun0	00000000	00000000	0001	0	0	0	00000000	0	0	0
down0	00000000	0101A8C1	0002	0	0	0	00000000	0	0	0
half0	00000000	0101A8C2	0003	0	0	0	00000080	0	0	0
wlan0	002BA8C0	00000000	0001	0	0	600	00FFFFFF	0	0	0
bad0	00000000	zzzzzzzz	0003	0	0	0	00000000	0	0	0
bad1	00000000	01	0003	0	0	0	00000000
bad2	00000000
`)
	var got []string
	for _, a := range defaultGateways(table) {
		got = append(got, a.String())
	}
	if s := strings.Join(got, " "); s != "192.168.1.1 192.168.43.1" {
		t.Errorf("got %s, want 192.168.1.1 192.168.43.1", s)
	}
}

func TestProbe(t *testing.T) {
	l, at := listen(t)
	if !answers(t.Context(), at) {
		t.Error("somebody listens: got false")
	}
	l.Close()
	if answers(t.Context(), at) {
		t.Error("nobody listens: got true")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx); err == nil {
		t.Error("cancelled: got no error, want one")
	}
}
