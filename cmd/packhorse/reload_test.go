package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/link"
)

const (
	aRadio    = "[[radio]]\nname = \"lora0\"\nport = \"/nonexistent/tty\"\n"
	anAddress = "[internet]\nlisten = \"127.0.0.1:0\"\n"
)

// configured writes and loads a configuration for a.
func configured(t *testing.T, a *app, text string) *config.Loaded {
	t.Helper()
	if err := os.WriteFile(a.config, []byte("[poweb]\nlisten = \"\"\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newApp(dir string) *app {
	return &app{getenv: func(string) string { return "" }, host: "box", config: filepath.Join(dir, "packhorse.toml"), state: dir,
		out: &bytes.Buffer{}, err: &bytes.Buffer{}}
}

func TestNoRadioIsMadeBeforeARegionIsSet(t *testing.T) {
	l := configured(t, newApp(t.TempDir()), aRadio+anAddress)
	for region, want := range map[string][]string{"": {"internet"}, "EU868": {"lora0", "internet"}} {
		info := node.Info{Region: region, Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Allowed: func(link.PeerID) bool { return false }}
		list, err := (&app{}).transports(l, slog.New(slog.DiscardHandler))(info)
		var got []string
		for _, tr := range list {
			got = append(got, tr.Name())
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("region %q: got %v (%v), want %v", region, got, err, want)
		}
	}
	if _, err := (&app{}).radioTransport(l, l.Radio[0], node.Info{}, nil); err == nil {
		t.Error("a radio was made without a region")
	}
}

func TestWhatTheLawForbidsEndsWith7(t *testing.T) {
	b := newBench(t, nil)
	file := filepath.Join(b.dir, "packhorse.toml")
	text := "region = \"EU868\"\nstate_dir = \"" + b.dir + "\"\n[poweb]\nlisten = \"\"\n" + aRadio + "power_dbm = 30\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"config", "check"}, {"run"}} {
		b.want(7, []string{"radio lora0: region EU868: 30 dBm", "fix: change the [[radio]] section"}, append(args, "--config", file)...)
		if b.out != "" {
			t.Errorf("%v: got %q on stdout, want nothing: it did not start", args, b.out)
		}
	}
}

// reloads is a running gateway whose configuration file changes.
type reloads struct {
	*reloader
	t    *testing.T
	said bytes.Buffer
}

func newReloads(t *testing.T, text string) *reloads {
	a := newApp(t.TempDir())
	first := configured(t, a, text)
	c := a.nodeConfig(first, nil, nil)
	c.Store.Reserve = -1
	n, err := node.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	r := &reloads{t: t}
	r.reloader = &reloader{app: a, node: n, log: newLog(&r.said, true), now: first}
	return r
}

// step writes the file anew, reloads it, and checks what the log says.
func (r *reloads) step(text string, wants ...string) {
	r.t.Helper()
	r.said.Reset()
	if err := os.WriteFile(r.config, []byte("[poweb]\nlisten = \"\"\n"+text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.reload()
	for _, want := range wants {
		if !strings.Contains(r.said.String(), want) {
			r.t.Errorf("%q: got log %q, want %q in it", text, r.said.String(), want)
		}
	}
}

func TestReloadAppliesAWholeFileOrNothing(t *testing.T) {
	r := newReloads(t, anAddress)
	r.step(anAddress, "<6>configuration read again")
	r.step("[interent]\n", "<3>configuration not reloaded", r.config+":3:2: unknown key", "fix=")
	r.step(aRadio+"[store]\nmax_bytes = 5\n", "<3>configuration not reloaded", "max_bytes")
	if len(r.now.Radio) != 0 || r.now.Store.MaxBytes != 1<<30 {
		t.Errorf("after mistakes: got %+v in force, want the first file", r.now.Config)
	}
	r.step(aRadio+"[store]\nmax_bytes = 5000000\n", "<4>this change takes effect at the next start key=store.max_bytes", "<6>configuration reloaded")
	if len(r.now.Radio) != 1 || r.now.Store.MaxBytes != 1<<30 {
		t.Errorf("got %+v in force, want the radio and the old store", r.now.Config)
	}
}

func TestReloadRefusesWhatTheLawForbids(t *testing.T) {
	r := newReloads(t, "")
	old := r.now
	if err := os.MkdirAll(filepath.Join(filepath.Dir(r.config), "conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(r.config), "conf.d", "10-region.toml"), []byte("region = \"EU868\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.step(aRadio+"power_dbm = 30\n", "<3>configuration not reloaded", "30 dBm")
	if r.now != old {
		t.Errorf("got %+v in force, want the old configuration", r.now.Config)
	}
}

// TestReloadIsAskedForByTheAPI: who asks hears what is wrong, and what waits for a new start.
func TestReloadIsAskedForByTheAPI(t *testing.T) {
	r := newReloads(t, "")
	r.asks, r.herald = make(chan reloadAsk), r.newHerald(r.node, r.log)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.listen(ctx, stop) }()
	ask := func(text string) (admin.Reloaded, error) {
		if err := os.WriteFile(r.config, []byte(text+"[poweb]\nlisten = \"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return r.ask(t.Context())
	}
	if v, err := ask("[page]\nlisten = \":80\"\n[ap]\non = true\n"); err != nil || !slices.Equal(v.Restart, []string{"page.listen"}) || !r.seen.Load().AP.On {
		t.Errorf("got %v, %v, access point on: %v", v, err, r.seen.Load().AP.On)
	}
	_, err := ask("[ap]\nno = true\n")
	if e := admin.AsError(err); e.Code != admin.CodeUsage || !strings.Contains(e.Message, "unknown key") || e.Fix == "" || !r.seen.Load().AP.On {
		t.Errorf("a mistake: got %+v", e)
	}
	if _, err := ask("region = \"EU868\"\n" + aRadio + "power_dbm = 30\n"); admin.AsError(err).Code != admin.CodeRegion {
		t.Errorf("against the law: got %v", err)
	}
	stop()
	<-done
	if _, err := r.ask(ctx); err == nil {
		t.Error("a gateway that ends reads files")
	}
}
