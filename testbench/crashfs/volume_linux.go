package crashfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Options are for New. The zero value is usable.
type Options struct {
	Size      int64  // octets of the disk; 0 means 64 MiB
	BlockSize int    // of ext4: 1024, 2048 or 4096; 0 means 4096
	Data      string // ext4's data mode: "ordered", "writeback" or "journal"; "" means ordered
	Keep      int64  // limit of the log of writes, as for NewDisk
}

func (o *Options) fill() {
	if o.Size == 0 {
		o.Size = 64 << 20
	}
	if o.BlockSize == 0 {
		o.BlockSize = 4096
	}
}

// Volume is an ext4 mounted on a recorded Disk.
type Volume struct {
	*Disk
	// Dir is an empty directory of a fresh volume. The path begins with /proc and is good in
	// this process and its children until Close.
	Dir string

	root  int
	stop  func(abort bool) // ends the guard
	ended <-chan struct{}
}

// Able tells what this machine lacks to mount volumes; nil says nothing.
func Able() error {
	if os.Geteuid() != 0 {
		return errors.New("crashfs mounts file systems: run it as root, such as by PACKHORSE_MOUNT=1 sudo -E go test ./testbench/crashfs")
	}
	for _, dev := range []string{"/dev/fuse", "/dev/loop-control"} {
		if _, err := os.Stat(dev); err != nil {
			return fmt.Errorf("crashfs needs %s (modprobe fuse loop; a container needs --privileged): %w", dev, err)
		}
	}
	if _, err := mkfs(); err != nil {
		return fmt.Errorf("crashfs needs mkfs.ext4 (apt install e2fsprogs): %w", err)
	}
	return nil
}

// New makes a disk with an empty ext4 and mounts it. Counters and positions begin at the mount.
func New(o Options) (*Volume, error) {
	o.fill()
	content, err := format(o.Size-o.Size%pageSize, o.BlockSize)
	if err != nil {
		return nil, fmt.Errorf("crashfs: making an ext4: %w", err)
	}
	v, err := Mount(diskOf(int64(len(content))*pageSize, o.Keep, content), o.Data)
	if err != nil {
		return nil, err
	}
	if err := v.makeDir(); err != nil {
		return nil, errors.Join(fmt.Errorf("crashfs: %w", err), v.Close())
	}
	return v, nil
}

// makeDir leaves nothing unwritten, so that only the workload is counted.
func (v *Volume) makeDir() error {
	if err := os.Mkdir(v.Dir, 0o700); err != nil {
		return err
	}
	return v.sync()
}

// sync makes ext4 write all that it holds.
func (v *Volume) sync() error {
	d, err := os.Open(v.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

// Mount mounts the ext4 that is on a disk, such as an image; ext4 recovers its journal.
func Mount(d *Disk, data string) (*Volume, error) {
	file, ended, err := serve(d)
	if err != nil {
		return nil, fmt.Errorf("crashfs: %w", err)
	}
	defer unix.Close(file)
	dev, path, err := attach(file)
	if err != nil {
		return nil, fmt.Errorf("crashfs: %w", err)
	}
	defer unix.Close(dev)
	stop, err := guard(file)
	if err != nil {
		return nil, fmt.Errorf("crashfs: %w", err)
	}
	options := [][2]string{{"source", path}}
	if data != "" {
		options = append(options, [2]string{"data", data})
	}
	root, err := mountDetached("ext4", options)
	if err != nil {
		stop(true)
		return nil, fmt.Errorf("crashfs: %w", err)
	}
	dir := filepath.Join("/proc", strconv.Itoa(os.Getpid()), "fd", strconv.Itoa(root), "d")
	return &Volume{Disk: d, Dir: dir, root: root, stop: stop, ended: ended}, nil
}

// closeLimit is how long Close waits for those who hold files open.
const closeLimit = 30 * time.Second

// Close unmounts. All files of the volume must be closed by then; if they are not within 30 s, it breaks the disk off
// under them and says so.
func (v *Volume) Close() error {
	err := unix.Close(v.root)
	select {
	case <-v.ended:
		v.stop(false)
	case <-time.After(closeLimit):
		v.stop(true)
		err = errors.Join(err, errors.New("a file of the volume was still open: its disk is broken off"))
	}
	if err != nil {
		return fmt.Errorf("crashfs: unmounting: %w", err)
	}
	return nil
}

func mkfs() (string, error) {
	for _, name := range []string{"mkfs.ext4", "/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no mkfs.ext4")
}

// format makes an ext4 with nothing left to do later, so that only the workload is counted.
func format(size int64, blockSize int) (pages, error) {
	f, err := os.CreateTemp("", "crashfs")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer os.Remove(f.Name())
	if err := f.Truncate(size); err != nil {
		return nil, err
	}
	tool, err := mkfs()
	if err != nil {
		return nil, err
	}
	b, err := exec.Command(tool, "-q", "-F", "-b", strconv.Itoa(blockSize), "-E", "lazy_itable_init=0,lazy_journal_init=0", f.Name()).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, b)
	}
	return load(f, size)
}

// load reads what is in a sparse file.
func load(f *os.File, size int64) (pages, error) {
	content := newPages(size)
	for at := int64(0); ; {
		from, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return content, nil
		}
		if err != nil {
			return nil, err
		}
		from -= from % pageSize
		if at, err = f.Seek(from, unix.SEEK_HOLE); err != nil {
			return nil, err
		}
		at = min(size, (at+pageSize-1)/pageSize*pageSize)
		b := make([]byte, at-from)
		if _, err := io.ReadFull(io.NewSectionReader(f, from, at-from), b); err != nil {
			return nil, err
		}
		content.write(from, b)
	}
}
