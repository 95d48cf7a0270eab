package gateway

import (
	"errors"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/gateway/registration"
	"packhorse/link"
	"packhorse/store"
)

// advert is a verified statement of a gateway on itself, or of an endpoint on where it is.
type advert struct {
	kind     uint8
	subject  string
	gateway  link.PeerID
	endpoint pki.NodeID // of an engine advert
	seq      uint64
	record   []byte    // membership record in a node advert
	expires  time.Time // of a denial
	uplinks  []string  // Internet gateways that the gateway of a node advert reaches
	body     []byte
	digest   link.Digest
	domain   domain.DomainAdvert
	ration   ration    // of its subject
	since    time.Time // when it was news here, zero: in an earlier life
}

// adverts are the newest advert of each subject.
type adverts struct {
	bySubject map[string]*advert
	byDigest  map[link.Digest]*advert
	moved     map[pki.NodeID]bool // endpoints that are at another gateway than before, until the next look at the ways
	nodes     int
	denials   int
	exits     map[link.PeerID]bool // gateways that reach the Internet
	order     []*advert            // by subject, nil when it must be sorted again
}

func newAdverts() adverts {
	return adverts{bySubject: map[string]*advert{}, byDigest: map[link.Digest]*advert{}, moved: map[pki.NodeID]bool{}, exits: map[link.PeerID]bool{}}
}

// The domain's advert sorts before those of nodes: who was revoked is no news any more. Node adverts sort before engine adverts: who hears an endpoint's should know its gateway.
const domainSubject = "0/domain"

func nodeSubject(id link.PeerID) string  { return "1/" + peerKey(id) }
func engineSubject(id pki.NodeID) string { return "2/" + string(id) }
func (t *adverts) old(a *advert) bool    { k := t.bySubject[a.subject]; return k != nil && k.seq >= a.seq }
func (a *advert) put() store.Op {
	return store.Op{Kind: KindAdvert, Key: a.subject, Value: append([]byte{a.kind}, a.body...)}
}

const (
	advertWindow   = 4 // adverts submitted to one neighbour at a time
	advertLifetime = 7 * day
	counterAdvert  = "node advert"
	refreshDelay   = 30 * time.Second
	refreshPeriod  = 2 * time.Minute
	refreshBoot    = 15 * time.Minute // after a start that went on with the advert of the life before
)

// set replaces the advert of the same subject.
func (t *adverts) set(a *advert) {
	if old := t.bySubject[a.subject]; a.kind == ItemEngineAdvert && (old == nil || old.gateway != a.gateway) {
		t.moved[a.endpoint] = true
	}
	t.drop(a.subject)
	t.bySubject[a.subject], t.byDigest[a.digest], t.order = a, a, nil
	if a.kind == ItemDenial {
		t.denials++
	}
	if a.kind == ItemNodeAdvert {
		t.nodes++
		if len(a.uplinks) > 0 {
			t.exits[a.gateway] = true
		}
	}
}

func (t *adverts) remove(subject string) {
	if old := t.bySubject[subject]; old != nil && old.kind == ItemEngineAdvert {
		t.moved[old.endpoint] = true
	}
	t.drop(subject)
}

func (t *adverts) drop(subject string) {
	old := t.bySubject[subject]
	if old == nil {
		return
	}
	delete(t.byDigest, old.digest)
	delete(t.bySubject, subject)
	t.order = nil
	if old.kind == ItemDenial {
		t.denials--
	}
	if old.kind == ItemNodeAdvert {
		t.nodes--
		delete(t.exits, old.gateway)
	}
}

// sorted lists the adverts, those of gateways first.
func (t *adverts) sorted() []*advert {
	if t.order == nil {
		for _, s := range sortedKeys(t.bySubject) {
			t.order = append(t.order, t.bySubject[s])
		}
	}
	return t.order
}

// advertsFull tells whether one more subject of a kind would pass the limits.
func (c *Core) advertsFull(kind uint8, at link.PeerID) bool {
	if kind == ItemNodeAdvert {
		return c.adverts.nodes >= c.cfg.Limits.Gateways
	}
	most := c.cfg.Limits.Endpoints
	return len(c.adverts.bySubject)-c.adverts.nodes-c.adverts.denials >= most || c.adverts.endpointsAt(at) >= share(most)
}

// endpointsAt counts the endpoints that are at a gateway.
func (t *adverts) endpointsAt(gateway link.PeerID) (n int) {
	for _, a := range t.bySubject {
		if a.kind == ItemEngineAdvert && a.gateway == gateway {
			n++
		}
	}
	return n
}

// judgeAdvert answers an offer of an advert. Also of one that we have the cost is news.
func (c *Core) judgeAdvert(from link.PeerID, it link.Item) (link.Verdict, link.Reason) {
	if c.member == nil {
		return link.Refuse, link.ReasonPolicy
	}
	if a := c.adverts.byDigest[it.Digest]; a != nil {
		c.heardFrom(from, a, it.Cost)
		return link.Have, link.ReasonNone
	}
	return link.Accept, link.ReasonNone
}

