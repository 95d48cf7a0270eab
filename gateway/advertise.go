package gateway

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/registration"
	"packhorse/link"
	"packhorse/store"
)

// advertise makes our node advert with a higher number than ever before, and that of the built-in endpoint
// once for ever. A new life begins with the advert of the one before: most neighbours have it, so that a restart
// costs little air. A new one follows when the air is likely to be idle again, in case we have moved.
func (c *Core) advertise(now time.Time) {
	if c.member == nil || c.advertised {
		return
	}
	c.advertised, c.lastAdvert = true, now
	if own := c.adverts.bySubject[nodeSubject(c.self)]; own != nil && own.since.IsZero() && c.refresh.IsZero() && bytes.Equal(own.record, c.member.Record.Raw) {
		c.refresh = now.Add(refreshBoot)
		return
	}
	c.refresh = time.Time{}
	seq := c.counters[counterAdvert] + 1
	if c.clockTrusted() {
		seq = max(seq, uint64(now.Unix())) // later than in any life that we do not remember
	}
	n, err := domain.NewNodeAdvert(c.id, c.member, seq, c.exits.tell(now))
	if err != nil {
		c.notice(true, "advert: "+err.Error())
		return
	}
	c.counters[counterAdvert] = seq
	c.announce(now, ItemNodeAdvert, n.Raw, counterOp(counterAdvert, seq))
	if a := c.adverts.bySubject[engineSubject(c.box.id())]; a != nil && a.gateway == c.self {
		return
	}
	body, err := c.boxAdvert(now)
	if err != nil {
		c.notice(true, "advert: "+err.Error())
		return
	}
	c.announce(now, ItemEngineAdvert, body)
}

// refreshSoon asks for a new advert after a neighbour was lost: others may have a way that they may not use
// before our number rises.
func (c *Core) refreshSoon(now time.Time) {
	at := maxTime(now.Add(refreshDelay), c.lastAdvert.Add(refreshPeriod))
	if len(c.neighbours()) > 0 && (c.refresh.IsZero() || at.Before(c.refresh)) {
		c.refresh = at
	}
}

func (c *Core) refreshAdvert(now time.Time) {
	if !c.refresh.IsZero() && !c.refresh.After(now) {
		c.advertised, c.dirty = false, true
	}
}

// announce makes an advert of ours durable, then known.
func (c *Core) announce(now time.Time, kind uint8, body []byte, extra ...store.Op) {
	a, err := c.parseAdvert(kind, body)
	if err != nil {
		c.notice(true, "advert: "+err.Error())
		return
	}
	c.persist(batch{ops: append(extra, a.put())}, func(now time.Time, err error) {
		if err != nil {
			c.refresh = now.Add(refreshPeriod)
			return
		}
		c.believe(now, a)
	})
}

// boxAdvert registers the built-in endpoint with ourselves, as any endpoint does.
func (c *Core) boxAdvert(now time.Time) ([]byte, error) {
	key, ok := c.box.ep.Key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("gateway: the built-in endpoint needs an RSA key")
	}
	digest, _ := c.box.id().Digest()
	seq := registration.NextSequence(0, now, c.quality)
	auth := registration.Authorize(registration.Claim{Digest: digest, Gateway: c.self, Sequence: seq}, now.Add(registration.Lifetime), c.id.Sign)
	raw, err := registration.NewRequest(auth.Raw, key, c.cfg.Rand)
	if err != nil {
		return nil, err
	}
	req, err := registration.ParseRequest(raw)
	if err != nil {
		return nil, err
	}
	return domain.NewEngineAdvert(req).Raw, nil
}

// wantAdverts submits what a neighbour is not known to have. What leads through it, or is its own, it
// told us itself. What was news before the session may be known there: it is offered first.
func (c *Core) wantAdverts(now time.Time, p *peer, w *wanted) {
	n := 0
	for _, a := range c.adverts.sorted() {
		if n >= advertWindow || !p.shunned.IsZero() {
			return
		}
		if _, held := p.hold[a.digest]; held || p.has[a.digest] {
			continue
		}
		cost, ok := c.advertCost(p, a)
		if !ok {
			continue
		}
		n++
		w.items = append(w.items, link.Item{Digest: a.digest, Kind: a.kind, Priority: link.Message,
			Size: len(a.body), Lifetime: advertLifetime, Cost: cost, Ask: a.since.Before(p.since)})
	}
}

// advertCost is what our way to an advert's gateway costs, without the neighbour it is told.
func (c *Core) advertCost(p *peer, a *advert) (uint16, bool) {
	if a.gateway == c.self || a.kind == ItemDomainAdvert || a.kind == ItemDenial {
		return 0, true
	}
	via, cost, ok := c.hopTo(a.gateway, c.heldBack(a.digest), link.PeerID{})
	return cost, ok && via != p.id
}
