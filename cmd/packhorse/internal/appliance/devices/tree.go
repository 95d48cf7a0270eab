package devices

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// tree is the system's files: /dev, /sys and /proc.
type tree struct{ root string }

func (t tree) path(p string) string { return filepath.Join("/", t.root, p) }

// text is a small file without white space at its end; empty where there is none.
func (t tree) text(p string) string {
	f, err := os.Open(t.path(p))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(b), "\x00\n")
}

// glob lists paths without the root, by name.
func (t tree) glob(pattern string) []string {
	found, _ := filepath.Glob(t.path(pattern)) // fails only on a bad pattern; the result is sorted
	for i, f := range found {
		found[i] = "/" + strings.TrimPrefix(strings.TrimPrefix(f, t.path("/")), "/")
	}
	return found
}

// real follows links and gives the path without the root; empty where it leads nowhere.
func (t tree) real(p string) string {
	found, err := filepath.EvalSymlinks(t.path(p))
	if err != nil {
		return ""
	}
	root, err := filepath.EvalSymlinks(t.path("/"))
	if err != nil {
		return ""
	}
	return "/" + strings.TrimPrefix(strings.TrimPrefix(found, root), "/")
}

// given are the nodes that the gateway's user gets, if no console is on them, and its lamps. Not the watchdog: that is
// the init's.
var given = []string{"/dev/spidev*", "/dev/gpiochip*", "/dev/i2c-*", "/dev/ttyUSB*", "/dev/ttyACM*", "/dev/ttyAMA*", "/dev/ttyS[0-9]*",
	"/sys/class/leds/*/brightness", "/sys/class/leds/*/trigger"}

func (t tree) nodes() (out []string) {
	consoles := strings.Fields(t.text("/sys/class/tty/console/active"))
	for _, pattern := range given {
		for _, p := range t.glob(pattern) {
			if !slices.Contains(consoles, filepath.Base(p)) {
				out = append(out, p)
			}
		}
	}
	return out
}

// give makes a node the user's. One that was unplugged meanwhile is no error.
func (t tree) give(path string, uid, gid int) error {
	err := os.Chown(t.path(path), uid, gid)
	if err == nil && strings.HasPrefix(path, "/dev/") {
		err = os.Chmod(t.path(path), 0o660)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// links are the names of serial ports that there are, and the devices that they lead to.
func (t tree) links() map[string]string {
	out := map[string]string{}
	for _, p := range slices.Concat(t.glob("/dev/serial/by-id/*"), t.glob("/dev/serial/by-path/*"), t.glob("/dev/serial[01]")) {
		if target, err := os.Readlink(t.path(p)); err == nil {
			out[p] = filepath.Join(filepath.Dir(p), target)
		}
	}
	return out
}

// link makes the names as wanted and takes away others. A name changes in one step.
func (t tree) link(want map[string]string) error {
	var errs []error
	have := t.links()
	for name := range have {
		if want[name] == "" {
			errs = append(errs, os.Remove(t.path(name)))
		}
	}
	for name, device := range want {
		if have[name] != device {
			errs = append(errs, t.point(name, device))
		}
	}
	return errors.Join(errs...)
}

func (t tree) point(name, device string) error {
	to, err := filepath.Rel(filepath.Dir(name), device)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.path(filepath.Dir(name)), 0o755); err != nil {
		return err
	}
	next := t.path("/dev/.serial-next")
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(to, next); err != nil {
		return err
	}
	if err := os.Rename(next, t.path(name)); err != nil {
		return fmt.Errorf("devices: name %s: %w", filepath.Base(device), err)
	}
	return nil
}
