package gateway

import (
	"time"

	"packhorse/link"
)

// fromLink takes one event of the link.
func (c *Core) fromLink(now time.Time, e link.Event) {
	switch e := e.(type) {
	case link.PeerUp:
		c.peerUp(now, e)
	case link.PeerDown:
		c.peerDown(now, e)
	case link.Offered:
		c.touch(now, e.Peer)
		c.offered(now, e)
	case link.Received:
		c.touch(now, e.Peer)
		c.received(now, e)
	case link.Custody:
		c.touch(now, e.Peer)
		c.custody(now, e)
	case link.Refused:
		c.touch(now, e.Peer)
		c.refused(now, e)
	case link.Shunned:
		c.shunned(now, e)
	case link.Progress:
		c.progress(now, e)
	case link.Load:
		c.loadBody(now, e.Digest)
	case link.SavePartial:
		c.savePartial(e)
	case link.DropPartial:
		c.dropPartial(e.Digest)
	case link.RecordHeard:
		c.recordHeard(now, e.Record)
	case link.Tune:
		c.emit(Tune(e))
	case link.PairingFailed:
		c.pairingFailed(now, e.Left)
	}
}

func (c *Core) touch(now time.Time, id link.PeerID) {
	if p := c.peers[id]; p != nil {
		p.heard = now
	}
}

// offered answers at once, for the neighbour waits; only what came back to us must be durable first.
func (c *Core) offered(now time.Time, e link.Offered) {
	answer := func(now time.Time, v link.Verdict, r link.Reason) {
		c.link.HandleEvent(now, link.Answer{Peer: e.Peer, Digest: e.Item.Digest, Verdict: v, Reason: r})
	}
	v, r := c.judgeOffer(now, e.Peer, e.Item)
	if v == link.Have && c.raise(now, e.Item, func(now time.Time, r link.Reason) {
		if r == link.ReasonNone {
			answer(now, link.Have, r)
		} else {
			answer(now, link.Refuse, r)
		}
	}) {
		return
	}
	if v == link.Accept && !c.fits(now, e.Item) {
		v, r = link.Refuse, link.ReasonFull
	}
	answer(now, v, r)
}

func (c *Core) judgeOffer(now time.Time, from link.PeerID, it link.Item) (link.Verdict, link.Reason) {
	p := c.peers[from]
	switch {
	case p == nil:
		return link.Refuse, link.ReasonBusy
	case it.Size < 0 || it.Size > maxBody(it.Kind):
		return link.Refuse, link.ReasonMalformed
	case p.pairing != (it.Kind == ItemJoinRequest || it.Kind == ItemAdmission):
		return link.Refuse, link.ReasonPolicy
	}
	return c.judgeItem(now, from, it)
}

// judgeItem answers for an item of a member.
func (c *Core) judgeItem(now time.Time, from link.PeerID, it link.Item) (link.Verdict, link.Reason) {
	switch it.Kind {
	case ItemParcel, ItemSealed:
		return c.judgeParcel(now, from, it)
	case ItemNodeAdvert, ItemEngineAdvert, ItemDomainAdvert, ItemDenial:
		return c.judgeAdvert(from, it)
	case ItemReceipt, ItemContact, ItemDispatch:
		return c.judgeNote(from, it)
	}
	return link.Accept, link.ReasonNone
}

// received takes a whole body; reply tells the link in the end whether it is on disk.
func (c *Core) received(now time.Time, e link.Received) {
	reply := func(now time.Time, r link.Reason) {
		c.link.HandleEvent(now, link.Stored{Peer: e.Peer, Digest: e.Item.Digest, Reason: r})
	}
	if countsHands(e.Item.Kind) {
		e.Item.Cost = e.MaxCost
	}
	v, reason := c.judgeOffer(now, e.Peer, e.Item)
	c.takeJudged(now, e, v, reason, reply)
}

// takeJudged takes a whole body on which there is a verdict.
func (c *Core) takeJudged(now time.Time, e link.Received, v link.Verdict, reason link.Reason, reply replyFunc) {
	switch {
	case v == link.Have && c.raise(now, e.Item, reply):
		return
	case v == link.Have:
		reply(now, link.ReasonNone)
		return
	case v == link.Refuse:
		reply(now, reason)
		return
	case len(e.Body) > maxBody(e.Item.Kind) || digestOf(e.Item.Kind, e.Body) != e.Item.Digest:
		reply(now, link.ReasonMalformed)
		return
	}
	switch e.Item.Kind {
	case ItemParcel:
		c.takeParcel(now, e, reply)
	case ItemSealed:
		c.takeSealed(now, e, reply)
	case ItemNodeAdvert, ItemEngineAdvert, ItemDomainAdvert:
		c.takeAdvert(now, e, reply)
	case ItemDenial:
		c.takeDenial(now, e, reply)
	case ItemReceipt:
		c.takeReceipt(now, e, reply)
	case ItemContact:
		c.takeContact(now, e, reply)
	case ItemDispatch:
		c.takeDispatch(now, e, reply)
	case ItemJoinRequest:
		c.takeJoinRequest(now, e, reply)
	case ItemAdmission:
		c.takeAdmission(now, e, reply)
	default:
		reply(now, link.ReasonUnknown)
	}
}

