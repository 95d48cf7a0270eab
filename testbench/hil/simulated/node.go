//go:build linux

package simulated

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"packhorse/testbench/hil"
)

// node is one gateway and its directory.
type node struct {
	name, dir, port string
	proc            *process // nil: off
}

var (
	_ hil.Node    = (*node)(nil)
	_ hil.Power   = (*node)(nil)
	_ hil.Feeder  = (*node)(nil)
	_ hil.Starter = (*node)(nil)
	_ hil.Readier = (*node)(nil)
)

func newNode(name, dir, port string) *node { return &node{name: name, dir: dir, port: port} }

func (n *node) binary() string { return filepath.Join(n.dir, "packhorse") }
func (n *node) config() string { return filepath.Join(n.dir, "packhorse.toml") }
func (n *node) log() string    { return filepath.Join(n.dir, "log.txt") }

func (n *node) configure(radio string) error {
	if err := os.MkdirAll(filepath.Join(n.dir, "state"), 0o700); err != nil {
		return err
	}
	text := fmt.Sprintf("name = %q\nstate_dir = %q\nsocket = %q\ntrust_clock = true\n[poweb]\nlisten = \"\"\n[[radio]]\nname = \"lora0\"\nport = %q\n%s",
		n.name, filepath.Join(n.dir, "state"), filepath.Join(n.dir, "sock"), n.port, radio)
	return os.WriteFile(n.config(), []byte(text), 0o600)
}

// Name is the gateway's.
func (n *node) Name() string { return n.name }

// Power is the process: it runs or does not.
func (n *node) Power() hil.Power { return n }

// Console is nil: a process has none.
func (n *node) Console() *hil.Console { return nil }

// On starts the process.
func (n *node) On(context.Context) error {
	if n.proc != nil && !n.proc.over() {
		return nil
	}
	p, err := start(n.binary(), n.log(), "run", "--json", "--config", n.config())
	if err != nil {
		return n.error("start", err)
	}
	n.proc = p
	return nil
}

// Off kills it.
func (n *node) Off(context.Context) error {
	if n.proc != nil {
		n.proc.kill()
		n.proc = nil
	}
	return nil
}

// stop asks it to end, as a person would.
func (n *node) stop() error {
	if n.proc == nil {
		return nil
	}
	defer func() { n.proc = nil }()
	if err := n.proc.terminate(); err != nil {
		return n.error("stop", err)
	}
	return nil
}

// Ready waits until the gateway says that it is, and asks for its version.
func (n *node) Ready(ctx context.Context) (hil.Banner, error) {
	if n.proc == nil {
		return hil.Banner{}, n.error("wait for its gateway", errors.New("it is off"))
	}
	began := n.proc.began
	if err := n.proc.ready(ctx); err != nil {
		return hil.Banner{}, n.error("wait for its gateway", err)
	}
	took := time.Since(began)
	r, err := n.Run(ctx, "version")
	version := ""
	if w := strings.Fields(r.Output); err == nil && len(w) > 1 {
		version = w[1]
	}
	return hil.Banner{Name: n.name, Version: version, Uptime: took}, err
}

// Run runs a command against the gateway. Output is stdout, and behind it stderr.
func (n *node) Run(ctx context.Context, args ...string) (hil.Result, error) {
	return n.RunWith(ctx, nil, args...)
}

// RunWith is Run with stdin.
func (n *node) RunWith(ctx context.Context, stdin []byte, args ...string) (hil.Result, error) {
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, n.binary(), append([]string{"--config", n.config()}, args...)...)
	c.Stdin, c.Stdout, c.Stderr, c.Env, c.Dir = bytes.NewReader(stdin), &out, &errs, environment(), n.dir
	c.WaitDelay = time.Second
	err := c.Run()
	var code *exec.ExitError
	if err != nil && (!errors.As(err, &code) || ctx.Err() != nil) {
		return hil.Result{}, n.error("packhorse "+strings.Join(args, " "), errors.Join(err, ctx.Err()))
	}
	return hil.Result{Output: out.String() + errs.String(), Exit: c.ProcessState.ExitCode()}, nil
}

// Start begins a command.
func (n *node) Start(ctx context.Context, args ...string) (hil.Running, error) {
	p, err := start(n.binary(), n.log(), append([]string{"--config", n.config()}, args...)...)
	if err != nil {
		return nil, n.error("packhorse "+strings.Join(args, " "), err)
	}
	return &running{process: p, node: n.name, what: "packhorse " + strings.Join(args, " ")}, nil
}

// Deploy puts a binary or a configuration in its place, for the next start.
func (n *node) Deploy(_ context.Context, a hil.Artifact) error {
	to, mode := n.binary(), os.FileMode(0o700)
	switch a.Kind {
	case hil.Binary:
	case hil.Config:
		to, mode = n.config(), 0o600
	default:
		return &hil.Unable{What: "deploy a " + a.Kind, Why: "a simulated node is a process: it takes a binary or a configuration"}
	}
	if sum, err := sumOf(to); err == nil && sum == a.SHA256 {
		return nil
	}
	b, err := os.ReadFile(a.Path)
	if err != nil {
		return n.error("deploy "+a.Kind, err)
	}
	// A program that runs cannot be written to, but replaced.
	if err := errors.Join(os.WriteFile(to+".new", b, mode), os.Rename(to+".new", to)); err != nil {
		return n.error("deploy "+a.Kind, err)
	}
	if sum, err := sumOf(to); err != nil || sum != a.SHA256 {
		return n.error("deploy "+a.Kind, fmt.Errorf("its hash is %s, not %s (%v)", sum, a.SHA256, err))
	}
	return nil
}

// Collect copies log and configuration.
func (n *node) Collect(_ context.Context, dir string) error {
	var errs []error
	for _, path := range []string{n.log(), n.config()} {
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // never started
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(path)), b, 0o600)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Identity says what runs.
func (n *node) Identity() hil.Identity {
	sum, err := sumOf(n.binary())
	if err != nil {
		sum = err.Error()
	}
	return hil.Identity{Kind: Kind, Name: n.name, Facts: map[string]string{"binary_sha256": sum}}
}

func (n *node) error(doing string, err error) error {
	return &hil.Error{Node: n.name, Doing: doing, Look: n.log(), Err: err}
}

// environment is ours without what would steer a packhorse elsewhere.
func environment() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PACKHORSE_") {
			env = append(env, e)
		}
	}
	return env
}
