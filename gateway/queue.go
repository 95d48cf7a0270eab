package gateway

import (
	"cmp"
	"slices"
	"time"

	"packhorse/link"
)

// entry is a parcel we know: its record and what need not survive a restart.
type entry struct {
	parcelRecord
	fresh  bool // its first batch is not durable yet: nobody may be told of it
	busy   bool // a batch that changes it is on its way
	next   link.PeerID
	done   int
	total  int
	port   link.Port
	last   link.Reason // of the latest refusal, by
	lastBy link.PeerID
	denied map[link.PeerID]int // how often who said that it may not be sent at all; as many as there are members
}

// queue holds every parcel we remember.
type queue struct {
	byKey    map[string]*entry
	byDigest map[link.Digest]*entry
	bySum    map[[32]byte]*entry
	active   []*entry // held bodies, most urgent first; nil when it must be built again
	arrival  uint64
	bytes    int64
	peer     map[link.PeerID]int64 // octets held by the neighbour they came from
	records  map[link.PeerID]int   // entries by the neighbour they came from, zero: our apps
	expires  time.Time             // not later than the earliest expiry; zero: nothing to look for
}

func newQueue() queue {
	return queue{byKey: map[string]*entry{}, byDigest: map[link.Digest]*entry{}, bySum: map[[32]byte]*entry{},
		peer: map[link.PeerID]int64{}, records: map[link.PeerID]int{}}
}

func (q *queue) add(e *entry) {
	q.byKey[e.key()], q.byDigest[e.Digest], q.bySum[e.Sum] = e, e, e
	q.arrival = max(q.arrival, e.Arrival)
	q.count(e, 1)
	q.records[e.From]++
	q.active = nil
	if q.expires.IsZero() || e.Expires.Before(q.expires) {
		q.expires = e.Expires
	}
}

func (q *queue) remove(e *entry) {
	delete(q.byKey, e.key())
	delete(q.byDigest, e.Digest)
	delete(q.bySum, e.Sum)
	q.count(e, -1)
	if q.records[e.From]--; q.records[e.From] == 0 {
		delete(q.records, e.From)
	}
	q.active = nil
}

// replace takes over a changed record.
func (q *queue) replace(e *entry, r parcelRecord) {
	q.count(e, -1)
	e.parcelRecord = r
	q.count(e, 1)
	q.active = nil
}

func (q *queue) count(e *entry, sign int64) {
	if !e.Held {
		return
	}
	q.bytes += sign * int64(e.BodySize)
	q.peer[e.From] += sign * int64(e.BodySize)
	if q.peer[e.From] == 0 {
		delete(q.peer, e.From)
	}
}

// waiting lists the entries whose body we hold, by priority, then arrival.
func (q *queue) waiting() []*entry {
	if q.active != nil {
		return q.active
	}
	q.active = []*entry{}
	for _, e := range q.byKey {
		if e.Held {
			q.active = append(q.active, e)
		}
	}
	slices.SortFunc(q.active, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Arrival, b.Arrival))
	})
	return q.active
}

// all lists every entry in order of arrival.
func (q *queue) all() []*entry {
	out := make([]*entry, 0, len(q.byKey))
	for _, e := range q.byKey {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *entry) int { return cmp.Compare(a.Arrival, b.Arrival) })
	return out
}

// room tells whether n more octets from a neighbour fit the quotas.
func (c *Core) room(from link.PeerID, n int) bool {
	l := c.cfg.Limits
	if len(c.queue.byKey) >= l.Parcels || c.queue.bytes+int64(n) > l.Bytes {
		return false
	}
	if c.queue.records[from] >= share(l.Parcels) {
		return false // small ones with long lives must not shut everybody else out either
	}
	return from == link.PeerID{} || c.queue.peer[from]+int64(n) <= l.PeerBytes
}
