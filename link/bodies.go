package link

import "packhorse/link/wire"

// body is a submitted body in memory, or on its way there.
type body struct {
	data  []byte
	asked bool
	users int
}

func (c *Core) use(d Digest) {
	b := c.bodies[d]
	if b == nil {
		b = &body{}
		c.bodies[d] = b
	}
	b.users++
}

func (c *Core) unuse(d Digest) {
	b := c.bodies[d]
	if b == nil {
		return
	}
	if b.users--; b.users > 0 {
		return
	}
	delete(c.bodies, d)
	if b.asked {
		c.emit(Unload{Digest: d})
	}
}

func (c *Core) loaded(e Loaded) {
	b := c.bodies[e.Digest]
	if b == nil {
		return
	}
	if e.Body == nil {
		c.withdrawAll(e.Digest, ReasonNone)
		return
	}
	if !c.genuine(e) {
		c.drop(DropBadBody)
		c.withdrawAll(e.Digest, ReasonMalformed)
		return
	}
	b.data = e.Body
}

// genuine checks that the body is the one that was submitted. A disk that gave other
// octets the second time would make us seal two plaintexts under one nonce.
func (c *Core) genuine(e Loaded) bool {
	for _, p := range c.peers {
		if o := p.out(e.Digest); o != nil {
			return len(e.Body) == o.item.Size && DigestOf(o.item.Kind, e.Body) == e.Digest
		}
	}
	return false
}

// withdrawAll ends every transfer of a body; with a reason the gateway is told.
func (c *Core) withdrawAll(d Digest, r Reason) {
	for _, p := range c.peers {
		if p.out(d) == nil {
			continue
		}
		c.withdraw(Withdraw{Peer: p.id, Digest: d})
		if r != ReasonNone {
			c.emit(Refused{Peer: p.id, Digest: d, Reason: r})
		}
	}
}

// loadBodies asks for the bodies that the heads of the queues need next.
func (c *Core) loadBodies() {
	for _, p := range c.peers {
		large := 0
		for _, o := range p.active() {
			if pa := o.path; pa != nil && pa.current != nil && pa.current.worn(c.now) {
				c.greet(pa, c.jitter(pa.port.turn(wire.Handshake1Size)))
			}
			small := o.state == outQueued && o.path != nil && (c.pushes(o) || c.unasked(o))
			if !small && o.state != outSending && o.state != outPolled {
				continue
			}
			if !small {
				large++
			}
			if b := c.bodies[o.item.Digest]; !b.asked && large <= 2 {
				b.asked = true
				c.emit(Load{Digest: o.item.Digest})
			}
		}
	}
}
