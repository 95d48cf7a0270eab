//go:build linux

package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/discovery"
)

var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// papers are a certificate for a host and its key, in files, good for so long.
func papers(t *testing.T, host string, from, until time.Time) (cert, key string, pair tls.Certificate) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	x := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, x, x, k.Public(), k)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	pair, err = tls.LoadX509KeyPair(cert, key)
	must(t, err)
	return cert, key, pair
}

// online gives a ward an Internet in which every name leads to hosts of which those that are up have a certificate.
func (w *ward) online(pair tls.Certificate, fails error, up ...string) {
	w.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	w.Calls = Calls{Now: today,
		Lookup: func(_ context.Context, _ discovery.Service, name string) ([]discovery.Target, error) {
			w.looked = append(w.looked, name)
			return []discovery.Target{{Address: "one:443", Name: "gw.example", Roots: roots}, {Address: "two:443", Name: "gw.example", Roots: roots}}, fails
		},
		Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			if !slices.Contains(up, address) {
				return nil, errors.New("connection refused")
			}
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				_ = tls.Server(there, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake()
			}()
			return here, nil
		}}
}

const uplinked = "[uplink]\ngateways = [\"a.example\"]\n"

func TestTheWayToTheInternet(t *testing.T) {
	_, _, good := papers(t, "gw.example", today.Add(-time.Hour), today.Add(time.Hour))
	_, _, other := papers(t, "other.example", today.Add(-time.Hour), today.Add(time.Hour))
	_, _, over := papers(t, "gw.example", today.Add(-time.Hour), today.Add(-time.Minute))
	because := func(k discovery.Kind) error { return &discovery.Error{Kind: k, Name: "a.example"} }
	for name, tc := range map[string]struct {
		pair  tls.Certificate
		fails error
		up    string
		want  []string
	}{
		"well":              {good, nil, "one:443", []string{"ok resolver: https://cloudflare-dns.com/dns-query answers, signed (DNSSEC)\n", "ok uplink a.example: one:443 answers with a certificate for gw.example\n"}},
		"the second host":   {good, nil, "two:443", []string{"ok uplink a.example: two:443 answers"}},
		"no host":           {good, nil, "", []string{"warn uplink a.example: cannot be reached: connection refused | check the Internet connection"}},
		"another's":         {other, nil, "two:443", []string{"fail uplink a.example: x509: certificate is valid for other.example, not gw.example | check the clock"}},
		"an old one":        {over, nil, "two:443", []string{"fail uplink a.example: x509: certificate has expired"}},
		"no resolver":       {good, because(discovery.Unreachable), "", []string{"warn resolver: https://cloudflare-dns.com/dns-query: \"a.example\" cannot be looked up", "| check the Internet connection, or name another", "warn uplink a.example: cannot be looked up: the resolver is out of reach | mend"}},
		"no DNSSEC":         {good, because(discovery.NotSigned), "", []string{"fail resolver: https://cloudflare-dns.com/dns-query answers for a.example without DNSSEC (AD) | ask its operator", "warn uplink a.example: "}},
		"no such name":      {good, because(discovery.NoSuchAddress), "", []string{"ok resolver: https://cloudflare-dns.com/dns-query answers\n", "fail uplink a.example: \"a.example\" does not exist, or does not offer this service | check the spelling"}},
		"no answer in time": {good, context.DeadlineExceeded, "", []string{"warn resolver: ", "warn uplink a.example: context deadline exceeded | check the Internet"}},
	} {
		for _, running := range []*admin.Status{nil, {Name: "ridge-1"}} {
			w := newWard(t, uplinked)
			w.Gateway = running
			w.online(tc.pair, tc.fails, tc.up)
			got := w.said()
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s: %q is not in\n%s", name, want, got)
				}
			}
		}
	}
}

func TestDNSIsAskedOnlyWhereItIsNeeded(t *testing.T) {
	_, _, pair := papers(t, "gw.example", today.Add(-time.Hour), today.Add(time.Hour))
	fixed := "[[uplink.fixed]]\nname = \"a.example\"\npoweb = \"127.0.0.1:1\"\nplain = true\n"
	for text, want := range map[string]string{
		"name = \"x\"\n":                   "",
		uplinked + fixed:                   "a.example", // by the uplink: the resolver takes a fixed address from the configuration
		"[courier]\nlisten = \":21473\"\n": known,
		"[courier]\nlisten = \":21473\"\ninternet = false\n":  "",
		uplinked + "[courier]\nlisten = \":21473\"\n":         "a.example a.example",
		"[courier]\nlisten = \":21473\"\n" + uplinked + fixed: known + " a.example",
	} {
		w := newWard(t, text)
		w.online(pair, nil, "one:443")
		got := w.said()
		if looked := strings.Join(w.looked, " "); looked != want || strings.Contains(got, "ok resolver") != (want != "" && want != "a.example") {
			t.Errorf("%q: looked up %q, want %q\n%s", text, looked, want, got)
		}
	}
}

func TestTheCourierAndTheInternetGatewayListen(t *testing.T) {
	cert, key, pair := papers(t, "gw.example", today.Add(-time.Hour), today.AddDate(0, 1, 0))
	text := "[courier]\nlisten = \":21473\"\ninternet = false\n[internet_gateway]\naddress = \"gw.example\"\npoweb = \":443\"\npohttp = \":443\"\ncogrpc = \":8443\"\ntls_cert = \"" + cert + "\"\ntls_key = \"" + key + "\"\n"
	w := newWard(t, text)
	w.online(pair, nil)
	w.want("ok courier: :21473 is free", "ok internet_gateway poweb: :443 is free", "ok internet_gateway cogrpc: :8443 is free", "ok internet_gateway TLS: "+cert+" is good until 2026-12-21")
	if strings.Contains(w.said(), "pohttp") {
		t.Error("one port is listed twice")
	}
	w.Listen = func(_, address string) error { return errors.New("in use") }
	w.want("fail courier: :21473 cannot be listened on: in use | stop the program that has it (sudo ss -lnp), or change courier.listen", "fail internet_gateway poweb: ")
	w.Gateway = &admin.Status{Name: "ridge-1"}
	w.want("warn courier: the gateway does not listen on :21473 | restart the gateway")
	w.Gateway.Courier = &admin.CourierRole{Listen: ":21473"}
	w.want("ok courier: the gateway has :21473", "ok internet_gateway poweb: the gateway has :443")
	for now, want := range map[time.Time]string{
		today.AddDate(0, 0, 26): "warn internet_gateway TLS: " + cert + " ends on 2026-12-21 | renew " + cert,
		today.AddDate(1, 0, 0):  "fail internet_gateway TLS: " + cert + " ended on 2026-12-21 | renew " + cert,
		today.AddDate(-1, 0, 0): "fail internet_gateway TLS: " + cert + " begins only on 2026-11-21 | check the clock",
	} {
		w.Now = now
		w.want(want)
	}
	must(t, os.Remove(key))
	w.want("fail internet_gateway TLS: open " + key + ": no such file or directory | check tls_cert and tls_key")
}

// want looks for lines.
func (w *ward) want(lines ...string) {
	w.t.Helper()
	got := w.said()
	for _, want := range lines {
		if !strings.Contains(got, want) {
			w.t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
