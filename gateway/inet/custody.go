package inet

import (
	"cmp"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/ramf"
	"packhorse/store"
	"packhorse/store/queue"
)

// entry is a parcel that we know, and what need not survive a restart.
type entry struct {
	parcelRecord
	name queue.ID
	busy bool // a batch that changes it is on its way
}

// key names the parcel and its octets to who collects it: an acknowledgement of octets that were replaced since
// must not end those in their place.
func (x *entry) key() string { return x.name.Key() + x.Digest.Key() }

func compareEntries(x, y *entry) int { return cmp.Compare(x.Arrival, y.Arrival) }

func (c *Core) restoreParcel(r gateway.Record) error {
	rec, err := parseParcelRecord(r.Value)
	if err != nil {
		return err
	}
	x := &entry{parcelRecord: rec, name: rec.id()}
	c.known[x.name] = x
	c.arrival = max(c.arrival, x.Arrival)
	c.queue.Restore(x.item(), x.Held)
	c.rest(x)
	return nil
}

// rest keeps a parcel that begins in the future from who would refuse it for that.
func (c *Core) rest(x *entry) {
	if x.Held && !x.Begins.IsZero() {
		c.queue.Take(x.name, x.Begins)
	}
}

// admit makes a parcel durable and then ours. extra is written with it, or alone when it is here already. done hears
// nil once both are durable, also for one that was delivered before.
func (c *Core) admit(now time.Time, rec parcelRecord, raw []byte, extra []store.Op, done batchDone) {
	if !rec.Begins.After(now) {
		rec.Begins = time.Time{}
	}
	old := c.known[rec.id()]
	switch {
	case old == nil:
	case old.busy:
		done(now, errAgain)
		return
	case old.Digest == rec.Digest:
		c.write(now, extra, done)
		return
	case !old.Held:
		done(now, &ramf.Error{Refusal: ramf.NotAuthorised, Detail: "another parcel with this sender, recipient and id was delivered before"})
		return
	}
	c.arrival++
	rec.Arrival = c.arrival
	c.keep(now, old, &entry{parcelRecord: rec, name: rec.id()}, raw, extra, done)
}

// keep puts a parcel into the queue, in the place of old if that is not nil: who writes under an id again has the last
// word until it is delivered.
func (c *Core) keep(now time.Time, old, x *entry, raw []byte, extra []store.Op, done batchDone) {
	var gone []store.Op
	if old != nil {
		c.queue.Drop(x.name)
		gone = []store.Op{{Kind: gateway.KindInetBody, Key: old.Digest.Key(), Delete: true}}
	}
	back := func() {
		delete(c.known, x.name)
		if old != nil {
			c.known[x.name] = old
			c.queue.Restore(old.item(), true)
			c.rest(old)
		}
	}
	ops, err := c.queue.Append(x.item(), x.marshal(), raw)
	if err != nil {
		back()
		done(now, quotaError(err))
		return
	}
	x.busy = true
	c.known[x.name] = x
	c.persist(append(append(gone, ops...), extra...), func(now time.Time, err error) {
		x.busy = false
		if c.queue.Settle(now, x.name, err == nil); err != nil {
			back()
			done(now, storeError(err))
			return
		}
		c.rest(x)
		done(now, nil)
		c.arrived(now, x)
	})
}

// quotaError says which quota is full.
func quotaError(err error) error {
	return &gateway.Error{Code: "quota", Message: "no room for another parcel: " + err.Error(), Fix: "wait until some are collected or expire, or raise the limits of [internet_gateway]"}
}

// finish ends the custody of a parcel that arrived, or never will, and remembers it until it expires. False: a batch of
// it is on its way, ask again.
func (c *Core) finish(x *entry, done batchDone) bool {
	if x.busy {
		return false
	}
	rec := x.parcelRecord
	rec.Held = false
	ops := c.queue.Ack(x.name, rec.marshal())
	if ops == nil {
		return false
	}
	x.busy = true
	c.persist(ops, func(now time.Time, err error) {
		x.busy = false
		c.queue.Settle(now, x.name, err == nil)
		if err == nil {
			x.parcelRecord = rec
		} else {
			err = storeError(err)
			c.rest(x)
		}
		done(now, err)
	})
	return true
}
