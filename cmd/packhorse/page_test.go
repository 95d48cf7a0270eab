package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/gateway/web"
)

func sourceOf(f *fake, l *config.Loaded) pageSource {
	return pageSource{f, func() *config.Loaded { return l }}
}

func TestPageFactsHoldNothingPrivate(t *testing.T) {
	f := full()
	l := &config.Loaded{}
	l.AP = config.AP{On: true, Passphrase: "swordfish"}
	v, err := sourceOf(f, l).Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v.Neighbours != 1 || v.Level != web.Warn || !v.Internet || v.Courier != "10.42.47.1:21473" || v.Clock != "gps" || v.WiFi.SSID != "ridge-1" || v.WiFi.Passphrase != "swordfish" {
		t.Errorf("got %+v", v)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://10.42.47.1/", nil)
	web.NewHandler(sourceOf(f, l)).ServeHTTP(w, r)
	for _, private := range []string{"ridge-2", "clinic", "hq", strings.Repeat("5f", 8), "a.example"} {
		if strings.Contains(w.Body.String(), private) {
			t.Errorf("strangers read %q", private)
		}
	}
}

func TestPublicVerdict(t *testing.T) {
	in := func(s admin.Status) admin.Status {
		s.Domain = "ridge"
		return s
	}
	peer := []admin.PeerInfo{{Path: "direct"}, {Path: "direct", Silent: true}, {Path: "via x"}}
	for _, v := range []struct {
		s     admin.Status
		level web.Level
		says  string
	}{
		{admin.Status{}, web.Unready, "in no domain"},
		{in(admin.Status{Radios: []admin.RadioInfo{{}}}), web.Unready, "No region"},
		{in(admin.Status{Peers: peer}), web.OK, "It hears 1 other gateway."},
		{in(admin.Status{}), web.OK, "hears no other gateway"},
		{in(admin.Status{Peers: peer, Problems: []admin.Problem{{Level: "warn", What: "secret"}}}), web.Warn, "should have a look"},
		{in(admin.Status{Peers: peer, Problems: []admin.Problem{{Level: "warn"}, {Level: "fail", What: "secret"}}}), web.Fail, "does not work"},
	} {
		f := factsOf(v.s)
		if f.Level != v.level || !strings.Contains(f.Verdict, v.says) || strings.Contains(f.Verdict, "secret") {
			t.Errorf("%+v: got %s %q, want %s %q", v.s, f.Level, f.Verdict, v.level, v.says)
		}
	}
}

func TestPageListens(t *testing.T) {
	given, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer given.Close()
	a := &app{sockets: func() (map[string][]net.Listener, error) { return map[string][]net.Listener{"page": {nil, given}}, nil }}
	l := &config.Loaded{}
	if got, err := a.listenPage(l); got != given || err != nil {
		t.Errorf("got %v, %v, want the socket that was handed over", got, err)
	}
	a.sockets = func() (map[string][]net.Listener, error) { return nil, nil }
	if got, err := a.listenPage(l); got != nil || err != nil {
		t.Errorf("got %v, %v, want no page", got, err)
	}
	l.Page.Listen = given.Addr().String()
	if got, err := a.listenPage(l); err == nil {
		got.Close()
		t.Error("two listen on one address")
	}
}

func TestRunShowsThePage(t *testing.T) {
	b := newBench(t, nil)
	main := filepath.Join(b.dir, "packhorse.toml")
	if err := os.WriteFile(main, []byte("name = \"ridge-9\"\nstate_dir = \""+b.dir+"/state\"\n[poweb]\nlisten = \"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.sockets = map[string][]net.Listener{"page": {l}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	status := ""
	out := &watcher{has: "ready ridge-9", then: func() {
		defer stop()
		res, err := http.Get("http://" + l.Addr().String() + "/")
		if err == nil {
			status = res.Status
			res.Body.Close()
		}
		http.DefaultClient.CloseIdleConnections()
	}}
	b.runTo(ctx, out, "run", "--config", main)
	if status != "200 OK" {
		t.Errorf("got %q from the page\n%s%s", status, b.out, b.err)
	}
}

// sayPage is the page's answer for its script.
func sayPage(t *testing.T, s *schemas) {
	w := httptest.NewRecorder()
	web.NewHandler(sourceOf(full(), &config.Loaded{})).ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/v1/page", nil))
	s.check("page", w.Body.String())
}
