package gateway

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/store"
)

// Two gateways that a third admitted are members of one domain and have no delivery authorisation for each
// other. The first letter brings it about:
//
//	writer                                   recipient's gateway
//	 | draft: content durable, not sealed         |
//	 | ---- ask contact: our endpoint's card ---> | a member, whose endpoint it is by advert: authorises it
//	 | <--- contact: connection parameters ------ |
//	 | seals the draft                            |
//
// An authorisation that ran out is asked for anew in the same way.

// whom finds who a person means: a contact that can be written to, or else the member gateway to ask.
func (c *Core) whom(now time.Time, to string) (k endpoint.Contact, gw link.PeerID, err error) {
	k, err = c.contact(to)
	if err == nil && c.usableContact(now, k) && !c.revokedBox(k.ID) {
		return k, gw, nil
	}
	if c.revokedBox(k.ID) {
		return k, gw, &Error{Code: "refused", Message: fmt.Sprintf("the gateway of %q was revoked by the domain's owner", to), Fix: "packhorse domain list"}
	}
	gw, ambiguous := c.memberCalled(to, k.ID)
	switch {
	case ambiguous:
		return k, gw, &Error{Code: "usage", Message: fmt.Sprintf("more than one gateway is called %q", to), Fix: "name it by its id: packhorse status --json"}
	case gw == (link.PeerID{}):
		return k, gw, err
	}
	if known, ok := c.contactAt(now, gw); ok {
		return known, link.PeerID{}, nil
	}
	return k, gw, nil
}

// revokedBox tells whether an endpoint is the built-in one of a gateway that was revoked.
func (c *Core) revokedBox(id pki.NodeID) bool {
	return id != "" && slices.ContainsFunc(c.revokedIDs(), func(gw link.PeerID) bool { return c.members[gw].Expect == id })
}

// memberCalled finds the member with a name or hex id, or with this built-in endpoint.
func (c *Core) memberCalled(name string, box pki.NodeID) (id link.PeerID, ambiguous bool) {
	for _, rec := range c.roster.Members() {
		ours := box != "" && c.members[rec.ID].Expect == box
		if rec.ID == c.self || rec.Name != name && peerKey(rec.ID) != name && !ours {
			continue
		}
		if id != (link.PeerID{}) {
			return id, true
		}
		id = rec.ID
	}
	return id, false
}

// contactAt is the contact for the built-in endpoint of a gateway, if it can be written to.
func (c *Core) contactAt(now time.Time, gw link.PeerID) (endpoint.Contact, bool) {
	k, ok := c.box.ep.Contact(c.members[gw].Expect)
	return k, ok && c.usableContact(now, k)
}

// usableContact tells whether an authorisation is there and has not run out.
func (c *Core) usableContact(now time.Time, k endpoint.Contact) bool {
	return k.PDA != nil && k.PDA.Valid(now, c.quality) &&
		!slices.ContainsFunc(k.Chain, func(x *pki.Certificate) bool { return !x.Valid(now, c.quality) })
}

// refreshContact asks for a new authorisation when the one that is just used ends soon, as certificates do that
// hang on a membership.
func (c *Core) refreshContact(now time.Time, k endpoint.Contact) {
	if now.Before(k.PDA.X509.NotAfter.Add(-domain.RenewBefore)) {
		return
	}
	for _, id := range c.memberIDs() {
		if c.members[id].Expect == k.ID && c.IsMember(now, id) {
			c.askContact(now, id)
		}
	}
}

// askContact asks a gateway to let our built-in endpoint write to its own.
func (c *Core) askContact(now time.Time, gw link.PeerID) {
	c.ask(now, domain.TopicAskContact, gw, c.box.spki)
}

// giveContact authorises the built-in endpoint of a member to write to ours. That the endpoint is at the
// gateway which asks is proven by its advert, so nobody gets a contact under another's name.
func (c *Core) giveContact(now time.Time, d domain.Dispatch) (effect, error) {
	if _, err := pki.ParseSPKI(d.Body); err != nil {
		return effect{}, err
	}
	id := endpointIDOf(d.Body)
	if err := c.isAt(id, d.From); err != nil {
		return effect{}, err
	}
	if !c.clockTrusted() {
		return effect{}, errLater
	}
	if c.tooOften(now, d) {
		return effect{}, errors.New("gateway: it had an authorisation just now")
	}
	if err := c.nameEndpoint(c.peerName(d.From), id, d.Body); err != nil {
		return effect{}, err
	}
	params, box, err := c.authorise(now, d.Body, inDomain(now, c.member))
	if err != nil {
		return effect{}, err
	}
	f := c.knowBox(d.From, id)
	f.ops = append(f.ops, box)
	return c.answerDispatch(now, d, domain.TopicContact, params, f)
}

// nameEndpoint makes letters of an endpoint show who wrote them. A name that people gave stays.
func (c *Core) nameEndpoint(name string, id pki.NodeID, spki []byte) error {
	if _, known := c.box.ep.Contact(id); known {
		return nil
	}
	return c.box.ep.AddContact(endpoint.Contact{Name: c.freeName(name, id), ID: id, SPKI: spki, InternetAddress: c.member.Domain.Address})
}

// gotContact takes the authorisation that we asked a gateway for.
func (c *Core) gotContact(now time.Time, d domain.Dispatch) (effect, error) {
	if c.counters[topicCounter(counterAsked, domain.TopicAskContact, d.From)] == 0 {
		return effect{}, errors.New("gateway: nobody asked for its contact")
	}
	name := c.peerName(d.From)
	k, err := endpoint.ParseContact(name, d.Body)
	if err != nil {
		return effect{}, err
	}
	if err := c.isAt(k.ID, d.From); err != nil {
		return effect{}, err
	}
	if have, known := c.box.ep.Contact(k.ID); known {
		name = have.Name
	}
	box, err := c.learnContact(name, d.Body)
	if err != nil {
		return effect{}, err
	}
	f := c.knowBox(d.From, k.ID)
	f.ops = append(f.ops, box)
	return f, nil
}

// isAt checks by advert that an endpoint is at a gateway.
func (c *Core) isAt(id pki.NodeID, gw link.PeerID) error {
	switch at, known := c.gatewayOf(id); {
	case !known:
		return errLater
	case at != gw:
		return errors.New("gateway: the endpoint is at another gateway")
	}
	return nil
}

// knowBox notes which endpoint is the built-in one of a gateway.
func (c *Core) knowBox(gw link.PeerID, id pki.NodeID) effect {
	m := c.members[gw]
	m.Expect = id
	return effect{batch: batch{ops: []store.Op{m.put(gw)}}, apply: func(time.Time) {
		m := c.members[gw]
		m.Expect = id
		c.members[gw] = m
	}}
}
