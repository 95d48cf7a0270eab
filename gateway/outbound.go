package gateway

import (
	"cmp"
	"slices"
	"time"

	"packhorse/gateway/ramf"
	"packhorse/store/queue"
)

// collectUp hands out what waits here for the Internet, also while nothing here reaches it: a courier may.
func (c *Core) collectUp(now time.Time, e CollectUp) {
	if e.What == UpParcels || e.What == UpCargo {
		c.subscribe(now, &subscription{id: e.Sub, up: e.What})
	}
}

// collectCargo holds the CCA of who comes for cargo, and hands out what is here for it. Where there is no room for the
// CCA the cargo still goes: it makes room.
func (c *Core) collectCargo(now time.Time, e CollectCargo) {
	m, err := ramf.Parse(e.CCA)
	if err == nil && m.Type != ramf.CCA {
		err = &ramf.Error{Refusal: ramf.WrongType, Detail: "this is not a cargo collection authorisation"}
	}
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	c.opening[e.Sub] = true
	c.hold(now, sealed{m: m, back: c.self, source: e.Source}, func(now time.Time, _ *entry, err error) {
		s, stays := &subscription{id: e.Sub, gate: m.Sender.ID}, c.opening[e.Sub]
		delete(c.opening, e.Sub)
		if isQuota(err) && len(c.stock(now, s)) > 0 {
			c.notice(true, "a cargo collection authorisation was not kept: "+err.Error())
			err = nil
		}
		if err == nil && stays {
			c.subscribe(now, s)
		}
		c.answer(e.Token, nil, err)
	})
}

// subscribe opens a subscription, if there is room for one.
func (c *Core) subscribe(now time.Time, s *subscription) {
	if len(c.subs) >= c.cfg.Limits.Subs {
		return
	}
	s.sent, s.told = map[string]*entry{}, map[string]bool{}
	s.todo = c.stock(now, s)
	c.subs[s.id] = s
}

// stock lists what waits for a subscription.
func (c *Core) stock(now time.Time, s *subscription) (out []*entry) {
	switch {
	case s.up != 0:
		out = c.waitingUp(now)
	case s.gate != "":
		out = c.queue.outside.of(string(s.gate))
	default:
		return c.waitingFor(now, sortedIDs(s.ids)...)
	}
	out = slices.DeleteFunc(out, func(x *entry) bool { return !s.takes(x) || s.sent[x.key()] != nil })
	slices.SortStableFunc(out, compareHanded)
	return out
}

// waitingUp lists what waits for the Internet and is with no neighbour or collector.
func (c *Core) waitingUp(now time.Time) (out []*entry) {
	var lines []lane
	for l := range c.queue.Lines() {
		if c.goesUp(l.Name) {
			lines = append(lines, l.Name)
		}
	}
	c.queue.Walk(c.clock.steady(now), slices.Values(lines), func(it queue.Item[lane]) queue.Step {
		out = append(out, c.queue.byID[it.ID])
		return queue.Next
	})
	return out
}

// compareHanded orders what is handed out: cargo, CCAs, parcels; each by priority and age.
func compareHanded(x, y *entry) int { return cmp.Or(cmp.Compare(x.Type, y.Type), compareEntries(x, y)) }

// restockAll gives collectors what others let go of, and what waits here since an uplink came.
func (c *Core) restockAll(now time.Time) {
	if !c.restock {
		return
	}
	c.restock = false
	for _, id := range sortedSubs(c.subs) {
		s := c.subs[id]
		if s.leases() {
			s.todo = c.stock(now, s)
			c.wakeSub(now, s)
		}
	}
}

// wentUp: the Internet has it. Nobody will tell us more, but of a parcel that a gateway of the domain may get and sign for.
func (c *Core) wentUp(now time.Time, x *entry, done batchDone) bool {
	return c.change(x, func(r *parcelRecord) { r.State, r.Since, r.Held = Carried, now, r.Origin && !r.Internet }, nil,
		c.letGo(x, done))
}

// letGo ends the lease of what stays here once it is settled with its collector.
func (c *Core) letGo(x *entry, done batchDone) batchDone {
	return func(now time.Time, err error) {
		if err == nil && x.Held {
			x.out = 0
			c.queue.Release(x.id)
			c.watchCustody(now)
		}
		done(now, err)
	}
}

// onlyByMesh takes one of its two roads from a parcel: who does not want it up there has no say in the domain.
func (c *Core) onlyByMesh(x *entry, done batchDone) bool {
	return c.change(x, func(r *parcelRecord) { r.Address = "" }, nil, c.letGo(x, done))
}

// wasFetched: who it is for has the cargo.
func (c *Core) wasFetched(now time.Time, x *entry, done batchDone) bool {
	return c.change(x, func(r *parcelRecord) { r.State, r.Since, r.Held = Delivered, now, false }, nil, done)
}

// drop ends what was handed out and is not wanted where it was to go.
func (c *Core) drop(now time.Time, e Drop) {
	s, x := c.handedOut(e.Sub, e.Key)
	switch {
	case x == nil && s.forget(e.Key):
		c.answer(e.Token, nil, nil)
	case x == nil:
		c.answer(e.Token, nil, errNotHanded)
	case x.State != Saved || !x.Held:
		c.answer(e.Token, nil, nil)
	case x.twoRoads():
		if !c.onlyByMesh(x, c.endedBy(s, x, e.Token)) {
			c.answer(e.Token, nil, errAgain)
		}
	case !c.change(x, func(r *parcelRecord) {
		r.State, r.Since, r.Held, r.Why = Refused, now, false, e.Why[:min(len(e.Why), maxWhy)]
	}, nil, c.endedBy(s, x, e.Token)):
		c.answer(e.Token, nil, errAgain)
	}
}

// keep ends the lease of what a collector could not use, and not its memory of it.
func (c *Core) keep(e Keep) {
	if s, x := c.handedOut(e.Sub, e.Key); x != nil {
		c.handBack(s, x)
	}
}

// handedOut finds what a collector has under a key.
func (c *Core) handedOut(sub uint64, key string) (*subscription, *entry) {
	s := c.subs[sub]
	if s == nil {
		return nil, nil
	}
	x := s.sent[key]
	if x == nil || c.queue.byID[x.id] != x {
		return s, nil
	}
	return s, x
}

// forget tells that a collector had what is here no more: it expired meanwhile.
func (s *subscription) forget(key string) bool {
	if s == nil || s.sent[key] == nil {
		return false
	}
	delete(s.sent, key)
	return true
}

// endedBy answers when a collector's word on what it has is on disk, or is not.
func (c *Core) endedBy(s *subscription, x *entry, t Token) batchDone {
	return func(now time.Time, err error) {
		switch {
		case err == nil:
			delete(s.sent, x.key()) // it is never handed out again
		case x.out == s.id:
			c.queue.Take(x.id, queue.Forever)
			fallthrough
		default:
			err = storeError(err)
		}
		c.answer(t, nil, err)
	}
}
