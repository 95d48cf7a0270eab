//go:build linux

package real

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/admin"
)

// gateway is a `packhorse run` with a configuration and a state directory of its own.
type gateway struct {
	*process
	ctx    context.Context
	dir    string // state and configuration
	config string
	port   string       // of its modem
	api    admin.Client // only to follow; what counts is what the command line says
}

// newGateway makes the directory; configure comes before boot.
func newGateway(t *testing.T, ctx context.Context, dir, name, port string) *gateway {
	t.Helper()
	g := &gateway{process: newProcess(t, name, dir), ctx: ctx, dir: filepath.Join(dir, name), port: port}
	g.config = filepath.Join(dir, name+".toml")
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	g.api = admin.Dial(filepath.Join(g.dir, "sock"))
	t.Cleanup(func() { g.api.Close() })
	return g
}

// configure writes the configuration: a radio on a serial port, what more says of it and
// the tables behind. It counts from the next start.
func (g *gateway) configure(more string) {
	g.t.Helper()
	text := fmt.Sprintf(`name = %q
state_dir = %q
socket = %q
trust_clock = true
[poweb]
listen = ""
[[radio]]
name = "lora0"
port = %q
%s`, g.name, g.dir, filepath.Join(g.dir, "sock"), g.port, more)
	if err := os.WriteFile(g.config, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// boot starts it and waits until it says that it is ready.
func (g *gateway) boot() {
	g.t.Helper()
	out, _ := g.start("run", "--json", "--config", g.config)
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), "packhorse.ready/1") {
		g.t.Fatalf("%s said %q instead of ready\n%s", g.name, lines.Text(), g.lastLines(10))
	}
}

// exit is what a command ended with.
type exit struct {
	code     int
	out, err string
	failure  *admin.Error // what it says in JSON, if that
}

// try runs a command against this gateway.
func (g *gateway) try(args ...string) exit {
	g.t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(g.ctx, binary, append([]string{"--json", "--config", g.config}, args...)...)
	c.Stdout, c.Stderr, c.Env = &out, &errs, environment()
	err := c.Run()
	var code *exec.ExitError
	if err != nil && (!errors.As(err, &code) || g.ctx.Err() != nil) {
		g.t.Fatalf("%s: packhorse %s: %v %v\n%s%s", g.name, strings.Join(args, " "), err, g.ctx.Err(), out.String(), errs.String())
	}
	e := exit{code: c.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
	if e.code != 0 {
		var reply admin.ErrorReply
		if json.Unmarshal(out.Bytes(), &reply) == nil {
			e.failure = reply.Error
		}
	}
	return e
}

// ask runs a command that must succeed and answers its JSON.
func ask[T any](g *gateway, args ...string) (v T) {
	g.t.Helper()
	e := g.try(args...)
	if e.code != 0 {
		g.t.Fatalf("%s: packhorse %s: exit %d\n%s%s", g.name, strings.Join(args, " "), e.code, e.out, e.err)
	}
	if err := json.Unmarshal([]byte(e.out), &v); err != nil {
		g.t.Fatalf("%s: packhorse %s: %v in %q", g.name, strings.Join(args, " "), err, e.out)
	}
	return v
}

func (g *gateway) status() admin.Status { g.t.Helper(); return ask[admin.Status](g, "status") }

// peer is what its status says of another gateway.
func (g *gateway) peer(name string) (p admin.PeerInfo) {
	g.t.Helper()
	for _, p := range g.status().Peers {
		if p.Name == name {
			return p
		}
	}
	return p
}

// look is how often a condition is tried besides whenever an event says that something
// has changed.
const look = time.Second

// until follows the gateway's events until a condition holds, also over its restarts.
func (g *gateway) until(what string, yes func() bool) {
	g.t.Helper()
	ctx, stop := context.WithCancel(g.ctx)
	defer stop()
	events, _ := g.api.Events(ctx)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !yes() {
		select {
		case <-ctx.Done():
			g.t.Fatalf("%s: no %s in time", g.name, what)
		case _, ok := <-events:
			if !ok {
				events = nil
			}
		case <-tick.C:
			if events == nil {
				events, _ = g.api.Events(ctx)
			}
		}
	}
}
