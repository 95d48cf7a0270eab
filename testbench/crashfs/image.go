package crashfs

import (
	"errors"
	"fmt"

	"packhorse/testbench/crashfs/fate"
)

// superblockAt is where ext4 has its superblock.
const superblockAt = 1024

// cursor is a place in the log and what was durable there.
type cursor struct {
	position int
	content  pages
}

// Image is the disk as a power cut at this position may leave it: all that was written
// before the last flush, and of the later writes what the seed says, torn by sectors of
// 512 octets. Equal arguments give equal images. Making images in ascending order of position is fast.
// The image is a disk of its own with an empty log, so that it can be cut again.
func (d *Disk) Image(position int, seed uint64) (*Disk, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return nil, errors.New("crashfs: the disk has kept no log of its writes: give it a larger limit")
	}
	if position < 0 || position > len(d.log) {
		return nil, fmt.Errorf("crashfs: no position %d in a log of %d", position, len(d.log))
	}
	durable := position
	for durable > 0 && d.log[durable-1].Data != nil {
		durable--
	}
	d.seek(durable)
	content := d.cursor.content.clone()
	fate.Settle(seed, position, d.log[durable:position], []int64{superblockAt}, content.write)
	return diskOf(d.size, d.limit, content), nil
}

// Flushes lists the positions right behind each flush.
func (d *Disk) Flushes() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []int
	for i, e := range d.log {
		if e.Data == nil {
			out = append(out, i+1)
		}
	}
	return out
}

// seek brings the cursor to a position behind a flush.
func (d *Disk) seek(position int) {
	if position < d.cursor.position {
		d.cursor = cursor{content: d.base.clone()}
	}
	for _, e := range d.log[d.cursor.position:position] {
		d.cursor.content.write(e.Off, e.Data)
	}
	d.cursor.position = position
}
