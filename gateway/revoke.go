package gateway

import (
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
)

// publishDomain floods the owner's word on the domain: once in the beginning, so that members know whom to ask
// for renewal, and after a restart that came between a revocation and its advert.
func (c *Core) publishDomain(now time.Time) {
	if c.owner == nil || !c.clockTrusted() || c.chores.asking[choreDomain] {
		return
	}
	if a := c.roster.Advert(); a.Owner == c.self && a.Epoch == c.owner.CurrentEpoch() {
		return
	}
	c.chores.asking[choreDomain] = true
	c.spreadDomain(c.owner.Advert(c.afterAdvert(now), c.self), func(now time.Time, err error) {
		delete(c.chores.asking, choreDomain)
		if err != nil {
			c.wakeAt(now.Add(holdBroken))
		}
	})
}

// spreadDomain makes a domain advert of ours durable, then believed and flooded.
func (c *Core) spreadDomain(n domain.DomainAdvert, done batchDone) {
	a, err := c.parseAdvert(ItemDomainAdvert, n.Raw)
	if err != nil {
		c.notice(true, "advert: "+err.Error())
		return
	}
	c.persist(batch{ops: []store.Op{a.put()}}, func(now time.Time, err error) {
		if err == nil {
			c.believe(now, a)
		}
		done(now, err)
	})
}

// revoke takes a gateway out of the domain for good, until it is admitted anew.
func (c *Core) revoke(now time.Time, e Revoke) {
	id, err := c.mayRevoke(e.Name)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	o := *c.owner
	n, err := o.Revoke(c.afterAdvert(now), c.self, id)
	if err != nil {
		c.answer(e.Token, nil, &Error{Code: "failed", Message: err.Error(), Fix: "start a new domain"})
		return
	}
	// The keys' file comes first: after a restart between the two, publishDomain makes up for the advert.
	c.persist(batch{secrets: []Secret{{SecretOwner, o.Marshal()}}}, func(_ time.Time, err error) {
		if err != nil {
			c.answer(e.Token, nil, storeError(err))
			return
		}
		c.owner = &o
		c.spreadDomain(n, func(_ time.Time, err error) {
			if err != nil {
				err = storeError(err)
			}
			c.answer(e.Token, nil, err)
		})
	})
}

// afterAdvert is a date later than that of the advert in force.
func (c *Core) afterAdvert(now time.Time) time.Time {
	return maxTime(now, c.roster.Advert().Issued.Add(time.Second))
}

func (c *Core) mayRevoke(name string) (id link.PeerID, err error) {
	if c.member == nil {
		return id, errNoDomain
	}
	if c.owner == nil {
		return id, &Error{Code: "refused", Message: "the domain's key is not on this gateway: it cannot revoke others", Fix: "run packhorse domain revoke on the gateway that made the domain"}
	}
	if err := c.needClock("revoke a gateway"); err != nil {
		return id, err
	}
	if name == c.name() || name == peerKey(c.self) {
		return id, &Error{Code: "refused", Message: "this gateway holds the domain's key: it cannot revoke itself", Fix: "packhorse domain list"}
	}
	id, ambiguous := c.memberCalled(name, "")
	switch {
	case ambiguous:
		return id, &Error{Code: "usage", Message: fmt.Sprintf("more than one gateway is called %q", name), Fix: "name it by its id: packhorse domain list"}
	case id == link.PeerID{}:
		return id, &Error{Code: "not_found", Message: fmt.Sprintf("no gateway %q is in the domain", name), Fix: "packhorse domain list"}
	}
	return id, nil
}

// takeDomain takes the effect of a domain advert: who left is dropped, with all that it announced.
func (c *Core) takeDomain(now time.Time, a domain.DomainAdvert) {
	c.roster.HandleAdvert(a)
	if c.owner != nil {
		o := *c.owner
		o.Adopt(a)
		c.owner = &o
	}
	c.markRevoked()
	for _, id := range c.revokedIDs() {
		c.dropMember(now, id)
	}
	if c.roster.Check(c.self, now, pki.ClockNone) != nil {
		c.notice(true, "this gateway was revoked by the domain's owner")
	}
	c.dirty = true
}

