package board

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxText is the most that is read of a file of the kernel's or of a configuration.
const maxText = 256 << 10

// Host is a computer as its files show it. The zero Host is the one that this program runs on; tests give another.
type Host struct {
	Root string // what stands for "/"; empty is "/"
	// Access tells whether the program may read and write a device node; nil asks the kernel.
	Access func(path string) error
	// Chips lists the GPIO chips; nil asks the kernel.
	Chips func() ([]GPIOChip, error)
}

func (h Host) path(p string) string { return filepath.Join("/", h.Root, p) }

// text is the content of a small file without the NUL and white space at its end; empty where there is none.
func (h Host) text(path string) string {
	f, err := os.Open(h.path(path))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(b), "\x00 \t\r\n")
}

func (h Host) exists(path string) bool {
	_, err := os.Stat(h.path(path))
	return err == nil
}

// glob lists paths below the root in the order of their names, without the root.
func (h Host) glob(pattern string) []string {
	found, _ := filepath.Glob(h.path(pattern)) // fails only on a bad pattern; the result is sorted
	for i, f := range found {
		found[i] = "/" + strings.TrimPrefix(strings.TrimPrefix(f, h.path("/")), "/")
	}
	return found
}

// target follows a link to the device that it names, without the root.
func (h Host) target(path string) string {
	real, err := filepath.EvalSymlinks(h.path(path))
	if err != nil {
		return ""
	}
	root, err := filepath.EvalSymlinks(h.path("/"))
	if err != nil {
		return ""
	}
	return "/" + strings.TrimPrefix(strings.TrimPrefix(real, root), "/")
}

func (h Host) access(path string) error {
	if h.Access != nil {
		return h.Access(path)
	}
	return unix.Access(h.path(path), unix.R_OK|unix.W_OK)
}

func (h Host) chips() ([]GPIOChip, error) {
	if h.Chips != nil {
		return h.Chips()
	}
	return h.readChips()
}

// SPI lists the SPI devices that programs may use, "/dev/spidev0.0".
func (h Host) SPI() []string { return h.glob("/dev/spidev*") }

// GPIO lists the GPIO chips and who has their lines at this moment. It takes no line.
func (h Host) GPIO() ([]GPIOChip, error) { return h.chips() }
