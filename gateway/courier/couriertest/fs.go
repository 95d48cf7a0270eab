// Package couriertest is a stick in memory that can be pulled out at any operation, and that fills up.
package couriertest

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"

	"packhorse/gateway/courier"
)

// FS is a courier.FS. It keeps apart what was written and what a pulled stick still holds.
type FS struct {
	Ops  int   // that changed something, or tried to
	Stop int   // the operation at which it is pulled out, from 1; 0: never
	Size int64 // octets of files that it has room for; 0: no end
	// Fail is asked before each operation that changes something; its error is answered instead. nil: none fails.
	Fail func(op int, what string) error

	live, kept map[string]*content // names as seen, and as durable; a directory is a name with nil
	gone       bool
}

type content struct{ data, kept []byte }

// New makes an empty stick.
func New() *FS { return &FS{live: map[string]*content{}, kept: map[string]*content{}} }

var errPulled = syscall.EIO

// Replug is the stick after it was pulled out and put in again. What was written and not made durable is there with lucky,
// and else it is not.
func (f *FS) Replug(lucky bool) *FS {
	n := New()
	n.Size = f.Size
	from := f.kept
	if lucky {
		from = f.live
	}
	for name, c := range from {
		if c == nil {
			n.live[name], n.kept[name] = nil, nil
			continue
		}
		data := c.kept
		if lucky {
			data = c.data
		}
		d := &content{slices.Clone(data), slices.Clone(data)}
		n.live[name], n.kept[name] = d, d
	}
	return n
}

// change counts an operation, and tells why it fails.
func (f *FS) change(what string) error {
	f.Ops++
	if f.Stop > 0 && f.Ops >= f.Stop {
		f.gone = true
	}
	if f.gone {
		return errPulled
	}
	if f.Fail != nil {
		return f.Fail(f.Ops, what)
	}
	return nil
}

// Files are the paths of all files, sorted.
func (f *FS) Files() (paths []string) {
	for _, name := range slices.Sorted(maps.Keys(f.live)) {
		if f.live[name] != nil {
			paths = append(paths, name)
		}
	}
	return paths
}

// Content is that of a file, to be looked at and changed.
func (f *FS) Content(path string) *[]byte { return &f.live[path].data }

func (f *FS) List(dir string, limit int) (names []string, err error) {
	if f.gone {
		return nil, errPulled
	}
	for _, path := range f.Files() {
		if d, name, below := strings.Cut(path, "/"); below && d == dir && len(names) < limit {
			names = append(names, name)
		}
	}
	return names, nil
}

type reader struct {
	*bytes.Reader
	n int64
}

func (r reader) Size() int64 { return r.n }
func (reader) Close() error  { return nil }

func (f *FS) Open(path string) (courier.File, error) {
	c, ok := f.live[path]
	switch {
	case f.gone:
		return nil, errPulled
	case !ok:
		return nil, syscall.ENOENT
	case c == nil:
		return nil, errors.New("a directory")
	}
	return reader{bytes.NewReader(c.data), int64(len(c.data))}, nil
}

type writer struct {
	f *FS
	c *content
}

func (f *FS) Create(path string) (courier.NewFile, error) {
	if err := f.change("create"); err != nil {
		return nil, err
	}
	if _, there := f.live[path]; there {
		return nil, syscall.EEXIST
	}
	if dir, _, below := strings.Cut(path, "/"); below {
		if _, there := f.live[dir]; !there {
			return nil, syscall.ENOENT
		}
	}
	c := &content{}
	f.live[path] = c
	return writer{f, c}, nil
}

// Write of a stick that is pulled out, or full, leaves a part.
func (w writer) Write(b []byte) (int, error) {
	err := w.f.change("write")
	if left := w.f.Size - w.f.used(); err == nil && w.f.Size > 0 && int64(len(b)) > left {
		w.c.data = append(w.c.data, b[:max(left, 0)]...)
		return int(max(left, 0)), syscall.ENOSPC
	}
	if err != nil {
		w.c.data = append(w.c.data, b[:len(b)/2]...)
		return len(b) / 2, err
	}
	w.c.data = append(w.c.data, b...)
	return len(b), nil
}

func (w writer) Sync() error {
	if err := w.f.change("sync"); err != nil {
		return err
	}
	w.c.kept = slices.Clone(w.c.data)
	return nil
}

func (w writer) Close() error { return nil }

func (f *FS) Rename(from, to string) error {
	if err := f.change("rename"); err != nil {
		return err
	}
	if f.live[from] == nil {
		return syscall.ENOENT
	}
	f.live[to] = f.live[from]
	delete(f.live, from)
	return nil
}

func (f *FS) Remove(path string) error {
	if f.live[path] == nil && !f.gone {
		return syscall.ENOENT
	}
	if err := f.change("remove"); err != nil {
		return err
	}
	delete(f.live, path)
	return nil
}

func (f *FS) Mkdir(dir string) error {
	if _, there := f.live[dir]; there && !f.gone {
		return syscall.EEXIST
	}
	if err := f.change("mkdir"); err != nil {
		return err
	}
	f.live[dir] = nil
	return nil
}

// SyncDir makes the names in a directory what they are.
func (f *FS) SyncDir(dir string) error {
	if err := f.change("syncdir"); err != nil {
		return err
	}
	in := func(path string) bool {
		d, _, below := strings.Cut(path, "/")
		return below && d == dir || !below && dir == ""
	}
	maps.DeleteFunc(f.kept, func(path string, _ *content) bool { return in(path) })
	for path, c := range f.live {
		if in(path) {
			f.kept[path] = c
		}
	}
	return nil
}

func (f *FS) used() (n int64) {
	for _, c := range f.live {
		if c != nil {
			n += int64(len(c.data))
		}
	}
	return n
}

func (f *FS) Free() (int64, int64, error) {
	if f.gone {
		return 0, 0, errPulled
	}
	if f.Size == 0 {
		return 1 << 40, 1, nil
	}
	return f.Size - f.used(), 1, nil
}
