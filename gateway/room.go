package gateway

import (
	"time"

	"packhorse/link"
	"packhorse/store"
)

// space is what is known of the store's room.
type space struct {
	told   bool
	room   int64
	needed int64     // by the smallest batch that did not fit, 0: there was room for it since
	probe  time.Time // until then nothing so large is tried again
	broken string    // what the store said last, other than that it is full
}

// storeMargin is what a parcel's record, and keeping a few more of what is small, take besides a body.
const storeMargin = 4 << 10

func (c *Core) setRoom(e Room) {
	c.space.told, c.space.room = true, e.Bytes
	if e.Bytes >= c.space.needed {
		c.space.needed = 0
	}
}

// fits tells whether the store has room for an item, so that nothing crosses the air in vain. What was kept of
// it before makes room when it is whole.
func (c *Core) fits(now time.Time, it link.Item) bool {
	need := int64(it.Size) + int64(it.Size)/64 + storeMargin
	if c.space.needed > 0 && int64(it.Size) >= c.space.needed && now.Before(c.space.probe) {
		return false
	}
	need -= c.partials.size(it.Digest)
	return !c.space.told || need <= c.space.room
}

// judgeBatch learns from what became of a batch. A cause that lasts is told once.
func (c *Core) judgeBatch(now time.Time, size int64, err error) {
	s := &c.space
	switch {
	case err == nil:
		s.broken = ""
	case isFull(err):
		if s.needed == 0 {
			c.notice(true, "store: "+err.Error())
		}
		if s.needed == 0 || size < s.needed {
			s.needed = max(size, 1)
		}
		s.probe = now.Add(holdFull)
	case err.Error() != s.broken:
		s.broken = err.Error()
		c.notice(true, "store: "+s.broken)
	}
}

// sizeOf is what the operations of a batch write.
func sizeOf(ops []store.Op) (n int64) {
	for _, op := range ops {
		if !op.Delete {
			n += int64(len(op.Key) + len(op.Value))
		}
	}
	return n
}

// fullFor is how long a neighbour that has no room is left alone: with all that it refused, and ever longer until
// it takes something.
func (p *peer) fullFor(now time.Time) time.Duration {
	if !p.fullUntil.After(now) {
		p.fulls = min(p.fulls+1, maxFulls)
		p.fullUntil = now.Add(holdFull << (p.fulls - 1))
	}
	return p.fullUntil.Sub(now)
}
