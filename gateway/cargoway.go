package gateway

import (
	"time"

	"packhorse/gateway/ramf"
	"packhorse/link"
)

const (
	// askAgain is how long cargo is waited for once our collection authorisation has left. An Internet gateway that has
	// nothing for us does not say so.
	askAgain = day
	// requestSize is about that of a CCA in octets: two certificates and a signature.
	requestSize = 3500
)

// CargoWay tells how our cargo can come over the mesh.
func (c *Core) CargoWay(now time.Time) (w CargoWay) {
	w.Registered, w.Live = len(c.book.Gateways()) > 0, len(c.exits.live) > 0
	if gw, ok := c.cheapestExit(avoidNobody, link.PeerID{}); ok {
		hop, _, _ := c.wayTo(gw, avoidNobody, link.PeerID{})
		w.Exit, w.Airtime = c.peerName(gw), c.airtimeTo(hop, requestSize)
	}
	if x := c.asked(now); x != nil {
		v := c.parcelView(now, x)
		w.Asked = &v
	}
	return w
}

// asked is the latest of our collection authorisations that cargo may still come for.
func (c *Core) asked(now time.Time) (last *entry) {
	for _, x := range c.queue.all() {
		waits := x.State == Saved || x.State == Carried && x.Since.Add(askAgain).After(now)
		if c.ownRequest(x) && waits && x.Expires.After(now) && (last == nil || x.Arrival > last.Arrival) {
			last = x
		}
	}
	return last
}

// ownRequest tells a CCA of ours that the mesh takes to the Internet.
func (c *Core) ownRequest(x *entry) bool {
	return x.Type == ramf.CCA && !x.fresh && c.member != nil && x.Sender == c.awalaID()
}

// requestAnswered ends what asked for cargo that came over the mesh.
func (c *Core) requestAnswered(now time.Time) {
	for _, x := range c.queue.all() {
		if c.ownRequest(x) && x.State == Carried {
			c.wasFetched(now, x, ignoreResult)
		}
	}
}
