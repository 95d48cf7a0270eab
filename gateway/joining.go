package gateway

import (
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/link"
	"packhorse/store"
)

// takeJoinRequest admits a stranger who knew the code or invite.
func (c *Core) takeJoinRequest(now time.Time, e link.Received, reply replyFunc) {
	g := c.pairing
	if g == nil || !g.inviter || g.finished || g.stranger != e.Peer {
		reply(now, link.ReasonPolicy)
		return
	}
	raw, err := unpackSmall(e.Body, domain.MaxJoinRequest)
	var req domain.JoinRequest
	if err == nil {
		req, err = domain.ParseJoinRequest(raw)
	}
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	if g.asked != (link.PeerID{}) && g.asked != req.ID() {
		reply(now, link.ReasonPolicy) // one stranger a pairing, not all its friends
		return
	}
	body, ops, err := c.admitStranger(now, req)
	if err != nil {
		c.notice(true, "pairing: "+err.Error())
		reply(now, link.ReasonNone)
		c.sendPairing(now, ItemAdmission, refuseAdmission(err))
		return
	}
	g.asked = req.ID()
	c.persist(batch{ops: ops}, func(now time.Time, err error) {
		if err != nil || c.pairing != g {
			reply(now, link.ReasonBusy)
			return
		}
		g.admitted, g.result = req.ID(), PairResult{Domain: c.member.Domain.Name, Peer: req.Name}
		reply(now, link.ReasonNone)
		c.sendPairing(now, ItemAdmission, body)
	})
}

// admitStranger issues membership and delivery authorisation.
func (c *Core) admitStranger(now time.Time, req domain.JoinRequest) (body []byte, ops []store.Op, err error) {
	if err := c.mayInvite(); err != nil {
		return nil, nil, err
	}
	m, err := c.owner.Admit(req, now, c.cfg.Rand)
	if err != nil {
		return nil, nil, err
	}
	params, state, err := c.authorise(now, req.Endpoint, inDomain(now, c.member))
	if err != nil {
		return nil, nil, err
	}
	rec := memberRecord{Raw: m.Record.Raw, Expect: endpointIDOf(req.Endpoint)}
	if err := c.know(now, rec); err != nil {
		return nil, nil, err
	}
	a := admission{Membership: m.Marshal(), Record: c.member.Record.Raw, Contact: params}
	return a.append(nil), []store.Op{state, rec.put(m.Record.ID)}, nil
}

// takeAdmission makes us a member, or tells why not.
func (c *Core) takeAdmission(now time.Time, e link.Received, reply replyFunc) {
	g := c.pairing
	if g == nil || g.inviter || g.finished || g.stranger != e.Peer || c.member != nil && !c.lapsed(now) {
		reply(now, link.ReasonPolicy)
		return
	}
	raw, err := unpackSmall(e.Body, maxPairingBody)
	var a admission
	if err == nil {
		a, err = parseAdmission(raw)
	}
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	if a.Refusal != "" {
		reply(now, link.ReasonNone)
		c.finishPairing(PairResult{}, &Error{Code: "refused", Message: "the other gateway says: " + a.Refusal, Fix: "pair with the gateway that made the domain"})
		return
	}
	j, err := c.prepareJoin(now, a)
	if err != nil {
		c.notice(true, "pairing: "+err.Error())
		reply(now, link.ReasonMalformed)
		c.finishPairing(PairResult{}, &Error{Code: "refused", Message: "the admission is not valid: " + err.Error(), Fix: "pair again"})
		return
	}
	c.persist(j.batch, func(now time.Time, err error) {
		if err != nil || c.pairing != g {
			reply(now, link.ReasonBusy)
			return
		}
		if c.member == nil {
			c.enterDomain(now, j.member)
		} else {
			c.install(now, j.member)
		}
		c.know(now, j.inviter)
		c.keepNote(j.contact)
		reply(now, link.ReasonNone)
		c.finishPairing(PairResult{Domain: j.member.Domain.Name, Peer: j.name}, nil)
	})
}

// joining is what becomes durable together when we join.
type joining struct {
	member  *domain.Membership
	inviter memberRecord
	name    string
	contact *note
	batch   batch
}

// prepareJoin checks an admission and makes our side of it. Until the batch is durable we are no member.
func (c *Core) prepareJoin(now time.Time, a admission) (joining, error) {
	j := joining{inviter: memberRecord{Raw: a.Record}}
	var err error
	if j.member, err = domain.UnmarshalMembership(a.Membership); err != nil {
		return j, err
	}
	if !j.member.Fits(c.id) {
		return j, &Error{Code: "refused", Message: "it is for another gateway"}
	}
	if c.member != nil && j.member.Domain.ID != c.member.Domain.ID {
		return j, &Error{Code: "refused", Message: "it is for another domain than " + c.member.Domain.Name}
	}
	rec, err := domain.ParseRecord(a.Record, j.member.Domain)
	if err != nil {
		return j, err
	}
	j.name = rec.Name
	if err := c.swapContacts(now, rec, a.Contact, &j); err != nil {
		return j, err
	}
	j.batch = batch{secrets: []Secret{{SecretMembership, j.member.Marshal()}},
		ops: []store.Op{c.box.put(), j.inviter.put(rec.ID), j.contact.put()}}
	return j, nil
}

// swapContacts takes the inviter's delivery authorisation and answers with ours.
func (c *Core) swapContacts(now time.Time, rec domain.Record, params []byte, j *joining) error {
	if err := c.certify(now, j.member); err != nil {
		return err
	}
	if _, err := c.learnContact(rec.Name, params); err != nil {
		return err
	}
	k, err := endpoint.ParseContact(rec.Name, params)
	if err != nil {
		return err
	}
	j.inviter.Expect = k.ID
	ours, err := c.box.ep.Authorise(k.SPKI, inDomain(now, j.member), c.cfg.Rand)
	if err != nil {
		return err
	}
	j.contact, err = c.newNote(ItemContact, packSmall(ours), link.PeerID{}, rec.ID, now.Add(noteLifetime))
	return err
}

// takeContact adds the delivery authorisation that a gateway we admitted owes us.
func (c *Core) takeContact(now time.Time, e link.Received, reply replyFunc) {
	rec, known := c.members[e.Peer]
	if !known || rec.Expect == "" {
		reply(now, link.ReasonPolicy)
		return
	}
	who, _ := c.roster.Get(e.Peer)
	params, err := unpackSmall(e.Body, maxContactBody)
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	k, err := endpoint.ParseContact(who.Name, params)
	if err != nil || k.ID != rec.Expect {
		reply(now, link.ReasonUnauthorised)
		return
	}
	op, err := c.learnContact(who.Name, params)
	if err != nil {
		reply(now, reasonOf(err))
		return
	}
	c.persist(batch{ops: []store.Op{op}}, func(now time.Time, err error) {
		reply(now, reasonOfStore(err))
		if g := c.pairing; err == nil && g != nil && g.inviter && g.admitted == e.Peer {
			c.endPairing(now, g.result, nil)
		}
	})
}
