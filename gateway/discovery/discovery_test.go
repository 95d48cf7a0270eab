package discovery

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is a fake resolver.
type zone struct {
	header  dnsmessage.Header
	answers []dnsmessage.Resource
	asked   string
	raw     func(w http.ResponseWriter, r *http.Request) // instead of an answer
}

func (z *zone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q dnsmessage.Message
	b, _ := io.ReadAll(r.Body)
	if q.Unpack(b) == nil && len(q.Questions) == 1 && r.Method == http.MethodPost && q.AuthenticData && q.RecursionDesired {
		z.asked = q.Questions[0].Name.String() + " " + q.Questions[0].Type.String()
	}
	if z.raw != nil {
		z.raw(w, r)
		return
	}
	z.header.ID = q.ID
	m := dnsmessage.Message{Header: z.header, Questions: q.Questions, Answers: z.answers}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", r.Header.Get("Accept"))
	w.Write(b)
}

func srv(target string, port, priority, weight uint16) dnsmessage.Resource {
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("_x._tcp.example."), Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET},
		Body:   &dnsmessage.SRVResource{Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(target)},
	}
}

var signed = dnsmessage.Header{Response: true, AuthenticData: true}

// resolver asks a zone over TLS.
func resolver(t *testing.T, z *zone) *Resolver {
	t.Helper()
	s := httptest.NewUnstartedServer(z)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	seeded := rand.New(rand.NewPCG(1, 2))
	r, err := New(Options{DoH: s.URL, HTTP: s.Client(), Rand: seeded.IntN})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLookup(t *testing.T) {
	alias := dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("_x._tcp.example."), Type: dnsmessage.TypeCNAME, Class: dnsmessage.ClassINET},
		Body:   &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("y.example.")},
	}
	z := &zone{header: signed, answers: []dnsmessage.Resource{alias, srv("Late.example.", 443, 20, 0), srv("first.example.", 8443, 10, 0)}}
	r := resolver(t, z)
	for service, label := range map[Service]string{PoWeb: "_awala-gsc", PoHTTP: "_awala-pdc", CogRPC: "_awala-crc"} {
		got, err := r.Lookup(t.Context(), service, "Frankfurt.Example.")
		want := []Target{{Address: "first.example:8443", Name: "first.example"}, {Address: "late.example:443", Name: "late.example"}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if want := label + "._tcp.frankfurt.example. TypeSRV"; z.asked != want {
			t.Errorf("asked for %q, want %q", z.asked, want)
		}
	}
	if got := (Target{Address: "a:1", Name: "a"}); got.URL() != "https://a:1" || got.TLS().ServerName != "a" {
		t.Errorf("URL %s, name %s", got.URL(), got.TLS().ServerName)
	}
}

func TestLookupsThatFail(t *testing.T) {
	write := func(kind string, status int, b []byte) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			w.Write(b)
		}
	}
	one := []dnsmessage.Resource{srv("a.example.", 443, 1, 1)}
	for name, tt := range map[string]struct {
		z    zone
		want Kind
	}{
		"no such name":      {zone{header: dnsmessage.Header{Response: true, AuthenticData: true, RCode: dnsmessage.RCodeNameError}}, NoSuchAddress},
		"no such service":   {zone{header: signed}, NoSuchAddress},
		"service withdrawn": {zone{header: signed, answers: []dnsmessage.Resource{srv(".", 0, 0, 0)}}, NoSuchAddress},
		"port 0":            {zone{header: signed, answers: []dnsmessage.Resource{srv("a.example.", 0, 0, 0)}}, NoSuchAddress},
		"target of no host": {zone{header: signed, answers: []dnsmessage.Resource{srv("a@b/c.example.", 443, 0, 0)}}, NoSuchAddress},
		"target an address": {zone{header: signed, answers: []dnsmessage.Resource{srv("192.0.2.1.", 443, 0, 0)}}, NoSuchAddress},
		"not signed":        {zone{header: dnsmessage.Header{Response: true}, answers: one}, NotSigned},
		"bad signature":     {zone{header: dnsmessage.Header{Response: true, RCode: dnsmessage.RCodeServerFailure}}, Failed},
		"refused":           {zone{header: dnsmessage.Header{Response: true, RCode: dnsmessage.RCodeRefused}, answers: one}, Failed},
		"a question":        {zone{header: dnsmessage.Header{AuthenticData: true}, answers: one}, Failed},
		"truncated":         {zone{header: dnsmessage.Header{Response: true, AuthenticData: true, Truncated: true}, answers: one}, Failed},
		"garbage":           {zone{raw: write(dnsType, 200, []byte("hello"))}, Failed},
		"empty":             {zone{raw: write(dnsType, 200, nil)}, Failed},
		"another type":      {zone{raw: write("text/html", 200, nil)}, Failed},
		"too large":         {zone{raw: write(dnsType, 200, make([]byte, maxAnswer+1))}, Failed},
		"not found":         {zone{raw: write(dnsType, 404, nil)}, Failed},
		"moved":             {zone{raw: write(dnsType, 307, nil)}, Failed},
		"overloaded":        {zone{raw: write(dnsType, 503, nil)}, Unreachable},
		"hangs up":          {zone{raw: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}, Unreachable},
	} {
		got, err := resolver(t, &tt.z).Lookup(t.Context(), PoWeb, "gw.example")
		var e *Error
		if got != nil || KindOf(err) != tt.want || !errors.As(err, &e) || e.Fix() == "" || !strings.Contains(err.Error(), `"gw.example"`) {
			t.Errorf("%s: got %v, %v, want kind %d", name, got, err, tt.want)
		}
	}
}

