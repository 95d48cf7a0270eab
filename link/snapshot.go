package link

import "time"

// PathInfo is a peer on one port, as `packhorse status` shows it.
type PathInfo struct {
	Port      Port
	Medium    Medium
	Up        bool // a session works
	Silent    bool // it works, but the last questions found no answer
	LastHeard time.Time
	Beacons   time.Duration // the longest pause between two beacons of a live peer
	Signal    Meta          // of the last authentic frame; HasSignal is false where there is none
	Loss      float64       // share of our symbols that get lost, 0 to 1
	// ETX is how often a frame is sent until it has arrived; Cost what it takes of our airtime to bring
	// 1,000 octets into the peer's custody in the setting in force.
	ETX  float64
	Cost time.Duration
	Rate string // name of the setting in force with this peer; empty: the common one
}

// PeerInfo is another gateway.
type PeerInfo struct {
	ID      PeerID
	Pairing bool
	Waiting int        // items submitted for it and not yet in its custody
	Paths   []PathInfo // by port; empty: never heard
	// Clock is how far the peer trusts its clock, as its beacons say; ClockKnown, that one was heard.
	Clock      ClockQuality
	ClockKnown bool
	// ShunnedUntil is until when nothing is begun with it; zero: it is trusted.
	ShunnedUntil time.Time
}

// TransferInfo is an item on its way.
type TransferInfo struct {
	Peer        PeerID
	Digest      Digest
	Priority    Priority
	Size        int
	Out         bool // we send it
	Port        Port // 0: none yet
	Done, Total int  // symbols
	Waiting     string
	// ETA is how long until the peer has custody, as far as can be told; 0 when that cannot be told.
	ETA time.Duration
	// PerHour is the airtime that the law allows in any hour where that is what makes it long.
	PerHour time.Duration
	// Kept: what the law leaves now is kept for what is more urgent.
	Kept bool
}

// Peers lists the members and strangers we know, by id.
func (c *Core) Peers() []PeerInfo {
	var all []PeerInfo
	for _, p := range c.peers {
		info := PeerInfo{ID: p.id, Pairing: p.pairing, Clock: p.clock, ClockKnown: p.clockKnown, Waiting: len(p.outs)}
		if c.now.Before(p.doubt.until) {
			info.ShunnedUntil = p.doubt.until
		}
		for _, pa := range p.paths {
			info.Paths = append(info.Paths, PathInfo{
				Port: pa.port.id, Medium: pa.port.medium, Up: pa.current != nil, Silent: pa.silent,
				LastHeard: pa.heard, Beacons: pa.port.beacon.pause(), Signal: pa.meta, Loss: pa.loss,
				ETX: pa.etx(), Cost: pa.cost(), Rate: pa.rateName(),
			})
		}
		all = append(all, info)
	}
	return all
}

// Transfers lists what is being sent, by peer and order of sending, then what is being received.
func (c *Core) Transfers() []TransferInfo {
	var all []TransferInfo
	etas := map[*port]map[*outgoing]time.Time{}
	for _, p := range c.ports {
		etas[p] = c.etas(p)
	}
	for _, p := range c.peers {
		for i, o := range p.outs {
			info := c.transferInfo(o, i)
			if o.path != nil {
				c.tellETA(&info, o, etas[o.path.port][o])
			}
			all = append(all, info)
		}
	}
	for _, re := range c.order {
		info := TransferInfo{Digest: re.item.Digest, Priority: re.item.Priority, Size: re.item.Size, Done: min(re.got, re.lay.n), Total: re.lay.n}
		if len(re.streams) > 0 {
			st := re.streams[0]
			info.Peer, info.Port = st.peer().id, st.sess.path.port.id
		} else {
			info.Waiting = "nobody sends it now"
		}
		if re.storing {
			info.Waiting = "being written to disk"
		}
		all = append(all, info)
	}
	return all
}

func (c *Core) transferInfo(o *outgoing, place int) TransferInfo {
	info := TransferInfo{Peer: o.peer.id, Digest: o.item.Digest, Priority: o.item.Priority, Size: o.item.Size, Out: true,
		Total: o.lay.n, Waiting: c.whyWaiting(o, place)}
	if o.path != nil {
		info.Port = o.path.port.id
	}
	if o.missing > 0 {
		info.Done = o.lay.n - o.missing
	}
	return info
}

// tellETA fills in how long a transfer takes, where a neighbour answers.
func (c *Core) tellETA(info *TransferInfo, o *outgoing, at time.Time) {
	pa := o.path
	if pa.current == nil || pa.silent || pa.stale || at.IsZero() {
		return
	}
	info.ETA = max(at.Sub(c.now), time.Second)
	info.Kept = !o.waiting && c.kept(o)
	if air, law := o.airLeft(), pa.port.budgetOf(0); law.perHour > 0 && info.ETA > 2*air+time.Minute {
		info.PerHour = law.perHour
	}
}

// etx is the expected number of transmissions of a frame.
func (pa *path) etx() float64 { return 1 / (1 - min(pa.loss, 0.9)) }

// cost is what 1,000 octets take of our airtime.
func (pa *path) cost() time.Duration {
	o := outgoing{peer: pa.peer, path: pa, lay: layoutOf(1000)}
	return o.airLeft()
}

// whyWaiting says in a few words what a transfer waits for; empty: it is being sent.
func (c *Core) whyWaiting(o *outgoing, place int) string {
	switch {
	case o.path == nil || o.path.current == nil:
		return "no session with the neighbour"
	case o.path.stale:
		return "the neighbour started anew; opening a session"
	case place >= maxActive:
		return "others go before it"
	case o.path.port.elsewhere(o.path):
		return "the radio is away with another neighbour"
	case o.path.silent:
		return "the neighbour does not answer"
	case o.waiting && o.state == outOffered:
		return "offered; waiting for the answer"
	case o.waiting && o.missing == 0:
		return "sent; waiting for custody"
	case o.waiting:
		return "waiting for the account of what arrived"
	case c.bodies[o.item.Digest].data == nil && o.state != outOffered:
		return "being read from disk"
	case o.path.port.clear.Sub(c.now) > time.Minute || c.kept(o):
		return "the radio has used its airtime"
	case o.path.port.served != nil && o.path.port.served != o:
		return "others go before it"
	}
	return ""
}
