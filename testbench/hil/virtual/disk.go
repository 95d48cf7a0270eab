//go:build linux

package virtual

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"packhorse/testbench/crashfs/fate"
)

// cacheSize is how much a disk holds back at most, in octets: real cards do not cache more for long either.
const cacheSize = 256 << 20

// medium is what a disk lies in: a file.
type medium interface {
	io.ReaderAt
	io.WriterAt
}

// disk is a block device with a volatile cache in front of a medium: what was written is durable once a flush follows.
// The medium has all writes at any time, and undo takes back those that no flush has followed. It is safe for
// concurrent use.
type disk struct {
	size        int64
	superblocks []int64

	mu      sync.Mutex
	to      medium
	pending []fate.Write // in the cache, in their order
	before  [][]byte     // what each of them wrote over
	cached  int64        // octets in pending
	count   counters
	left    int           // writes until it stops
	stopped chan struct{} // closed when it has stopped; nil: it is not to
}

// errStopped says that the disk does nothing any more until the power has gone.
var errStopped = errors.New("virtual: the disk has stopped")

// counters is what a disk was asked to do.
type counters struct{ Writes, Octets, Flushes int64 }

func (d *disk) ReadAt(b []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isStopped() {
		return 0, errStopped
	}
	return d.to.ReadAt(b, off)
}

// WriteAt takes what it is given: b belongs to the disk afterwards.
func (d *disk) WriteAt(b []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(b)) > d.size {
		return 0, fmt.Errorf("virtual: write of %d octets at %d is outside the disk of %d: %w", len(b), off, d.size, io.ErrShortWrite)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isStopped() {
		return 0, errStopped
	}
	old := make([]byte, len(b))
	if _, err := d.to.ReadAt(old, off); err != nil {
		return 0, err
	}
	if d.cached += int64(len(b)); d.cached > cacheSize {
		d.durable()
		d.cached = int64(len(b))
	}
	d.pending, d.before = append(d.pending, fate.Write{Off: off, Data: b}), append(d.before, old)
	d.count.Writes++
	d.count.Octets += int64(len(b))
	if d.left--; d.left == 0 && d.stopped != nil {
		close(d.stopped)
	}
	return d.to.WriteAt(b, off)
}

// Flush makes all that was written durable.
func (d *disk) Flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isStopped() {
		return errStopped
	}
	d.count.Flushes++
	d.durable()
	return nil
}

// stopAfter lets the disk take so many writes more and then nothing until the next cut, so that the power goes before a
// flush can follow. The channel is closed when it has stopped.
func (d *disk) stopAfter(writes int) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left, d.stopped = writes, make(chan struct{})
	return d.stopped
}

func (d *disk) isStopped() bool { return d.stopped != nil && d.left <= 0 }

func (d *disk) durable() { d.pending, d.before, d.cached = nil, nil, 0 }

// cut is a power cut. It answers how many writes were in the cache. Whatever the seed lets survive is durable.
func (d *disk) cut(seed uint64) (pending int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	put := func(off int64, data []byte) {
		if _, e := d.to.WriteAt(data, off); e != nil && err == nil {
			err = e
		}
	}
	for i := len(d.pending) - 1; i >= 0; i-- {
		put(d.pending[i].Off, d.before[i])
	}
	pending = len(d.pending)
	fate.Settle(seed, int(d.count.Writes+d.count.Flushes), d.pending, d.superblocks, put)
	d.durable()
	d.stopped = nil
	return pending, err
}
