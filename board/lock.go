package board

import (
	"cmp"
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
	device, err := realDevice(path)
	if err != nil {
		return nil, err
	}
	return lockFile(lockName(device, part), path)
}

func realDevice(path string) (string, error) {
	device, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("board: open %s: %w", path, err)
	}
	return filepath.Abs(device)
}

// lockFile locks a file; device is for the error.
func lockFile(name, device string) (*os.File, error) {
	f, err := openLock(name, os.OpenFile)
	if err != nil {
		return nil, nil
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()
		return nil, fmt.Errorf("%w: %s: %s has it, stop it first", ErrDeviceBusy, device, lockedBy(f))
	}
	return f, nil
}

func lockName(device, part string) string {
	name := strings.ReplaceAll(strings.Trim(device+"/"+part, "/"), "/", "-")
	return filepath.Join(lockDir(), "packhorse-"+name+".lock")
}

// lockedBy names the process that has a lock, as the kernel knows it (proc_locks(5)).
func lockedBy(f *os.File) string {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return "a program"
	}
	dev := uint64(st.Dev)
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), st.Ino)
	for line := range strings.Lines(Host{}.text("/proc/locks")) {
		if w := strings.Fields(line); len(w) > 5 && w[1] == "FLOCK" && w[5] == file {
			return fmt.Sprintf("%s (process %s)", cmp.Or(Host{}.text("/proc/"+w[4]+"/comm"), "a program"), w[4])
		}
	}
	return "a program"
}

// LockSPI keeps programs of ours off the radio on an SPI device, such as "/dev/spidev0.1" or "SPI0.1", until unlock is
// called: it takes the lock of OpenHardware, and those of radios on the same bus whose chip select is a line of its own,
// for these hear everything. ErrDeviceBusy says which program has one. What is no device needs no lock.
func LockSPI(name string) (unlock func(), err error) {
	if n, short := strings.CutPrefix(name, "SPI"); short {
		name = "/dev/spidev" + n
	}
	device, err := realDevice(name)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	var locks []*os.File
	unlock = func() {
		for _, l := range locks {
			unlockPort(l)
		}
	}
	bus := strings.TrimRight(device, "0123456789") // "/dev/spidev0."
	byHand, _ := filepath.Glob(strings.TrimSuffix(lockName(bus, ""), ".lock") + "*-*.lock")
	for _, file := range append([]string{lockName(device, "")}, byHand...) {
		l, err := lockFile(file, name)
		if err != nil {
			unlock()
			return nil, err
		}
		locks = append(locks, l)
	}
	return unlock, nil
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