// heardFrom notes what a neighbour's way to a gateway costs, or that it has an engine advert. Of node adverts
// both tell each other, so that each has the other's way when its own breaks.
func (c *Core) heardFrom(from link.PeerID, a *advert, cost uint16) {
	p := c.peers[from]
	if p == nil {
		return
	}
	if a.kind != ItemNodeAdvert {
		p.has[a.digest] = true
	} else if a.gateway != c.self && c.routes.Learn(a.gateway, a.seq, from, cost, c.learntHop(p)) {
		c.dirty = true
	}
}

// takeAdvert verifies what was flooded before it is believed and passed on.
func (c *Core) takeAdvert(now time.Time, e link.Received, reply replyFunc) {
	a, err := c.parseAdvert(e.Item.Kind, e.Body)
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	if r := c.judgeClaim(now, a); r != link.ReasonNone {
		reply(now, r)
		return
	}
	if c.adverts.old(a) {
		reply(now, link.ReasonNone)
		return
	}
	if c.adverts.bySubject[a.subject] == nil && a.kind != ItemDomainAdvert && c.advertsFull(a.kind, a.gateway) {
		reply(now, link.ReasonFull)
		return
	}
	if c.tooMuch(now, e.Peer, a) {
		reply(now, link.ReasonBusy)
		return
	}
	c.persist(batch{ops: c.advertOps(a)}, func(now time.Time, err error) {
		if err == nil && !c.adverts.old(a) {
			c.believe(now, a)
		}
		if err == nil {
			c.heardFrom(e.Peer, a, e.Item.Cost)
		}
		reply(now, reasonOfStore(err))
	})
}

// judgeClaim tells why an advert is not believed.
func (c *Core) judgeClaim(now time.Time, a *advert) link.Reason {
	if a.gateway == c.self && a.kind == ItemNodeAdvert {
		return link.ReasonPolicy // our own, newer than ours: it can only be an old life of us
	}
	var err error
	switch a.kind {
	case ItemNodeAdvert:
		_, _, err = c.roster.Add(a.record, now, c.quality)
	case ItemEngineAdvert:
		err = c.standing(now, a.gateway)
	}
	switch {
	case errors.Is(err, domain.ErrUnknown):
		return link.ReasonBusy // its node advert may still be on its way
	case err != nil:
		return link.ReasonUnauthorised
	case a.kind == ItemEngineAdvert && registration.Ahead(a.seq, now, c.quality):
		return link.ReasonUnauthorised
	}
	return link.ReasonNone
}

// advertOps are the records of an advert, with the membership record in it.
func (c *Core) advertOps(a *advert) []store.Op {
	ops := []store.Op{a.put()}
	if a.kind == ItemNodeAdvert {
		m := memberRecord{Raw: a.record, Expect: c.members[a.gateway].Expect}
		ops = append(ops, m.put(a.gateway))
	}
	return ops
}

// believe takes a durable advert over.
func (c *Core) believe(now time.Time, a *advert) {
	if old := c.adverts.bySubject[a.subject]; old != nil {
		a.ration = old.ration
		for _, p := range c.peers {
			delete(p.has, old.digest) // or a subject that changes for ever would fill memory
			delete(p.hold, old.digest)
		}
	}
	a.since = now
	c.adverts.set(a)
	c.dirty = true
	switch {
	case a.kind == ItemDomainAdvert:
		c.takeDomain(now, a.domain)
	case a.kind == ItemNodeAdvert:
		c.setMember(a.gateway, memberRecord{Raw: a.record, Expect: c.members[a.gateway].Expect})
		if rec, ok := c.roster.Get(a.gateway); ok && a.gateway != c.self {
			c.link.HandleEvent(now, link.AddMember{Member: rec.Member()})
		}
	case a.gateway != c.self:
		c.lose(now, a.endpoint)
	}
}

func (c *Core) parseAdvert(kind uint8, body []byte) (*advert, error) {
	a := &advert{kind: kind, body: body, digest: digestOf(kind, body)}
	switch kind {
	case ItemNodeAdvert:
		n, err := domain.ParseNodeAdvert(body, c.member.Domain)
		if err != nil {
			return nil, err
		}
		a.gateway, a.seq, a.record, a.subject, a.uplinks = n.Gateway(), n.Sequence, n.Record.Raw, nodeSubject(n.Gateway()), n.Uplinks()
	case ItemEngineAdvert:
		n, err := domain.ParseEngineAdvert(body)
		if err != nil {
			return nil, err
		}
		a.gateway, a.endpoint, a.seq, a.subject = n.Gateway, n.Endpoint, n.Sequence, engineSubject(n.Endpoint)
	case ItemDomainAdvert:
		n, err := domain.ParseDomainAdvert(body, c.member.Domain)
		if err != nil {
			return nil, err
		}
		a.domain, a.seq, a.subject = n, uint64(n.Epoch)<<32|uint64(n.Issued.Unix()), domainSubject
	default:
		return nil, errOctets
	}
	return a, nil
}
