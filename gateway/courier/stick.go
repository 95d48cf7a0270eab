package courier

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
)

// FS is the cargo directory of a stick. A path is the name of a file, or that of a directory of one hexadecimal digit, a
// slash and the name of a file; a dir is such a digit or empty. Errors are those of the system.
type FS interface {
	// List names what is in a directory, in no order and at most limit; nothing when there is no such directory.
	List(dir string, limit int) ([]string, error)
	// Open opens a regular file, never through a link, never waiting.
	Open(path string) (File, error)
	// Create makes a file that is not there yet.
	Create(path string) (NewFile, error)
	Rename(from, to string) error
	Remove(path string) error
	Mkdir(dir string) error
	// SyncDir makes names in a directory durable.
	SyncDir(dir string) error
	// Free is how many octets there is room for, and the unit in which files take it.
	Free() (octets, block int64, err error)
}

// File is a file being read.
type File interface {
	io.ReadCloser
	Size() int64
}

// NewFile is a file being written.
type NewFile interface {
	io.WriteCloser
	Sync() error
}

// Stick is the cargo on a stick. It is not safe for concurrent use.
type Stick struct {
	fs    FS
	dirs  map[string]int // files in each directory that was scanned
	close func() error
}

// New makes a Stick of a file system.
func New(fs FS) *Stick {
	return &Stick{fs: fs, dirs: map[string]int{}, close: func() error { return nil }}
}

// Close lets others use the stick. All that was written is durable before.
func (s *Stick) Close() error { return s.close() }

// Entry is a file on a stick. Head is its first octets, as many as were asked for or there are. With an Err it could not be
// read.
type Entry struct {
	Name string
	Size int64
	Head []byte
	Err  error
}

// Extensions of the kinds of files.
const (
	Bundle = ".bnd"
	Cargo  = ".crg"
	CCA    = ".cca"
	temp   = ".tmp"
)

// Name is the name of a file with that content.
func Name(content []byte, extension string) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:nameDigits/2]) + extension
}

// split tells the kind of a file by its name; ok is false for a name that we would not give.
func split(name string) (extension string, ok bool) {
	if len(name) != nameDigits+len(temp) || strings.Trim(name[:nameDigits], "0123456789abcdef") != "" {
		return "", false
	}
	extension = name[nameDigits:]
	return extension, extension == Bundle || extension == Cargo || extension == CCA || extension == temp
}

func path(name string) string { return name[:1] + "/" + name }

const digits = "0123456789abcdef"

// Prepare makes a stick ready to be written to: it removes what was cut off, and leaves a word for finders.
func (s *Stick) Prepare() error {
	for i := range digits {
		dir := digits[i : i+1]
		names, err := s.fs.List(dir, maxEntries)
		if err != nil {
			return fmt.Errorf("courier: read %s: %w", Dir, err)
		}
		for _, name := range names {
			if ext, ok := split(name); ok && ext == temp && name[:1] == dir {
				if err := s.fs.Remove(path(name)); err != nil && !errors.Is(err, syscall.EISDIR) {
					return fmt.Errorf("courier: remove what was cut off: %w", err)
				}
			}
		}
	}
	return s.writeReadme()
}

func (s *Stick) writeReadme() error {
	const name = "README.txt"
	f, err := s.fs.Open(name)
	if err == nil {
		whole := f.Size() == int64(len(readme))
		if f.Close(); whole {
			return nil
		}
	}
	for _, old := range []string{"README.tmp", name} {
		if err := s.fs.Remove(old); err != nil && !errors.Is(err, syscall.ENOENT) {
			return nil // something else has that name: cargo goes before words
		}
	}
	return s.put("", "README.tmp", name, []byte(readme))
}

