package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// Quarantined is a damaged bucket that Repair put aside.
type Quarantined struct {
	Name  string // of the file in the directory quarantine
	Bytes int64
}

const quarantineName = "quarantine"

// quarantined lists what was put aside.
func quarantined(d disk, dir string) (out []Quarantined, err error) {
	entries, err := d.readDir(filepath.Join(dir, quarantineName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		q := Quarantined{Name: e.Name()}
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() {
			q.Bytes = st.Size()
		}
		out = append(out, q)
	}
	return out, err
}

// putAside moves a damaged bucket to the quarantine, durably, and forgets it. The copies of what was live in it
// are durable already.
func (s *Store) putAside(b *bucket) error {
	dir := filepath.Join(s.dir, quarantineName)
	if err := s.disk.mkdir(dir); err != nil {
		return err
	}
	if err := s.disk.syncDir(s.dir); err != nil { // its name
		return err
	}
	to, err := s.freeName(dir, b.name())
	if err != nil {
		return err
	}
	from := b.path()
	if b.old {
		from = b.dir
	}
	if err := s.disk.rename(from, to); err != nil {
		return err
	}
	if err := s.disk.syncDir(dir); err != nil { // it is there before it is gone from here
		return err
	}
	s.mu.Lock()
	b.gone = true
	s.mu.Unlock()
	return s.syncDir()
}

// freeName is a name in a directory that nothing has: nothing there is ever replaced.
func (s *Store) freeName(dir, name string) (string, error) {
	there, err := quarantined(s.disk, s.dir)
	if err != nil {
		return "", err
	}
	try := name
	for n := 2; slices.ContainsFunc(there, func(q Quarantined) bool { return q.Name == try }); n++ {
		try = fmt.Sprintf("%s.%d", name, n)
	}
	return filepath.Join(dir, try), nil
}