func TestResolverMustProveItself(t *testing.T) {
	s := httptest.NewUnstartedServer(&zone{header: signed})
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	r, err := New(Options{DoH: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Lookup(t.Context(), PoWeb, "gw.example"); KindOf(err) != Unreachable {
		t.Errorf("got %v, want unreachable", err)
	}
}

func TestLookupEnds(t *testing.T) {
	z := &zone{raw: func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }}
	r := resolver(t, z)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Lookup(ctx, PoWeb, "gw.example"); err != context.Canceled {
		t.Errorf("got %v, want the caller's own", err)
	}
	r.timeout = time.Millisecond
	if _, err := r.Lookup(t.Context(), PoWeb, "gw.example"); KindOf(err) != Unreachable {
		t.Errorf("got %v, want unreachable", err)
	}
}

func TestNamesThatAreNotLookedUp(t *testing.T) {
	z := &zone{header: signed, answers: []dnsmessage.Resource{srv("a.example.", 443, 1, 1)}}
	r := resolver(t, z)
	for _, name := range []string{"", ".", "localhost", "ridge.aaaaaaaaaaaaaaaa.internal", "a..b", "-a.example", "a.example-", "a b.example",
		"a/b.example", "ä.example", strings.Repeat("a.", 127) + "example", strings.Repeat("a", 64) + ".example"} {
		if _, err := r.Lookup(t.Context(), PoWeb, name); KindOf(err) != BadAddress || z.asked != "" {
			t.Errorf("%q: got %v, asked for %q", name, err, z.asked)
		}
	}
}

func TestFixedAddressesStandBeforeDNS(t *testing.T) {
	z := &zone{header: signed, answers: []dnsmessage.Resource{srv("dns.example.", 443, 1, 1)}}
	s := httptest.NewTLSServer(z)
	defer s.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	r, err := New(Options{DoH: s.URL, HTTP: s.Client(), Fixed: []Fixed{
		{Name: "Gw.Internal", PoWeb: "127.0.0.1:276", Plain: true},
		{Name: "gw.example", PoWeb: "192.0.2.7:443", CogRPC: "[2001:db8::1]:21473", CA: ca},
	}})
	if err != nil {
		t.Fatal(err)
	}
	first := func(s Service, name string) Target {
		got, err := r.Lookup(t.Context(), s, name)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s of %s: got %v, %v", s, name, got, err)
		}
		return got[0]
	}
	if got := first(PoWeb, "gw.internal"); got.URL() != "http://127.0.0.1:276" || got.TLS() != nil {
		t.Errorf("plain: got %+v", got)
	}
	got := first(PoWeb, "gw.example")
	if got.URL() != "https://192.0.2.7:443" || got.TLS().ServerName != "192.0.2.7" || got.TLS().RootCAs == nil {
		t.Errorf("own authority: got %+v", got)
	}
	if got := first(CogRPC, "GW.example."); got.Name != "2001:db8::1" || got.URL() != "https://[2001:db8::1]:21473" {
		t.Errorf("IPv6: got %+v", got)
	}
	if got := first(PoHTTP, "gw.example"); got.Name != "dns.example" || got.Roots != nil {
		t.Errorf("a service that is not fixed: got %+v", got)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: Fixed{CA: ca, PoWeb: "127.0.0.1:1"}.mustTarget(PoWeb).TLS()}}
	if _, err := client.Get(s.URL); err != nil {
		t.Errorf("with the host's own certificate: %v", err)
	}
	client.CloseIdleConnections()
}

func (f Fixed) mustTarget(s Service) Target {
	t, _ := f.target(s)
	return t
}

func TestBadConfiguration(t *testing.T) {
	for name, o := range map[string]Options{
		"resolver without TLS": {DoH: "http://dns.example/dns-query"},
		"resolver no URL":      {DoH: "dns.example"},
		"nameless":             {Fixed: []Fixed{{PoWeb: "127.0.0.1:1"}}},
		"no port":              {Fixed: []Fixed{{Name: "a.b", PoWeb: "gw.example"}}},
		"port 0":               {Fixed: []Fixed{{Name: "a.b", CogRPC: "gw.example:0"}}},
		"plain and far":        {Fixed: []Fixed{{Name: "a.b", PoHTTP: "192.0.2.1:80", Plain: true}}},
		"no certificate":       {Fixed: []Fixed{{Name: "a.b", PoWeb: "gw.example:443", CA: []byte("hello")}}},
	} {
		if _, err := New(o); KindOf(err) != BadAddress {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := New(Options{}); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

func TestOrderIsByPriorityAndWeight(t *testing.T) {
	seeded := rand.New(rand.NewPCG(3, 4))
	heavy, zero := 0, 0
	const runs = 4000
	for range runs {
		list := order([]dnsmessage.SRVResource{{Priority: 2, Port: 9}, {Priority: 1, Weight: 30, Port: 3}, {Priority: 1, Weight: 10, Port: 1}, {Priority: 1, Port: 2}}, seeded.IntN)
		if list[3].Port != 9 {
			t.Fatalf("got %v, want the lowest priority last", list)
		}
		if list[0].Port == 3 {
			heavy++
		}
		if list[0].Port == 2 {
			zero++
		}
	}
	if heavy < runs*70/100 || heavy > runs*77/100 || zero == 0 || zero > runs*4/100 {
		t.Errorf("of %d the weight 30 of 40 came first %d times and 0 %d times", runs, heavy, zero)
	}
}

func FuzzAnswer(f *testing.F) {
	m := dnsmessage.Message{Header: signed, Answers: []dnsmessage.Resource{srv("a.example.", 443, 1, 1)}}
	b, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := answer(b)
		if err == nil && (len(list) == 0 || len(list) > maxTargets) {
			t.Errorf("got %d targets without an error", len(list))
		}
		targets(list)
	})
}
