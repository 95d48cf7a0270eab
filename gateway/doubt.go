package gateway

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"packhorse/link"
)

// What came of parcels that neighbours took. Only the origin can tell: it has the body until the receipt. A receipt comes
// when the app collects, so its absence alone shows nothing: the app may be away for weeks. But a neighbour whose
// custody is followed by no receipt at all, while there is another way, is passed by once for each parcel. If the receipt
// then comes about as soon as receipts do, that neighbour is suspected.

const (
	overdueLeast = 10 * time.Minute
	overdueFirst = 6 * time.Hour // while no receipt was ever seen
	overdueMost  = day
	slowReceipt  = 4 // times what receipts take
	unproven     = 3 // parcels in a row without a receipt, or one for so many times as long
	maxPrior     = 8 // neighbours passed by for one parcel
	maxTrusts    = 256
)

// prior is a neighbour that had custody of a parcel which then went another way.
type prior struct {
	id    link.PeerID
	since time.Time
}

// trust is what we know of a neighbour's custody.
type trust struct {
	vouched time.Time // when the last receipt came for what it carried
	doubted time.Time // when the link was told last
}

// custodians is what we know of all of them.
type custodians struct {
	takes time.Duration // from custody to receipt, averaged; zero: none was seen
	trust map[link.PeerID]*trust
	next  time.Time // to look for parcels that are overdue
}

// trustIn finds or makes the trust in a neighbour.
func (q *custodians) trustIn(id link.PeerID) *trust {
	if q.trust == nil {
		q.trust = map[link.PeerID]*trust{}
	}
	if q.trust[id] == nil {
		if len(q.trust) >= maxTrusts {
			clear(q.trust)
		}
		q.trust[id] = &trust{}
	}
	return q.trust[id]
}

// patience is how long after custody a parcel without a receipt is overdue.
func (q *custodians) patience() time.Duration {
	if q.takes == 0 {
		return overdueFirst
	}
	return min(max(slowReceipt*q.takes, overdueLeast), overdueMost)
}

// watchCustody sets the time of the next look at what is overdue.
func (c *Core) watchCustody(now time.Time) {
	at := now.Add(c.custodians.patience() / 2)
	if c.custodians.next.IsZero() || at.Before(c.custodians.next) {
		c.custodians.next = at
	}
}

// ourCarried lists our apps' parcels without a receipt, by who has custody.
func (c *Core) ourCarried() map[link.PeerID][]*entry {
	by := map[link.PeerID][]*entry{}
	for _, x := range c.queue.all() {
		if x.Origin && x.Held && x.State == Carried && !x.busy {
			by[x.By] = append(by[x.By], x)
		}
	}
	return by
}

// checkCustody sends another way what is overdue at neighbours that brought no receipt since.
func (c *Core) checkCustody(now time.Time) {
	if at := c.custodians.next; at.IsZero() || at.After(now) {
		return
	}
	c.custodians.next = time.Time{}
	by, patience := c.ourCarried(), c.custodians.patience()
	for _, id := range slices.SortedFunc(maps.Keys(by), func(a, b link.PeerID) int { return bytes.Compare(a[:], b[:]) }) {
		c.watchCustody(now)
		vouched := c.custodians.trustIn(id).vouched
		late := slices.DeleteFunc(by[id], func(x *entry) bool { return now.Sub(x.Since) <= patience || vouched.After(x.Since) })
		if len(late) >= unproven || len(late) > 0 && now.Sub(late[0].Since) > unproven*patience {
			for _, x := range late {
				c.goAnotherWay(now, x)
			}
		}
	}
}

