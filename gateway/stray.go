package gateway

import (
	"slices"
	"time"

	"packhorse/gateway/ramf"
	"packhorse/link"
)

// A parcel that is authorised in the domain and names an Internet gateway too has two roads. The mesh is the first. Where
// it leads nowhere for a while the parcel goes up, for the recipient's gateway may be where only the Internet reaches it.
// Then too the origin keeps the body until the receipt, and whoever has the parcel already takes no second one.

// meshPatience is how long the mesh may have no way to a gateway before what is for it goes up.
const meshPatience = 10 * time.Minute

// twoRoads tells that a parcel may go up, and need not.
func (r *parcelRecord) twoRoads() bool {
	return r.Type == ramf.Parcel && !r.Internet && r.Address != ""
}

// cameBackHome tells that the mesh brought a parcel back to its origin, and that it did not go up since.
func (x *entry) cameBackHome() bool {
	up := slices.ContainsFunc(x.prior, func(q prior) bool { return q.id == link.PeerID{} })
	return x.Origin && x.Turns > 0 && !up
}

// leaves tells that a collector outside the domain may get it.
func (r *parcelRecord) leaves() bool { return r.external() || r.twoRoads() }

// strays are the gateways to which parcels with two roads find no way.
type strays struct {
	since map[link.PeerID]time.Time
	up    map[link.PeerID]bool // what is for them goes up; the zero id is that of gateways nobody knows
	next  time.Time            // when the first of the others has been without a way for too long, zero: none
}

// lookForStrays finds out for which gateways parcels go up now.
func (c *Core) lookForStrays(now time.Time) {
	old := c.strays
	c.strays = strays{since: map[link.PeerID]time.Time{}, up: map[link.PeerID]bool{}}
	for l := range c.queue.Lines() {
		if l.Name.kind == toEither && !c.reachable(l.Name.gw) {
			c.strays.see(now, l.Name.gw, old.since)
		}
	}
	for gw := range c.strays.up {
		c.restock = c.restock || !old.up[gw]
	}
}

func (s *strays) see(now time.Time, gw link.PeerID, old map[link.PeerID]time.Time) {
	since, known := old[gw]
	if !known {
		since = now
	}
	s.since[gw] = since
	switch end := since.Add(meshPatience); {
	case gw == link.PeerID{} || !end.After(now):
		s.up[gw] = true
	case s.next.IsZero() || end.Before(s.next):
		s.next = end
	}
}

// reachable tells that the mesh has a way to a gateway, whoever takes what on it.
func (c *Core) reachable(gw link.PeerID) bool {
	_, _, ok := c.wayTo(gw, avoidNobody, link.PeerID{})
	return ok
}

// wakeStrays sends up what has waited for long enough.
func (c *Core) wakeStrays(now time.Time) {
	if at := c.strays.next; !at.IsZero() && !at.After(now) {
		c.strays.next, c.dirty = time.Time{}, true
	}
}

// goesUp tells that what waits in a line goes by an uplink. What the mesh brought back home does too, if there is any:
// routes that lead nowhere are not always known for it.
func (c *Core) goesUp(l lane) bool {
	if l.kind != toEither {
		return l.kind == toNet
	}
	return c.strays.up[l.gw] || l.tried && (c.exits.open() || len(c.adverts.exits) > 0)
}

// cameAround takes a parcel again that had gone on from here and came back from outside the domain, as if
// the next gateway had handed it back. Who brings it may forget it, so that it is taken at once and rests here. It tells
// whether that is so; done then comes later.
func (c *Core) cameAround(now time.Time, x *entry, in intake, done func(now time.Time, x *entry, err error)) bool {
	if x.State != Carried || x.Held || x.Internet || x.busy || in.rec.Origin || in.rec.From != (link.PeerID{}) {
		return false
	}
	err := c.rewrite(x, in.body, func(r *parcelRecord) {
		r.again(now, r.Hands+2)
		r.Held, r.Address = true, in.rec.Address
	}, in.extra, func(now time.Time, err error) {
		if err != nil {
			err = storeError(err)
		}
		done(now, x, err)
	})
	if err != nil {
		done(now, nil, c.quotaError(err))
	}
	return true
}
