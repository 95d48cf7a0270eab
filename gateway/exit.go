package gateway

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/domain"
	"packhorse/link"
)

// What is for the Internet goes to any gateway of the domain that reaches it: the cheapest by the routes. Each tells
// in its node advert which Internet gateways it reaches. An uplink that comes and goes must not fill the air with
// adverts, so what is told lags behind. Meanwhile who is told to reach the Internet keeps what comes: if it
// sent that on, two of them could hand it to and fro.

const (
	exitEvery   = 5 * time.Minute // between adverts that tell of other uplinks than the one before
	exitPatient = 5 * time.Minute // how long a lost uplink is still told of
	maxTold     = 4               // uplinks in one advert
)

// exits is what this gateway has of uplinks, and what it said of them.
type exits struct {
	live    map[string]bool
	lost    map[string]time.Time // told, but not live, since
	told    []string             // by the advert in force, sorted
	changed time.Time            // when it last told of others than before, zero: not in this life
	due     time.Time            // when to tell anew, zero: there is nothing to tell
}

func newExits() exits { return exits{live: map[string]bool{}, lost: map[string]time.Time{}} }

// open tells that what is for the Internet stays here.
func (e *exits) open() bool { return len(e.live) > 0 || len(e.told) > 0 }

// set takes a change of an uplink.
func (e *exits) set(now time.Time, address string, live bool) {
	if live {
		e.live[address] = true
		delete(e.lost, address)
		return
	}
	if delete(e.live, address); slices.Contains(e.told, address) && e.lost[address].IsZero() {
		e.lost[address] = now
	}
}

// say is what an advert of now would tell.
func (e *exits) say(now time.Time) (out []string) {
	out = slices.AppendSeq(out, maps.Keys(e.live))
	for _, a := range e.told {
		if since, lost := e.lost[a]; lost && since.Add(exitPatient).After(now) {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxTold)]
}

// next is when to tell what has changed.
func (e *exits) next(now time.Time) (at time.Time) {
	if !slices.Equal(e.say(now), e.told) {
		return maxTime(now, e.changed.Add(exitEvery))
	}
	for _, since := range e.lost {
		if end := since.Add(exitPatient); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	if at.IsZero() {
		return at
	}
	return maxTime(at, e.changed.Add(exitEvery))
}

// tell is what the advert that is made now says.
func (e *exits) tell(now time.Time) (list []domain.Transport) {
	said := e.say(now)
	if !slices.Equal(said, e.told) {
		e.changed = now
	}
	e.told = said
	maps.DeleteFunc(e.lost, func(a string, _ time.Time) bool { return !slices.Contains(said, a) })
	for _, a := range said {
		if len(a) > domain.MaxAddress {
			a = ""
		}
		list = append(list, domain.Transport{Medium: domain.MediumUplink, Address: a})
	}
	return list
}

// remember takes over what the life before told.
func (e *exits) remember(now time.Time, told []string) {
	e.told = slices.Sorted(slices.Values(told))
	for _, a := range told {
		if !e.live[a] {
			e.lost[a] = now
		}
	}
}

// uplinkLive takes word of an uplink of ours.
func (c *Core) uplinkLive(now time.Time, e Uplink) {
	if c.exits.live[e.Address] == e.Live {
		return
	}
	c.exits.set(now, e.Address, e.Live)
	c.dirty, c.restock = true, true
}

// tellExits makes a new advert when others must hear of our uplinks.
func (c *Core) tellExits(now time.Time) {
	if c.member == nil {
		return
	}
	c.exits.due = c.exits.next(now)
	if c.exits.due.IsZero() || c.exits.due.After(now) {
		return
	}
	c.advertised, c.dirty, c.exits.due = false, true, time.Time{}
	if c.refresh.IsZero() {
		c.refresh = now // or the advert of the life before would do
	}
}

// exitFor chooses the gateway by which what waits in a line is to reach the Internet: the cheapest, and one behind
// the neighbour that it came from only when there is no other. ok is false when it stays here.
func (c *Core) exitFor(l lane) (gw link.PeerID, ok bool) {
	if c.exits.open() {
		return gw, false
	}
	gw, ok = c.cheapestExit(l.avoid.has, l.from)
	if ok || l.from == (link.PeerID{}) {
		return gw, ok
	}
	if _, ahead := c.cheapestExit(avoidNobody, l.from); ahead {
		return gw, false
	}
	return c.cheapestExit(l.avoid.has, link.PeerID{})
}

// cheapestExit has no memory of the way taken before. So what one gateway sends on, the next never finds dearer, and
// nothing runs in circles while the routes are at rest.
func (c *Core) cheapestExit(avoid avoiding, from link.PeerID) (gw link.PeerID, ok bool) {
	var least uint16
	for _, id := range c.adverts.sortedExits() {
		if id == c.self {
			continue
		}
		if _, cost, up := c.wayTo(id, avoid, from); up && (!ok || cost < least) {
			gw, least, ok = id, cost, true
		}
	}
	return gw, ok
}

func (t *adverts) sortedExits() []link.PeerID {
	return slices.SortedFunc(maps.Keys(t.exits), func(a, b link.PeerID) int { return bytes.Compare(a[:], b[:]) })
}
