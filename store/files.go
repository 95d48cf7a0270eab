package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// files is every way in which the vault, the secrets and their migration change the file
// system, so that tests can make each of them fail.
type files interface {
	write(name string, b []byte) error // a new file, mode 0600, synced
	rename(from, to string) error      // replaces a file
	remove(name string) error          // with all below it; a missing one is no error
	syncDir(dir string) error
}

type osFiles struct{ osDisk }

func (osFiles) write(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (osFiles) remove(name string) error { return os.RemoveAll(name) }

// replaceFile replaces a file, whole or not at all, and durably. What a crash leaves
// beside it the next call replaces.
func replaceFile(d files, path string, b []byte) error {
	next := besides(path)
	if err := d.remove(next); err != nil {
		return err
	}
	err := d.write(next, b)
	if err == nil {
		err = d.rename(next, path)
	}
	if err != nil {
		return errors.Join(err, d.remove(next))
	}
	return d.syncDir(filepath.Dir(path))
}

// besides is where a file's next content is written.
func besides(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
}

// exists tells whether there is something at a path.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	return true, nil
}

// removeFile removes a file, or a directory with all in it, durably.
func removeFile(d files, path string) error {
	if err := d.remove(path); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(path))
}
