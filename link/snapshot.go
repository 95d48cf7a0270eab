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
}

// PeerInfo is another gateway.
type PeerInfo struct {
	ID      PeerID
	Pairing bool
	Waiting int        // items submitted for it and not yet in its custody
	Paths   []PathInfo // by port; empty: never heard
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
}

// Peers lists the members and strangers we know, by id.
func (c *Core) Peers() []PeerInfo {
	var all []PeerInfo
	for _, p := range c.peers {
		info := PeerInfo{ID: p.id, Pairing: p.pairing, Waiting: len(p.outs)}
		for _, pa := range p.paths {
			info.Paths = append(info.Paths, PathInfo{
				Port: pa.port.id, Medium: pa.port.medium, Up: pa.current != nil, Silent: pa.silent,
				LastHeard: pa.heard, Beacons: pa.port.beacon.slowest, Signal: pa.meta, Loss: pa.loss,
			})
		}
		all = append(all, info)
	}
	return all
}

// Transfers lists what is being sent, by peer and order of sending, then what is being received.
func (c *Core) Transfers() []TransferInfo {
	var all []TransferInfo
	for _, p := range c.peers {
		for i, o := range p.outs {
			info := TransferInfo{Peer: p.id, Digest: o.item.Digest, Priority: o.item.Priority, Size: o.item.Size, Out: true,
				Total: o.lay.n, Waiting: c.whyWaiting(o, i)}
			if o.path != nil {
				info.Port = o.path.port.id
			}
			if o.missing > 0 {
				info.Done = o.lay.n - o.missing
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

// whyWaiting says in a few words what a transfer waits for; empty: it is being sent.
func (c *Core) whyWaiting(o *outgoing, place int) string {
	switch {
	case o.path == nil || o.path.current == nil:
		return "no session with the neighbour"
	case o.path.stale:
		return "the neighbour started anew; opening a session"
	case place >= maxActive:
		return "others go before it"
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
	case o.path.port.clear.Sub(c.now) > time.Minute:
		return "the radio has used its airtime"
	case o.path.port.served != nil && o.path.port.served != o:
		return "others go before it"
	}
	return ""
}
