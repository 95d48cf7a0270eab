package crashfs

const pageSize = 4096

// pages is the content of a disk; a nil page is all zeros. What is in a page never changes,
// a write puts another in its place, so copies of the table share pages.
type pages []*[pageSize]byte

func newPages(size int64) pages { return make(pages, size/pageSize) }

func (p pages) clone() pages { return append(pages(nil), p...) }

// write keeps b, which must never change.
func (p pages) write(off int64, b []byte) {
	for len(b) > 0 {
		i, at := off/pageSize, int(off%pageSize)
		n := min(len(b), pageSize-at)
		if n == pageSize {
			p[i] = (*[pageSize]byte)(b)
		} else {
			fresh := new([pageSize]byte)
			if p[i] != nil {
				*fresh = *p[i]
			}
			copy(fresh[at:], b[:n])
			p[i] = fresh
		}
		off, b = off+int64(n), b[n:]
	}
}

func (p pages) read(off int64, b []byte) {
	for len(b) > 0 {
		i, at := off/pageSize, int(off%pageSize)
		n := min(len(b), pageSize-at)
		if p[i] == nil {
			clear(b[:n])
		} else {
			copy(b[:n], p[i][at:])
		}
		off, b = off+int64(n), b[n:]
	}
}
