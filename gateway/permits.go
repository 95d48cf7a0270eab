package gateway

import (
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/permit"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
)

// permits is what recipients said about their authorisations besides issuing them: how many parcels at most, and which
// ones they take back. Nobody else enforces it; see docs/ARCHITECTURE.md.
type permits struct {
	rates   *permit.Rates
	denials *permit.Denials
}

func newPermits() permits {
	return permits{rates: permit.NewRates(ramf.MaxTTL), denials: permit.NewDenials()}
}

// count makes the rate limit of an authorisation hold for a parcel that is new here. Gateways meet a parcel at different
// times: what counts is when it was created.
func (p permits) count(in *intake) error {
	records, err := p.rates.Take(in.path, in.created)
	switch {
	case errors.Is(err, permit.ErrFull):
		return &Error{Code: "quota", Message: err.Error(), Fix: "wait until some of them expire"}
	case err != nil:
		return &ramf.Error{Refusal: ramf.NotAuthorised, Detail: "the recipient takes no more parcels of this sender for now: " + err.Error()}
	}
	in.extra = append(in.extra, permitOps(KindRate, records)...)
	return nil
}

func permitOps(k store.Kind, records []permit.Record) []store.Op {
	ops := make([]store.Op, 0, len(records))
	for _, r := range records {
		ops = append(ops, store.Op{Kind: k, Key: r.Key, Value: r.Value, Delete: r.Delete})
	}
	return ops
}

var errDenied = &ramf.Error{Refusal: ramf.NotAuthorised, Detail: "the recipient took this authorisation back"}

// A PDD (parcel delivery deauthorisation) is flooded as adverts are: a parcel that is not wanted dies at the first gateway
// that can know. Its subject is its hash, so that none replaces another.
func denialSubject(key string) string { return "3/" + key }

// newDenial is the advert of a PDD.
func (c *Core) newDenial(key string, pdd []byte) (*advert, error) {
	p, err := permit.Parse(pdd)
	if err != nil {
		return nil, err
	}
	body, err := pack(pdd)
	if err != nil {
		return nil, err
	}
	a := &advert{kind: ItemDenial, subject: denialSubject(key), seq: 1, body: body, digest: digestOf(ItemDenial, body), expires: p.Expires}
	if own := c.awalaID(); p.Signer.ID == own || p.Signer.Issuer == own {
		a.gateway = c.self
	}
	return a, nil
}

// deny enforces a PDD at once and makes it durable. done gets *Error or *permit errors.
func (c *Core) deny(now time.Time, pdd []byte, done batchDone) error {
	p, err := permit.Parse(pdd)
	if err != nil {
		return err
	}
	if a, err := c.newDenial("", pdd); err != nil || len(a.body) > maxBody(ItemDenial) {
		return fmt.Errorf("%w: its %d octets are too many to be passed on", permit.ErrFull, len(pdd))
	}
	records, err := c.denials.Add(pdd, c.terms(now), c.anchors(now, p.Chain))
	if err != nil {
		return err
	}
	if len(records) == 0 {
		done(now, nil)
		return nil
	}
	c.persist(batch{ops: permitOps(KindDenial, records)}, func(now time.Time, err error) {
		if err == nil {
			c.spreadDenials(records)
		}
		done(now, err)
	})
	return nil
}

// spreadDenials offers what is new to the neighbours, and no more what it replaced.
func (c *Core) spreadDenials(records []permit.Record) {
	for _, r := range records {
		if r.Delete {
			c.adverts.remove(denialSubject(r.Key))
		} else if a, err := c.newDenial(r.Key, r.Value); err == nil {
			c.adverts.set(a)
		}
	}
	c.dirty = true
}

// deauthorise takes a PDD from an endpoint of ours.
func (c *Core) deauthorise(now time.Time, e Deauthorise) {
	if c.member == nil {
		c.answer(e.Token, nil, errNoDomain)
		return
	}
	if !c.sources.of(c.self).take(now, sourceEvery, sourceBurst) {
		c.answer(e.Token, nil, &Error{Code: "not_yet", Message: "too many deauthorisations at once", Fix: "try again in a minute"})
		return
	}
	switch err := c.deny(now, e.PDD, c.answerStored(e.Token)); {
	case errors.Is(err, permit.ErrFull):
		c.answer(e.Token, nil, &Error{Code: "quota", Message: err.Error(), Fix: "take all authorisations of the endpoint back at once: an empty set of serial numbers"})
	case err != nil:
		c.answer(e.Token, nil, &Error{Code: "refused", Message: err.Error(), Fix: "sign it with the endpoint's own certificate of this gateway"})
	}
}

// takeDenial takes a PDD that was flooded.
func (c *Core) takeDenial(now time.Time, e link.Received, reply replyFunc) {
	if c.member == nil {
		reply(now, link.ReasonPolicy)
		return
	}
	if !c.sources.of(e.Peer).take(now, sourceEvery, sourceBurst) {
		reply(now, link.ReasonBusy)
		return
	}
	pdd, err := unpack(e.Body)
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	switch err := c.deny(now, pdd, func(now time.Time, err error) {
		if err == nil {
			c.heardDenial(e)
		}
		reply(now, reasonOfStore(err))
	}); {
	case errors.Is(err, permit.ErrFull):
		reply(now, link.ReasonFull)
	case err != nil:
		c.notice(false, "a deauthorisation from "+c.peerName(e.Peer)+" was refused: "+err.Error())
		reply(now, link.ReasonUnauthorised)
	}
}

// heardDenial notes that a neighbour has it.
func (c *Core) heardDenial(e link.Received) {
	for _, a := range c.adverts.sorted() {
		if p := c.peers[e.Peer]; p != nil && a.kind == ItemDenial && a.digest == e.Item.Digest {
			p.has[a.digest] = true
		}
	}
}

// restorePermit takes a record of either table.
func (c *Core) restorePermit(r Record) error {
	if r.Kind == KindRate {
		return c.rates.Load(r.Key, r.Value)
	}
	if err := c.denials.Load(r.Key, r.Value); err != nil || c.member == nil {
		return err
	}
	a, err := c.newDenial(r.Key, r.Value)
	if err != nil {
		return fmt.Errorf("gateway: a deauthorisation is not passed on: %w", err)
	}
	c.adverts.set(a)
	return nil
}

// tidyPermits forgets what is over, with a clock that may.
func (c *Core) tidyPermits(now time.Time) (ops []store.Op) {
	gone := c.denials.Expire(now)
	for _, r := range gone {
		c.adverts.remove(denialSubject(r.Key))
	}
	return append(permitOps(KindDenial, gone), permitOps(KindRate, c.rates.Expire(now))...)
}
