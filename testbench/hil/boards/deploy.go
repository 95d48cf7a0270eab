package boards

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"packhorse/board/card"
	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
)

// Deploy brings a file to the node, unless what it holds runs there already: packages and binaries to a Debian, updates to
// the appliance, which verifies their signature itself.
func (n *shellNode) Deploy(ctx context.Context, a hil.Artifact) error {
	var err error
	switch {
	case n.about.System == benchfile.Deb && a.Kind == hil.Package:
		err = n.install(ctx, a)
	case n.about.System == benchfile.Deb && a.Kind == hil.Binary:
		err = n.replace(ctx, a)
	case n.about.System == benchfile.Appliance && a.Kind == hil.Update:
		err = n.update(ctx, a)
	default:
		return &hil.Unable{What: fmt.Sprintf("deploy a %s to %s", a.Kind, n.Name()), Why: "its system is " + n.about.System}
	}
	if err != nil {
		return n.error("deploy "+a.Path, err)
	}
	return nil
}

// runs is the hash of the packhorse that the node's shell finds, and where it lies.
func (n *shellNode) runs(ctx context.Context) (sum, where string, err error) {
	s, err := n.shell.Run(ctx, `sha256sum -- "$(command -v packhorse)"`, nil)
	if err != nil {
		return "", "", err
	}
	w := strings.Fields(string(s.Out))
	if s.Exit != 0 || len(w) != 2 {
		return "", "", fmt.Errorf("no packhorse is installed: %s", s.Err)
	}
	return w[0], w[1], nil
}

// install installs a package whose binary is not the one that is there.
func (n *shellNode) install(ctx context.Context, a hil.Artifact) error {
	want, err := packagedBinary(a.Path)
	if err != nil {
		return err
	}
	if sum, _, err := n.runs(ctx); err == nil && sum == want {
		return nil
	}
	return n.upload(ctx, a, func(file string) error {
		if err := n.do(ctx, n.sudo("dpkg", "--install", "--force-confold", file)); err != nil {
			return err
		}
		return n.confirm(ctx, want)
	})
}

// replace puts a binary where the installed one is, and starts the gateway again.
func (n *shellNode) replace(ctx context.Context, a hil.Artifact) error {
	sum, where, err := n.runs(ctx)
	if err != nil {
		return fmt.Errorf("%w: install the package first", err)
	}
	if sum == a.SHA256 {
		return nil
	}
	return n.upload(ctx, a, func(file string) error {
		if err := n.do(ctx, n.sudo("install", "-m", "755", file, where)); err != nil {
			return err
		}
		if err := n.do(ctx, n.sudo("systemctl", "restart", "packhorse")); err != nil {
			return err
		}
		return n.confirm(ctx, a.SHA256)
	})
}

// confirm looks whether the node now has what was wanted.
func (n *shellNode) confirm(ctx context.Context, want string) error {
	if sum, where, err := n.runs(ctx); err != nil || sum != want {
		return fmt.Errorf("%s has the hash %s now, not %s (%v)", where, sum, want, err)
	}
	return nil
}

// upload copies a file to the node, checks what arrived, gives it to use, and removes it.
func (n *shellNode) upload(ctx context.Context, a hil.Artifact, use func(file string) error) error {
	f, err := os.Open(a.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := n.shell.Run(ctx, `f=$(mktemp --suffix=`+hil.Quote([]string{path.Ext(a.Path)})+`) && cat > "$f" && sha256sum -- "$f"`, f)
	if err != nil {
		return err
	}
	w := strings.Fields(string(s.Out))
	if s.Exit != 0 || len(w) != 2 {
		return fmt.Errorf("it could not be copied: %s", s.Err)
	}
	defer func() { _, _ = n.shell.Run(context.WithoutCancel(ctx), hil.Quote([]string{"rm", "-f", w[1]}), nil) }()
	if w[0] != a.SHA256 {
		return fmt.Errorf("it arrived with the hash %s, not %s", w[0], a.SHA256)
	}
	return use(w[1])
}

// do is a command that must succeed.
func (n *shellNode) do(ctx context.Context, command string) error {
	s, err := n.shell.Run(ctx, command, nil)
	if err == nil && s.Exit != 0 {
		err = fmt.Errorf("%s: exit %d: %s%s", command, s.Exit, s.Out, s.Err)
	}
	return err
}

// update gives the appliance an update file, and waits until it runs for good: it restarts into it on trial.
func (n *shellNode) update(ctx context.Context, a hil.Artifact) error {
	want, err := buildOf(a.Path)
	if err != nil {
		return err
	}
	before, err := n.system(ctx)
	if err != nil || before.Running.Build == want && !before.Trial {
		return err
	}
	f, err := os.Open(a.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := n.shell.Run(ctx, hil.Quote([]string{"update", "-", "--json"}), f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// Without an exit code the connection was lost: it restarts already.
	if err == nil && s.Exit != 0 {
		return fmt.Errorf("update: exit %d: %s%s", s.Exit, s.Out, s.Err)
	}
	return n.settled(ctx, want, before.Result)
}

// settled waits for the end of the trial.
func (n *shellNode) settled(ctx context.Context, want, before string) error {
	t := time.NewTicker(askAgain)
	defer t.Stop()
	for {
		switch now, err := n.system(ctx); {
		case err != nil: // it restarts
		case now.Running.Build == want && !now.Trial:
			return nil
		case !now.Trial && now.Result != before:
			return fmt.Errorf("the build %s runs, not %s: the update did not stay: %s", now.Running.Build, want, now.Result)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the build %s did not come to run for good: %w", want, ctx.Err())
		case <-t.C:
		}
	}
}

// system is the part of packhorse.update_status/1 that counts.
type system struct {
	Trial   bool         `json:"trial"`
	Running card.Release `json:"running"`
	Result  string       `json:"result"`
}

// system asks the appliance what runs.
func (n *shellNode) system(ctx context.Context) (v system, err error) {
	s, err := n.shell.Run(ctx, "update --status --json", nil)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(s.Out, &v); err != nil || v.Running.Build == "" {
		return v, fmt.Errorf("update --status: exit %d: %s%s", s.Exit, s.Out, s.Err)
	}
	return v, nil
}

// maxManifest is that of the format.
const maxManifest = 64 << 10

// buildOf reads what an update file says it is; its signature is the appliance's matter.
func buildOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	t := tar.NewReader(f)
	h, err := t.Next()
	if err != nil || h.Name != "manifest.json" || h.Size > maxManifest {
		return "", errors.New("this is no update file: it does not begin with manifest.json")
	}
	b, err := io.ReadAll(io.LimitReader(t, maxManifest))
	if err != nil {
		return "", err
	}
	var r card.Release
	if err := json.Unmarshal(b, &r); err != nil || r.Build == "" {
		return "", fmt.Errorf("this is no update file: %v", err)
	}
	return r.Build, nil
}
