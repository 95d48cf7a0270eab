package courier

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Open takes hold of the cargo directory in a directory; with make it is made when missing. Only one process can have it.
// Errors: ErrNoCargo, ErrBusy.
func Open(dir string, make bool) (*Stick, error) {
	top, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	if make {
		err := unix.Mkdirat(int(top.Fd()), Dir, 0o755)
		if err == nil {
			err = syncDir(int(top.Fd()))
		}
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, writeError(err)
		}
	}
	fd, err := openat(int(top.Fd()), Dir, unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) {
		return nil, ErrNoCargo
	}
	if err != nil {
		return nil, fmt.Errorf("courier: open %s: %w", Dir, err)
	}
	d := &osFS{os.NewFile(uintptr(fd), Dir)}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.Join(ErrBusy, d.top.Close())
	} // a file system that knows no locks has none to respect
	s := New(d)
	s.close = d.top.Close
	return s, nil
}

// openat opens without following a link and without waiting for whoever is at the other end of a pipe.
func openat(at int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(at, name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o644)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// osFS is a directory of the machine. Every step down is a single name, opened as what it must be.
type osFS struct{ top *os.File }

// in runs f in the directory of a path.
func (o *osFS) in(path string, f func(fd int, name string) error) error {
	dir, name, below := strings.Cut(path, "/")
	if !below {
		return f(int(o.top.Fd()), path)
	}
	fd, err := openat(int(o.top.Fd()), dir, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd, name)
}

func (o *osFS) List(dir string, limit int) ([]string, error) {
	fd, err := openat(int(o.top.Fd()), dir, unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := os.NewFile(uintptr(fd), dir)
	defer d.Close()
	names, err := d.Readdirnames(limit)
	if err == io.EOF {
		err = nil
	}
	return names, err
}

// regular is an open file of known size.
type regular struct {
	*os.File
	size int64
}

func (r regular) Size() int64 { return r.size }

func (o *osFS) Open(path string) (file File, err error) {
	err = o.in(path, func(at int, name string) error {
		fd, err := openat(at, name, unix.O_RDONLY)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
			err = errors.New("it is no regular file")
		}
		if err != nil {
			unix.Close(fd)
			return err
		}
		file = regular{os.NewFile(uintptr(fd), name), st.Size}
		return nil
	})
	return file, err
}

func (o *osFS) Create(path string) (file NewFile, err error) {
	err = o.in(path, func(at int, name string) error {
		fd, err := openat(at, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
		if err == nil {
			file = os.NewFile(uintptr(fd), name)
		}
		return err
	})
	return file, err
}

func (o *osFS) Rename(from, to string) error {
	return o.in(from, func(at int, old string) error {
		_, name, below := strings.Cut(to, "/")
		if !below {
			name = to
		}
		return unix.Renameat(at, old, at, name)
	})
}

func (o *osFS) Remove(path string) error {
	return o.in(path, func(at int, name string) error { return unix.Unlinkat(at, name, 0) })
}

func (o *osFS) Mkdir(dir string) error { return unix.Mkdirat(int(o.top.Fd()), dir, 0o755) }

func (o *osFS) SyncDir(dir string) error {
	if dir == "" {
		return syncDir(int(o.top.Fd()))
	}
	return o.in(dir+"/.", func(fd int, _ string) error { return syncDir(fd) })
}

// syncDir makes a directory durable, with all else where the file system can only do that.
func syncDir(fd int) error {
	err := unix.Fsync(fd)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = unix.Syncfs(fd)
	}
	return err
}

func (o *osFS) Free() (octets, block int64, err error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(o.top.Fd()), &st); err != nil {
		return 0, 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Bsize), nil
}
