package link

import "time"

// airLeft is the airtime that a group still takes from us: that of the member who lacks most.
func (g *cast) airLeft() (most time.Duration) {
	for _, o := range g.members {
		most = max(most, o.airAlone())
	}
	return most
}

// leads reports whether a forecast counts the transfer: of a group one stands for all.
func (o *outgoing) leads() bool { return o.group.cast == nil || o.group.cast.members[0] == o }

// shareETA notes when a transfer ends, and all of its group.
func (o *outgoing) shareETA(out map[*outgoing]time.Time, at time.Time) {
	out[o] = at
	if g := o.group.cast; g != nil {
		for _, q := range g.members {
			out[q] = at
		}
	}
}
