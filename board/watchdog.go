package board

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Watchdog is the hardware that restarts the board when nobody feeds it. Opening it arms it.
type Watchdog struct {
	dog     dog
	timeout time.Duration
}

// dog is the device, as watchdog-api.rst of the kernel describes it: any write feeds, "V" before the close disarms.
type dog interface {
	io.WriteCloser
	setTimeout(seconds int) (int, error)
}

type dogFile struct{ *os.File }

func (f dogFile) setTimeout(seconds int) (int, error) {
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.WDIOC_SETTIMEOUT, seconds); err != nil {
		return 0, err
	}
	return unix.IoctlGetInt(int(f.Fd()), unix.WDIOC_GETTIMEOUT)
}

// OpenWatchdog arms a watchdog ("/dev/watchdog0"): from now on Feed must be called more often than Timeout, which may
// differ from what was asked. Feed it only while everything that matters moves. When that cannot be, nothing is armed.
func OpenWatchdog(path string, timeout time.Duration) (*Watchdog, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &DeviceError{What: "there is no " + path, Fix: "enable it (Raspberry Pi: dtparam=watchdog=on in config.txt), or take the watchdog out of the configuration", Err: err}
	case errors.Is(err, fs.ErrPermission):
		return nil, &DeviceError{What: "this user may not use " + path, Fix: "give it the group of this user by a udev rule", Err: err}
	case errors.Is(err, unix.EBUSY):
		return nil, &DeviceError{What: "somebody else feeds " + path, Fix: "leave it to systemd (RuntimeWatchdogSec) or to us, not to both", Err: err}
	case err != nil:
		return nil, fmt.Errorf("board: open %s: %w", path, err)
	}
	return newWatchdog(dogFile{f}, timeout)
}

func newWatchdog(d dog, timeout time.Duration) (*Watchdog, error) {
	w := &Watchdog{dog: d}
	seconds, err := d.setTimeout(max(1, int((timeout+time.Second-1)/time.Second)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("board: set the watchdog to %v: %w", timeout, err), w.Close())
	}
	w.timeout = time.Duration(seconds) * time.Second
	return w, nil
}

// Timeout is how long the board lives without being fed.
func (w *Watchdog) Timeout() time.Duration { return w.timeout }

// Feed lets the board live for another Timeout.
func (w *Watchdog) Feed() error {
	if _, err := w.dog.Write([]byte{0}); err != nil {
		return fmt.Errorf("board: feed the watchdog: %w", err)
	}
	return nil
}

// Close disarms the watchdog. When that fails the board restarts after Timeout, as it does with a kernel that was
// built never to disarm it.
func (w *Watchdog) Close() error {
	_, err := w.dog.Write([]byte("V"))
	if err = errors.Join(err, w.dog.Close()); err != nil {
		return fmt.Errorf("board: disarm the watchdog; the board may restart: %w", err)
	}
	return nil
}
