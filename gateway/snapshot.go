package gateway

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// Reasons why a parcel waits, as people see them.
const (
	whyNoRoute    = "no_route"
	whyPeerSilent = "peer_silent"
	whyBudget     = "budget"
	whyQuota      = "quota"
	whyClock      = "clock"
	whyMoving     = "moving"
	whyContact    = "contact"
	whyNoUplink   = "no_uplink"
)

// Snapshot tells how the gateway is.
func (c *Core) Snapshot(now time.Time) Snapshot {
	s := Snapshot{ID: c.self, Name: c.name(), Owner: c.owner != nil, Clock: c.quality, ClockWhy: c.clock.why(), Peers: []Peer{}, Link: c.link.Stats()}
	if c.member != nil {
		s.Domain, s.Address, s.Endpoint = c.member.Domain.Name, c.member.Domain.Address, c.box.id()
	}
	for _, id := range c.everyPeer() {
		s.Peers = append(s.Peers, c.peerView(now, id))
	}
	slices.SortStableFunc(s.Peers, func(a, b Peer) int { return cmp.Compare(a.Name, b.Name) })
	for l := range c.queue.Lines() {
		s.Parcels += l.Bodies
		s.Bytes += l.Octets
	}
	s.Parcels += len(c.draftViews(false))
	s.Bytes += c.drafts.bytes
	return s
}

// everyPeer lists members and neighbours, sorted, without ourselves.
func (c *Core) everyPeer() []link.PeerID {
	all := map[link.PeerID]bool{}
	for id := range c.members {
		all[id] = true
	}
	for _, p := range c.neighbours() {
		all[p.id] = true
	}
	delete(all, c.self)
	return slices.SortedFunc(maps.Keys(all), func(a, b link.PeerID) int { return bytes.Compare(a[:], b[:]) })
}

func (c *Core) peerView(now time.Time, id link.PeerID) Peer {
	v := Peer{ID: id, Name: c.peerName(id), Ports: []link.Port{}}
	if p := c.peers[id]; p != nil {
		v.Heard, v.Ports = p.heard, slices.Sorted(maps.Keys(p.ports))
		c.addPaths(now, &v)
		v.Silent = len(v.Ports) == 0
	} else if via, _, ok := c.hopTo(id, avoidNobody, link.PeerID{}); ok {
		v.Via = c.peerName(via)
	}
	if a := c.adverts.bySubject[nodeSubject(id)]; a != nil {
		v.Uplinks = slices.Clone(a.uplinks)
	}
	for l := range c.queue.Lines() {
		if (l.Name.kind == toGateway || l.Name.kind == toEither) && l.Name.gw == id {
			v.Parcels += l.Bodies
			v.Bytes += l.Octets
		}
	}
	return v
}

// addPaths takes over what the link knows of a neighbour: the ports on which it has fallen
// silent do not count, and its signal is that of the path heard last.
func (c *Core) addPaths(now time.Time, v *Peer) {
	for _, info := range c.link.Peers() {
		if info.ID != v.ID {
			continue
		}
		v.Paths, v.Clock, v.ClockKnown, v.ShunnedUntil = info.Paths, info.Clock, info.ClockKnown, info.ShunnedUntil
		for _, path := range info.Paths {
			if mute(now, path) {
				v.Ports = slices.DeleteFunc(v.Ports, func(p link.Port) bool { return p == path.Port })
			}
			v.Heard = maxTime(v.Heard, path.LastHeard)
			if path.Signal.HasSignal && path.LastHeard.Equal(v.Heard) {
				v.HasSignal, v.SNRdB = true, path.Signal.SNRdB
			}
		}
	}
}

// missedBeacons is how many of a neighbour's rarest beacons may be missed before it counts as silent.
const missedBeacons = 2

// mute tells that a neighbour answers nothing on a path, or has not been heard there for long.
func mute(now time.Time, p link.PathInfo) bool {
	return p.Silent || now.Sub(p.LastHeard) > missedBeacons*p.Beacons
}

// silent tells that a neighbour does not answer on any port.
func (c *Core) silent(id link.PeerID) bool {
	for _, info := range c.link.Peers() {
		if info.ID == id {
			return !slices.ContainsFunc(info.Paths, func(p link.PathInfo) bool { return p.Up && !p.Silent })
		}
	}
	return true
}

// Parcels lists the parcels we have not finished with, by priority and age, and with all also
// those that ended but are remembered.
func (c *Core) Parcels(now time.Time, all bool) []Parcel {
	out := []Parcel{}
	for _, x := range c.queue.all() {
		if !x.fresh && (all || x.Held) {
			out = append(out, c.parcelView(now, x))
		}
	}
	out = append(out, c.draftViews(all)...)
	slices.SortStableFunc(out, func(a, b Parcel) int { return cmp.Compare(a.Priority, b.Priority) })
	return out
}

