package gateway

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store/queue"
)

// entry is a parcel we know: its record and what need not survive a restart.
type entry struct {
	parcelRecord
	id     queue.ID
	fresh  bool        // its first batch is not durable yet: nobody may be told of it
	busy   bool        // a batch that changes it is on its way
	next   link.PeerID // who it was submitted to
	shown  bool        // its end is shown for a while
	born   bool        // in this life of ours
	offers int         // how often it was submitted, to anybody
	prior  []prior     // who had custody before, and was passed by
	done   int
	total  int
	port   link.Port
	last   link.Reason // of the latest refusal, by
	lastBy link.PeerID
	denied map[link.PeerID]int // how often who said that it may not be sent at all; as many as there are members
	out    uint64              // subscription that alone may hand it out, 0: none has it
	source string              // network address of who brought it, in this life of ours; empty: nobody by the network
	aired  bool                // its way by the mesh is paid for
}

func newEntry(r parcelRecord) *entry { return &entry{parcelRecord: r, id: r.id()} }

// entryOf is a parcel as this gateway looks at it: people want to see how what they wrote ended, and apps do not ask.
func (c *Core) entryOf(r parcelRecord) *entry {
	x := newEntry(r)
	x.shown = r.Origin && r.Sender == c.box.id()
	return x
}

// due is when something happens to the parcel by age alone, if it is as in a record.
func (x *entry) due(r *parcelRecord) time.Time {
	if x.replaced(r) {
		return r.Since.Add(time.Second)
	}
	if x.shown && (r.ended() || r.left()) {
		return r.Expires.Add(memory)
	}
	return r.Expires.Add(time.Second)
}

// key is the key of its record, by which apps acknowledge it.
func (x *entry) key() string { return x.id.Key() }

// lane is a line: what waits for a local endpoint or a courier to collect it, or for a way to a gateway or the Internet. All
// in a line that waits for a way has the same one: it came from the same neighbour, and the same ones said that they do not
// take it now.
// The zero line holds what waits for neither, also because nobody knows where its recipient is.
type lane struct {
	kind  lineKind
	app   pki.NodeID  // of what waits for one, or the gateway outside the domain that comes for its cargo
	gw    link.PeerID // of what waits for a way: the gateway that it is for
	from  link.PeerID // and the neighbour that it came from
	avoid avoided     // those that turned it away
	tried bool        // of what has two roads: the first led back here
}

type lineKind uint8

const (
	toNobody lineKind = iota
	toApp
	toGateway
	toNet     // by an uplink here, or at another gateway
	toCourier // cargo, until who it is for comes for it
	toEither  // to a gateway, or where there is no way by an uplink
)

// parcels holds every parcel we remember.
type parcels struct {
	*queue.Queue[lane]
	byID     map[queue.ID]*entry
	byDigest map[link.Digest]*entry
	bySum    map[[32]byte]*entry
	names    names
	outside  groups // by visitor
	sources  groups
	arrival  uint64
	ways     map[lane]link.PeerID // next hops, as of the latest look
	rests    []rest
	ending   bool // a batch of what is over is on its way
}

// rest is a parcel that may not go back yet to whom it came from.
type rest struct {
	x     *entry
	until time.Time
}

func newParcels(l Limits) parcels {
	return parcels{Queue: queue.New[lane](queue.Options{Head: KindParcel, Body: KindBody, Limits: l.quotas()}),
		byID: map[queue.ID]*entry{}, byDigest: map[link.Digest]*entry{}, bySum: map[[32]byte]*entry{}, names: names{}, outside: groups{}, sources: groups{}}
}

// item is what the queue is told of a parcel.
func (x *entry) item() queue.Item[lane] {
	return queue.Item[lane]{ID: x.id, Digest: queue.Digest(x.Digest), Priority: queue.Priority(x.Priority), Age: x.Arrival,
		Over: x.due(&x.parcelRecord), Octets: x.BodySize, Peer: x.account(), Sender: string(x.Sender)}
}

// Accounts of what came by no neighbour and is none of our apps'. Anyone near may be a courier, and anyone anywhere may
// write by the Internet: each of the two has what one neighbour may take, and none of what our apps may.
const (
	couriers  = "couriers" // cargo and CCAs
	strangers = "the Internet"
)

// account is whose quota counts what it brought.
func (x *entry) account() string {
	switch {
	case x.From != link.PeerID{}:
		return peerName(x.From)
	case x.Type != ramf.Parcel:
		return couriers
	case !x.Origin:
		return strangers
	}
	return ""
}

// peerName is the name of a neighbour's account, empty for our own apps'.
func peerName(id link.PeerID) string {
	if id == (link.PeerID{}) {
		return ""
	}
	return string(id[:])
}