// revokedIDs lists the gateways whose records we know and the domain no longer stands by, sorted.
func (c *Core) revokedIDs() (out []link.PeerID) {
	for _, id := range c.memberIDs() {
		if rec, ok := c.revokedRecord(id); ok && rec.ID == id {
			out = append(out, id)
		}
	}
	return out
}

func (c *Core) revokedRecord(id link.PeerID) (domain.Record, bool) {
	rec, err := domain.ParseRecord(c.members[id].Raw, c.member.Domain)
	return rec, err == nil && c.roster.Revokes(rec)
}

// markRevoked notes the keys that no delivery authorisation may lead through any more.
func (c *Core) markRevoked() {
	clear(c.revoked)
	for _, id := range c.memberIDs() {
		if rec, ok := c.revokedRecord(id); ok {
			c.revoked[nodeIDOf(rec.RSAHash)] = true
		}
	}
}

// setMember takes over what we keep of a gateway; one that was revoked may be a member again by it.
func (c *Core) setMember(id link.PeerID, m memberRecord) {
	c.members[id] = m
	if len(c.revoked) > 0 {
		c.markRevoked()
	}
}

// dropMember ends sessions with a revoked gateway and forgets what it announced. Its record stays, so
// that it is still known as revoked.
func (c *Core) dropMember(now time.Time, id link.PeerID) {
	c.link.HandleEvent(now, link.RemoveMember{ID: id})
	var ops []store.Op
	for _, a := range c.adverts.sorted() {
		if a.gateway == id && a.kind != ItemDomainAdvert {
			ops = append(ops, store.Op{Kind: KindAdvert, Key: a.subject, Delete: true})
		}
	}
	for _, op := range ops {
		c.adverts.remove(op.Key)
	}
	if len(ops) > 0 {
		c.persist(batch{ops: ops}, ignoreResult)
	}
}

// standing tells whether a gateway is a member now: nil, or an error of Roster.Check, with ErrRevoked for
// those whom the roster has forgotten.
func (c *Core) standing(now time.Time, id link.PeerID) error {
	err := c.roster.Check(id, now, c.quality)
	if errors.Is(err, domain.ErrUnknown) {
		if _, ok := c.revokedRecord(id); ok {
			return domain.ErrRevoked
		}
	}
	return err
}

// Members lists the gateways of the domain with ourselves, by name, those revoked last.
func (c *Core) Members(now time.Time) (out []Member) {
	if c.member == nil {
		return nil
	}
	for _, rec := range c.roster.Members() {
		out = append(out, Member{ID: rec.ID, Name: rec.Name, Owner: rec.ID == c.ownerID(), Self: rec.ID == c.self, Until: rec.NotAfter})
	}
	sortMembers(out)
	var gone []Member
	for _, id := range c.revokedIDs() {
		rec, _ := c.revokedRecord(id)
		gone = append(gone, Member{ID: id, Name: rec.Name, Until: rec.NotAfter, Revoked: true})
	}
	sortMembers(gone)
	return append(out, gone...)
}

func (c *Core) ownerID() link.PeerID {
	if c.owner != nil {
		return c.self
	}
	return c.roster.Advert().Owner
}

var errGatewayRevoked = &ramf.Error{Refusal: ramf.NotAuthorised, Detail: "the recipient's gateway was revoked"}

// pathOf is Message.CheckBy, and refuses a path through a gateway that was revoked.
func (c *Core) pathOf(now time.Time, m *ramf.Message) ([]*pki.Certificate, error) {
	path, err := m.CheckBy(c.terms(now), c.anchors(now, m.Chain))
	if err == nil && len(path) > 2 && c.revoked[path[2].ID] {
		return nil, errGatewayRevoked
	}
	if err == nil && c.denials.Denied(path, now, c.quality) {
		return nil, errDenied
	}
	return path, err
}
