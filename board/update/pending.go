package update

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Endings of files on the boot partition: one to be taken at a start, one whose first attempt began, and those that are
// left alone. A file moves along this line before each attempt, so that no file is taken more than twice, whatever
// happens meanwhile; the second time is for a power cut in the first.
const (
	suffix       = ".phup"
	againSuffix  = ".again"
	failedSuffix = ".failed"
	doneSuffix   = ".done"
)

// TakeOptions say how a file on the boot partition is taken.
type TakeOptions struct {
	Keys     Keys
	Now      time.Time
	Progress Progress
}

// ErrFailed says that a file on the boot partition holds what was tried in vain already. A person may try it again.
var ErrFailed = errors.New("update: it was tried before and did not become ready; packhorse update FILE tries it again")

var errName = errors.New("update: the file's name has letters that this box cannot read: rename it, such as update.phup")

// Files are the updates in a directory, by name: what Pending would take and what a person may name.
func Files(dir string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range all {
		name := strings.ToLower(e.Name())
		if e.Type().IsRegular() && name[0] != '.' && (strings.HasSuffix(name, suffix) || strings.HasSuffix(name, suffix+againSuffix)) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(unreadable(a), unreadable(b)), cmp.Compare(a, b)) })
	return out, nil
}

// unreadable is 1 for a name with letters that the kernel's FAT has no octets for here: it shows them as ?, which no name on FAT
// has, and does not find the file again. Those come last, so that they keep no other file from being taken.
func unreadable(path string) int { return min(strings.Count(filepath.Base(path), "?"), 1) }

// Pending is the file in a directory that is to be taken at this start; empty: none.
func Pending(dir string) (string, error) {
	all, err := Files(dir)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0], nil
}

// TakePending stages the update that lies on the boot partition, if there is one; true: then restart into it, after
// Try. It is for the init, after Started, and not in a trial. What became of a file that was not taken is in the
// history, and the file has another name.
func (c Card) TakePending(ctx context.Context, o TakeOptions) (took bool, err error) {
	path, err := Pending(c.BootDir)
	if err != nil || path == "" {
		return false, err
	}
	if s, err := c.State(); err != nil || s.Trial {
		return false, errors.Join(err, ErrTrial)
	}
	if err = errName; unreadable(path) == 0 {
		err = c.writable(func() error { return c.take(ctx, path, o) })
	}
	if err == nil {
		return true, nil
	}
	err = fmt.Errorf("%s: %w", filepath.Base(path), err)
	return false, errors.Join(err, c.note(func(j *journal) { j.refuse(err, o.Now) }))
}

// refuse notes why a file is not taken; what each start says again, once, so that the history is not full of it.
func (j *journal) refuse(err error, now time.Time) {
	e := Event{At: now, What: Refused, Why: short(err.Error())}
	if n := len(j.Events); n == 0 || j.Events[n-1].What != e.What || j.Events[n-1].Why != e.Why {
		j.add(e)
	}
}

func (c Card) take(ctx context.Context, path string, o TakeOptions) error {
	begun, base := path+againSuffix, path
	if again, ok := cutFold(path, againSuffix); ok {
		begun, base = again+failedSuffix, again
	}
	if err := move(path, begun); err != nil {
		return err
	}
	err := c.stageFile(ctx, begun, o)
	switch {
	case err == nil:
		return os.Remove(begun)
	case errors.Is(err, ErrSameBuild):
		return errors.Join(err, move(begun, base+doneSuffix))
	case ctx.Err() != nil: // the machine is being switched off: this was no attempt
		return errors.Join(err, move(begun, path))
	}
	return errors.Join(err, move(begun, base+failedSuffix))
}

func (c Card) stageFile(ctx context.Context, path string, o TakeOptions) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := Open(in, o.Keys)
	if err != nil {
		return err
	}
	if err := Fits(f.Manifest, c.Release, false); err != nil {
		return err
	}
	if j := readJournal(c.History); j.failed(f.Build) {
		return fmt.Errorf("%w: %s", ErrFailed, f.Version)
	}
	return c.Stage(ctx, f, o.Now, o.Progress)
}

// move is durable as far as FAT can.
func move(from, to string) error {
	if from == to {
		return nil
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func cutFold(s, end string) (string, bool) {
	if n := len(s) - len(end); n >= 0 && strings.EqualFold(s[n:], end) {
		return s[:n], true
	}
	return s, false
}
