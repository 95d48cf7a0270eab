package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/gokrazy/firmware"   // its files, not its code
	_ "github.com/gokrazy/kernel.rpi" // its files, not its code
)

// Modules whose files go onto the card.
const (
	ourModule      = "packhorse"
	kernelModule   = "github.com/gokrazy/kernel.rpi"
	firmwareModule = "github.com/gokrazy/firmware"
)

// module is where `go list` found one, and which.
type module struct{ Path, Version, Dir string }

// findModules asks go for directories of modules; it must run in the module of the builder.
func findModules(ctx context.Context) (map[string]module, error) {
	out, err := command(ctx, "", nil, "go", "list", "-m", "-json", ourModule, kernelModule, firmwareModule)
	if err != nil {
		return nil, err
	}
	found := map[string]module{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var m module
		if err := d.Decode(&m); err != nil {
			return nil, err
		}
		if m.Dir == "" {
			return nil, fmt.Errorf("%s is not downloaded: go -C tools/image mod download", m.Path)
		}
		found[m.Path] = m
	}
	return found, nil
}

// sourceTime is the date of all files: SOURCE_DATE_EPOCH (reproducible-builds.org), else that of the commit.
func sourceTime(ctx context.Context, root string) (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		out, err := command(ctx, root, nil, "git", "log", "-1", "--format=%ct")
		if err != nil {
			return time.Time{}, fmt.Errorf("%w\nset SOURCE_DATE_EPOCH where there is no git", err)
		}
		epoch = strings.TrimSpace(string(out))
	}
	s, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(s, 0).UTC(), nil
}

// sourceVersion names the commit as `make build` does.
func sourceVersion(ctx context.Context, root string) string {
	out, err := command(ctx, root, nil, "git", "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return "dev"
	}
	return strings.TrimSpace(string(out))
}

// readAll adds the files of a directory that match to a tree, under a prefix.
func (t tree) readAll(prefix, dir string, patterns ...string) error {
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%s: no %s", dir, pattern)
		}
		for _, p := range found {
			if t[prefix+filepath.Base(p)], err = os.ReadFile(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// command runs one in a directory and gives what it printed; its error holds what it complained of.
func command(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", c, err, complaint.Bytes())
	}
	return out, nil
}
