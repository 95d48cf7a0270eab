package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// Files of conf.d that commands write. What the owner writes is never changed.
const (
	bootPart  = "50-boot.toml"  // a copy of the file on the boot partition
	setupPart = "90-setup.toml" // answers to `packhorse setup`
	setPart   = "90-set.toml"   // of `packhorse set`
)

func writtenBy(command string) string {
	return "# Written by `packhorse " + command + "`, which loses comments that are added here.\n"
}

// partPath is the path of a file of conf.d. The main file may be a link into a place where nothing can be written: conf.d is beside
// the link.
func partPath(l *config.Loaded, name string) string {
	return filepath.Join(filepath.Dir(l.Path), config.PartsDir, name)
}

// current is what a part holds; nil where it is not there.
func current(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// loadWith is the configuration as it would be with these files, and what the law says of its radios.
func (a *app) loadWith(files map[string][]byte) (*config.Loaded, error) {
	o := a.configOptions()
	o.Instead = files
	l, err := config.Load(o)
	if err != nil {
		return nil, err
	}
	return l, a.lawful(l)
}

// changed is what a change did to the configuration.
type changed struct {
	now *config.Loaded
	old map[string][]byte // of the files that differ, what they held
}

// change checks the configuration as it would be with these files, and only then writes those that differ.
func (a *app) change(files map[string][]byte) (changed, error) {
	c := changed{old: map[string][]byte{}}
	var err error
	if c.now, err = a.loadWith(files); err != nil {
		return c, err
	}
	for _, path := range sortedPaths(files) {
		old, err := current(path)
		if err == nil && !bytes.Equal(old, files[path]) {
			c.old[path] = old
			err = replace(path, files[path])
		}
		if err != nil {
			return c, errors.Join(unwritable(path, err), c.undo())
		}
	}
	return c, nil
}

// undo puts back what the files held.
func (c changed) undo() (failed error) {
	for path, text := range c.old {
		if err := replace(path, text); err != nil && failed == nil {
			failed = unwritable(path, err)
		}
	}
	return failed
}

func sortedPaths(files map[string][]byte) []string {
	var list []string
	for path := range files {
		list = append(list, path)
	}
	slices.Sort(list)
	return list
}

func unwritable(path string, err error) error {
	e := admin.AsError(err)
	e.Message = "cannot write " + path + ": " + plainCause(err)
	e.Fix = "see that the card is not full or read-only"
	if errors.Is(err, os.ErrPermission) {
		e.Fix = "run it as a user who may write there: sudo packhorse ..., or name your own configuration with --config"
	}
	return e
}

func plainCause(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// replace puts a whole new file in the place of the old one, on disk before it answers; nil removes it. The file is for the
// group of its directory, as the gateway's user may be another one.
func replace(path string, text []byte) error { return replaceAs(path, text, 0) }

// replaceAs is replace with a mode, for the owner's group alone; 0: as the directory is for.
func replaceAs(path string, text []byte, mode os.FileMode) error {
	dir := filepath.Dir(path)
	if text == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return syncDir(dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone once it is renamed
	if err := errors.Join(fill(f, dir, text, mode), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func fill(f *os.File, dir string, text []byte, mode os.FileMode) error {
	if s, err := os.Stat(dir); err == nil && mode == 0 {
		mode = 0o640
		if sys, ok := s.Sys().(*syscall.Stat_t); ok {
			_ = f.Chown(-1, int(sys.Gid)) // who may not stays the owner alone
			if sys.Gid == 0 && os.Geteuid() == 0 && s.Mode()&0o004 != 0 {
				mode = 0o644 // no group was given the directory: readers are all
			}
		}
	}
	if err := f.Chmod(mode); err != nil && !errors.Is(err, os.ErrPermission) {
		return err // FAT knows no modes
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// force has the running gateway read its configuration again, and answers in words since when it is in force.
// restart: keys that wait for a new start. What the gateway refuses, as its region may be one that no file names, is undone.
func (a *app) force(ctx context.Context, c changed) (words string, restart []string, err error) {
	err = a.with(func(b admin.Client) error {
		r, err := b.Reload(ctx)
		restart = r.Restart
		return err
	})
	switch {
	case offline(err):
		a.gateway = nil
		return "no gateway runs: in force at the next start", nil, nil
	case err != nil:
		return "", nil, errors.Join(err, c.undo())
	case len(restart) > 0:
		return fmt.Sprintf("in force at the next start: %s", strings.Join(restart, ", ")), restart, nil
	}
	return "in force", nil, nil
}
