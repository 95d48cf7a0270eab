package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// told is a Source with facts of a test.
type told struct {
	facts Facts
	err   error
	asked int
}

func (t *told) Facts(context.Context) (Facts, error) {
	t.asked++
	return t.facts, t.err
}

func ridge() *told {
	return &told{facts: Facts{Name: "ridge-1", Version: "v0.5", Level: Warn, Verdict: "1 warning.", UptimeS: 7300, Neighbours: 2, Waiting: 3, Region: "EU868", Radios: 1, Clock: "ntp",
		PoWeb: "127.0.0.1:13276", Courier: "10.42.47.1:21473", WiFi: &WiFi{SSID: `a<b>"&'`, Passphrase: "sword; fish"}}}
}

// ask is one request by a name of the box.
func ask(h http.Handler, method, url string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, nil)
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 42, 47, 1), Port: 80}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// stuck is a gateway that does not answer.
type stuck struct{}

func (stuck) Facts(ctx context.Context) (Facts, error) {
	<-ctx.Done()
	return Facts{}, ctx.Err()
}

func TestAGatewayThatHangsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, begun := NewHandler(stuck{}), time.Now()
		if w := ask(h, "GET", "http://10.42.47.1/"); w.Code != 503 || !strings.Contains(w.Body.String(), "does not answer") {
			t.Errorf("got %d", w.Code)
		}
		if took := time.Since(begun); took > 9*time.Second {
			t.Errorf("whoever looks waits %v: the server's time is over before", took)
		}
	})
}

func TestPageSaysWhatTheBoxIs(t *testing.T) {
	w := ask(NewHandler(ridge()), "GET", "http://10.42.47.1/")
	page := w.Body.String()
	for _, want := range []string{`<html lang="en">`, `<h1 id="name">ridge-1</h1>`, "Works, with a warning", "1 warning.", `<dd id="neighbours">2</dd>`, `<dd id="waiting">3</dd>`, "2 hours",
		"a&lt;b&gt;&#34;&amp;&#39;", "sword; fish", "<svg role=\"img\"", "10.42.47.1:21473", "127.0.0.1:13276", `http-equiv="refresh"`, Name} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if w.Code != 200 || strings.Contains(page, "a<b>") || strings.Contains(page, "style=") || regexp.MustCompile(`(src|href)="[^/]`).MatchString(page) {
		t.Errorf("status %d; something is not escaped, or not of this box:\n%s", w.Code, page)
	}
	d := xml.NewDecoder(strings.NewReader(strings.Replace(page, "<!DOCTYPE html>", "", 1)))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
	}
}

func TestPageWithoutNetworkOrGateway(t *testing.T) {
	s := ridge()
	s.facts.WiFi, s.facts.Courier, s.facts.PoWeb = nil, "", ""
	page := ask(NewHandler(s), "GET", "http://localhost/").Body.String()
	if strings.Contains(page, "<svg") || strings.Contains(page, "Passphrase") || strings.Contains(page, "PoWeb") {
		t.Errorf("it shows a network that is off:\n%s", page)
	}
	s.facts.WiFi = &WiFi{SSID: "open"}
	h := NewHandler(s)
	if page := ask(h, "GET", "http://localhost/").Body.String(); !strings.Contains(page, "anybody may join") {
		t.Error("an open network is not called open")
	}
	s.err = errors.New("gone")
	h = NewHandler(s)
	if w := ask(h, "GET", "http://localhost/"); w.Code != 503 || !strings.Contains(w.Body.String(), "does not answer") {
		t.Errorf("no gateway: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "http://localhost/v1/page"); w.Code != 503 {
		t.Errorf("no gateway: %d", w.Code)
	}
}

func TestReplyHoldsNothingPrivate(t *testing.T) {
	var v map[string]any
	w := ask(NewHandler(ridge()), "GET", "http://10.42.47.1/v1/page")
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"schema", "at", "clock", "name", "version", "level", "verdict", "uptime_s", "neighbours", "parcels_waiting", "region", "radios", "internet"} {
		if _, ok := v[key]; !ok {
			t.Errorf("%s is missing", key)
		}
		delete(v, key)
	}
	if len(v) > 0 || v["schema"] != nil {
		t.Errorf("got %v besides", v)
	}
}

