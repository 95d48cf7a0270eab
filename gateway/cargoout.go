package gateway

import (
	"time"

	"packhorse/gateway/cargo"
)

// packing is a cargo in the making. Bodies are loaded one at a time, so that no more than the cargo is in memory.
type packing struct {
	MakeCargo
	sub   *subscription
	batch *cargo.Batch
	made  CargoMade
}

func (c *Core) makeCCA(now time.Time, e MakeCCA) {
	raw, records, err := c.book.MakeCCA(c.uplinkOr(e.Address), now, c.quality, c.cfg.Rand)
	if err != nil {
		c.answer(e.Token, nil, uplinkError(err))
		return
	}
	c.persist(batch{ops: uplinkOps(records)}, func(_ time.Time, err error) {
		if err != nil {
			c.answer(e.Token, nil, storeError(err))
			return
		}
		c.answer(e.Token, raw, nil)
	})
}

// makeCargo begins with what we owe and goes on with what waits.
func (c *Core) makeCargo(now time.Time, e MakeCargo) {
	s := c.subs[e.Sub]
	if s == nil {
		c.answer(e.Token, (*CargoMade)(nil), errNoSubscription)
		return
	}
	e.Address = c.uplinkOr(e.Address)
	limit, err := c.book.Room(e.Address, e.Max, now, c.quality)
	if err != nil {
		c.answer(e.Token, (*CargoMade)(nil), uplinkError(err))
		return
	}
	p := &packing{MakeCargo: e, sub: s, batch: cargo.NewBatch(limit), made: CargoMade{Address: e.Address}}
	c.packDebts(p)
	c.packDenials(p)
	c.pack(now, p)
}

// packDebts puts acknowledgements in, those that end first, each once for a subscription.
func (c *Core) packDebts(p *packing) {
	for _, id := range c.debts() {
		w := c.owed[id]
		if p.sub.told[id.Key()] {
			continue
		}
		if !p.batch.Add(w.Marshal()) {
			return
		}
		p.sub.told[id.Key()] = true
		p.made.Acks++
		p.made.Expires = maxTime(p.made.Expires, w.expires)
	}
}

// packDenials tells what our endpoints took back. Internet gateways that do not know PDDs pass them over.
func (c *Core) packDenials(p *packing) {
	for _, a := range c.adverts.sorted() {
		if a.kind != ItemDenial || a.gateway != c.self || p.sub.told[a.subject] {
			continue
		}
		if pdd, err := unpack(a.body); err == nil && p.batch.Add(pdd) {
			p.sub.told[a.subject] = true
			p.made.Expires = maxTime(p.made.Expires, a.expires)
		}
	}
}

// pack loads the next parcel that fits, or seals what is there.
func (c *Core) pack(now time.Time, p *packing) {
	x := c.first(p.sub)
	if x == nil {
		c.sealCargo(now, p)
		return
	}
	c.lease(p.sub, x)
	c.load(KindBody, digestKey(x.Digest), func(now time.Time, body []byte, err error) {
		raw, err := rebuild(x, body, err)
		switch {
		case c.subs[p.sub.id] != p.sub: // nobody would give back what it leased from here on
			c.answer(p.Token, (*CargoMade)(nil), errNoSubscription)
			return
		case err == errSpoiled:
			c.notice(true, "parcel "+shownSum(x)+": "+err.Error())
		case err != nil:
			c.answer(p.Token, (*CargoMade)(nil), err)
			return
		case p.batch.Add(raw):
			p.made.Parcels++
			p.made.Expires = maxTime(p.made.Expires, x.Expires)
		case p.batch.Len() > 0:
			c.unlease(p.sub, x)
			c.sealCargo(now, p)
			return
		default:
			c.notice(true, "parcel "+shownSum(x)+" is too large for this courier; it waits for another way")
		}
		c.pack(now, p)
	})
}

func (c *Core) sealCargo(now time.Time, p *packing) {
	if p.batch.Len() == 0 || !p.made.Expires.After(now) { // what is over is deleted once the clock is trusted
		c.answer(p.Token, (*CargoMade)(nil), nil)
		return
	}
	raw, records, err := c.book.Seal(p.Address, p.batch, p.made.Expires, now, c.quality, c.cfg.Rand)
	if err != nil {
		c.answer(p.Token, (*CargoMade)(nil), uplinkError(err))
		return
	}
	p.made.Raw = raw
	c.persist(batch{ops: uplinkOps(records)}, func(_ time.Time, err error) {
		if err != nil {
			c.answer(p.Token, (*CargoMade)(nil), storeError(err))
			return
		}
		c.answer(p.Token, &p.made, nil)
	})
}