// Scan lists the files, by name. Of each, head octets are read.
func (s *Stick) Scan(head int) (all []Entry, err error) {
	for i := range digits {
		dir := digits[i : i+1]
		names, err := s.fs.List(dir, maxEntries)
		if err != nil {
			return nil, fmt.Errorf("courier: read %s: %w", Dir, err)
		}
		slices.Sort(names)
		s.dirs[dir] = 0
		for _, name := range names {
			if ext, ok := split(name); ok && ext != temp && name[:1] == dir {
				s.dirs[dir]++
				all = append(all, s.look(name, head))
			}
		}
	}
	return all, nil
}

// look reads the first octets of a file.
func (s *Stick) look(name string, head int) (e Entry) {
	e.Name = name
	f, err := s.fs.Open(path(name))
	if err != nil {
		e.Err = err
		return e
	}
	defer f.Close()
	e.Size = f.Size()
	e.Head, e.Err = io.ReadAll(io.LimitReader(f, int64(head)))
	return e
}

// Read reads a whole file. Errors: ErrDamaged.
func (s *Stick) Read(name string) ([]byte, error) {
	if _, ok := split(name); !ok {
		return nil, ErrDamaged
	}
	f, err := s.fs.Open(path(name))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	n := f.Size()
	if n > MaxFile {
		return nil, ErrDamaged
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return b, nil
}

// Write puts content into a file of the kind; it is there and durable when that answers nil. What is there already is not
// written again. Errors: ErrFull.
func (s *Stick) Write(content []byte, extension string) (name string, err error) {
	name = Name(content, extension)
	dir := name[:1]
	if old, err := s.Read(name); err == nil && bytes.Equal(old, content) {
		return name, nil
	}
	if s.dirs[dir] >= maxInDir {
		return name, fmt.Errorf("%w: there are %d files in %s/%s", ErrFull, maxInDir, Dir, dir)
	}
	if err := s.ensure(dir); err != nil {
		return name, err
	}
	part := name[:nameDigits] + temp
	for _, left := range []string{part, name} { // of an earlier attempt, or damaged
		if err := s.fs.Remove(path(left)); err != nil && !errors.Is(err, syscall.ENOENT) {
			return name, writeError(err)
		}
	}
	if err := s.put(dir, path(part), path(name), content); err != nil {
		return name, err
	}
	s.dirs[dir]++
	return name, nil
}

// ensure makes a directory and its name durable.
func (s *Stick) ensure(dir string) error {
	err := s.fs.Mkdir(dir)
	if errors.Is(err, syscall.EEXIST) {
		return nil
	}
	if err == nil {
		err = s.fs.SyncDir("")
	}
	return writeError(err)
}

// put writes a file beside its place and puts it there when it is durable.
func (s *Stick) put(dir, part, path string, content []byte) error {
	f, err := s.fs.Create(part)
	if err != nil {
		return writeError(err)
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.fs.Rename(part, path)
	}
	if err != nil {
		s.fs.Remove(part) // if not now, then before the next export
		return writeError(err)
	}
	return writeError(s.fs.SyncDir(dir))
}

// writeError tells a full stick from a broken or absent one.
func writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("courier: write: %w", err)
}

// Remove takes files off the stick. Those that are not there are no error.
func (s *Stick) Remove(names ...string) error {
	dirs := map[string]bool{}
	for _, name := range names {
		if _, ok := split(name); !ok {
			continue
		}
		err := s.fs.Remove(path(name))
		if err != nil && !errors.Is(err, syscall.ENOENT) {
			return fmt.Errorf("courier: remove %s: %w", name, err)
		}
		if err == nil {
			dirs[name[:1]] = true
			s.dirs[name[:1]]--
		}
	}
	for i := range digits {
		if dir := digits[i : i+1]; dirs[dir] {
			if err := s.fs.SyncDir(dir); err != nil {
				return fmt.Errorf("courier: remove: %w", err)
			}
		}
	}
	return nil
}

// Room is how many octets may be written, in files that take a multiple of block.
func (s *Stick) Room() (octets, block int64, err error) {
	octets, block, err = s.fs.Free()
	if err != nil {
		return 0, 1, fmt.Errorf("courier: how much room there is: %w", err)
	}
	return max(octets-Reserve, 0), max(block, 1), nil
}
