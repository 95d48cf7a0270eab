package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteSecret replaces a file with mode 0600, whole or not at all, and durably.
func WriteSecret(path string, b []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("store: cannot write the secret: %w", err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("store: cannot write the secret: %w", err)
	}
	if err := (osDisk{}).syncDir(dir); err != nil {
		return fmt.Errorf("store: cannot write the secret: %w", err)
	}
	return nil
}

// ReadSecret reads such a file. It refuses one that others may read, and answers
// ErrNotFound when there is none.
func ReadSecret(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, path)
	}
	if err != nil {
		return nil, fmt.Errorf("store: cannot read the secret: %w", err)
	}
	if m := st.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("store: %s is open to others (mode %04o); run: chmod 600 %s", path, m, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("store: cannot read the secret: %w", err)
	}
	return b, nil
}
