//go:build unix

package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxFile bounds a lock file.
const maxFile = 4 << 10

// Book is where the lock of a bench is kept. Its methods may be called by any number of processes.
type Book struct{ Dir, Bench string }

// Path is the lock file.
func (b Book) Path() string { return filepath.Join(b.Dir, "packhorse-bench-"+b.Bench+".lock") }

// Lock is a bench that is ours until Close.
type Lock struct {
	file   *os.File
	before *Holder // our own reservation, which stays
}

// Take locks the bench for a run of this process. stale is whom it was taken over from, nil for nobody. The bench being
// somebody else's is a *HeldError.
func (b Book) Take(now time.Time, h Holder) (l *Lock, stale *Holder, err error) {
	f, before, stale, err := b.claim(now, h.Owner, false)
	if err != nil {
		return nil, nil, err
	}
	if stale != nil {
		before = nil
	}
	if before != nil && !now.Before(before.Until) {
		before = nil
	}
	if err := write(f, &h); err != nil {
		f.Close()
		return nil, nil, b.unusable(err)
	}
	return &Lock{file: f, before: before}, stale, nil
}

// Close gives the bench back; a reservation that its owner had before stays.
func (l *Lock) Close() error {
	return errors.Join(write(l.file, l.before), l.file.Close())
}

// Reserve locks the bench for a person until h.Until, also when this process has ended.
func (b Book) Reserve(now time.Time, h Holder) (stale *Holder, err error) {
	if d := h.Until.Sub(now); d <= 0 || d > Longest {
		return nil, fmt.Errorf("a bench cannot be reserved for %v: give up to %v", d, Longest)
	}
	h.PID = 0
	f, _, stale, err := b.claim(now, h.Owner, false)
	if err != nil {
		return nil, err
	}
	return stale, errors.Join(write(f, &h), f.Close())
}

// Release ends a reservation; force also one of somebody else. It answers whose it was, nil when there was none. A run that
// goes on is never ended by it.
func (b Book) Release(now time.Time, owner string, force bool) (*Holder, error) {
	f, was, _, err := b.claim(now, owner, force)
	if err != nil {
		return nil, err
	}
	return was, errors.Join(write(f, nil), f.Close())
}

// Status is who has the bench, nil for nobody; running tells that a run goes on. What is stale is nobody's.
func (b Book) Status(now time.Time) (h *Holder, running bool, err error) {
	f, was, stale, err := b.claim(now, "", false)
	var held *HeldError
	switch {
	case errors.As(err, &held):
		return &held.Holder, held.Running, nil
	case err != nil:
		return nil, false, err
	}
	if stale != nil {
		was = nil
	}
	return was, false, f.Close()
}

// claim opens and locks the file. was is what it said, stale the same where its time is over.
func (b Book) claim(now time.Time, owner string, force bool) (f *os.File, was, stale *Holder, err error) {
	if f, err = b.open(); err != nil {
		return nil, nil, nil, b.unusable(err)
	}
	running := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil
	was, err = read(f)
	if err != nil && !running {
		was, err = nil, nil // half a file of a run that died
	}
	if running {
		f.Close()
		return nil, nil, nil, b.held(was, true)
	}
	mine, old := judge(was, owner, now)
	if !mine && !force {
		f.Close()
		return nil, nil, nil, b.held(was, false)
	}
	if old {
		stale = was
	}
	return f, was, stale, nil
}

func (b Book) held(h *Holder, running bool) error {
	if h == nil {
		h = &Holder{Owner: "a program that is just starting"}
	}
	return &HeldError{Bench: b.Bench, Holder: *h, Running: running}
}

func (b Book) unusable(err error) error {
	return fmt.Errorf("the lock of the bench cannot be used: %w: make the directory %s, writable for all who use the bench", err, b.Dir)
}

// open opens the file, and makes one where there is none: kernels with fs.protected_regular refuse O_CREATE for a file of
// another user in a directory as /run/lock is.
func (b Book) open() (*os.File, error) {
	f, err := os.OpenFile(b.Path(), os.O_RDWR, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err = os.OpenFile(b.Path(), os.O_RDWR|os.O_CREATE, 0o666)
	if err == nil {
		_ = f.Chmod(0o666) // whatever the umask; another user's file stays as it is
	}
	return f, err
}

func read(f *os.File) (*Holder, error) {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxFile))
	if err != nil || len(b) == 0 {
		return nil, err
	}
	var h Holder
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, err
	}
	return &h, nil
}

// write replaces what the file says; nil: nobody has the bench. The file itself stays, so that all lock the same one.
func write(f *os.File, h *Holder) error {
	if err := f.Truncate(0); err != nil || h == nil {
		return err
	}
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(append(b, '\n'), 0)
	return err
}