// replyFunc tells the link that a body is on disk, or why it is not.
type replyFunc func(now time.Time, r link.Reason)

// reasonOfStore is what a neighbour is told of a failed batch.
func reasonOfStore(err error) link.Reason {
	switch {
	case err == nil:
		return link.ReasonNone
	case isFull(err):
		return link.ReasonFull
	}
	return link.ReasonBusy
}

// custody: the item is on the peer's disk.
func (c *Core) custody(now time.Time, e link.Custody) {
	id, d := e.Peer, e.Digest
	p := c.peers[id]
	if p == nil {
		return
	}
	c.unsubmit(p, d)
	p.fulls, c.dirty = 0, true
	if p.pairing {
		c.pairingCustody(now, p, d)
		return
	}
	if c.adverts.byDigest[d] != nil {
		p.has[d] = true
		return
	}
	if n := c.notes.byDigest[d]; n != nil {
		if !n.raising {
			c.dropNote(n)
		}
		return
	}
	x := c.queue.byDigest[d]
	switch {
	case x == nil:
	case e.Early && x.onlyOurs():
		c.denyCustody(now, p, x)
	default:
		c.carried(now, x, id)
	}
}

// unsubmit notes that a neighbour is not asked to take an item any more.
func (c *Core) unsubmit(p *peer, d link.Digest) {
	delete(p.sub, d)
	if x := c.queue.byDigest[d]; x != nil && x.next == p.id {
		c.free(x)
	}
	if n := c.notes.byDigest[d]; n != nil {
		c.notes.Release(n.id())
	}
}

// refused: the peer turned the item away. Another way is tried at once, the same one later.
func (c *Core) refused(now time.Time, e link.Refused) {
	p := c.peers[e.Peer]
	if p == nil {
		return
	}
	c.unsubmit(p, e.Digest)
	c.dirty = true
	if p.pairing {
		c.endPairing(now, PairResult{}, &Error{Code: "refused", Message: "the other gateway turned us away", Fix: "look at its screen, then pair again"})
		return
	}
	hold := holdFor(e.Reason)
	if e.Reason == link.ReasonFull {
		if p.fulls == 0 {
			c.notice(false, c.peerName(p.id)+": custody refused: full; what it has no room for is offered again later")
		}
		hold = p.fullFor(now)
	}
	p.holdBack(e.Digest, now.Add(hold))
	if n := c.notes.byDigest[e.Digest]; n != nil {
		c.relane(n)
	}
	if x := c.queue.byDigest[e.Digest]; x != nil {
		c.turnedAway(now, p, x, e.Reason)
		c.reline(x)
		c.emit(ParcelChanged{Parcel: c.parcelView(now, x)})
	}
}

func (c *Core) progress(now time.Time, e link.Progress) {
	x := c.queue.byDigest[e.Digest]
	if x == nil || !e.Out {
		return
	}
	x.done, x.total, x.port = e.Done, e.Total, e.Port
	c.emit(ParcelChanged{Parcel: c.parcelView(now, x)})
}

// loadBody hands the link a body: small ones from memory, parcels from the store.
func (c *Core) loadBody(now time.Time, d link.Digest) {
	if b, ok := c.smallBody(d); ok {
		c.link.HandleEvent(now, link.Loaded{Digest: d, Body: b})
		return
	}
	e := c.queue.byDigest[d]
	if e == nil || !e.Held {
		c.link.HandleEvent(now, link.Loaded{Digest: d})
		c.forgetSubmits(now, d)
		return
	}
	c.load(KindBody, digestKey(d), func(now time.Time, b []byte, err error) {
		if err != nil || digestOf(e.kind(), b) != d {
			c.notice(true, "store: the body of a parcel could not be read: packhorse store check")
			b = nil
			c.forgetSubmits(now, d)
		}
		c.link.HandleEvent(now, link.Loaded{Digest: d, Body: b})
	})
}

// forgetSubmits: the link withdrew the submits of a body that it did not get.
func (c *Core) forgetSubmits(now time.Time, d link.Digest) {
	for _, p := range c.peers {
		if p.sub[d] {
			c.unsubmit(p, d)
			p.holdBack(d, now.Add(holdBroken))
			c.relineAll(map[link.Digest]time.Time{d: {}})
		}
	}
}

func (c *Core) smallBody(d link.Digest) ([]byte, bool) {
	if a := c.adverts.byDigest[d]; a != nil {
		return a.body, true
	}
	if n := c.notes.byDigest[d]; n != nil {
		return n.body, true
	}
	return c.pairingBody(d)
}

// ignoreResult is for batches that promise nothing.
func ignoreResult(time.Time, error) {}
