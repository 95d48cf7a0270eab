package trace

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// File is a trace that bounds itself: at its limit it becomes path.1, in place of an earlier one, and a new file
// begins. Safe for concurrent use.
type File struct {
	path  string
	limit int64
	app   string

	mu      sync.Mutex
	out     *counted
	devices []device
	err     error // the trace has ended
}

// counted is a file that knows how much went into it.
type counted struct {
	*os.File
	octets int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.File.Write(b)
	c.octets += int64(n)
	return n, err
}

type device struct {
	name string
	link uint16
}

// LeastLimit is the smallest limit of a File, in octets.
const LeastLimit = 64 << 10

// Create starts a trace at path, replacing what is there. At most about two limits of octets are on disk at a time; app
// names the program inside the file.
func Create(path string, limit int64, app string) (*File, error) {
	if limit < LeastLimit {
		return nil, fmt.Errorf("trace: a limit of %d octets: give at least %d", limit, LeastLimit)
	}
	f := &File{path: path, limit: limit, app: app}
	if err := f.begin(); err != nil {
		return nil, err
	}
	return f, nil
}

// begin opens a new file with all devices.
func (f *File) begin() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("trace: %w: choose a directory that this user can write", err)
	}
	f.out = &counted{File: file}
	if err := file.Chmod(0o600); err != nil { // it may have been there, for all to read
		return fmt.Errorf("trace: %w: choose a file of this user's own", err)
	}
	if err := (pcapng{f.out}).section(f.app); err != nil {
		return err
	}
	for _, d := range f.devices {
		if err := (pcapng{f.out}).device(d.name, d.link); err != nil {
			return err
		}
	}
	return nil
}

// declare adds a device and returns its number: that which it has already, when a radio was opened anew.
func (f *File) declare(name string, link uint16) uint32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.devices, device{name, link}); i >= 0 {
		return uint32(i)
	}
	f.devices = append(f.devices, device{name, link})
	if f.err == nil {
		f.failed((pcapng{f.out}).device(name, link))
	}
	return uint32(len(f.devices) - 1)
}

// record adds a packet. When the disk refuses the trace ends: it never holds up a radio.
func (f *File) record(dev uint32, at time.Time, dir direction, comment string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return
	}
	if f.out.octets >= f.limit {
		f.failed(f.turn())
	}
	if f.err == nil {
		f.failed((pcapng{f.out}).packet(dev, at, dir, comment, data))
	}
}

// turn puts the full file aside.
func (f *File) turn() error {
	if err := f.out.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		return err
	}
	return f.begin()
}

func (f *File) failed(err error) {
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("trace: %s has ended: %w", f.path, err)
	}
}

// Err tells why the trace has ended before Close; nil while it goes on.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Close ends the trace. Its error is that of Err, or of closing the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.out.Close()
	if f.err == nil {
		f.failed(err)
	}
	was := f.err
	if was == nil {
		f.err = fmt.Errorf("trace: %s is closed", f.path)
	}
	return was
}
