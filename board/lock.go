package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrDeviceBusy: another program of ours has the device.
var ErrDeviceBusy = errors.New("board: the device is in use by another packhorse")

// lockPort locks a serial port. The kernel's own exclusive mode does not hold off root.
func lockPort(path string) (*os.File, error) {
	f, err := lockDevice(path, "")
	if errors.Is(err, ErrDeviceBusy) {
		return nil, fmt.Errorf("%w: %s: another packhorse runs on it", ErrSerialBusy, path)
	}
	return f, err
}

// lockDevice takes a lock file named after a device, whatever link it is opened by, and after the part of it that
// is meant, such as a chip select. Where no lock file can be made, the device is used without.
func lockDevice(path, part string) (*os.File, error) {
	device, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("board: open %s: %w", path, err)
	}
	if device, err = filepath.Abs(device); err != nil {
		return nil, err
	}
	name := strings.ReplaceAll(strings.Trim(device+"/"+part, "/"), "/", "-")
	name = filepath.Join(lockDir(), "packhorse-"+name+".lock")
	f, err := openLock(name, os.OpenFile)
	if err != nil {
		return nil, nil
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, fmt.Errorf("%w: %s: stop it first", ErrDeviceBusy, path)
	}
	return f, nil
}

// openLock opens a lock file, and makes one where there is none. Kernels with fs.protected_regular refuse O_CREATE for a
// file of another user in a directory as /run/lock is, root too: what is there must be opened without.
func openLock(name string, open func(name string, flag int, perm fs.FileMode) (*os.File, error)) (*os.File, error) {
	f, err := open(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = open(name, os.O_CREATE|os.O_RDONLY, 0o644)
	}
	return f, err
}

// unlockPort leaves the file: removing it would let two openers lock two files.
func unlockPort(f *os.File) {
	if f != nil {
		f.Close()
	}
}

func lockDir() string {
	const usual = "/run/lock"
	if i, err := os.Stat(usual); err == nil && i.IsDir() {
		return usual
	}
	return os.TempDir()
}
