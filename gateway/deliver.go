package gateway

import (
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/pki"
	"packhorse/store"
)

// subscription hands the parcels of some endpoints to one collector, each once while it lasts.
type subscription struct {
	id   uint64
	ids  map[pki.NodeID]bool
	sent map[string]bool
	wait Token // of a Next that waits, 0 when none
}

func newSubscription(id uint64, ids []pki.NodeID) *subscription {
	s := &subscription{id: id, ids: map[pki.NodeID]bool{}, sent: map[string]bool{}}
	for _, id := range ids {
		s.ids[id] = true
	}
	return s
}

var errNoSubscription = &Error{Code: "failed", Message: "this collection was closed", Fix: "open another"}

func (c *Core) collect(e Collect) {
	if len(c.subs) < c.cfg.Limits.Subs {
		c.subs[e.Sub] = newSubscription(e.Sub, e.IDs)
	}
}

func (c *Core) closeCollect(id uint64) {
	if s := c.subs[id]; s != nil {
		c.answer(s.wait, (*Collected)(nil), nil)
		delete(c.subs, id)
	}
}

// forget drops a Next that waits.
func (c *Core) forget(t Token) {
	for _, s := range c.subs {
		if s.wait == t {
			s.wait = 0
		}
	}
	if c.pairing != nil {
		c.pairing.waiters = slices.DeleteFunc(c.pairing.waiters, func(w Token) bool { return w == t })
	}
}

// next answers with the oldest parcel that the subscription has not seen.
func (c *Core) next(now time.Time, e Next) {
	s := c.subs[e.Sub]
	if s == nil {
		c.answer(e.Token, (*Collected)(nil), errNoSubscription)
		return
	}
	x := c.firstFor(s)
	switch {
	case x != nil:
		c.hand(now, s, x, e)
	case e.Wait:
		s.wait = e.Token
	default:
		c.answer(e.Token, (*Collected)(nil), nil)
	}
}

func (c *Core) firstFor(s *subscription) *entry {
	for _, x := range c.queue.waiting() {
		if x.deliverable() && !x.fresh && s.ids[x.Recipient] && !s.sent[x.key()] {
			return x
		}
	}
	return nil
}

// hand loads a parcel, rebuilds it and answers with it. One that the disk spoiled is passed over: others wait
// behind it.
func (c *Core) hand(now time.Time, s *subscription, x *entry, e Next) {
	key := x.key()
	s.sent[key] = true
	c.load(KindBody, digestKey(x.Digest), func(now time.Time, body []byte, err error) {
		raw, err := rebuild(x, body, err)
		switch {
		case err == errSpoiled:
			c.notice(true, "parcel "+shownSum(x)+": "+err.Error())
			c.next(now, e)
		case err != nil:
			c.answer(e.Token, (*Collected)(nil), err)
		default:
			c.answer(e.Token, &Collected{Key: key, Parcel: raw}, nil)
		}
	})
}

var errSpoiled = &Error{Code: "failed", Message: "a stored parcel is damaged", Fix: "packhorse store check"}

func shownSum(x *entry) string { return hex.EncodeToString(x.Sum[:])[:shownID] }

// rebuild turns a stored body back into the parcel it was.
func rebuild(x *entry, body []byte, err error) ([]byte, error) {
	switch {
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNotFound):
		return nil, errSpoiled
	case err != nil:
		return nil, storeError(err)
	}
	raw, err := unpack(body)
	if err != nil || sumOf(raw) != x.Sum {
		return nil, errSpoiled
	}
	return raw, nil
}

// ack: the app has the parcel. Delivery and receipt become durable together.
func (c *Core) ack(now time.Time, e Ack) {
	s, x := c.subs[e.Sub], c.queue.byKey[e.Key]
	switch {
	case s == nil || x == nil || !s.sent[e.Key]:
		c.answer(e.Token, nil, &Error{Code: "refused", Message: "no such parcel was handed out", Fix: "acknowledge what was delivered on this connection"})
	case x.State == Delivered:
		c.answer(e.Token, nil, nil)
	default:
		done := func(now time.Time, err error) {
			if err != nil {
				err = storeError(err)
			} else {
				delete(s.sent, e.Key) // a delivered parcel is never handed out again
			}
			c.answer(e.Token, nil, err)
		}
		if !c.finish(now, x, nil, done) {
			c.answer(e.Token, nil, errAgain)
		}
	}
}

// finish delivers a parcel for good: state, receipt and deletion of the body in one batch.
func (c *Core) finish(now time.Time, x *entry, extra []store.Op, done batchDone) bool {
	n := c.makeReceipt(now, x)
	if n != nil {
		extra = append(extra, n.put())
	}
	return c.change(x, func(r *parcelRecord) { r.State, r.Since, r.Held = Delivered, now, false }, extra,
		func(now time.Time, err error) {
			if err == nil && n != nil {
				c.keepNote(n)
			}
			done(now, err)
		})
}

// arrived moves on with a parcel that just became ours.
func (c *Core) arrived(now time.Time, x *entry) {
	c.dirty = true
	if !x.deliverable() {
		return
	}
	if x.Recipient == c.box.id() {
		c.openLetter(now, x)
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.subs)) {
		s := c.subs[id]
		if t := s.wait; t != 0 && s.ids[x.Recipient] && !s.sent[x.key()] {
			s.wait = 0
			c.hand(now, s, x, Next{Token: t, Sub: s.id, Wait: true})
		}
	}
}

// adopt makes parcels that waited for an endpoint local once it is ours.
func (c *Core) adopt(now time.Time, id pki.NodeID) {
	for _, x := range slices.Clone(c.queue.waiting()) {
		if x.Recipient != id || x.Local || x.Internet || x.State != Saved || x.fresh {
			continue
		}
		c.change(x, func(r *parcelRecord) { r.Local = true }, nil, func(now time.Time, err error) {
			if err == nil {
				c.arrived(now, x)
			}
		})
	}
}
