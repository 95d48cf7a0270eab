package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// How long a command waits for another that changes the same files, and between looks. The lock is flock(2) of a directory that
// others may read: who holds it for ever must not keep an owner waiting as long.
const (
	lockPatience = 30 * time.Second
	lockLook     = 100 * time.Millisecond
)

// alone changes files of conf.d while no other command does: each reads a file, edits it and puts it back whole, and of two at once
// the change of one would be lost. Not to be nested.
func (a *app) alone(ctx context.Context, do func() error) error {
	dir := filepath.Dir(config.MainPath(a.configOptions()))
	f, err := os.Open(filepath.Join(dir, config.PartsDir))
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(dir)
	}
	if err != nil {
		return do() // what cannot be read cannot be written: the change says so
	}
	defer f.Close() // which also lets go
	if err := a.lock(ctx, f); err != nil {
		return err
	}
	return do()
}

func (a *app) lock(ctx context.Context, f *os.File) error {
	for left := lockPatience; ; left -= lockLook {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil // it is ours; or the file system has no locks
		case left <= 0:
			return &admin.Error{Code: admin.CodeFailed, Message: "another command is changing the configuration", Fix: "wait for its end; fuser " + f.Name() + " names it"}
		}
		if err := a.sleepFor(ctx, lockLook); err != nil {
			return err
		}
	}
}
