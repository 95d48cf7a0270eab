package link

import (
	"cmp"
	"time"
)

// What shares a port shares its airtime: neighbours among each other, and transfers of one priority to one neighbour among
// each other. Each has a virtual time, its airtime so far; the least goes next, as in start-time fair queueing (Goyal,
// Vin and Cheng, SIGCOMM 1996), a burst at a time. Repairs and slow settings count as what they take, so neither a
// lossy nor a slow neighbour nor one with many parcels has more than its share; what nobody else wants is for whoever does.

// share is a virtual time, and that of what is served below it.
type share struct {
	used  time.Duration // airtime, and what was not used while there was nothing to send
	below time.Duration // start tag of what was served last
}

// tag is the virtual time to compare. Who was idle does not catch up with more than a burst.
func (s *share) tag(above *share, burst time.Duration) time.Duration {
	return max(s.used, above.below-burst)
}

// charge counts airtime.
func (s *share) charge(above *share, burst, air time.Duration) {
	s.used = s.tag(above, burst)
	above.below = max(above.below, s.used)
	s.used += air
}

// quantum is the airtime of a burst, by which shares may differ.
func (p *port) quantum() time.Duration { return max(burstCrowd, burstLeast*p.airtime(p.mtu)) }

// charge counts a data frame of a transfer; that of a group is shared by its members.
func (p *port) charge(o *outgoing, air time.Duration) {
	g := o.group.cast
	if g == nil {
		p.chargeOne(o, air)
		return
	}
	for _, m := range g.members {
		p.chargeOne(m, air/time.Duration(len(g.members)))
	}
}

func (p *port) chargeOne(o *outgoing, air time.Duration) {
	o.path.fair.charge(&p.fair, p.quantum(), air)
	o.fair.charge(&o.path.fair, p.quantum(), air)
}

// byAirtime compares transfers by what they had: negative is a's turn, positive b's.
func (p *port) byAirtime(a, b *outgoing) int {
	q := p.quantum()
	if a.path != b.path {
		return cmp.Compare(a.path.fair.tag(&p.fair, q), b.path.fair.tag(&p.fair, q))
	}
	return cmp.Compare(a.fair.tag(&a.path.fair, q), b.fair.tag(&b.path.fair, q))
}
