package update

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

type slotFile struct{ *os.File }

// OpenSlot opens a block device, or a file in its place. It refuses one that is mounted or that another update
// writes to: O_EXCL, open(2).
func OpenSlot(path string) (Device, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	flags := os.O_RDWR
	if st.Mode()&os.ModeDevice != 0 {
		flags |= unix.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("update: %s is in use: another update writes to it, or it is mounted", path)
	}
	if err != nil {
		return nil, err
	}
	return slotFile{f}, nil
}

func (s slotFile) Size() (int64, error) { return s.Seek(0, 2) }

// Fresh goes around the page cache (O_DIRECT, open(2)); where a file system cannot, the cache is asked to forget.
func (s slotFile) Fresh() (FreshReader, error) {
	if err := s.Sync(); err != nil {
		return nil, err
	}
	_ = unix.Fadvise(int(s.Fd()), 0, 0, unix.FADV_DONTNEED)
	f, err := os.OpenFile(s.Name(), os.O_RDONLY|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		f, err = os.Open(s.Name())
	}
	if err != nil {
		return nil, err
	}
	// The device writes into this memory itself, so it has to be aligned: whole pages.
	b, err := unix.Mmap(-1, 0, chunkSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &directFile{f, b}, nil
}

type directFile struct {
	f *os.File
	b []byte
}

func (d *directFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := d.f.ReadAt(d.b[:min(len(p), len(d.b))], at)
	return copy(p, d.b[:n]), err
}

func (d *directFile) Close() error { return errors.Join(unix.Munmap(d.b), d.f.Close()) }
