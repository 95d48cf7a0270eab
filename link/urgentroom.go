package link

import "slices"

// An emergency is not refused as busy while other things hold the places: they make room, its sender's own first.
// Who calls everything an emergency takes a part of the places of others at most.

// urgentPlaces is how many emergencies of one peer may push out what others send.
const urgentPlaces = peerPartial / 4

// tooMany reports whether a peer has as many bodies under way to us as it may; emergencies have places of their own.
func (c *Core) tooMany(st *inStream) bool {
	n := 0
	for _, pa := range st.peer().paths {
		for _, s := range [...]*session{pa.current, pa.previous} {
			if s == nil {
				continue
			}
			for _, q := range s.in {
				if !q.finished() && (q.item.Priority == Emergency) == (st.item.Priority == Emergency) {
					n++
				}
			}
		}
	}
	return n > maxIncoming
}

// displace makes room for an emergency by giving up what is less, the latest first.
func (c *Core) displace(cost int, from PeerID, small bool) bool {
	for !c.makeRoom(cost, from, small) {
		re := c.lesser(from)
		if re == nil {
			return false
		}
		for _, st := range slices.Clone(re.streams) {
			st.end(inRefused, ReasonBusy)
		}
		c.discard(re)
	}
	return true
}

// lesser is a body that makes way for an emergency of a peer; nil: there is none.
func (c *Core) lesser(from PeerID) *reassembly {
	urgent := 0
	var other *reassembly
	for _, re := range slices.Backward(c.order) {
		switch {
		case re.item.Priority == Emergency:
			if re.brought == from {
				urgent++
			}
		case re.storing:
		case re.brought == from:
			return re
		case other == nil:
			other = re
		}
	}
	if urgent >= urgentPlaces {
		return nil
	}
	return other
}
