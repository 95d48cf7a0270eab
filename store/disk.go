package store

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// disk is every way in which the store touches the file system, so that tests can make
// each of them fail.
type disk interface {
	openLog(dir string) (appender, error)
	readDir(dir string) ([]fs.DirEntry, error)
	readInto(name string, buf []byte) ([]byte, error) // all of a file; the memory is buf's when that is enough
	open(name string) (readFile, error)
	mkdir(dir string) error
	create(name string) error               // an empty file
	truncate(name string, size int64) error // and sync
	remove(name string) error               // a file or an empty directory; a missing one is no error
	rename(from, to string) error           // replaces a file
	createNew(name string) (writeFile, error)
	syncDir(dir string) error
	free(dir string) (int64, error) // octets left for us on the file system
}

type readFile interface {
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

type writeFile interface {
	io.WriteCloser
	Sync() error
}

type osDisk struct{}

func (osDisk) openLog(dir string) (appender, error)      { return openWAL(dir) }
func (osDisk) readDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }
func (osDisk) open(name string) (readFile, error)        { return os.Open(name) }
func (osDisk) mkdir(dir string) error                    { return os.MkdirAll(dir, 0o700) }

func (osDisk) create(name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (osDisk) readInto(name string, buf []byte) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if int64(cap(buf)) < st.Size() {
		buf = make([]byte, st.Size()+st.Size()/8)
	}
	n, err := io.ReadFull(f, buf[:st.Size()])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil // cut meanwhile
	}
	return buf[:n], err
}

// createNew empties a file that is there.
func (osDisk) createNew(name string) (writeFile, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) truncate(name string, size int64) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (osDisk) remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (osDisk) syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncData makes a file's octets durable, and what is needed to find them.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// reserveSpace finds room behind the end of a file, which stays where it is. Not every file system can.
func reserveSpace(f *os.File, from, n int64) {
	_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, from, n)
}

func (osDisk) free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
