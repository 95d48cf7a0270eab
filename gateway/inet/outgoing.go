package inet

import (
	"encoding/hex"
	"time"

	"packhorse/gateway"
	"packhorse/store/queue"
)

const (
	roadWidth = 4 // parcels on their way to one address at once, 1 after a failure
	firstRest = 5 * time.Second
	longRest  = 6 * time.Hour
	// postponed is how long a parcel rests that an Internet node does not take now. It may be over the limit of its
	// authorisation, which is no fault of those behind it.
	postponed = 10 * time.Minute
)

// road is how it went with one address.
type road struct {
	busy  int
	fails int
	until time.Time // it rests
}

func (r *road) open(now time.Time) bool {
	width := roadWidth
	if r.fails > 0 {
		width = 1
	}
	return r.busy < width && !r.until.After(now)
}

// dispatch gives parcels for other Internet nodes to those who wait for one.
func (c *Core) dispatch(now time.Time) {
	for len(c.idle) > 0 {
		address, ok := c.openRoad(now)
		if !ok {
			return
		}
		it, ok := c.queue.Lease(lane{toAddress, address}, now, queue.Forever)
		if !ok {
			return
		}
		t := c.idle[0]
		c.idle = c.idle[1:]
		c.road(address).busy++
		c.sendOut(c.known[it.ID], t)
	}
}

// openRoad finds an address with something to send: the one with the fewest parcels on their way.
func (c *Core) openRoad(now time.Time) (address string, found bool) {
	c.queue.Wake(now)
	least := 0
	for l := range c.queue.Lines() {
		if l.Name.to != toAddress || l.Ready == 0 {
			continue
		}
		if r := c.road(l.Name.name); r.open(now) && (!found || r.busy < least) {
			address, least, found = l.Name.name, r.busy, true
		}
	}
	return address, found
}

func (c *Core) road(address string) *road {
	r := c.roads[address]
	if r == nil {
		r = &road{}
		c.roads[address] = r
	}
	return r
}

// sendOut answers an Outgoing. What the disk does not give rests.
func (c *Core) sendOut(x *entry, t Token) {
	c.body(x, func(now time.Time, raw []byte, err error) {
		if err != nil {
			c.road(x.Line.name).busy--
			if c.there(x) {
				c.queue.Take(x.name, now.Add(longRest))
			}
			c.idle = append(c.idle, t)
			return
		}
		c.sending[x.key()] = x.Line.name
		c.answer(t, &Outbound{Key: x.key(), Address: x.Line.name, Parcel: raw}, nil)
	})
}

// sent: an Internet node has the parcel, or refused it, or was not to be had. What was replaced or ended meanwhile is
// none of that's concern.
func (c *Core) sent(now time.Time, e Sent) {
	address, ok := c.sending[e.Key]
	if !ok {
		c.answer(e.Token, nil, &gateway.Error{Code: "refused", Message: "no such parcel was handed out", Fix: "tell the key of an Outbound"})
		return
	}
	delete(c.sending, e.Key)
	r := c.road(address)
	r.busy--
	x := c.byKey(e.Key)
	same := x != nil && x.key() == e.Key
	if e.Outcome == Failed || e.Outcome == Postponed {
		r.fail(now, e.Outcome)
		if same {
			c.restAfter(now, x, e.Outcome)
		}
		c.answer(e.Token, nil, nil)
		return
	}
	r.fails, r.until = 0, time.Time{}
	if e.Outcome == Refused {
		c.notice(false, "a parcel was refused by "+address)
	}
	if !same || !c.finish(x, func(_ time.Time, err error) { c.answer(e.Token, nil, err) }) {
		c.answer(e.Token, nil, nil)
	}
}

// restAfter keeps a parcel for another time.
func (c *Core) restAfter(now time.Time, x *entry, o Outcome) {
	if o == Postponed {
		c.queue.Take(x.name, now.Add(postponed))
		return
	}
	c.queue.Release(x.name)
	c.rest(x)
}

// fail lets an address rest, longer each time that it was not to be had.
func (r *road) fail(now time.Time, o Outcome) {
	if o == Postponed {
		r.fails = 0
	}
	r.until = now.Add(min(firstRest<<min(r.fails, 16), longRest))
	r.fails++
}

// byKey finds the entry that a key was of, whatever its octets are now; nil when it is over.
func (c *Core) byKey(key string) *entry {
	var id queue.ID
	if b, err := hex.DecodeString(key[:min(len(key), 2*len(id))]); err == nil {
		copy(id[:], b)
	}
	return c.known[id]
}

// nextRoad is when an address that rests has something for who waits; zero when there is nothing.
func (c *Core) nextRoad() (at time.Time) {
	if len(c.idle) == 0 {
		return at
	}
	for l := range c.queue.Lines() {
		if l.Name.to != toAddress || l.Ready == 0 {
			continue
		}
		if r := c.roads[l.Name.name]; r != nil && !r.until.IsZero() && (at.IsZero() || r.until.Before(at)) {
			at = r.until
		}
	}
	return at
}
