package link

import (
	"bytes"
	"slices"
	"time"
)

// Limits on what remote gateways can make us keep.
const (
	maxPeers    = 256
	maxPorts    = 128
	maxIncoming = 64 // bodies of one peer at a time
	maxQueue    = 4096
	maxActive   = 8 // offers under way to one peer
)

// peer is another gateway: a member of the domain, or a stranger who pairs.
type peer struct {
	id      PeerID
	static  [32]byte
	short   [8]byte
	pairing bool
	proven  bool      // it knew the code
	until   time.Time // when a pairing session ends; zero: open
	paths   []*path   // by port
	outs    []*outgoing
	past    boots
	doubt   doubt
	talk    int // control frames heard
	failed  int // unoffered bodies that were turned away in a row
	inCount int
	// clock is its word in beacons; clockKnown: it gave one.
	clock      ClockQuality
	clockKnown bool
}

// path is a peer on one port.
type path struct {
	peer *peer
	port *port

	current   *session
	previous  *session // still received under, until prevUntil
	prevUntil time.Time
	tentative []*tentative
	opening   *opening

	booted    bool // boot is known
	boot      uint32
	seen      bool // a beacon of this boot was heard, the last one with
	seq       uint16
	stale     bool   // the peer started anew, says a beacon: what we hold is for nobody
	claim     uint32 // the boot that this beacon named
	heard     time.Time
	meta      Meta
	unsure    int    // questions in a row without an answer
	doubted   uint64 // the last of them: port.handed after it
	silent    bool   // so many that transfers go elsewhere
	fair      share
	loss      float64
	lossOf    float64 // frames that it was learned from
	delay     delay
	confirm   bool      // we owe the first frame of a session
	notBefore time.Time // no opening until then, the later
	fruitless int       // the more openings in a row found no answer
	moves     moves

	cleared    uint64 // when it last had a turn by our word
	untaken    int    // turns in a row that it did not take
	clearsSeen bool   // it gave a turn in that boot, the last with
	clearsOf   uint32
	clears     uint16
}

func comparePeers(a *peer, id PeerID) int { return bytes.Compare(a.id[:], id[:]) }

func (c *Core) peer(id PeerID) *peer {
	i, ok := slices.BinarySearchFunc(c.peers, id, comparePeers)
	if !ok {
		return nil
	}
	return c.peers[i]
}

// addPeer returns nil when the table is full.
func (c *Core) addPeer(p *peer) *peer {
	i, ok := slices.BinarySearchFunc(c.peers, p.id, comparePeers)
	if ok {
		return c.peers[i]
	}
	if len(c.peers) >= maxPeers {
		c.drop(DropFull)
		return nil
	}
	p.short = shortID(p.id)
	c.peers = slices.Insert(c.peers, i, p)
	return p
}

func (c *Core) addMember(m Member) {
	if m.ID == c.cfg.Self || c.domain.none() {
		return
	}
	if p := c.peer(m.ID); p != nil {
		if p.static == m.Static {
			return
		}
		c.removePeer(p, "its key changed")
	}
	p := c.addPeer(&peer{id: m.ID, static: m.Static})
	if p == nil {
		return
	}
	for _, po := range c.ports {
		if po.peer == m.ID {
			c.greet(c.path(p, po), 0)
		}
	}
	c.hurryBeacons()
}

// removePeer closes whatever there is with a peer and forgets it.
func (c *Core) removePeer(p *peer, why string) {
	if !p.pairing {
		c.renewGroups(p)
	}
	for len(p.paths) > 0 {
		c.closePath(p.paths[0], why)
	}
	c.forgetOuts(p)
	c.peers = slices.DeleteFunc(c.peers, func(q *peer) bool { return q == p })
}

// path finds or makes the peer's path on a port.
func (c *Core) path(p *peer, po *port) *path {
	for _, pa := range p.paths {
		if pa.port == po {
			return pa
		}
	}
	pa := &path{peer: p, port: po, delay: delay{}}
	p.paths = append(p.paths, pa)
	slices.SortFunc(p.paths, func(a, b *path) int { return int(a.port.id) - int(b.port.id) })
	po.paths = append(po.paths, pa)
	slices.SortFunc(po.paths, func(a, b *path) int { return bytes.Compare(a.peer.id[:], b.peer.id[:]) })
	return pa
}

// closePath forgets a path with its sessions and tells when one of them worked.
func (c *Core) closePath(pa *path, why string) {
	up := pa.current != nil
	c.endOpening(pa)
	c.parted(pa)
	for _, t := range pa.tentative {
		c.forget(t.session)
	}
	c.forget(pa.current)
	c.forget(pa.previous)
	pa.current, pa.previous, pa.tentative = nil, nil, nil
	pa.peer.paths = slices.DeleteFunc(pa.peer.paths, func(q *path) bool { return q == pa })
	pa.port.paths = slices.DeleteFunc(pa.port.paths, func(q *path) bool { return q == pa })
	pa.port.leaveClearing(pa)
	c.leavePath(pa)
	if up {
		c.down(pa, why)
	}
}

// down tells of a session that ended.
func (c *Core) down(pa *path, why string) {
	last := !pa.peer.up()
	if last {
		c.forgetOuts(pa.peer)
	}
	c.emit(PeerDown{Peer: pa.peer.id, Port: pa.port.id, Last: last, Reason: why})
	c.hurryBeacons()
}

// up reports whether any session of the peer works.
func (p *peer) up() bool {
	for _, pa := range p.paths {
		if pa.current != nil {
			return true
		}
	}
	return false
}

// hear notes an authenticated sign of life.
func (c *Core) hear(pa *path, m Meta) {
	pa.heard = c.now
	if m.HasSignal {
		pa.meta = m
	}
	pa.unsure = 0
	pa.moves.signal.learn(m)
	pa.port.heardAway(pa, c.now)
	if pa.silent {
		pa.silent = false
		c.wake(pa)
		c.reroute(pa.peer)
	}
}

// patience is how long a peer may be silent on a path before its session is given up.
func (pa *path) patience() time.Duration {
	if pa.peer.pairing {
		return max(2*time.Minute, 64*pa.port.turn(64))
	}
	return pa.port.beacon.patience()
}