func TestWhatIsAnsweredToWhom(t *testing.T) {
	h := NewHandler(ridge())
	for _, v := range []struct {
		method, url string
		status      int
		location    string
	}{
		{"GET", "http://10.42.47.1/", 200, ""},
		{"HEAD", "http://10.42.47.1/", 200, ""},
		{"GET", "http://[fe80::1]/", 200, ""},
		{"GET", "http://packhorse.internal/", 200, ""},
		{"GET", "http://PACKHORSE.local:80/", 200, ""},
		{"GET", "http://10.42.47.1/page.js", 200, ""},
		{"GET", "http://10.42.47.1/page.css", 200, ""},
		{"GET", "http://10.42.47.1/v1/page", 200, ""},
		{"GET", "http://10.42.47.1/v1/status", 404, ""},
		{"GET", "http://10.42.47.1/../../etc/passwd", 307, ""}, // to the path without dots
		{"POST", "http://10.42.47.1/", 405, ""},
		{"DELETE", "http://10.42.47.1/v1/page", 405, ""},
		{"CONNECT", "http://10.42.47.1/", 405, ""},
		{"GET", "http://connectivitycheck.gstatic.com/generate_204", 302, "http://10.42.47.1/"},
		{"GET", "http://captive.apple.com/hotspot-detect.html", 302, "http://10.42.47.1/"},
		{"GET", "http://www.msftconnecttest.com/connecttest.txt", 302, "http://10.42.47.1/"},
		{"GET", "http://www.msftncsi.com/ncsi.txt", 302, "http://10.42.47.1/"},
		{"GET", "http://detectportal.firefox.com/canonical.html", 302, "http://10.42.47.1/"},
		{"GET", "http://detectportal.firefox.com/success.txt?ipv4", 302, "http://10.42.47.1/"},
		{"GET", "http://10.42.47.1/generate_204", 302, "http://10.42.47.1/"},
		{"GET", "http://example.org/anything", 302, "http://10.42.47.1/"},
		{"GET", "http://evil.example/v1/page", 421, ""},
		{"GET", "http://10.42.47.1.evil.example/v1/page", 421, ""},
		{"GET", "http://10.42.47.1/nosuch", 404, ""},
	} {
		w := ask(h, v.method, v.url)
		if w.Code != v.status || v.location != "" && w.Header().Get("Location") != v.location {
			t.Errorf("%s %s: got %d %q, want %d %q", v.method, v.url, w.Code, w.Header().Get("Location"), v.status, v.location)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'self';") {
			t.Errorf("%s %s: without a policy", v.method, v.url)
		}
		if w.Code != 200 && strings.Contains(w.Body.String(), "ridge") {
			t.Errorf("%s %s: %d tells about the box", v.method, v.url, w.Code)
		}
	}
}

func TestHome(t *testing.T) {
	for in, want := range map[string]string{"10.42.47.1:80": "http://10.42.47.1/", "[::ffff:10.42.47.1]:80": "http://10.42.47.1/", "[fe80::1%wlan0]:80": "http://[fe80::1]/", "127.0.0.1:8080": "http://127.0.0.1:8080/"} {
		a, err := net.ResolveTCPAddr("tcp", in)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		if got := home(r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, a))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestStrangersDoNotLoadTheGateway(t *testing.T) {
	s, now := ridge(), time.Unix(1_800_000_000, 0)
	c := &cache{from: s, now: func() time.Time { return now }}
	for range 100 {
		c.get(t.Context())
	}
	now = now.Add(fresh)
	c.get(t.Context())
	now = now.Add(-time.Hour) // a clock that is set back must not keep old facts
	c.get(t.Context())
	if s.asked != 3 {
		t.Errorf("the gateway was asked %d times, want 3", s.asked)
	}
}

func TestEverythingIsSmall(t *testing.T) {
	h := NewHandler(ridge())
	var all bytes.Buffer
	z := gzip.NewWriter(&all)
	for _, path := range []string{"/", "/page.css", "/page.js", "/v1/page"} {
		z.Write(ask(h, "GET", "http://localhost"+path).Body.Bytes())
	}
	z.Close()
	if all.Len() > 100<<10 {
		t.Errorf("the page takes %d octets", all.Len())
	}
	t.Logf("%d octets, compressed", all.Len())
}

func TestWiFiURI(t *testing.T) {
	for _, v := range []struct {
		w    WiFi
		want string
	}{
		{WiFi{"ridge-1", "12345678"}, "WIFI:T:WPA;S:ridge-1;P:12345678;;"},
		{WiFi{"open", ""}, "WIFI:T:nopass;S:open;;"},
		{WiFi{`a;b,c:d"e\f`, `;,:"\`}, `WIFI:T:WPA;S:a\;b\,c\:d\"e\\f;P:\;\,\:\"\\;;`},
		{WiFi{"Füße", "x y"}, "WIFI:T:WPA;S:Füße;P:x y;;"},
	} {
		if got := v.w.URI(); got != v.want {
			t.Errorf("got %s, want %s", got, v.want)
		}
	}
}

func TestServeEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, ridge()) }()
	res, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if stop(); res.StatusCode != 200 {
		t.Errorf("got %s", res.Status)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
