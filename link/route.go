package link

import "time"

// choose picks the port for a transfer: the radio unless it is silent or would take
// too long, then what else is up. Without a good choice it is the first that works.
func (c *Core) choose(o *outgoing) *path { return c.chooseFor(o, false) }

// chooseFor with stay keeps a port that does well enough.
func (c *Core) chooseFor(o *outgoing, stay bool) *path {
	if pa := o.path; stay && pa != nil && pa.current != nil && !pa.silent && !pa.stale && c.eta(o, pa) <= c.cfg.SlowAfter {
		return pa
	}
	var fallback, quickest *path
	var least time.Duration
	for m := Radio; m <= Datagram; m++ {
		for _, pa := range o.peer.paths {
			if pa.port.medium != m || pa.current == nil {
				continue
			}
			if fallback == nil || pa == o.path {
				fallback = pa
			}
			if pa.silent || pa.stale {
				continue
			}
			eta := c.eta(o, pa)
			limit := c.cfg.SlowAfter
			if o.path != nil && o.path != pa && !o.path.silent {
				limit /= 2 // a transfer does not go to and fro
			}
			if eta <= limit {
				return pa
			}
			if quickest == nil || eta < least {
				quickest, least = pa, eta
			}
		}
	}
	if quickest != nil {
		return quickest
	}
	return fallback
}

// eta is how long the item and what goes before it will take on a path.
func (c *Core) eta(o *outgoing, pa *path) time.Duration {
	octets := 0
	for _, q := range o.peer.outs {
		if q == o || q.seq > o.seq && q.item.Priority >= o.item.Priority {
			break
		}
		if q.path == pa {
			octets += q.remaining()
		}
	}
	octets += o.remaining()
	frame := pa.perFrame(layoutOf(maxBody)) * symbolSize
	frames := (octets + frame - 1) / frame
	per := pa.port.airtime(min(pa.port.mtu, frame+wireOverhead(pa.port)))
	blocked := max(0, pa.port.clear.Sub(c.now))
	return c.lawful(pa, blocked, time.Duration(float64(frames)*float64(per)/(1-min(pa.loss, 0.9))), o.item.Priority)
}

// remaining is how many octets the peer still lacks.
func (o *outgoing) remaining() int {
	if o.missing > 0 {
		return o.missing * o.lay.sym
	}
	return o.item.Size
}

// avoid moves transfers off a port that has used up its airtime for long.
func (c *Core) avoid(p *port) {
	if p.clear.Sub(c.now) < c.cfg.SlowAfter {
		return
	}
	for _, pa := range p.paths {
		c.reroute(pa.peer)
	}
}

// reroute moves the peer's transfers to the ports they should take now.
func (c *Core) reroute(p *peer) {
	for _, o := range p.outs {
		if best := c.choose(o); best != o.path {
			o.unbind()
			o.path = best
		}
	}
}
