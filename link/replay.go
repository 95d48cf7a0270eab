package link

// replayWindow is how far behind the highest counter a control frame may come.
const replayWindow = 1024

// replay remembers which counters were seen (the sliding window of RFC 6479).
type replay struct {
	next uint64 // the highest counter seen, plus one
	seen [replayWindow / 64]uint64
}

// rebuild finds the counter next to the window's top that ends in low.
func (r *replay) rebuild(low uint16) uint64 {
	const span = 1 << 16
	c := r.next&^(span-1) | uint64(low)
	switch {
	case c+span/2 < r.next:
		c += span
	case c > r.next+span/2 && c >= span:
		c -= span
	}
	return c
}

// fresh reports whether the counter was not seen and is not too old.
func (r *replay) fresh(c uint64) bool {
	if c >= r.next {
		return true
	}
	if r.next-c > replayWindow {
		return false
	}
	i := c % replayWindow
	return r.seen[i/64]&(1<<(i%64)) == 0
}

// mark moves the window. Call it only for a frame whose tag verified.
func (r *replay) mark(c uint64) {
	if c >= r.next {
		if c-r.next >= replayWindow {
			r.seen = [replayWindow / 64]uint64{}
		} else {
			for i := r.next; i <= c; i++ {
				r.seen[i%replayWindow/64] &^= 1 << (i % 64)
			}
		}
		r.next = c + 1
	}
	i := c % replayWindow
	r.seen[i/64] |= 1 << (i % 64)
}
