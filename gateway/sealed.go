package gateway

import (
	"slices"
	"time"

	"packhorse/gateway/ramf"
	"packhorse/link"
)

// Cargo and CCAs travel the mesh sealed as they are: only gateways outside the domain can open them. The body:
//
//	octets  field
//	1       version, 1
//	32      To: gateway of ours where cargo is to be fetched; zero: not known, or any that reaches the Internet
//	32      Back: gateway of ours where the cargo that a CCA asks for is to come; zero in cargo
//	        compact form of the RAMF message
const (
	sealedVersion = 1
	sealedHead    = 1 + 2*32
)

// sealed is what such a body says.
type sealed struct {
	to, back link.PeerID
	m        *ramf.Message
	source   string // network address of who brought it; not in the body
}

func (s sealed) pack() ([]byte, error) {
	body, err := pack(s.m.Raw)
	if err != nil {
		return nil, err
	}
	b := append([]byte{sealedVersion}, s.to[:]...)
	return append(append(b, s.back[:]...), body...), nil
}

// unpackSealed is the message in a body.
func unpackSealed(b []byte) ([]byte, error) {
	if len(b) < sealedHead || b[0] != sealedVersion {
		return nil, errOctets
	}
	return unpack(b[sealedHead:])
}

func parseSealed(b []byte) (s sealed, err error) {
	raw, err := unpackSealed(b)
	if err != nil {
		return s, err
	}
	copy(s.to[:], b[1:])
	copy(s.back[:], b[1+len(s.to):])
	s.m, err = ramf.Parse(raw)
	return s, err
}

// check tells why a message is neither cargo nor a CCA that can be held. Who is authorised is for those to judge
// that open it.
func (c *Core) checkSealed(now time.Time, s sealed) error {
	none, online := link.PeerID{}, c.outbound(s.m)
	switch {
	case s.m.Type != ramf.Cargo && s.m.Type != ramf.CCA:
		return &ramf.Error{Refusal: ramf.WrongType, Detail: "this is neither cargo nor a cargo collection authorisation"}
	case s.m.Type == ramf.CCA && !online:
		return &ramf.Error{Refusal: ramf.Malformed, Detail: "the cargo collection authorisation names no Internet gateway"}
	case s.m.Type == ramf.Cargo && s.m.InternetAddress != "" && !online:
		return &ramf.Error{Refusal: ramf.Malformed, Detail: "the address of the cargo is that of the domain: no Internet gateway has it"}
	case s.to != none && online, s.back != none && s.m.Type != ramf.CCA:
		return &ramf.Error{Refusal: ramf.Malformed, Detail: "such a message cannot be for the gateway it names"}
	}
	return s.m.CheckSenderBy(c.terms(now))
}

// outbound tells that a message names an Internet gateway or endpoint that is not the domain itself.
func (c *Core) outbound(m *ramf.Message) bool {
	return m.InternetAddress != "" && (c.member == nil || m.InternetAddress != c.member.Domain.Address)
}

// inspectSealed checks cargo or a CCA as every gateway must.
func (c *Core) inspectSealed(now time.Time, s sealed) (intake, error) {
	if err := c.checkSealed(now, s); err != nil {
		return intake{}, err
	}
	body, err := s.pack()
	if err != nil {
		return intake{}, err
	}
	in := c.newIntake(s.m, nil, body)
	in.rec.To, in.rec.Back = s.to, s.back
	if end := now.Add(c.cfg.Limits.CargoLife); in.rec.Expires.After(end) {
		in.rec.Expires = end
	}
	return in, nil
}

// takeSealed checks what a neighbour sent and takes custody.
func (c *Core) takeSealed(now time.Time, e link.Received, reply replyFunc) {
	s, err := parseSealed(e.Body)
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	if c.cargoForUs(s.m) {
		c.openCargo(now, s.m, func(now time.Time, _ CargoTaken, err error) {
			if err == nil {
				c.unsealed.add(e.Item.Digest)
				c.requestAnswered(now)
			}
			reply(now, reasonOf(err))
		})
		return
	}
	in, err := c.inspectSealed(now, s)
	if err != nil {
		c.notice(false, s.m.Type.String()+" from "+c.peerName(e.Peer)+" refused: "+err.Error())
		reply(now, reasonOf(err))
		return
	}
	c.takeIn(now, e, in, reply)
}

// unsealed remembers the latest cargo of ours that came over the mesh: no row is left of it, and whoever did not hear
// that we have it offers it again.
type unsealed struct {
	digests [16]link.Digest
	next    int
}

func (u *unsealed) add(d link.Digest) {
	u.digests[u.next%len(u.digests)] = d
	u.next++
}

func (u *unsealed) has(d link.Digest) bool {
	return slices.Contains(u.digests[:min(u.next, len(u.digests))], d)
}

// hold takes cargo or a CCA that did not come over the mesh. It is durable when done runs without an error.
func (c *Core) hold(now time.Time, s sealed, done func(now time.Time, x *entry, err error)) {
	in, err := c.inspectSealed(now, s)
	if err == nil {
		err = c.addressRoom(s.source, &in.rec)
	}
	if err != nil {
		done(now, nil, err)
		return
	}
	if in.source = s.source; c.strange(&in.rec) {
		in.rec.Priority = link.Bulk
	}
	c.admit(now, in, done)
}

// holdCargo takes cargo or a CCA of somebody else that a courier, an Internet gateway or a file brought. Errors:
// *ramf.Error, *Error.
func (c *Core) holdCargo(now time.Time, m *ramf.Message, e Carry, done func(now time.Time, x *entry, err error)) {
	s := sealed{m: m, source: e.Source}
	switch {
	case m.Type == ramf.CCA:
		s.back = c.self
	case !c.outbound(m):
		s.to = c.placeOf(m, e.For)
	}
	c.hold(now, s, done)
}

// placeOf is where the recipient of cargo is, if it is a member, or will come for it: where the CCA that fetched it was
// handed in, or else the latest of the same gateway. Zero: nobody knows.
func (c *Core) placeOf(m *ramf.Message, asked string) link.PeerID {
	if hash, ok := m.Recipient.Digest(); ok && c.roster != nil {
		if rec, ok := c.roster.ByRSA(hash); ok {
			return rec.ID
		}
	}
	var last *entry
	for _, x := range c.queue.outside.of(string(m.Recipient)) {
		if x.Type != ramf.CCA || x.fresh {
			continue
		}
		if x.key() == asked {
			return x.Back
		}
		if last == nil || x.Arrival > last.Arrival {
			last = x
		}
	}
	if last == nil {
		return link.PeerID{}
	}
	return last.Back
}
