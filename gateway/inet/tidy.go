package inet

import (
	"time"

	"packhorse/store/queue"
)

// sweepEvery is how often certificates, keys and memories are looked after.
const sweepEvery = 10 * time.Minute

// tidy renews and ends what it is time for.
func (c *Core) tidy(now time.Time) {
	c.sweep = now.Add(sweepEvery)
	c.renew(now)
	if !c.trusted() {
		return
	}
	ops := c.endCerts(now)
	ops = append(ops, sessionOps(c.ring.Expire(now, c.quality))...)
	ops = append(ops, c.owed.expire(now)...)
	ops = append(ops, c.served.expire(now)...)
	ops = append(ops, c.permits.expire(now)...)
	for address, r := range c.roads {
		if r.busy == 0 && r.until.Before(now.Add(-day)) {
			delete(c.roads, address)
		}
	}
	if len(ops) == 0 {
		return
	}
	c.persist(ops, func(now time.Time, err error) {
		if err != nil { // they are back after a restart, and end then
			c.notice(true, "what is over stays in the store: "+err.Error())
		}
	})
}

// nextEnd is when the next parcel is over; zero when that cannot be told.
func (c *Core) nextEnd() time.Time {
	if c.ending || !c.trusted() {
		return time.Time{}
	}
	return c.queue.NextEnd()
}

// expire forgets parcels whose time is over, body and memory.
func (c *Core) expire(now time.Time) {
	if c.ending {
		return
	}
	e := c.queue.Expire(now, c.trusted(), func(it queue.Item[lane]) queue.Ending {
		return queue.Ending{Later: c.known[it.ID].busy}
	})
	if len(e.IDs) == 0 {
		return
	}
	c.ending = true
	for _, id := range e.IDs {
		c.known[id].busy = true
	}
	c.persist(e.Ops, func(now time.Time, err error) {
		c.ending = false
		for _, id := range e.IDs {
			c.queue.Settle(now, id, err == nil)
			if c.known[id].busy = false; err == nil {
				delete(c.known, id)
			}
		}
	})
}
