//go:build linux

package sim

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openPty makes a pseudo-terminal in raw mode and returns its master side, and
// the path of the side that a host opens.
func openPty() (*os.File, string, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", fmt.Errorf("sim: no pseudo-terminal: open /dev/ptmx: %w", err)
	}
	path, err := preparePty(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, "", fmt.Errorf("sim: no pseudo-terminal: %w", err)
	}
	// Once its other side has been open and is not any more, the line can be asked whether somebody has it open.
	if other, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
		_ = unix.Close(other)
	}
	return os.NewFile(uintptr(fd), path), path, nil
}

func preparePty(fd int) (string, error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return "", fmt.Errorf("unlock: %w", err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		return "", fmt.Errorf("number: %w", err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", fmt.Errorf("read settings: %w", err)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return "", fmt.Errorf("set raw mode: %w", err)
	}
	return "/dev/pts/" + strconv.FormatUint(uint64(n), 10), nil
}

// ptyLine is the modem's side of a pseudo-terminal.
type ptyLine struct{ *os.File }

// hasHost tells whether somebody has the other side open.
func (l ptyLine) hasHost() bool {
	raw, err := l.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	_ = raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd)}}
		_, err := unix.Poll(p, 0)
		open = err == nil && p[0].Revents&unix.POLLHUP == 0
	})
	return open
}

// hostBaud is the rate that the host has set on its side: both share one terminal.
func (l ptyLine) hostBaud() int {
	raw, err := l.SyscallConn()
	if err != nil {
		return 0
	}
	baud := 0
	_ = raw.Control(func(fd uintptr) {
		if t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
			baud = baudOf(t.Cflag & unix.CBAUD)
		}
	})
	return baud
}

// baudOf is the rate of the termios code; 0 for one that no modem here has.
func baudOf(code uint32) int {
	for _, b := range []struct {
		code uint32
		baud int
	}{
		{unix.B1200, 1200}, {unix.B2400, 2400}, {unix.B4800, 4800}, {unix.B9600, 9600}, {unix.B19200, 19200},
		{unix.B38400, 38400}, {unix.B57600, 57600}, {unix.B115200, 115200},
	} {
		if b.code == code {
			return b.baud
		}
	}
	return 0
}

// OpenPty makes a pseudo-terminal in raw mode, for tests of what opens serial ports: master is the device's side, path is
// what a host opens.
func OpenPty() (master *os.File, path string, err error) { return openPty() }
