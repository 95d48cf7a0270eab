package gateway

import (
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/store"
	"packhorse/store/queue"
)

// subscription hands what is for some endpoints, for the Internet, or the cargo of one gateway, to one collector: each
// once while it lasts.
type subscription struct {
	id   uint64
	ids  map[pki.NodeID]bool // endpoints here
	up   Outbound            // what is for the Internet, 0: nothing
	gate pki.NodeID          // gateway outside the domain that came for its cargo, empty: none
	todo []*entry            // not handed out yet, in order; some may have gone meanwhile
	sent map[string]*entry   // handed out and not acknowledged
	wait Token               // of a Next that waits, 0 when none
	told map[string]bool     // what its cargo brought besides parcels
}

func newSubscription(id uint64, ids []pki.NodeID) *subscription {
	s := &subscription{id: id, ids: map[pki.NodeID]bool{}}
	for _, id := range ids {
		s.ids[id] = true
	}
	return s
}

// leases tells that nobody else gets what this collector has: neither a neighbour nor another collector.
func (s *subscription) leases() bool { return s.up != 0 || s.gate != "" }

// takes tells that a parcel waits for this collector, or would if nobody else had it.
func (s *subscription) takes(x *entry) bool {
	switch {
	case s.up != 0:
		return x.forwardable() && (x.Internet || x.twoRoads()) && (x.Type == ramf.Parcel) == (s.up == UpParcels)
	case s.gate != "":
		return x.forwardable() && !x.Internet && x.Type == ramf.Cargo && x.Recipient == s.gate
	}
	return x.deliverable() && s.ids[x.Recipient]
}

var errNoSubscription = &Error{Code: "failed", Message: "this collection was closed", Fix: "open another"}

func (c *Core) collect(now time.Time, e Collect) {
	c.subscribe(now, newSubscription(e.Sub, e.IDs))
}

// waitingFor lists what waits for local endpoints, by priority and age.
func (c *Core) waitingFor(now time.Time, ids ...pki.NodeID) (out []*entry) {
	var lines []lane
	for _, id := range ids {
		lines = append(lines, lane{kind: toApp, app: id})
	}
	c.queue.Walk(c.clock.steady(now), slices.Values(lines), func(it queue.Item[lane]) queue.Step {
		out = append(out, c.queue.byID[it.ID])
		return queue.Next
	})
	return out
}

// want adds what arrived to what is to be handed out.
func (s *subscription) want(x *entry) {
	at, _ := slices.BinarySearchFunc(s.todo, x, compareHanded)
	s.todo = slices.Insert(s.todo, at, x)
}

func (c *Core) closeCollect(id uint64) {
	delete(c.opening, id)
	if s := c.subs[id]; s != nil {
		c.answer(s.wait, (*Collected)(nil), nil)
		delete(c.subs, id)
		for _, key := range sortedKeys(s.sent) {
			c.handBack(s, s.sent[key])
		}
	}
}

// handBack lets others have what a collector did not acknowledge.
func (c *Core) handBack(s *subscription, x *entry) {
	if x.out != s.id {
		return
	}
	x.out = 0
	c.queue.Release(x.id)
	c.dirty, c.restock = true, true
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
	x := c.first(s)
	switch {
	case x != nil:
		c.hand(now, s, x, e)
	case e.Wait:
		s.wait = e.Token
	default:
		c.answer(e.Token, (*Collected)(nil), nil)
	}
}

// first takes the first that still waits and was not handed out.
func (c *Core) first(s *subscription) *entry {
	for len(s.todo) > 0 {
		x := s.todo[0]
		s.todo[0] = nil
		if s.todo = s.todo[1:]; s.takes(x) && s.sent[x.key()] == nil && (!s.leases() || c.isFree(x)) {
			return x
		}
	}
	return nil
}

// isFree tells that a parcel is with no neighbour, no collector and no batch.
func (c *Core) isFree(x *entry) bool {
	_, state, _ := c.queue.Get(x.id)
	return state == queue.Waiting && !x.busy && (!x.twoRoads() || c.goesUp(c.lineOf(x)))
}

// hand loads a parcel, rebuilds it and answers with it. One that the disk spoiled is passed over: others wait
// behind it.
func (c *Core) hand(now time.Time, s *subscription, x *entry, e Next) {
	key := x.key()
	c.lease(s, x)
	c.load(KindBody, digestKey(x.Digest), func(now time.Time, body []byte, err error) {
		raw, err := rebuild(x, body, err)
		switch {
		case err == errSpoiled:
			c.notice(true, "parcel "+shownSum(x)+": "+err.Error())
			c.next(now, e)
		case err != nil:
			c.answer(e.Token, (*Collected)(nil), err)
		default:
			c.answer(e.Token, &Collected{Key: key, Parcel: raw, Type: x.Type, Address: x.Address, Sender: x.Sender, Recipient: x.Recipient, Expires: x.Expires}, nil)
		}
	})
}

