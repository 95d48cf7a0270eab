package gateway

import (
	"errors"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/store"
)

// Memberships last 30 days and are renewed over the mesh from ten days before their end. The owner renews
// itself; a member asks the gateway that the domain advert names, by dispatch. Sessions go on: neighbours
// learn the new record by our next node advert.

const (
	choreRenew   = "renew"
	choreCertify = "certify"
	choreDomain  = "domain advert"
)

// renewMembership has our membership renewed when it is time.
func (c *Core) renewMembership(now time.Time) {
	end := c.member.Record.NotAfter
	switch {
	case c.quality == pki.ClockNone:
		return
	case !c.member.Record.Due(now):
		c.wakeAt(end.Add(-domain.RenewBefore))
		return
	case c.owner != nil:
		c.renewSelf(now)
		return
	}
	if owner := c.roster.Advert().Owner; owner != (link.PeerID{}) && owner != c.self {
		c.ask(now, domain.TopicAskRenewal, owner, c.joinRequest)
	}
}

// lapsed tells that our membership ended before it was renewed, or that we were revoked: nobody speaks to us
// until we pair with the owner anew.
func (c *Core) lapsed(now time.Time) bool {
	return c.clockTrusted() && now.After(c.member.Record.NotAfter) || c.roster.Revokes(c.member.Record)
}

func (c *Core) joinRequest() ([]byte, error) {
	spki, err := c.box.spki()
	if err != nil {
		return nil, err
	}
	return domain.NewJoinRequest(c.id, spki, c.cfg.Rand)
}

// renewSelf renews the owner's own membership.
func (c *Core) renewSelf(now time.Time) {
	if !c.clockTrusted() || c.chores.asking[choreRenew] {
		return
	}
	m, err := c.renewOf(now, c.member.Record, c.joinRequest)
	if err != nil {
		c.notice(true, err.Error())
		c.wakeAt(now.Add(askEvery))
		return
	}
	c.chores.asking[choreRenew] = true
	c.persist(batch{secrets: []Secret{{SecretMembership, m.Marshal()}}}, func(now time.Time, err error) {
		delete(c.chores.asking, choreRenew)
		if err != nil {
			c.wakeAt(now.Add(holdBroken))
			return
		}
		c.install(now, m)
	})
}

// renewOf issues a membership anew for a request. The name stays: others know the gateway by it.
func (c *Core) renewOf(now time.Time, old domain.Record, request func() ([]byte, error)) (*domain.Membership, error) {
	raw, err := request()
	if err != nil {
		return nil, err
	}
	req, err := domain.ParseJoinRequest(raw)
	if err != nil {
		return nil, err
	}
	if req.Name != old.Name || req.Static != old.Static {
		return nil, errors.New("gateway: a renewal keeps name and keys")
	}
	return c.owner.Renew(old, req, now, c.cfg.Rand)
}

// install takes effect of a renewed membership that is durable.
func (c *Core) install(now time.Time, m *domain.Membership) {
	c.member, c.advertised, c.dirty = m, false, true
	c.roster.Add(m.Record.Raw, time.Time{}, pki.ClockNone)
	c.link.HandleEvent(now, link.SetDomain{Domain: m.Link()})
	c.notice(false, "the membership was renewed until "+m.Record.NotAfter.Format(time.DateOnly))
}

// certifyBox gives the built-in endpoint a certificate under the newest membership, also after a
// restart between the two.
func (c *Core) certifyBox(now time.Time) {
	chain := c.box.ep.Chain
	if len(chain) > 0 && chain[0].Equal(c.member.Cert) || !c.clockTrusted() || c.chores.asking[choreCertify] {
		return
	}
	if err := c.certify(now, c.member); err != nil {
		c.notice(true, err.Error())
		return
	}
	c.chores.asking[choreCertify] = true
	c.persist(batch{ops: []store.Op{c.box.put()}}, func(time.Time, error) { delete(c.chores.asking, choreCertify) })
}

// giveRenewal renews a member's membership, when it is time for that.
func (c *Core) giveRenewal(now time.Time, d domain.Dispatch) (effect, error) {
	old, known := c.roster.Get(d.From)
	switch {
	case c.owner == nil:
		return effect{}, errors.New("gateway: the domain's keys are not here")
	case !known || !c.clockTrusted():
		return effect{}, errLater
	case !old.Due(now.Add(askEvery)): // a day for clocks that differ
		return effect{}, errors.New("gateway: its membership lasts long enough")
	case c.tooOften(now, d):
		return effect{}, errors.New("gateway: it was renewed just now")
	}
	m, err := c.renewOf(now, old, func() ([]byte, error) { return d.Body, nil })
	if err != nil {
		return effect{}, err
	}
	return c.answerDispatch(now, d, domain.TopicRenewal, m.Renewal(), effect{})
}

// gotRenewal installs what the owner signed. Whoever brought it: only the domain's keys can make one.
func (c *Core) gotRenewal(now time.Time, d domain.Dispatch) (effect, error) {
	m, err := c.member.Renewed(d.Body)
	if err != nil {
		return effect{}, err
	}
	if !m.Fits(c.id) {
		return effect{}, errors.New("gateway: the renewal is for another gateway")
	}
	return effect{batch: batch{secrets: []Secret{{SecretMembership, m.Marshal()}}},
		apply: func(now time.Time) { c.install(now, m) }}, nil
}
