package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const lockName = "LOCK"

// lockFile is an flock: the kernel lets go of it when the process dies.
type lockFile struct{ f *os.File }

// acquire takes the lock and leaves our process id in the file, as a hint for people.
func acquire(path string) (*lockFile, error) {
	l, err := lock(path, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	pid := []byte(strconv.Itoa(os.Getpid()) + "\n")
	if err := l.f.Truncate(0); err == nil {
		_, _ = l.f.WriteAt(pid, 0)
	}
	return l, nil
}

func lock(path string, flag int) (*lockFile, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: cannot open the lock: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return &lockFile{f}, nil
	}
	defer f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: process %s has %s open; stop it first", ErrLocked, holder(f), filepath.Dir(path))
	}
	return nil, fmt.Errorf("store: cannot lock %s: %w", path, err)
}

// Claim keeps a file or directory from all others that claim it, until release is called or the process ends. ErrLocked: somebody
// has it.
func Claim(path string) (release func(), err error) {
	l, err := lock(path, os.O_RDONLY)
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("%w: another command works on %s; wait until it has ended", ErrLocked, path)
	}
	if err != nil {
		return nil, err
	}
	return l.release, nil
}

// locked tells whether somebody holds the lock.
func locked(path string) bool {
	l, err := lock(path, os.O_RDONLY)
	if err == nil {
		l.release()
	}
	return errors.Is(err, ErrLocked)
}

func holder(f *os.File) string {
	b, _ := io.ReadAll(io.LimitReader(f, 20))
	if pid := strings.TrimSpace(string(b)); pid != "" {
		return pid
	}
	return "(unknown)"
}

// release unlocks by itself: a child being started at this moment has the file open too, until it runs its program.
func (l *lockFile) release() {
	_ = unix.Flock(int(l.f.Fd()), unix.LOCK_UN)
	l.f.Close()
}
