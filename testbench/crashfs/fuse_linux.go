package crashfs

import (
	"fmt"
	"io"
	"log"
	"strconv"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// file is a FUSE file system whose root is a file, the disk.
type file struct {
	fuse.RawFileSystem // refuses everything else
	d                  *Disk
}

func (f *file) String() string { return "crashfs" }

func (f *file) GetAttr(_ <-chan struct{}, _ *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.Attr = fuse.Attr{Ino: fuse.FUSE_ROOT_ID, Size: uint64(f.d.size), Mode: fuse.S_IFREG | 0o600, Nlink: 1}
	out.AttrValid = 1 << 30 // seconds: only the kernel's own writes change it
	return fuse.OK
}

func (f *file) Read(_ <-chan struct{}, in *fuse.ReadIn, b []byte) (fuse.ReadResult, fuse.Status) {
	n, err := f.d.ReadAt(b[:min(int(in.Size), len(b))], int64(in.Offset))
	if err != nil && err != io.EOF {
		return nil, fuse.EIO
	}
	return fuse.ReadResultData(b[:n]), fuse.OK
}

func (f *file) Write(_ <-chan struct{}, in *fuse.WriteIn, b []byte) (uint32, fuse.Status) {
	n, err := f.d.WriteAt(b, int64(in.Offset))
	if err != nil {
		return 0, fuse.EIO
	}
	return uint32(n), fuse.OK
}

// Fsync is what the loop driver makes of a flush.
func (f *file) Fsync(<-chan struct{}, *fuse.FsyncIn) fuse.Status {
	f.d.Flush()
	return fuse.OK
}

// serve makes the disk an open file of the kernel. Ended is closed when nothing holds that any more.
func serve(d *Disk) (fd int, ended <-chan struct{}, err error) {
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("/dev/fuse: %w", err)
	}
	root, err := mountDetached("fuse", [][2]string{{"source", "crashfs"}, {"fd", strconv.Itoa(dev)},
		{"rootmode", "100600"}, {"user_id", "0"}, {"group_id", "0"}})
	if err != nil {
		unix.Close(dev)
		return -1, nil, err
	}
	defer unix.Close(root)
	// A path /dev/fd/N says that N is a FUSE connection already mounted.
	s, err := fuse.NewServer(&file{fuse.NewDefaultRawFileSystem(), d}, fmt.Sprint("/dev/fd/", dev),
		&fuse.MountOptions{MaxWrite: 256 << 10, DisableXAttrs: true, Logger: log.New(io.Discard, "", 0)})
	if err != nil { // it has closed dev
		return -1, nil, fmt.Errorf("fuse: %w", err)
	}
	done := make(chan struct{})
	go func() { s.Serve(); close(done) }()
	fd, err = unix.Open(fmt.Sprint("/proc/self/fd/", root), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, fmt.Errorf("opening the disk through fuse: %w", err)
	}
	return fd, done, nil
}
