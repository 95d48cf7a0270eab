package gateway

import (
	"bytes"
	"slices"
	"time"

	"packhorse/gateway/route"
	"packhorse/link"
)

// peer is a gateway with which a session works on some port.
type peer struct {
	id        link.PeerID
	pairing   bool
	ports     map[link.Port]bool
	sub       map[link.Digest]bool      // submitted and not answered
	has       map[link.Digest]bool      // adverts it has, as far as it said in this session
	hold      map[link.Digest]time.Time // turned away: not again before
	release   time.Time                 // the earliest in hold, zero when it is empty
	fulls     int                       // times that it had no room, since it took something
	fullUntil time.Time
	shunned   time.Time // nothing goes to it until then; zero: it is trusted
	heard     time.Time
	since     time.Time // of the session that has is about
}

// How long a refused item waits before it is offered again to the same neighbour.
const (
	holdBusy   = 20 * time.Second
	holdFull   = 2 * time.Minute
	holdLoop   = 5 * time.Minute
	holdPolicy = time.Hour
	maxFulls   = 5           // doublings of holdFull
	holdBroken = time.Minute // our own store could not read the body
	maxHolds   = 4096

	holdDenied   = time.Minute // at first, and four times as long after each further denial
	maxDenied    = 6 * time.Hour
	maxDoublings = 5
)

func newPeer(id link.PeerID, pairing bool) *peer {
	return &peer{id: id, pairing: pairing, ports: map[link.Port]bool{}, sub: map[link.Digest]bool{},
		has: map[link.Digest]bool{}, hold: map[link.Digest]time.Time{}}
}

// holdFor is how long to wait after a refusal.
func holdFor(r link.Reason) time.Duration {
	switch r {
	case link.ReasonBusy:
		return holdBusy
	case link.ReasonLoop:
		return holdLoop
	}
	return holdPolicy
}

func (p *peer) holdBack(d link.Digest, until time.Time) {
	if len(p.hold) >= maxHolds {
		return
	}
	p.hold[d] = until
	if p.release.IsZero() || until.Before(p.release) {
		p.release = until
	}
}

func (c *Core) peerUp(now time.Time, e link.PeerUp) {
	if !e.Pairing && !c.IsMember(now, e.Peer) {
		c.notice(true, c.peerName(e.Peer)+" is no member any more: its record ended or was revoked")
		c.link.HandleEvent(now, link.RemoveMember{ID: e.Peer})
		return
	}
	p := c.peers[e.Peer]
	if p == nil {
		p = newPeer(e.Peer, e.Pairing)
		c.peers[e.Peer], p.since = p, now
	}
	if e.Again {
		clear(p.has) // and with it we tell our routes again
		p.since = now
		c.askRoomAgain(p)
	}
	p.ports[e.Port], p.heard = true, now
	if e.Pairing {
		c.strangerUp(now, p)
		return
	}
	if c.lost != (link.PeerID{}) && c.lost != p.id {
		c.refreshSoon(now) // those behind the neighbour we had know no other way to us
	}
	c.lost = link.PeerID{}
	c.memberUp(now, p.id)
	c.watchCustody(now)
	c.emit(PeerChanged{Peer: c.peerView(now, p.id)})
	c.dirty = true
}

// askRoomAgain offers a neighbour that began anew what it had no room for: people raise a quota by a restart.
func (c *Core) askRoomAgain(p *peer) {
	full := map[link.Digest]time.Time{}
	for d, until := range p.hold {
		if until.Equal(p.fullUntil) {
			full[d] = until
			delete(p.hold, d)
		}
	}
	p.fulls, p.fullUntil, c.dirty = 0, time.Time{}, true
	c.relineAll(full)
}

func (c *Core) peerDown(now time.Time, e link.PeerDown) {
	p := c.peers[e.Peer]
	if p == nil {
		return
	}
	delete(p.ports, e.Port)
	if !e.Last {
		return
	}
	for _, d := range sortedDigests(p.sub) {
		c.unsubmit(p, d)
	}
	delete(c.peers, e.Peer)
	c.relineAll(p.hold)
	c.dirty = true
	if p.pairing {
		c.strangerDown(now, p, e.Reason)
		return
	}
	if len(c.neighbours()) == 0 {
		c.lost = p.id
	}
	c.refreshSoon(now)
	c.emit(PeerChanged{Peer: c.peerView(now, p.id)})
}

// neighbours lists the members with a working session, sorted.
func (c *Core) neighbours() []*peer {
	var out []*peer
	for _, p := range c.peers {
		if !p.pairing {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *peer) int { return bytes.Compare(a.id[:], b.id[:]) })
	return out
}

// hopCost is what a small parcel costs to a neighbour in hundredths of a second of airtime, on its cheapest port.
func (c *Core) hopCost(p *peer) uint16 {
	const sample, unit = 200, 10 * time.Millisecond
	best := time.Duration(1<<62 - 1)
	for port := range p.ports {
		if i, ok := c.ports[port]; ok && i.up.Airtime != nil {
			best = min(best, i.up.Airtime(sample)+i.up.Access)
		}
	}
	return uint16(min(max(best/unit, 1), 1<<15))
}

// learntHop is hopCost, but for a neighbour that nothing goes to: its ways must not make others seem long.
func (c *Core) learntHop(p *peer) uint16 {
	if !p.shunned.IsZero() {
		return route.Unreachable
	}
	return c.hopCost(p)
}

// releaseHolds lets items be offered again whose time has come.
func (c *Core) releaseHolds(now time.Time) {
	for _, p := range c.peers {
		if p.release.IsZero() || p.release.After(now) {
			continue
		}
		held := p.hold
		p.hold, p.release = map[link.Digest]time.Time{}, time.Time{}
		for d, until := range held {
			if until.After(now) {
				p.holdBack(d, until)
			}
		}
		c.relineAll(held)
		c.dirty = true
	}
}

// nextHold is when the first refused item may be offered again; zero when there is none.
func (c *Core) nextHold() (at time.Time) {
	for _, p := range c.peers {
		if !p.release.IsZero() && (at.IsZero() || p.release.Before(at)) {
			at = p.release
		}
	}
	return at
}
