package session

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// onTerminal runs a command whose input is a terminal of its own. Its output is not: what it writes is the same for
// people and for programs that drive this session.
func (h *Host) onTerminal(cmd *exec.Cmd, c Command) error {
	keys, side, err := openTerminal()
	if err != nil {
		return err
	}
	defer keys.Close()
	cmd.Stdin = side
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	wait, err := h.start(cmd)
	side.Close()
	if err != nil {
		return err
	}
	go func() { _, _ = io.Copy(keys, c.In) }()
	echoed := make(chan struct{})
	go func() {
		defer close(echoed)
		_, _ = io.Copy(c.Out, keys) // ends when nobody has the other side open any more
	}()
	err = wait()
	keys.Close()
	<-echoed
	return err
}

// openTerminal makes a pseudo-terminal (pty(7)): the side of the keys, and that of the command.
func openTerminal() (keys, side *os.File, err error) {
	keys, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("no terminal for the command: %w", err)
	}
	side, err = otherSide(keys)
	if err != nil {
		keys.Close()
		return nil, nil, fmt.Errorf("no terminal for the command: %w", err)
	}
	return keys, side, nil
}

func otherSide(keys *os.File) (*os.File, error) {
	raw, err := keys.SyscallConn()
	if err != nil {
		return nil, err
	}
	n, inner := uint32(0), error(nil)
	if err = raw.Control(func(fd uintptr) { n, inner = prepare(int(fd)) }); err == nil {
		err = inner
	}
	if err != nil {
		return nil, err
	}
	return os.OpenFile("/dev/pts/"+strconv.FormatUint(uint64(n), 10), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}

// prepare unlocks the other side and answers its number. Whoever shows the echo translates line ends.
func prepare(fd int) (uint32, error) {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return 0, err
	}
	t.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return 0, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return 0, err
	}
	return unix.IoctlGetUint32(fd, unix.TIOCGPTN)
}
