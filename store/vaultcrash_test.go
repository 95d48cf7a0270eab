package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// faultFiles counts the operations and fails one of them, and with it all that follow: the process died.
type faultFiles struct {
	files
	calls  []string
	failAt int // from 1; 0: none
}

var errDied = errors.New("the power went")

func (d *faultFiles) call(op, name string) error {
	d.calls = append(d.calls, op+" "+filepath.Base(name))
	if d.failAt > 0 && len(d.calls) >= d.failAt {
		return errDied
	}
	return nil
}

// write leaves half a file when it fails.
func (d *faultFiles) write(name string, b []byte) error {
	if err := d.call("write", name); err != nil {
		if len(d.calls) == d.failAt {
			d.files.write(name, b[:len(b)/2])
		}
		return err
	}
	return d.files.write(name, b)
}

func (d *faultFiles) rename(from, to string) error {
	return errors.Join(d.call("rename", to), d.unless(func() error { return d.files.rename(from, to) }))
}

func (d *faultFiles) remove(name string) error {
	return errors.Join(d.call("remove", name), d.unless(func() error { return d.files.remove(name) }))
}

func (d *faultFiles) syncDir(dir string) error {
	return errors.Join(d.call("syncDir", dir), d.unless(func() error { return d.files.syncDir(dir) }))
}

// unless does it if the process lives.
func (d *faultFiles) unless(do func() error) error {
	if d.failAt > 0 && len(d.calls) >= d.failAt {
		return nil
	}
	return do()
}

// everyCrash runs do once whole, and then with a death at each of its operations. check looks at what is left.
func everyCrash(t *testing.T, do func(t *testing.T, d files, dir string) error, check func(t *testing.T, dir string, err error)) {
	t.Helper()
	whole := &faultFiles{files: osFiles{}}
	dir := t.TempDir()
	err := do(t, whole, dir)
	if err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	check(t, dir, nil)
	for n, name := range whole.calls {
		t.Run(fmt.Sprintf("%d %s", n+1, name), func(t *testing.T) {
			dir := t.TempDir()
			err := do(t, &faultFiles{files: osFiles{}, failAt: n + 1}, dir)
			if !errors.Is(err, errDied) {
				t.Fatalf("got %v, want %v", err, errDied)
			}
			check(t, dir, err)
		})
	}
}

func TestCrashWhileAVaultIsMadeLeavesNoneOrAWholeOne(t *testing.T) {
	everyCrash(t, func(_ *testing.T, d files, dir string) error {
		_, err := createVault(d, filepath.Join(dir, "vault"), Sealed, pass("x"))
		return err
	}, func(t *testing.T, dir string, err error) {
		path := filepath.Join(dir, "vault")
		_, open := OpenVault(path, pass("x"))
		if errors.Is(open, ErrNoVault) && err != nil {
			newVault(t, path, pass("x"))
		} else if open != nil {
			t.Errorf("got %v, want a vault, or none", open)
		}
		onlyIn(t, dir, "vault")
	})
}

func TestCrashWhileAKeyIsChangedLeavesTheOldOrTheNew(t *testing.T) {
	everyCrash(t, func(t *testing.T, d files, dir string) error {
		path := filepath.Join(dir, "vault")
		newVault(t, path, pass("old"))
		v, err := openVault(d, path, pass("old"))
		if err != nil {
			t.Fatal(err)
		}
		return v.Rekey(pass("new"))
	}, func(t *testing.T, dir string, err error) {
		path := filepath.Join(dir, "vault")
		_, before := OpenVault(path, pass("old"))
		v, after := OpenVault(path, pass("new"))
		if (before == nil) == (after == nil) || err == nil && after != nil {
			t.Fatalf("the old key says %v, the new one %v, want one of them", before, after)
		}
		if v == nil {
			v, _ = OpenVault(path, pass("old"))
		}
		if err := v.Rekey(pass("newer")); err != nil {
			t.Error(err)
		}
		onlyIn(t, dir, "vault")
	})
}

// onlyIn checks what a directory holds.
func onlyIn(t *testing.T, dir string, want ...string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("left: got %q, want %q", got, want)
	}
}