// lease notes that a collector has a parcel, and keeps it from others where it must be.
func (c *Core) lease(s *subscription, x *entry) {
	s.sent[x.key()] = x
	if s.leases() && c.queue.Take(x.id, queue.Forever) {
		x.out = s.id
	}
}

// unlease puts back what a collector could not use now: it gets it again.
func (c *Core) unlease(s *subscription, x *entry) {
	delete(s.sent, x.key())
	c.handBack(s, x)
	s.want(x)
}

var errSpoiled = &Error{Code: "failed", Message: "a stored parcel is damaged", Fix: "packhorse store check"}

func shownSum(x *entry) string { return hex.EncodeToString(x.Sum[:])[:shownID] }

// open is the message in a body as it travels.
func (r *parcelRecord) open(body []byte) ([]byte, error) {
	if r.kind() == ItemSealed {
		return unpackSealed(body)
	}
	return unpack(body)
}

// rebuild turns a stored body back into the parcel it was.
func rebuild(x *entry, body []byte, err error) ([]byte, error) {
	switch {
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNotFound):
		return nil, errSpoiled
	case err != nil:
		return nil, storeError(err)
	}
	raw, err := x.open(body)
	if err != nil || sumOf(raw) != x.Sum {
		return nil, errSpoiled
	}
	return raw, nil
}

// ack: the app has the parcel. Delivery and receipt become durable together.
func (c *Core) ack(now time.Time, e Ack) {
	s, x := c.handedOut(e.Sub, e.Key)
	switch {
	case x == nil && s.forget(e.Key):
		c.answer(e.Token, nil, nil)
	case x == nil:
		c.answer(e.Token, nil, errNotHanded)
	case x.State == Delivered || s.leases() && (x.State != Saved || !x.Held):
		c.answer(e.Token, nil, nil) // it ended, or went on, meanwhile
	case !c.acked(now, s, x, c.endedBy(s, x, e.Token)):
		c.answer(e.Token, nil, errAgain)
	}
}

var errNotHanded = &Error{Code: "refused", Message: "no such parcel was handed out", Fix: "acknowledge what was delivered on this connection"}

// acked is what a collector's acknowledgement means.
func (c *Core) acked(now time.Time, s *subscription, x *entry, done batchDone) bool {
	switch {
	case s.up != 0:
		return c.wentUp(now, x, done)
	case s.gate != "":
		return c.wasFetched(now, x, done)
	}
	return c.finish(now, x, nil, done)
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
	if x.Type == ramf.CCA {
		c.keepNewest(now, x)
	}
	if x.deliverable() && x.Recipient == c.box.id() {
		c.openLetter(now, x)
		return
	}
	for _, id := range sortedSubs(c.subs) {
		if s := c.subs[id]; s.takes(x) {
			s.want(x)
			c.wakeSub(now, s)
		}
	}
}

// wakeSub answers a Next that waits, if there is something now.
func (c *Core) wakeSub(now time.Time, s *subscription) {
	if t := s.wait; t != 0 {
		s.wait = 0
		c.next(now, Next{Token: t, Sub: s.id, Wait: true})
	}
}

// adopt makes parcels that wait for an endpoint local when it becomes ours.
func (c *Core) adopt(now time.Time, id pki.NodeID) {
	for _, x := range c.queue.all() {
		if x.Recipient == id {
			c.place(now, x)
		}
	}
}

// place makes a parcel wait for an app, or for a way, as its endpoint is here or not. What cannot be changed now is looked at
// again later.
func (c *Core) place(now time.Time, x *entry) {
	_, ours := c.local[x.Recipient]
	if !x.Held || x.Internet || x.Type != ramf.Parcel || x.State != Saved || x.Local == ours {
		return
	}
	if !c.change(x, func(r *parcelRecord) { r.Local = ours }, nil, func(now time.Time, err error) {
		if err != nil {
			c.reopenLater(now)
			return
		}
		c.arrived(now, x)
	}) {
		c.reopenLater(now)
	}
}

// offerAgain gives each collector anew what it has not had: a failed batch may have hidden some from it.
func (c *Core) offerAgain(now time.Time) {
	for _, id := range sortedSubs(c.subs) {
		s := c.subs[id]
		s.todo = c.stock(now, s)
		c.wakeSub(now, s)
	}
}
