package gateway

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/store"
)

// memberRecord keeps the membership record of a gateway and, as far as we know it, which endpoint is its
// built-in one, whose delivery authorisation we have or await.
//
//	octets  field
//	1       version, 1
//	4 + n   membership record
//	4 + n   endpoint id, or empty
type memberRecord struct {
	Raw    []byte
	Expect pki.NodeID
}

const memberVersion = 1

func (r *memberRecord) put(id link.PeerID) store.Op {
	b := appendCounted([]byte{memberVersion}, r.Raw)
	return store.Op{Kind: KindMember, Key: peerKey(id), Value: appendCounted(b, string(r.Expect))}
}

func parseMemberRecord(b []byte) (memberRecord, error) {
	o := octets{b: b}
	version := o.u8()
	r := memberRecord{Raw: o.counted(maxRecord), Expect: pki.NodeID(o.text(maxNodeID))}
	if version != memberVersion {
		return memberRecord{}, errOctets
	}
	return r, o.end()
}

// know makes a gateway of the domain known to the roster and the link.
func (c *Core) know(now time.Time, r memberRecord) error {
	if c.roster == nil {
		return domain.ErrUnknown
	}
	rec, changed, err := c.roster.Add(r.Raw, now, c.quality)
	if err != nil {
		return err
	}
	if old, ok := c.members[rec.ID]; ok && r.Expect == "" {
		r.Expect = old.Expect
	}
	c.setMember(rec.ID, r)
	if changed && rec.ID != c.self {
		c.link.HandleEvent(now, link.AddMember{Member: rec.Member()})
	}
	return nil
}

// recordHeard verifies a membership record from the air; a stranger's is dropped.
func (c *Core) recordHeard(now time.Time, raw []byte) {
	if c.roster == nil || len(raw) > maxRecord {
		return
	}
	rec, changed, err := c.roster.Add(raw, now, c.quality)
	if err != nil || rec.ID == c.self {
		return
	}
	if changed {
		m := memberRecord{Raw: bytes.Clone(rec.Raw), Expect: c.members[rec.ID].Expect}
		c.setMember(rec.ID, m)
		c.persist(batch{ops: []store.Op{m.put(rec.ID)}}, ignoreResult)
	}
	c.link.HandleEvent(now, link.AddMember{Member: rec.Member()})
}

// IsMember tells whether a gateway may take part in our domain now.
func (c *Core) IsMember(now time.Time, id link.PeerID) bool {
	return c.roster != nil && c.roster.Check(id, now, c.quality) == nil
}

// up names the gateway and makes it the first member of its own domain.
func (c *Core) up(now time.Time, e Up) {
	b, apply, err := c.prepareUp(now, e)
	if err != nil || apply == nil {
		c.answer(e.Token, nil, err)
		return
	}
	c.persist(b, func(now time.Time, err error) {
		if err != nil {
			c.answer(e.Token, nil, storeError(err))
			return
		}
		apply(now)
		c.answer(e.Token, nil, nil)
	})
}

// prepareUp checks what is asked; apply is nil when there is nothing to do.
func (c *Core) prepareUp(now time.Time, e Up) (b batch, apply func(time.Time), err error) {
	id := *c.id
	if e.Name != "" && e.Name != id.Name {
		if c.member != nil {
			return b, nil, &Error{Code: "refused", Message: "the domain knows this gateway as " + id.Name, Fix: "a member keeps its name"}
		}
		if err := domain.CheckName(e.Name); err != nil {
			return b, nil, &Error{Code: "usage", Message: err.Error(), Fix: "packhorse up --name NAME"}
		}
		id.Name = e.Name
		b.secrets = append(b.secrets, Secret{SecretIdentity, id.Marshal()})
		apply = func(time.Time) { c.id = &id }
	}
	if e.Owner == nil {
		return b, apply, nil
	}
	if c.member != nil {
		if c.member.Domain.Name == e.Owner.Name {
			return b, apply, nil
		}
		return b, nil, &Error{Code: "refused", Message: "this gateway is in domain " + c.member.Domain.Name + " already", Fix: "a domain is never replaced: start with an empty state directory"}
	}
	return c.prepareDomain(now, &id, e.Owner, b)
}

// prepareDomain makes the owner's own gateway the first member.
func (c *Core) prepareDomain(now time.Time, id *domain.Identity, o *domain.Owner, b batch) (batch, func(time.Time), error) {
	if err := c.needClock("make a domain"); err != nil {
		return b, nil, err
	}
	spki, err := c.box.spki()
	if err != nil {
		return b, nil, err
	}
	raw, err := domain.NewJoinRequest(id, spki, c.cfg.Rand)
	if err != nil {
		return b, nil, err
	}
	req, err := domain.ParseJoinRequest(raw)
	if err != nil {
		return b, nil, err
	}
	m, err := o.Admit(req, now, c.cfg.Rand)
	if err != nil {
		return b, nil, err
	}
	if err := c.certify(now, m); err != nil {
		return b, nil, err
	}
	b.ops = append(b.ops, c.box.put())
	b.secrets = append(b.secrets, Secret{SecretOwner, o.Marshal()}, Secret{SecretMembership, m.Marshal()})
	return b, func(now time.Time) {
		c.id, c.owner = id, o
		c.enterDomain(now, m)
	}, nil
}

// enterDomain takes effect of a membership that is durable.
func (c *Core) enterDomain(now time.Time, m *domain.Membership) {
	c.joinRoster(m)
	c.link.HandleEvent(now, link.SetDomain{Domain: m.Link()})
	c.dirty = true
}

// joinRoster begins the roster with ourselves.
func (c *Core) joinRoster(m *domain.Membership) {
	c.member, c.roster, c.advertised = m, domain.NewRoster(m.Domain), false
	c.roster.Add(m.Record.Raw, time.Time{}, pki.ClockNone)
	c.local[c.box.id()], c.adverts.moved[c.box.id()] = localEndpoint{}, true
}

// peerName is what people call a gateway.
func (c *Core) peerName(id link.PeerID) string {
	if c.roster != nil {
		if rec, ok := c.roster.Get(id); ok {
			return rec.Name
		}
	}
	return short(id)
}

// memberIDs lists the gateways known besides ourselves, sorted.
func (c *Core) memberIDs() []link.PeerID {
	return slices.DeleteFunc(slices.SortedFunc(maps.Keys(c.members), func(a, b link.PeerID) int { return bytes.Compare(a[:], b[:]) }),
		func(id link.PeerID) bool { return id == c.self })
}
