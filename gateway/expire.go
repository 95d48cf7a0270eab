package gateway

import (
	"time"

	"packhorse/store"
)

// memory is how long the end of a parcel of ours is shown after its expiry.
const memory = 7 * day

// expire ends what is over, by a clock that may: the time of neighbours deletes nothing.
func (c *Core) expire(now time.Time) {
	at := c.nextExpiry()
	if at.IsZero() || at.After(now) {
		return
	}
	c.queue.expires = time.Time{}
	for _, x := range c.queue.all() {
		c.expireOne(now, x)
	}
	for _, d := range sortedDigests(c.notes.byDigest) {
		if n := c.notes.byDigest[d]; n.expires.After(now) {
			c.expireAt(n.expires)
		} else {
			c.dropNote(n)
		}
	}
	c.expireDrafts(now)
	c.dirty = true
}

// expireOne ends one parcel, or forgets one whose memory is over, and sees to it that the next time is known.
func (c *Core) expireOne(now time.Time, x *entry) {
	switch due := c.due(x); {
	case due.After(now):
		c.expireAt(due)
	case x.busy:
		c.expireAt(now.Add(time.Second))
	case x.ended() || !x.Origin && !x.Held:
		c.queue.remove(x)
		c.persist(batch{ops: []store.Op{{Kind: KindParcel, Key: x.key(), Delete: true}}}, ignoreResult)
	default:
		c.change(x, func(r *parcelRecord) { r.State, r.Since, r.Held = Expired, now, false }, nil, ignoreResult)
		c.expireAt(now.Add(time.Second))
	}
}

// due is when something happens to a parcel by age alone.
func (c *Core) due(x *entry) time.Time {
	if x.ended() && x.Origin {
		return x.Expires.Add(memory)
	}
	return x.Expires.Add(time.Second)
}

func (c *Core) expireAt(t time.Time) {
	if c.queue.expires.IsZero() || t.Before(c.queue.expires) {
		c.queue.expires = t
	}
}

// nextExpiry is when to look for what is over; zero when there is nothing, or no clock to tell.
func (c *Core) nextExpiry() time.Time {
	if !c.clockTrusted() {
		return time.Time{}
	}
	return c.queue.expires
}
