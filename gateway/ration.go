package gateway

import (
	"time"

	"packhorse/link"
)

// ration limits how often something may happen: a few times at once, then at an interval.
type ration struct {
	used int
	at   time.Time // when the first of used is forgiven
}

// Every newer advert, and every dispatch on its way, costs a write that is synced here and at each gateway
// behind us. Honest gateways say something new every two minutes at most (refreshPeriod); what comes faster is
// asked for later.
const (
	subjectEvery = 20 * time.Second // newer adverts of one subject
	subjectBurst = 3                // a start, a neighbour lost, a renewal
	sourceEvery  = time.Second      // newer adverts from one neighbour
	sourceBurst  = 64               // what gathered while it was away
	writerEvery  = 10 * time.Second // dispatches of one gateway
	writerBurst  = maxTransit
)

// take uses one up, or tells that there is none left.
func (r *ration) take(now time.Time, every time.Duration, burst int) bool {
	if n := int(now.Sub(r.at) / every); n > 0 {
		r.used, r.at = max(r.used-n, 0), r.at.Add(time.Duration(n)*every)
	}
	if r.used == 0 {
		r.at = now
	}
	if r.used >= burst {
		return false
	}
	r.used++
	return true
}

// rations are kept by gateway; only members in good standing get one.
type rations map[link.PeerID]*ration

func (m rations) of(id link.PeerID) *ration {
	if m[id] == nil {
		m[id] = &ration{}
	}
	return m[id]
}

// tooMuch tells that a newer advert has to wait. The domain's own word never waits.
func (c *Core) tooMuch(now time.Time, from link.PeerID, a *advert) bool {
	old := c.adverts.bySubject[a.subject]
	if old == nil || a.kind == ItemDomainAdvert {
		return false // how many new subjects there are is limited
	}
	return !c.sources.of(from).take(now, sourceEvery, sourceBurst) || !old.ration.take(now, subjectEvery, subjectBurst)
}
