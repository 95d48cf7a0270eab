package gateway

import (
	"time"

	"packhorse/link"
	"packhorse/store"
	"packhorse/store/queue"
)

// change makes a changed record durable, then takes it over. It does nothing while another change is
// on its way, and tells so.
func (c *Core) change(x *entry, mutate func(*parcelRecord), extra []store.Op, done batchDone) bool {
	return c.rewrite(x, nil, mutate, extra, done) == nil
}

// rewrite is change with the body, for what is taken again. Errors: as those of queue.Retake.
func (c *Core) rewrite(x *entry, body []byte, mutate func(*parcelRecord), extra []store.Op, done batchDone) error {
	if x.busy {
		return queue.ErrPending
	}
	r := x.parcelRecord
	mutate(&r)
	ops := []store.Op{r.put()}
	var err error
	switch {
	case x.Held && !r.Held:
		ops = c.queue.Ack(x.id, ops[0].Value)
	case !x.Held && r.Held:
		ops, err = c.queue.Retake(x.id, ops[0].Value, body)
	}
	if err != nil {
		return err
	}
	x.busy = true
	c.reline(x)
	c.persist(batch{ops: append(ops, extra...)}, func(now time.Time, err error) {
		c.queue.Settle(now, x.id, err == nil)
		x.busy, c.dirty = false, true
		if err == nil {
			c.queue.replace(x, r)
			c.emit(ParcelChanged{Parcel: c.parcelView(now, x)})
		}
		c.reline(x)
		c.restock = c.restock || x.leaves() && x.forwardable()
		if err != nil && x.deliverable() {
			c.reopenLater(now) // nobody who came meanwhile has seen it
		}
		done(now, err)
	})
	return nil
}

// carried: the next hop has custody. The origin keeps the body until the receipt; where none can come, since it is for
// the Internet, custody ends what we owe.
func (c *Core) carried(now time.Time, x *entry, by link.PeerID) {
	if x.State != Saved || x.Local {
		return
	}
	c.watchCustody(now)
	c.change(x, func(r *parcelRecord) {
		r.State, r.By, r.Since = Carried, by, now
		r.Held = r.Origin && !r.Internet
	}, nil, ignoreResult)
}

// turnedAway notes that a neighbour does not take a parcel. Its word is not signed, so it ends nothing: the
// neighbour is left alone with this parcel for ever longer while other ways are tried. What ends a parcel is
// a receipt of the recipient's gateway, or its age.
func (c *Core) turnedAway(now time.Time, p *peer, x *entry, r link.Reason) {
	x.last, x.lastBy, x.done, x.total = r, p.id, 0, 0
	if r != link.ReasonUnauthorised && r != link.ReasonMalformed {
		return
	}
	if x.denied == nil {
		x.denied = map[link.PeerID]int{}
	}
	p.holdBack(x.Digest, now.Add(min(holdDenied<<(2*x.denied[p.id]), maxDenied)))
	x.denied[p.id] = min(x.denied[p.id]+1, maxDoublings)
}

// reasonText is a reason in words.
func reasonText(r link.Reason) string {
	switch r {
	case link.ReasonFull:
		return "it has no room"
	case link.ReasonUnauthorised:
		return "the recipient did not authorise it, or a signature is wrong"
	case link.ReasonExpired:
		return "it is too old"
	case link.ReasonMalformed:
		return "it is malformed"
	case link.ReasonLoop:
		return "it had it before"
	case link.ReasonPolicy:
		return "it does not take such parcels"
	case link.ReasonBusy:
		return "later"
	}
	return "no reason"
}