// goAnotherWay lets a parcel pass by the neighbour that has custody, if there is another way.
func (c *Core) goAnotherWay(now time.Time, x *entry) {
	gw, ok := c.gatewayOf(x.Recipient)
	if !ok || gw == c.self || gw == x.By || len(x.prior) >= maxPrior {
		return
	}
	held := c.heldBack(x.Digest)
	passed := func(id link.PeerID) bool {
		return held(id) || id == x.By || slices.ContainsFunc(x.prior, func(q prior) bool { return q.id == id })
	}
	if _, _, ok := c.wayTo(gw, passed, link.PeerID{}); !ok && (!x.twoRoads() || c.reachable(gw) || x.wentUp()) {
		return
	}
	x.prior = append(x.prior, prior{x.By, x.Since})
	for _, q := range x.prior {
		if p := c.peers[q.id]; p != nil {
			p.holdBack(x.Digest, now.Add(maxDenied))
		}
	}
	c.change(x, func(r *parcelRecord) { r.State, r.By, r.Since = Saved, link.PeerID{}, now }, nil, ignoreResult)
}

// cameTrue takes the receipt of one of our apps' parcels: who had custody is good, and whoever was passed by did nothing
// if the receipt came as soon as receipts do.
func (c *Core) cameTrue(now time.Time, x *entry) {
	if !x.Origin || x.State != Carried {
		return
	}
	q, took := &c.custodians, now.Sub(x.Since)
	soon := took <= max(2*q.takes, time.Minute)
	if took > 0 && len(x.prior) == 0 {
		if q.takes == 0 {
			q.takes = took
		}
		q.takes += (took - q.takes) / 8
	}
	q.trustIn(x.By).vouched = now
	c.link.HandleEvent(now, link.Vouch{Peer: x.By})
	for _, by := range x.prior {
		if t := q.trustIn(by.id); soon && by.id != x.By && by.id != (link.PeerID{}) && !t.vouched.After(by.since) {
			c.suspect(now, by.id, x.Digest, t)
		}
	}
}

// suspect tells the link, once in a while: parcels for one app are collected together, and are one piece of evidence.
func (c *Core) suspect(now time.Time, id link.PeerID, d link.Digest, t *trust) {
	if !t.doubted.IsZero() && now.Sub(t.doubted) < c.custodians.patience() {
		return
	}
	t.doubted = now
	c.notice(true, c.peerName(id)+" took a parcel that went another way in the end")
	c.link.HandleEvent(now, link.Suspect{Peer: id, Digest: d})
}

// onlyOurs reports whether nobody but us can have a parcel: an app gave it to us in this life, and it was offered once.
func (x *entry) onlyOurs() bool {
	return x.born && x.Origin && x.offers == 1 && x.Turns == 0
}

// denyCustody turns down a neighbour's word that it has what it cannot have.
func (c *Core) denyCustody(now time.Time, p *peer, x *entry) {
	c.notice(true, c.peerName(p.id)+" says that it has a parcel that it was never sent")
	c.link.HandleEvent(now, link.Suspect{Peer: p.id, Digest: x.Digest})
	p.holdBack(x.Digest, now.Add(maxDenied))
	c.reline(x)
	c.emit(ParcelChanged{Parcel: c.parcelView(now, x)})
}

// shunned leaves a neighbour alone that the link gave up for a while.
func (c *Core) shunned(now time.Time, e link.Shunned) {
	p := c.peers[e.Peer]
	if p == nil || !e.Until.After(now) {
		return
	}
	c.notice(true, c.peerName(p.id)+" fails: what is for it goes another way, or waits")
	p.shunned, c.dirty = e.Until, true
}

// endShunning lets a neighbour be tried again.
func (c *Core) endShunning(now time.Time) {
	for _, p := range c.peers {
		if !p.shunned.IsZero() && !p.shunned.After(now) {
			p.shunned, c.dirty = time.Time{}, true
		}
	}
}

// nextTrial is when the first neighbour may be tried again; zero when none is shunned.
func (c *Core) nextTrial() (at time.Time) {
	for _, p := range c.peers {
		if !p.shunned.IsZero() && (at.IsZero() || p.shunned.Before(at)) {
			at = p.shunned
		}
	}
	return at
}
