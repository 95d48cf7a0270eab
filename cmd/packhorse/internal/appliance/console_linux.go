package appliance

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/cmd/packhorse/internal/appliance/plan"
	"packhorse/cmd/packhorse/internal/appliance/session"
)

// consoles are the serial line and the screen.
type consoles []*console

type console struct {
	*session.Console
	device string
	file   *os.File
}

// openConsoles opens those that the kernel has. A console that cannot be had is left out.
func openConsoles(h *session.Host) consoles {
	active, err := os.ReadFile("/sys/class/tty/console/active")
	if err != nil {
		return consoles{}
	}
	all := consoles{}
	for _, device := range plan.Consoles(string(active)) {
		f, err := os.OpenFile(device, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		if err := makeRaw(f); err != nil {
			f.Close()
			continue
		}
		all = append(all, &console{session.NewConsole(h, &face{File: f, patience: patience}), device, f})
	}
	return all
}

// makeRaw takes keys one by one, without echo; what is written goes out as it is (termios(3)). Speed and size stay. The file
// stays one that does not block, which File.Fd would change.
func makeRaw(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	outer := c.Control(func(fd uintptr) { err = rawMode(int(fd)) })
	return cmp.Or(outer, err)
}

func rawMode(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag |= unix.CLOCAL | unix.CREAD
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// patience is how long a console may take not a single octet: a line at 9600 baud empties what the kernel holds back in 4 s.
// briefly is that of one that took nothing the last time.
const patience, briefly = 10 * time.Second, 5 * time.Millisecond

// face is a console that is waited for within bounds: the init's loop speaks to it, and Scroll Lock on a keyboard stops a
// screen for good. What such a one does not take is lost. One goroutine writes at a time.
type face struct {
	*os.File
	patience time.Duration
	stuck    bool
}

func (c *face) Write(b []byte) (int, error) {
	for rest := b; ; {
		limit := c.patience
		if c.stuck {
			limit = briefly
		}
		_ = c.SetWriteDeadline(time.Now().Add(limit))
		n, err := c.File.Write(rest)
		late := errors.Is(err, os.ErrDeadlineExceeded)
		c.stuck, rest = late && n == 0, rest[n:]
		switch {
		case err != nil && !late:
			return len(b) - len(rest), err
		case c.stuck || len(rest) == 0:
			return len(b), nil
		}
	}
}

// say shows a text on all of them; before they are open it goes where the kernel's console goes.
func (all consoles) say(text string) {
	if all == nil {
		os.Stdout.WriteString(text + "\n")
	}
	for _, c := range all {
		c.Say(strings.TrimRight(text, "\n"))
	}
}

// without is those that are on none of the ports: what a radio hears on its port it may send.
func (all consoles) without(ports []string) consoles {
	out := consoles{}
	for _, c := range all {
		if slices.ContainsFunc(ports, func(p string) bool { return sameDevice(p, c.device) }) {
			c.file.Close()
			continue
		}
		out = append(out, c)
	}
	return out
}

// sameDevice tells whether a path leads to a device.
func sameDevice(path, device string) bool {
	real, err := filepath.EvalSymlinks(path)
	return err == nil && real == device
}
