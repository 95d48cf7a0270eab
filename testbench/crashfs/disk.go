package crashfs

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"packhorse/testbench/crashfs/fate"
)

// Counters is what a disk was asked to do since it was made.
type Counters struct {
	Writes  int64
	Octets  int64 // of the writes
	Flushes int64
}

// Sub is what happened between an earlier reading and c.
func (c Counters) Sub(earlier Counters) Counters {
	return Counters{c.Writes - earlier.Writes, c.Octets - earlier.Octets, c.Flushes - earlier.Flushes}
}

// Disk is a block device in memory with a volatile write cache: what is written is durable
// once a flush follows. It records both. Pages that were never written take no memory. It is safe for concurrent use.
type Disk struct {
	size  int64
	limit int64 // octets of writes that are kept

	flushing chan struct{} // full while flushing: a card does one flush at a time

	mu     sync.Mutex
	base   pages // at position 0
	now    pages
	log    []event
	kept   int64
	full   bool // the log was given up
	count  Counters
	delay  time.Duration
	cursor cursor
}

// event is a write or, without data, a flush.
type event = fate.Write

// DefaultKeep is how many octets of writes a Disk keeps for Image.
const DefaultKeep = 1 << 30

// NewDisk makes an empty disk. Size, in octets, is rounded down to whole pages of 4 KiB. The log
// holds up to keep octets of writes, 0 means DefaultKeep, and less than 0 none; a disk that was
// written more goes on without a log, and has no images.
func NewDisk(size, keep int64) *Disk {
	size -= size % pageSize
	return diskOf(size, keep, newPages(size))
}

func diskOf(size, keep int64, content pages) *Disk {
	if keep == 0 {
		keep = DefaultKeep
	}
	d := &Disk{size: size, limit: keep, flushing: make(chan struct{}, 1), base: content, now: content.clone(), full: keep < 0}
	d.cursor = cursor{content: content.clone()}
	return d
}

// Size is in octets.
func (d *Disk) Size() int64 { return d.size }

// ReadAt is io.ReaderAt: it reads what was written last, flushed or not.
func (d *Disk) ReadAt(b []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := int(min(int64(len(b)), max(0, d.size-off)))
	d.now.read(off, b[:n])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt is io.WriterAt.
func (d *Disk) WriteAt(b []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(b)) > d.size {
		return 0, fmt.Errorf("crashfs: write of %d octets at %d is outside the disk of %d: %w", len(b), off, d.size, io.ErrShortWrite)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count.Writes++
	d.count.Octets += int64(len(b))
	if !d.full {
		data := bytes.Clone(b)
		d.now.write(off, data)
		d.record(event{Off: off, Data: data})
		return len(b), nil
	}
	for at := 0; at < len(b); at += pageSize { // so that a page in use keeps no others in memory
		d.now.write(off+int64(at), bytes.Clone(b[at:min(at+pageSize, len(b))]))
	}
	return len(b), nil
}

// Flush makes all that was written durable, and takes as long as SetFlushDelay says.
func (d *Disk) Flush() {
	d.flushing <- struct{}{}
	defer func() { <-d.flushing }()
	d.mu.Lock()
	delay := d.delay
	d.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count.Flushes++
	d.record(event{})
}

func (d *Disk) record(e event) {
	d.kept += int64(len(e.Data))
	if d.full || d.kept > d.limit {
		d.full, d.log = true, nil
		return
	}
	d.log = append(d.log, e)
}

// SetFlushDelay makes every later flush take so long, such as 15 ms to play an SD card.
func (d *Disk) SetFlushDelay(delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delay = delay
}

// Position is the number of writes and flushes so far.
func (d *Disk) Position() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int(d.count.Writes + d.count.Flushes)
}

// Counters counts from when the disk was made, or for one of New, from the empty file system.
func (d *Disk) Counters() Counters {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}
