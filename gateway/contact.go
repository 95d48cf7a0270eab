package gateway

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/store"
)

const maxSPKI = 2048

// decodeText reads a text that somebody handed over.
func decodeText(t endpoint.Text, text string, max int) (name string, v []byte, err error) {
	if name, v, err = t.Decode(text, max); err != nil {
		return "", nil, &Error{Code: "usage", Message: err.Error(), Fix: "copy it whole: it begins with " + string(t)}
	}
	return name, v, nil
}

func (c *Core) contactCard(e ContactCard) {
	spki, err := c.box.spki()
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	c.answer(e.Token, endpoint.CardText.Encode(c.name(), spki), nil)
}

func (c *Core) exportContact(now time.Time, e ExportContact) {
	_, spki, err := decodeText(endpoint.CardText, e.Card, maxSPKI)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	grant, err := c.grant(now)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	params, op, err := c.authorise(now, spki, grant)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	text := endpoint.ContactText.Encode(c.name(), params)
	c.persist(batch{ops: []store.Op{op}}, func(_ time.Time, err error) {
		if err != nil {
			c.answer(e.Token, nil, storeError(err))
			return
		}
		c.answer(e.Token, text, nil)
	})
}

// inDomain authorises senders of the domain.
func inDomain(now time.Time, m *domain.Membership) endpoint.Grant {
	return endpoint.Grant{Address: m.Domain.Address, From: now.Add(-backdate), Until: now.Add(endpointLife)}
}

// grant authorises whoever gets our export. Under an Internet gateway senders all over the Internet can use it, and those of
// the domain as well: it leads to our key.
func (c *Core) grant(now time.Time) (endpoint.Grant, error) {
	if c.member == nil {
		return endpoint.Grant{}, errNoDomain
	}
	g := inDomain(now, c.member)
	root, address := c.root(now)
	if root == c.member.Cert {
		return g, nil
	}
	cert, err := c.boxUnder(now, root)
	g.Address, g.Certificate, g.Chain = address, cert, []*pki.Certificate{root}
	return g, err
}

// authorise lets the endpoint of a key write to the built-in one. What it returns may be handed out once the
// operation is durable.
func (c *Core) authorise(now time.Time, spki []byte, g endpoint.Grant) (params []byte, op store.Op, err error) {
	if c.member == nil {
		return nil, op, errNoDomain
	}
	if err := c.needClock("authorise anyone"); err != nil {
		return nil, op, err
	}
	params, err = c.box.ep.Authorise(spki, g, c.cfg.Rand)
	if err != nil {
		return nil, op, err
	}
	return params, c.box.put(), nil
}

func (c *Core) addContact(now time.Time, e AddContact) {
	name, params, err := decodeText(endpoint.ContactText, e.Text, maxContactBody)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	if e.Name != "" {
		name = e.Name
	}
	before := slices.Clone(c.box.ep.Contacts)
	op, err := c.learnContact(name, params)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	c.persist(batch{ops: []store.Op{op}}, func(_ time.Time, err error) {
		if err != nil {
			c.unlearn(params, before)
			err = storeError(err)
		}
		c.answer(e.Token, nil, err)
	})
}

// unlearn makes a contact what it was before, because the disk did not take it.
func (c *Core) unlearn(params []byte, before []endpoint.Contact) {
	k, err := endpoint.ParseContact("", params)
	if err != nil {
		return
	}
	same := func(o endpoint.Contact) bool { return o.ID == k.ID }
	c.box.ep.Contacts = slices.DeleteFunc(c.box.ep.Contacts, same)
	if i := slices.IndexFunc(before, same); i >= 0 {
		c.box.ep.Contacts = append(c.box.ep.Contacts, before[i])
	}
}

// learnContact adds what another endpoint authorised us with. A name that is taken by another contact gets
// a number.
func (c *Core) learnContact(name string, params []byte) (store.Op, error) {
	k, err := endpoint.ParseContact(name, params)
	if err != nil {
		return store.Op{}, err
	}
	if k.PDA == nil || k.PDA.ID != c.box.id() {
		return store.Op{}, &Error{Code: "refused", Message: "this contact authorises another endpoint, not ours", Fix: "export it for our card: packhorse contact card"}
	}
	k.Name = c.freeName(name, k.ID)
	if err := c.box.ep.AddContact(k); err != nil {
		return store.Op{}, err
	}
	return c.box.put(), nil
}

func (c *Core) freeName(name string, id pki.NodeID) string {
	taken := func(n string) bool {
		return slices.ContainsFunc(c.box.ep.Contacts, func(k endpoint.Contact) bool { return k.Name == n && k.ID != id })
	}
	free := name
	for i := 2; taken(free); i++ {
		free = fmt.Sprintf("%s-%d", name, i)
	}
	return free
}

// contact finds whom a person means.
func (c *Core) contact(to string) (endpoint.Contact, error) {
	for _, k := range c.box.ep.Contacts {
		if k.Name == to || string(k.ID) == to {
			return k, nil
		}
	}
	return endpoint.Contact{}, &Error{Code: "not_found", Message: fmt.Sprintf("no contact %q", to), Fix: "packhorse contact list and packhorse domain list name whom this gateway can write to"}
}

// Contacts lists the names that Send accepts, sorted.
func (c *Core) Contacts() []string {
	out := make([]string, 0, len(c.box.ep.Contacts))
	for _, k := range c.box.ep.Contacts {
		if k.PDA != nil {
			out = append(out, k.Name)
		}
	}
	slices.Sort(out)
	return out
}

// endpointName is what people call an endpoint: a contact, ourselves, or its id.
func (c *Core) endpointName(id pki.NodeID) string {
	if id == c.box.id() {
		return c.name()
	}
	for _, k := range c.box.ep.Contacts {
		if k.ID == id {
			return k.Name
		}
	}
	return string(id)
}

// needClock refuses to date anything by a clock that nobody vouches for.
func (c *Core) needClock(to string) error {
	if c.clockTrusted() {
		return nil
	}
	return &Error{Code: "not_yet", Message: "the clock is not trusted enough to " + to, Fix: "synchronise it (NTP, or chrony with a GPS), or set trust_clock = true where a clock chip or the host keeps the time"}
}

// spki is the public identity key of the built-in endpoint.
func (b *box) spki() ([]byte, error) {
	if b.ep.Key == nil {
		return nil, errors.New("gateway: the built-in endpoint has no key")
	}
	return pki.EncodeSPKI(b.ep.Key.Public())
}
