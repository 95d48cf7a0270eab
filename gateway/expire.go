package gateway

import (
	"time"

	"packhorse/store/queue"
)

// memory is how long the end of what people wrote is shown after its expiry.
const memory = 7 * day

// expire ends what is over, by a clock that may: the time of neighbours deletes nothing.
func (c *Core) expire(now time.Time) {
	c.expireParcels(now)
	c.tidy(now)
	if at := c.ends; at.IsZero() || at.After(now) || !c.clockTrusted() {
		return
	}
	c.ends = time.Time{}
	for _, d := range sortedDigests(c.notes.byDigest) {
		if n := c.notes.byDigest[d]; n.expires.After(now) {
			c.expireAt(n.expires)
		} else {
			c.dropNote(n)
		}
	}
	c.expireDrafts(now)
	c.expireOwed(now)
	c.dirty = true
}

// expireParcels ends a batch of them; the next one is due when it is on disk.
func (c *Core) expireParcels(now time.Time) {
	q := &c.queue
	if q.ending {
		return
	}
	over := map[queue.ID]parcelRecord{}
	e := q.Expire(now, c.clockTrusted(), func(it queue.Item[lane]) queue.Ending {
		x := q.byID[it.ID]
		if x.busy {
			return queue.Ending{Later: true}
		}
		if x.ended() || x.left() || !x.Origin && !x.Held {
			return queue.Ending{}
		}
		r := x.parcelRecord
		r.State, r.Since, r.Held = Expired, now, false
		over[x.id] = r
		return queue.Ending{Head: r.append(nil), Until: x.due(&r)}
	})
	if len(e.IDs) == 0 {
		return
	}
	for _, id := range e.IDs {
		q.byID[id].busy = true
	}
	q.ending, c.dirty = true, true
	c.persist(batch{ops: e.Ops}, func(now time.Time, err error) {
		q.ending, c.dirty = false, true
		for _, id := range e.IDs {
			c.expired(now, id, over, err == nil)
		}
		c.expireDrafts(now)
	})
}

// expired takes over what became of a parcel whose time is over.
func (c *Core) expired(now time.Time, id queue.ID, over map[queue.ID]parcelRecord, durable bool) {
	x := c.queue.byID[id]
	c.queue.Settle(now, id, durable)
	x.busy = false
	r, kept := over[id]
	switch {
	case durable && kept:
		x.parcelRecord = r
		c.emit(ParcelChanged{Parcel: c.parcelView(now, x)})
	case durable:
		c.queue.remove(x)
		return
	}
	c.reline(x)
}

// expireAt asks for a look at notes and drafts.
func (c *Core) expireAt(t time.Time) {
	if c.ends.IsZero() || t.Before(c.ends) {
		c.ends = t
	}
}

// nextExpiry is when to look for what is over; zero when there is nothing, or no clock to tell.
func (c *Core) nextExpiry() time.Time {
	at := c.ends
	if end := c.queue.NextEnd(); !c.queue.ending && !end.IsZero() && (at.IsZero() || end.Before(at)) {
		at = end
	}
	if !c.clockTrusted() {
		return time.Time{}
	}
	if next := c.tidied.Add(day); c.tidied.IsZero() || at.IsZero() || next.Before(at) {
		at = next
	}
	return at
}
