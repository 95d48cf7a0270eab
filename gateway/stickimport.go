package gateway

import (
	"time"

	"packhorse/gateway/courier/bundle"
	"packhorse/link"
)

// taking is a bundle whose items are taken one by one, each durable before the next.
type taking struct {
	token   Token
	from    link.PeerID
	items   []bundle.Item
	expires time.Time
	out     StickTaken
	acks    []custodyWord
	checked bool // the writer is a member now
}

// takeBundle opens what is for us.
func (c *Core) takeBundle(now time.Time, e TakeBundle) {
	if c.member == nil {
		c.answer(e.Token, nil, errNoDomain)
		return
	}
	t, fate := c.openBundle(e.Raw)
	if fate != StickDone {
		c.answer(e.Token, StickTaken{Fate: fate}, nil)
		return
	}
	t.token = e.Token
	c.takeItems(now, t)
}

// openBundle finds who wrote a bundle and opens it.
func (c *Core) openBundle(raw []byte) (*taking, StickFate) {
	h, err := bundle.Check(raw)
	switch {
	case err != nil:
		return nil, StickDamaged
	case h.To != bundle.ShortOf(c.self):
		return nil, StickOthers
	}
	var ids []link.PeerID
	for _, rec := range c.roster.Members() {
		ids = append(ids, rec.ID)
	}
	from, ok := h.Writer(c.member.Domain.Key, ids)
	rec, known := c.roster.Get(from)
	if !ok || !known {
		return nil, StickStrange
	}
	items, err := c.sealer().Open(raw, bundle.Recipient{ID: rec.ID, Static: rec.Static})
	switch {
	case err == bundle.ErrDamaged:
		return nil, StickDamaged
	case err != nil:
		return nil, StickStrange
	}
	return &taking{from: from, items: items, expires: h.Expires, out: StickTaken{From: c.peerName(from)}}, StickDone
}

// isIntro tells of an item that it may make its writer a member in our eyes.
func isIntro(kind uint8) bool {
	return kind == ItemNodeAdvert || kind == ItemEngineAdvert || kind == ItemDomainAdvert
}

// takeItems goes on with the next item. Adverts come first: a renewed record, or a revocation, counts for the rest.
func (c *Core) takeItems(now time.Time, t *taking) {
	if len(t.items) == 0 {
		c.endBundle(t)
		return
	}
	it := t.items[0]
	if !isIntro(it.Kind) && !t.checked {
		if t.checked = c.IsMember(now, t.from); !t.checked {
			t.out.Fate = StickStrange
			c.answer(t.token, t.out, nil)
			return
		}
	}
	t.items = t.items[1:]
	known := it.Kind == ItemParcel && c.queue.byDigest[digestOf(it.Kind, it.Body)] != nil
	c.takeItem(now, t.from, it, func(now time.Time, r link.Reason) {
		t.count(it, known, r)
		c.takeItems(now, t)
	})
}

// takeItem takes an item as from a neighbour. reply comes when it is durable or never will be.
func (c *Core) takeItem(now time.Time, from link.PeerID, it bundle.Item, reply replyFunc) {
	if it.Kind == ItemCustody {
		c.takeCustody(now, from, it.Body, reply)
		return
	}
	if !isIntro(it.Kind) && it.Kind != ItemParcel && it.Kind != ItemReceipt && it.Kind != ItemContact && it.Kind != ItemDispatch {
		reply(now, link.ReasonUnknown)
		return
	}
	if len(it.Body) > maxBody(it.Kind) {
		reply(now, link.ReasonMalformed)
		return
	}
	e := link.Received{Peer: from, Body: it.Body, Item: link.Item{Digest: digestOf(it.Kind, it.Body), Kind: it.Kind,
		Priority: link.Priority(it.Priority), Size: len(it.Body), Lifetime: time.Minute, Cost: it.Hands}}
	v, reason := c.judgeItem(now, from, e.Item)
	c.takeJudged(now, e, v, reason, reply)
}

// count notes what became of an item.
func (t *taking) count(it bundle.Item, known bool, r link.Reason) {
	switch {
	case r == link.ReasonBusy || r == link.ReasonFull:
		t.out.Later++
	case isIntro(it.Kind):
	case r != link.ReasonNone:
		t.out.Refused++
	case it.Kind == ItemCustody:
		t.out.Custody += len(it.Body) / custodySize
	default:
		t.acks = append(t.acks, custodyWord{digestOf(it.Kind, it.Body), it.Hands})
		switch {
		case known:
			t.out.Known++
		case it.Kind == ItemParcel:
			t.out.Parcels++
		default:
			t.out.Notes++
		}
	}
}

// endBundle answers, with the acknowledgement for who wrote it.
func (c *Core) endBundle(t *taking) {
	if t.out.Fate = StickDone; t.out.Later > 0 {
		t.out.Fate = StickLater
	}
	if len(t.acks) > 0 {
		raw, err := c.sealCustody(t)
		if err != nil {
			c.answer(t.token, nil, &Error{Code: "failed", Message: err.Error(), Fix: "run it again"})
			return
		}
		t.out.Ack = raw
	}
	c.answer(t.token, t.out, nil)
}
