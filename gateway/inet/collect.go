package inet

import (
	"errors"
	"maps"
	"slices"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/pki"
	"packhorse/store"
	"packhorse/store/queue"
)

// subscription hands the parcels for a private gateway to one collector, each once while it lasts.
type subscription struct {
	id   uint64
	of   pki.NodeID
	todo []*entry          // not handed out yet, by age; some may have gone meanwhile
	sent map[string]*entry // handed out and not acknowledged, by key
	wait Token             // of a Next that waits, 0 when none
}

func (c *Core) collect(now time.Time, e Collect) {
	if len(c.subs) < c.cfg.Limits.Subs {
		c.subs[e.Sub] = &subscription{id: e.Sub, of: e.ID, todo: c.waitingFor(now, e.ID), sent: map[string]*entry{}}
	}
}

// waitingFor lists what waits for a private gateway, by age.
func (c *Core) waitingFor(now time.Time, id pki.NodeID) (out []*entry) {
	c.queue.Walk(now, slices.Values([]lane{{toGateway, string(id)}}), func(it queue.Item[lane]) queue.Step {
		out = append(out, c.known[it.ID])
		return queue.Next
	})
	return out
}

// there tells whether an entry still is what may be handed out.
func (c *Core) there(x *entry) bool {
	return c.known[x.name] == x && x.Held && !x.busy
}

func (c *Core) next(now time.Time, e Next) {
	s := c.subs[e.Sub]
	if s == nil {
		c.answer(e.Token, (*Collected)(nil), errClosed)
		return
	}
	x := c.first(s)
	switch {
	case x != nil:
		c.hand(s, x, e)
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
		if s.todo = s.todo[1:]; c.there(x) && s.sent[x.key()] == nil {
			return x
		}
	}
	return nil
}

// hand loads a parcel and answers with it. One that the disk spoiled, or that went meanwhile, is passed over: others
// wait behind it.
func (c *Core) hand(s *subscription, x *entry, e Next) {
	s.sent[x.key()] = x
	c.body(x, func(now time.Time, raw []byte, err error) {
		switch {
		case errors.Is(err, errGone):
			c.next(now, e)
		case err != nil:
			c.answer(e.Token, (*Collected)(nil), err)
		default:
			c.answer(e.Token, &Collected{Key: x.key(), Parcel: raw}, nil)
		}
	})
}

var errGone = errors.New("inet: the parcel is no longer here")

// body loads the octets of a parcel. errGone: there is no use in asking again.
func (c *Core) body(x *entry, done loadDone) {
	c.load(gateway.KindInetBody, x.Digest.Key(), func(now time.Time, raw []byte, err error) {
		switch {
		case err == nil && len(raw) == x.Size:
		case err == nil, errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNotFound):
			if c.there(x) {
				c.notice(true, "a parcel in the store is damaged: packhorse store check")
			}
			raw, err = nil, errGone
		default:
			raw, err = nil, storeError(err)
		}
		done(now, raw, err)
	})
}

// ack: the private gateway has the parcel. Octets that were replaced since are acknowledged to no effect.
func (c *Core) ack(_ time.Time, e Ack) {
	s := c.subs[e.Sub]
	var x *entry
	if s != nil {
		x = s.sent[e.Key]
	}
	switch {
	case x == nil:
		c.answer(e.Token, nil, &gateway.Error{Code: "refused", Message: "no such parcel was handed out", Fix: "acknowledge what was delivered on this connection"})
	case c.known[x.name] != x || !x.Held:
		delete(s.sent, e.Key)
		c.answer(e.Token, nil, nil)
	default:
		if !c.finish(x, func(_ time.Time, err error) {
			if err == nil {
				delete(s.sent, e.Key)
			}
			c.answer(e.Token, nil, err)
		}) {
			c.answer(e.Token, nil, errAgain)
		}
	}
}

// arrived tells those who wait for it of a parcel that just became ours.
func (c *Core) arrived(now time.Time, x *entry) {
	if x.Line.to != toGateway || x.Begins.After(now) {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.subs)) {
		if s := c.subs[id]; string(s.of) == x.Line.name {
			at, _ := slices.BinarySearchFunc(s.todo, x, compareEntries)
			s.todo = slices.Insert(s.todo, at, x)
			c.resume(now, s)
		}
	}
}

// resume answers a Next that waits.
func (c *Core) resume(now time.Time, s *subscription) {
	if t := s.wait; t != 0 {
		s.wait = 0
		c.next(now, Next{Token: t, Sub: s.id, Wait: true})
	}
}

// offerAgain gives each collector anew what it has not had: parcels that begin now were in no line before.
func (c *Core) offerAgain(now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(c.subs)) {
		s := c.subs[id]
		s.todo = c.waitingFor(now, s.of)
		c.resume(now, s)
	}
}

func (c *Core) close(id uint64) {
	if s := c.subs[id]; s != nil {
		if s.wait != 0 {
			c.answer(s.wait, (*Collected)(nil), nil)
		}
		delete(c.subs, id)
	}
	delete(c.collecting, id)
}

// forget drops what waits for nothing in particular.
func (c *Core) forget(t Token) {
	for _, s := range c.subs {
		if s.wait == t {
			s.wait = 0
		}
	}
	c.idle = slices.DeleteFunc(c.idle, func(w Token) bool { return w == t })
}