// Parcel finds one by its id or a unique prefix.
func (c *Core) Parcel(now time.Time, id string) (Parcel, error) {
	bySum := make(map[string]*entry, len(c.queue.byID))
	for _, x := range c.queue.byID {
		if !x.fresh {
			bySum[c.shownAs(x.Sum)] = x
		}
	}
	for key, d := range c.drafts.byKey {
		if d.State != draftSealed {
			bySum[key] = nil
		}
	}
	key, err := uniquePrefix(sortedKeys(bySum), id, "parcel", "packhorse queue")
	if err != nil {
		return Parcel{}, err
	}
	if x := bySum[key]; x != nil {
		return c.parcelView(now, x), nil
	}
	return c.draftView(c.drafts.byKey[key]), nil
}

func (c *Core) parcelView(now time.Time, x *entry) Parcel {
	v := Parcel{Type: x.Type, ID: c.shownAs(x.Sum)[:shownID], Travels: hex.EncodeToString(x.Sum[:])[:shownID], Sender: x.Sender, Recipient: x.Recipient,
		To: c.endpointName(x.Recipient), From: c.endpointName(x.Sender), Priority: x.Priority, Size: x.Size, State: x.State,
		Origin: x.Origin, Local: x.Local, Since: x.Since, Expires: x.Expires, Port: x.port}
	if x.By != (link.PeerID{}) {
		v.By = c.peerName(x.By)
	} else if x.wentUp() {
		v.By = "the Internet"
	}
	if x.Internet {
		v.To = x.Address
	}
	if hop := c.wayOf(now, x); hop != (link.PeerID{}) && x.State == Saved {
		v.Next = c.peerName(hop)
		v.Done, v.Total = x.done, x.total
		v.Airtime = c.airtimeTo(hop, x.BodySize)
	}
	v.Why = c.why(now, x)
	c.addETA(&v, x)
	if gw, ok := c.placeFor(x); ok && gw != c.self && v.Why == whyPeerSilent && v.Next == "" {
		v.Next = c.peerName(gw)
	}
	return v
}

// addETA says how long the transfer under way takes, and that it waits for the law where it does.
func (c *Core) addETA(v *Parcel, x *entry) {
	if v.Why != whyMoving && v.Why != whyBudget {
		return
	}
	info, ok := c.link.ETA(x.next, x.Digest)
	if !ok {
		return
	}
	if v.ETA, v.PerHour = info.ETA, info.PerHour; info.Kept {
		v.Why = whyBudget
	}
}

// heardOf tells that there was a way to a gateway once, also before a restart.
func (c *Core) heardOf(gw link.PeerID) bool {
	return c.routes.Known(gw) || c.peers[gw] != nil || c.adverts.bySubject[nodeSubject(gw)] != nil
}

// why is the reason why a parcel waits, empty when it does not.
func (c *Core) why(now time.Time, x *entry) string {
	switch {
	case x.State == Refused:
		return x.Why
	case x.State != Saved:
		return ""
	case x.Local:
		return whyPeerSilent // its app did not come for it yet
	}
	if p := c.peers[x.next]; p != nil && p.sub[x.Digest] {
		switch {
		case c.blocked(now, p):
			return whyBudget
		case c.silent(p.id):
			return whyPeerSilent
		}
		return whyMoving
	}
	switch gw, known := c.placeFor(x); {
	case x.out != 0:
		return whyMoving
	case x.Internet && !c.exits.open() && len(c.adverts.exits) == 0:
		return whyNoUplink
	case !x.external() && !known, known && gw != c.self && !c.heardOf(gw):
		return whyNoRoute
	case x.last == link.ReasonFull:
		return whyQuota
	case x.last == link.ReasonUnauthorised || x.last == link.ReasonMalformed:
		return "refused by " + c.peerName(x.lastBy) + ": " + reasonText(x.last)
	case x.last == link.ReasonExpired || x.Unverified && c.quality == pki.ClockNone:
		return whyClock
	}
	return whyPeerSilent
}

// blocked tells that no port to a neighbour may send now.
func (c *Core) blocked(now time.Time, p *peer) bool {
	for port := range p.ports {
		if !c.ports[port].blocked.After(now) {
			return false
		}
	}
	return len(p.ports) > 0
}

// airtimeTo estimates what a body of n octets costs on the cheapest port of a neighbour.
func (c *Core) airtimeTo(id link.PeerID, n int) (best time.Duration) {
	p := c.peers[id]
	if p == nil {
		return 0
	}
	for port := range p.ports {
		i, ok := c.ports[port]
		if !ok || i.up.Airtime == nil || i.up.MTU <= 0 {
			continue
		}
		full := i.up.MTU - frameOverhead
		if full <= 0 {
			continue
		}
		t := time.Duration(n/full)*i.up.Airtime(i.up.MTU) + i.up.Airtime(n%full+frameOverhead)
		if best == 0 || t < best {
			best = t
		}
	}
	return best
}

// frameOverhead is what a frame of data adds on a radio, for estimates only.
const frameOverhead = 9
