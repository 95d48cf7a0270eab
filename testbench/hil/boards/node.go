package boards

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/shell"
)

// offLimit is how long switching all nodes off may take.
const offLimit = 2 * time.Minute

// node is a board with a console, a power switch, or both.
type node struct {
	about   benchfile.Node
	power   hil.Power // nil: none
	console *hil.Console
	shell   *shell.Shell // nil: none
}

var _ hil.Node = (*node)(nil)

// Name is that of the bench file.
func (n *node) Name() string { return n.about.Name }

// Power is nil where the file names no switch.
func (n *node) Power() hil.Power {
	if n.power == nil {
		return nil
	}
	return wired{n}
}

// wired is a node's switch: when the power goes, so does its connection.
type wired struct{ *node }

func (w wired) On(ctx context.Context) error { return w.power.On(ctx) }

func (w wired) Off(ctx context.Context) error {
	err := w.power.Off(ctx)
	if w.shell != nil {
		w.shell.Drop()
	}
	if w.console != nil && err == nil {
		w.console.Note("power off")
		w.console.Forget()
	}
	return err
}

// Console is nil for nodes without one, and for those whose console is a login prompt: there is nobody who takes commands.
func (n *node) Console() *hil.Console {
	if n.about.System != benchfile.Appliance {
		return nil
	}
	return n.console
}

// Run types a command at the appliance's prompt.
func (n *node) Run(ctx context.Context, args ...string) (hil.Result, error) {
	return n.console.Run(ctx, hil.Quote(args))
}

// Deploy needs SSH.
func (n *node) Deploy(_ context.Context, a hil.Artifact) error {
	return &hil.Unable{What: "deploy a " + a.Kind + " to " + n.Name(), Why: "the bench file gives it no SSH"}
}

// Collect asks for the gateway's log; the console's own is there already.
func (n *node) Collect(ctx context.Context, dir string) error {
	r, err := n.Run(ctx, "log")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "log.txt"), []byte(r.Output), 0o644)
}

// Identity is what the bench file says, and what the board itself does.
func (n *node) Identity() hil.Identity {
	facts := map[string]string{"system": n.about.System, "power": n.about.Power.Kind}
	if n.about.Board != "" {
		facts["board"] = n.about.Board
	}
	for _, r := range n.about.Radio {
		facts["radio "+r.Name] = strings.TrimSpace(r.Kind + " " + r.Board + r.Port)
	}
	return hil.Identity{Kind: Kind, Name: n.Name(), Facts: facts}
}

// shellNode is a board with SSH.
type shellNode struct{ *node }

var (
	_ hil.Node    = (*shellNode)(nil)
	_ hil.Feeder  = (*shellNode)(nil)
	_ hil.Starter = (*shellNode)(nil)
	_ hil.Readier = (*shellNode)(nil)
)

// command is what the remote side takes: the appliance packhorse's own words, a Debian a shell's.
func (n *shellNode) command(args []string) string {
	if n.about.System == benchfile.Appliance {
		return hil.Quote(args)
	}
	return n.sudo(append([]string{"packhorse"}, args...)...)
}

// sudo is a command as root: the gateway's socket and its store are not everybody's.
func (n *shellNode) sudo(args ...string) string {
	if n.about.SSH.User == "root" {
		return hil.Quote(args)
	}
	return "sudo -n " + hil.Quote(args)
}

// Run gives a command over SSH. Output is stdout, and behind it stderr.
func (n *shellNode) Run(ctx context.Context, args ...string) (hil.Result, error) {
	return n.RunWith(ctx, nil, args...)
}

// RunWith is Run with stdin.
func (n *shellNode) RunWith(ctx context.Context, stdin []byte, args ...string) (hil.Result, error) {
	s, err := n.shell.Run(ctx, n.command(args), strings.NewReader(string(stdin)))
	if err != nil {
		return hil.Result{}, n.error("packhorse "+strings.Join(args, " "), err)
	}
	return hil.Result{Output: string(s.Out) + string(s.Err), Exit: s.Exit}, nil
}

// Start begins a command over SSH.
func (n *shellNode) Start(ctx context.Context, args ...string) (hil.Running, error) {
	what := "packhorse " + strings.Join(args, " ")
	s, err := n.shell.Start(ctx, n.Name(), what, n.command(args))
	if err != nil {
		return nil, n.error(what, err)
	}
	return s, nil
}

// askAgain is how long a board that starts is left alone between two calls.
const askAgain = 500 * time.Millisecond

// Ready waits for the banner on the appliance's console, where there is one, and until the gateway answers over SSH.
func (n *shellNode) Ready(ctx context.Context) (hil.Banner, error) {
	var b hil.Banner
	if c := n.Console(); c != nil {
		var err error
		if b, err = c.Ready(ctx); err != nil {
			return b, err
		}
	}
	t := time.NewTicker(askAgain)
	defer t.Stop()
	last := errors.New("it was not called yet")
	for {
		v, err := n.version(ctx)
		if err == nil {
			if b.Name == "" {
				b = v
			}
			return b, nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return b, n.error("wait for its gateway", fmt.Errorf("%w: %w", ctx.Err(), last))
		case <-t.C:
		}
	}
}

// error says where a person looks.
func (n *node) error(doing string, err error) error {
	look := ""
	if n.about.SSH != nil {
		look = "ssh " + n.about.SSH.User + "@" + n.about.SSH.Address
	}
	return &hil.Error{Node: n.Name(), Doing: doing, Look: look, Err: err}
}
