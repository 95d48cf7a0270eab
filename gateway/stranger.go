package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store/queue"
)

// Anyone on the local network may hand in cargo and CCAs under as many keys as he likes. What such strangers can take is
// bounded by how long it is kept, by the address they come from, and by the day on the air.

// groups are entries by something that they have in common.
type groups map[string]map[queue.ID]*entry

// add puts an entry into the group of a name; the empty name is no group.
func (g groups) add(name string, x *entry) {
	if name == "" {
		return
	}
	if g[name] == nil {
		g[name] = map[queue.ID]*entry{}
	}
	g[name][x.id] = x
}

func (g groups) remove(name string, x *entry) {
	if delete(g[name], x.id); len(g[name]) == 0 {
		delete(g, name)
	}
}

// of lists a group by priority and age.
func (g groups) of(name string) []*entry {
	return slices.SortedFunc(maps.Values(g[name]), compareEntries)
}

// visitor is the gateway outside the domain that comes for cargo, or that signed a CCA; empty for all else.
func (x *entry) visitor() string {
	switch {
	case x.Type == ramf.CCA:
		return string(x.Sender)
	case x.Type == ramf.Cargo && !x.Internet:
		return string(x.Recipient)
	}
	return ""
}

// keepNewest ends the CCAs that one of the same private gateway for the same Internet gateway makes needless: private
// gateways write another at each visit. Of those that expire together the last to come counts.
func (c *Core) keepNewest(now time.Time, x *entry) {
	list := slices.DeleteFunc(c.queue.outside.of(x.visitor()), func(y *entry) bool {
		return y.Type != ramf.CCA || y.Address != x.Address || !y.forwardable()
	})
	if len(list) == 0 {
		return
	}
	newest := slices.MaxFunc(list, func(a, b *entry) int {
		return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.Arrival, b.Arrival))
	})
	for _, y := range list {
		if y != newest {
			c.change(y, func(r *parcelRecord) { r.State, r.Since, r.Held, r.Why = Refused, now, false, whyReplaced }, nil, ignoreResult)
		}
	}
}

const whyReplaced = "replaced by a newer one"

// replaced tells that nothing of a CCA has to be remembered: if it comes again it is replaced again.
func (x *entry) replaced(r *parcelRecord) bool {
	return r.Type == ramf.CCA && r.State == Refused && r.Why == whyReplaced
}

// strange tells that cargo or a CCA is neither of nor for a member of the domain.
func (c *Core) strange(r *parcelRecord) bool {
	return r.Type != ramf.Parcel && !c.isMember(r.Sender) && !c.isMember(r.Recipient)
}

func (c *Core) isMember(id pki.NodeID) bool {
	hash, ok := id.Digest()
	if !ok || c.roster == nil {
		return false
	}
	_, ok = c.roster.ByRSA(hash)
	return ok
}

// addressShare is how many addresses it takes to fill the room for couriers.
const addressShare = 4

// addressRoom tells that an address has its share of what couriers may bring.
func (c *Core) addressRoom(source string, r *parcelRecord) error {
	if source == "" || c.queue.byID[r.id()] != nil {
		return nil
	}
	n, octets := 0, int64(r.BodySize)
	for _, x := range c.queue.sources[source] {
		n++
		if x.Held {
			octets += int64(x.BodySize)
		}
	}
	if n >= max(1, share(c.cfg.Limits.Parcels)/addressShare) || n > 0 && octets > c.cfg.Limits.PeerBytes/addressShare {
		return &Error{Code: "quota", Message: fmt.Sprintf("%.64s has brought as much as one address may", source), Fix: "come again when some of it went on"}
	}
	return nil
}

// resting is when an item may go on to a neighbour; zero when that is now.
func (c *Core) resting(now time.Time, x *entry, hop link.PeerID) time.Time {
	return maxTime(x.resting(now, hop), c.airRest(now, x))
}

// airRest is when the day on the air has something left for what a stranger brought; zero when that is now. It may be
// overdrawn by one item: the next waits until that is paid for.
func (c *Core) airRest(now time.Time, x *entry) time.Time {
	steady := c.clock.steady(now)
	if c.airPaid.Before(steady.Add(day)) || !c.paysAir(x) {
		return time.Time{}
	}
	return now.Add(c.airPaid.Sub(steady) - day + time.Second)
}

// paysAir tells that an item was brought here by a stranger and has not gone on the air yet.
func (c *Core) paysAir(x *entry) bool {
	return !x.aired && x.From == link.PeerID{} && c.strange(&x.parcelRecord)
}

// payAir takes an item from the day: as much of it as the item has of CourierAir.
func (c *Core) payAir(now time.Time, x *entry) {
	if !c.paysAir(x) {
		return
	}
	x.aired = true
	cost := time.Duration(float64(x.BodySize) / float64(c.cfg.Limits.CourierAir) * float64(day))
	c.airPaid = maxTime(c.airPaid, c.clock.steady(now)).Add(cost)
}
