//go:build linux

package real

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"packhorse/gateway/admin"
)

// gateway is one `packhorse run` with a configuration of the test's own.
type gateway struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string
	client admin.Client
	log    logBuffer
	ended  chan error
}

// logBuffer is read while the process writes to it.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// run starts a gateway with this configuration besides directory and socket.
func run(t *testing.T, config string) *gateway {
	t.Helper()
	g := &gateway{t: t, dir: shortDir(t), ended: make(chan error, 1)}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(g.dir, "packhorse.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	g.cmd = exec.Command(binary(t), "run", "--config", file, "--state", g.dir, "--socket", filepath.Join(g.dir, "s"))
	g.cmd.Stdout, g.cmd.Stderr = &g.log, &g.log
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { g.ended <- g.cmd.Wait() }()
	g.client = admin.Dial(filepath.Join(g.dir, "s"))
	t.Cleanup(func() { g.cmd.Process.Kill(); g.client.Close() })
	return g
}

// stop asks it to end and wants exit code 0.
func (g *gateway) stop() {
	g.t.Helper()
	g.cmd.Process.Signal(syscall.SIGTERM)
	if err := <-g.ended; err != nil {
		g.t.Errorf("SIGTERM: got %v, want exit code 0\n%s", err, g.log.String())
	}
}

// status waits for one that is as wanted.
func (g *gateway) status(ctx context.Context, what string, ok func(admin.Status) bool) admin.Status {
	g.t.Helper()
	var s admin.Status
	await(g.t, ctx, what, func() bool {
		var err error
		s, err = g.client.Status(ctx)
		return err == nil && ok(s)
	})
	return s
}

func TestAGatewayWithoutRegionSaysSoAndEndsCleanly(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), realTime)
	defer cancel()
	g := run(t, "[poweb]\nlisten = \"127.0.0.1:0\"\n")
	s := g.status(ctx, "an answer", func(admin.Status) bool { return true })
	if s.Region != "" || s.PoWeb == "" || len(s.Problems) == 0 || s.Problems[0].Fix == "" {
		t.Errorf("got %+v, want no region, PoWeb and a problem with its fix", s)
	}
	if fi, err := os.Stat(filepath.Join(g.dir, "s")); err != nil || fi.Mode().Perm()&0o007 != 0 {
		t.Errorf("the socket is open to all: %v (%v)", fi.Mode(), err)
	}
	for _, want := range []string{"ready ", "no radio"} {
		await(t, ctx, "the word "+want, func() bool { return strings.Contains(g.log.String(), want) })
	}
	g.stop()
}

func TestAMissingSerialPortIsShownAndTheGatewayStaysUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), realTime)
	defer cancel()
	g := run(t, "region = \"NZ915\"\n[poweb]\nlisten = \"\"\n[[radio]]\nname = \"lora0\"\nport = \"/dev/does-not-exist\"\n")
	s := g.status(ctx, "the radio's problem", func(s admin.Status) bool {
		return len(s.Radios) == 1 && !s.Radios[0].OK && strings.Contains(problems(s), "/dev/does-not-exist")
	})
	if s.Radios[0].Name != "lora0" {
		t.Errorf("got radio %q, want lora0", s.Radios[0].Name)
	}
	g.stop()
}

func problems(s admin.Status) string {
	var all []string
	for _, p := range s.Problems {
		all = append(all, p.What+" "+p.Fix)
	}
	return strings.Join(all, "\n")
}

func TestTwoGatewaysOnOneStateAreRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), realTime)
	defer cancel()
	g := run(t, "[poweb]\nlisten = \"\"\n")
	g.status(ctx, "an answer", func(admin.Status) bool { return true })
	for _, tc := range []struct{ socket, want string }{
		{filepath.Join(g.dir, "s"), "already running"},
		{filepath.Join(g.dir, "other"), "--state"},
	} {
		out, err := exec.CommandContext(ctx, binary(t), "run", "--config", filepath.Join(g.dir, "packhorse.toml"), "--state", g.dir, "--socket", tc.socket).CombinedOutput()
		if err == nil || !strings.Contains(string(out), tc.want) || !strings.Contains(string(out), "fix: ") {
			t.Errorf("second gateway on %s: got %v, %q, want a refusal with %q", tc.socket, err, out, tc.want)
		}
	}
	g.stop()
}

func TestABadConfigurationStartsNothing(t *testing.T) {
	g := run(t, "regoin = \"EU868\"\n")
	if err := <-g.ended; err == nil || !strings.Contains(g.log.String(), `packhorse.toml:1:1: unknown key "regoin"`) {
		t.Errorf("got %v and\n%s", err, g.log.String())
	}
	if _, err := os.Stat(filepath.Join(g.dir, "store")); err == nil {
		t.Error("a store was made for a configuration that is wrong")
	}
}
