package boards

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
)

// identityLimit is how long a node is asked what it is; one that does not answer is known by the bench file alone.
const identityLimit = 20 * time.Second

// version asks a gateway for its name and version, and a Debian for the uptime of its kernel.
func (n *shellNode) version(ctx context.Context) (hil.Banner, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	s, err := status(ctx, n)
	b := hil.Banner{Name: s.Name, Version: s.Version}
	if err == nil && n.about.System == benchfile.Deb {
		b.Uptime, err = n.uptime(ctx)
	}
	return b, err
}

// uptime is what the kernel says of itself (proc_uptime(5)).
func (n *shellNode) uptime(ctx context.Context) (time.Duration, error) {
	s, err := n.shell.Run(ctx, "cat /proc/uptime", nil)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(s.Out), " ")
	d, err := time.ParseDuration(first + "s")
	if err != nil {
		return 0, fmt.Errorf("cat /proc/uptime: exit %d: %q", s.Exit, s.Out)
	}
	return d, nil
}

// status asks any node.
func status(ctx context.Context, n hil.Node) (s admin.Status, err error) {
	r, err := n.Run(ctx, "status", "--json")
	if err != nil {
		return s, err
	}
	for line := range bytes.Lines([]byte(r.Output)) {
		if json.Unmarshal(line, &s) == nil && s.Schema == admin.SchemaStatus {
			return s, nil
		}
	}
	return s, &hil.Error{Node: n.Name(), Doing: "packhorse status", Err: fmt.Errorf("exit %d: %q", r.Exit, r.Output[:min(len(r.Output), 300)])}
}

// Identity adds the kernel and the hash of what runs.
func (n *shellNode) Identity() hil.Identity {
	id := n.node.Identity()
	ctx, cancel := context.WithTimeout(context.Background(), identityLimit)
	defer cancel()
	if n.about.System != benchfile.Deb {
		if s, err := n.system(ctx); err == nil {
			id.Facts["build"] = s.Running.Build
		}
		return id
	}
	for name, command := range map[string]string{"kernel": "uname -srm", "model": "cat /proc/device-tree/model"} {
		if s, err := n.shell.Run(ctx, command, nil); err == nil && s.Exit == 0 {
			id.Facts[name] = string(bytes.Trim(s.Out, "\x00\n "))
		}
	}
	if sum, _, err := n.runs(ctx); err == nil {
		id.Facts["binary_sha256"] = sum
	}
	return id
}

// Collect asks for logs: of the gateway, and of the kernel where there is a shell.
func (n *shellNode) Collect(ctx context.Context, dir string) error {
	if n.about.System == benchfile.Appliance {
		return n.save(ctx, dir, "log.txt", "log")
	}
	return errors.Join(
		n.save(ctx, dir, "log.txt", n.sudo("journalctl", "--no-pager", "-u", "packhorse", "-n", "5000")),
		n.save(ctx, dir, "kernel.txt", n.sudo("dmesg")))
}

// save writes what a command says, also when it failed.
func (n *shellNode) save(ctx context.Context, dir, file, command string) error {
	s, err := n.shell.Run(ctx, command, nil)
	if err != nil {
		return n.error(command, err)
	}
	return os.WriteFile(filepath.Join(dir, file), append(s.Out, s.Err...), 0o644)
}
