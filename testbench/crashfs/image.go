package crashfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

const (
	sector         = 512
	superblockAt   = 1024
	superblockSize = 1024
)

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
	for durable > 0 && d.log[durable-1].data != nil {
		durable--
	}
	d.seek(durable)
	content := d.cursor.content.clone()
	f := newFate(seed, position, len(d.log[durable:position]))
	for i, e := range d.log[durable:position] {
		f.write(i, e, content)
	}
	return diskOf(d.size, d.limit, content), nil
}

// Flushes lists the positions right behind each flush.
func (d *Disk) Flushes() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []int
	for i, e := range d.log {
		if e.data == nil {
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
		d.cursor.content.write(e.off, e.data)
	}
	d.cursor.position = position
}

// fate decides what becomes of the writes in the cache when the power goes.
type fate struct {
	r     *rand.Rand
	keep  float64 // share of writes that are kept whole
	end   int     // those from here on never reached the medium
	exact bool    // those before it did
}

// newFate gives a third of the cuts to a disk that writes in order, with one write torn,
// and the rest to one that writes in any order; now and then nothing or all of it is kept.
func newFate(seed uint64, position, pending int) *fate {
	r := rand.New(rand.NewPCG(seed, uint64(position)))
	f := &fate{r: r, end: pending}
	if r.IntN(3) == 0 {
		f.exact, f.end = true, r.IntN(pending+1)
	} else {
		f.keep = []float64{0, 0.1, 0.5, 0.9, 1}[r.IntN(5)]
	}
	return f
}

func (f *fate) write(i int, e event, to pages) {
	switch {
	case f.exact && i < f.end, !f.exact && f.r.Float64() < f.keep:
		to.write(e.off, e.data)
	case f.exact && i == f.end, !f.exact && f.r.IntN(2) == 0:
		f.tear(e, to)
	}
}

// tear writes some sectors, each or not by chance. The superblock stays in one piece: ext4
// reads it before its journal and then refuses to mount, so that only e2fsck helps.
func (f *fate) tear(e event, to pages) {
	for at, n := 0, 0; at < len(e.data); at += n {
		n = min(sector, len(e.data)-at)
		if e.off+int64(at) == superblockAt {
			n = min(superblockSize, len(e.data)-at)
		}
		if f.r.IntN(2) == 0 {
			to.write(e.off+int64(at), e.data[at:at+n])
		}
	}
}
