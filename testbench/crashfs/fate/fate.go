// Package fate decides what of a disk's volatile cache is on the medium after a power cut. Pure: the seed decides.
package fate

import "math/rand/v2"

// Write is one write that no flush has followed yet.
type Write struct {
	Off  int64 // in octets
	Data []byte
}

const (
	// Sector is what a disk writes whole or not at all, in octets.
	Sector = 512
	// Superblock is the size of what is never torn: ext4 reads its superblock before its journal and then refuses to
	// mount, so that only e2fsck helps.
	Superblock = 1024
)

// Settle hands to put, in their order, the writes that reached the medium, whole or in part: any subset, torn by sectors
// of 512 octets. A third of the cuts is of a disk that writes in order, with one write torn, and the rest of one that
// writes in any order; now and then nothing or all of it is kept. Equal seeds, positions and writes give equal calls.
// superblocks lists the octets at which one begins.
func Settle(seed uint64, position int, pending []Write, superblocks []int64, put func(off int64, data []byte)) {
	f := newDraw(seed, position, len(pending))
	for i, w := range pending {
		switch {
		case f.exact && i < f.end, !f.exact && f.r.Float64() < f.keep:
			put(w.Off, w.Data)
		case f.exact && i == f.end, !f.exact && f.r.IntN(2) == 0:
			f.tear(w, superblocks, put)
		}
	}
}

// draw is what was drawn for one cut.
type draw struct {
	r     *rand.Rand
	keep  float64 // share of writes that are kept whole
	end   int     // those from here on never reached the medium
	exact bool    // those before it did
}

func newDraw(seed uint64, position, pending int) *draw {
	r := rand.New(rand.NewPCG(seed, uint64(position)))
	f := &draw{r: r, end: pending}
	if r.IntN(3) == 0 {
		f.exact, f.end = true, r.IntN(pending+1)
	} else {
		f.keep = []float64{0, 0.1, 0.5, 0.9, 1}[r.IntN(5)]
	}
	return f
}

// tear keeps some sectors, each or not by chance.
func (f *draw) tear(w Write, superblocks []int64, put func(off int64, data []byte)) {
	for at, n := 0, 0; at < len(w.Data); at += n {
		n = Sector
		for _, s := range superblocks {
			if w.Off+int64(at) == s {
				n = Superblock
			}
		}
		n = min(n, len(w.Data)-at)
		if f.r.IntN(2) == 0 {
			put(w.Off+int64(at), w.Data[at:at+n])
		}
	}
}