func (q *parcels) add(x *entry) {
	q.byID[x.id], q.byDigest[x.Digest], q.bySum[x.Sum] = x, x, x
	q.arrival = max(q.arrival, x.Arrival)
	q.outside.add(x.visitor(), x)
	q.sources.add(x.source, x)
	for _, id := range x.parties() {
		q.names.share(id)
	}
}

func (x *entry) parties() []*pki.NodeID { return []*pki.NodeID{&x.Sender, &x.Recipient, &x.Gateway} }

func (q *parcels) remove(x *entry) {
	delete(q.byID, x.id)
	delete(q.byDigest, x.Digest)
	delete(q.bySum, x.Sum)
	q.outside.remove(x.visitor(), x)
	q.sources.remove(x.source, x)
	for _, id := range x.parties() {
		q.names.drop(*id)
	}
}

// replace takes over a changed record.
func (q *parcels) replace(x *entry, r parcelRecord) {
	x.parcelRecord = r
	q.Over(x.id, x.due(&r))
}

// all lists every parcel in order of arrival.
func (q *parcels) all() []*entry {
	return slices.SortedFunc(maps.Values(q.byID), func(a, b *entry) int { return cmp.Compare(a.Arrival, b.Arrival) })
}

// compareEntries orders by priority, then age.
func compareEntries(x, y *entry) int {
	return cmp.Or(cmp.Compare(x.Priority, y.Priority), cmp.Compare(x.Arrival, y.Arrival))
}

// lineOf is where a parcel waits now.
func (c *Core) lineOf(x *entry) lane {
	switch {
	case x.fresh || x.busy:
		return lane{}
	case x.deliverable():
		return lane{kind: toApp, app: x.Recipient}
	case x.forwardable():
		return c.onward(x)
	}
	return lane{}
}

// onward is the line of what goes on from here.
func (c *Core) onward(x *entry) lane {
	if x.Internet {
		return lane{kind: toNet, from: x.From, avoid: c.avoided(x.Digest)}
	}
	gw, ok := c.placeFor(x)
	switch {
	case x.twoRoads() && gw != c.self:
		return lane{kind: toEither, gw: gw, from: x.From, avoid: c.avoided(x.Digest), tried: x.cameBackHome()}
	case x.Type == ramf.Cargo && (!ok || gw == c.self):
		return lane{kind: toCourier, app: x.Recipient}
	case ok && gw != c.self:
		return lane{kind: toGateway, gw: gw, from: x.From, avoid: c.avoided(x.Digest)}
	}
	return lane{}
}

// placeFor is the gateway that a parcel or cargo is for, as far as anyone knows.
func (c *Core) placeFor(x *entry) (link.PeerID, bool) {
	switch {
	case x.Internet:
		return link.PeerID{}, false
	case x.Type == ramf.Cargo:
		return x.To, x.To != link.PeerID{}
	}
	return c.gatewayOf(x.Recipient)
}

// avoided are the ids of neighbours, rising.
type avoided string

// avoided are those that an item may not be offered to now.
func (c *Core) avoided(d link.Digest) avoided {
	var ids []byte
	if !c.isHeld(d) {
		return ""
	}
	for _, p := range c.neighbours() {
		if _, held := p.hold[d]; held {
			ids = append(ids, p.id[:]...)
		}
	}
	return avoided(ids)
}

func (c *Core) isHeld(d link.Digest) bool {
	for _, p := range c.peers {
		if _, held := p.hold[d]; held {
			return true
		}
	}
	return false
}

func (a avoided) has(id link.PeerID) bool {
	for at := 0; at < len(a); at += len(id) {
		if string(a[at:at+len(id)]) == string(id[:]) {
			return true
		}
	}
	return false
}

// reline puts a parcel where it waits now.
func (c *Core) reline(x *entry) { c.queue.Move(x.id, c.lineOf(x)) }

// relineMoved does so for what is for endpoints that are at another gateway than before.
func (c *Core) relineMoved() {
	moved := c.adverts.moved
	if len(moved) == 0 {
		return
	}
	c.adverts.moved = map[pki.NodeID]bool{}
	var list []*entry
	for _, x := range c.queue.byID {
		if moved[x.Recipient] {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, compareEntries)
	for _, x := range list {
		c.reline(x)
	}
}

// relineAll does so for items that were held back from a neighbour and are not any more.
func (c *Core) relineAll(held map[link.Digest]time.Time) {
	for d := range held {
		if x := c.queue.byDigest[d]; x != nil {
			c.reline(x)
		}
		if n := c.notes.byDigest[d]; n != nil {
			c.relane(n)
		}
	}
}
