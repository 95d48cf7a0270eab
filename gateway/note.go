package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
	"packhorse/store/queue"
)

// note is a small item on its way to one gateway: a receipt to the origin of a parcel, a contact to whom we
// paired with, or a dispatch.
type note struct {
	kind    uint8
	digest  link.Digest
	body    []byte
	from    link.PeerID // neighbour it came from, zero: ours
	to      link.PeerID // zero: back the way its parcel came
	expires time.Time
	hands   uint16    // how often custody had changed when we took it
	since   time.Time // when we took it, zero: in an earlier life
	raising bool      // a higher number of hands is being made durable
	receipt domain.Receipt
	// dispatch is what a note of its kind holds.
	dispatch domain.Dispatch
}

// notes are the notes in our custody. The queue only puts them in order; each is one record, written here.
type notes struct {
	*queue.Queue[noteLane]
	byDigest map[link.Digest]*note
	records  map[link.PeerID]int      // by the neighbour they came from, zero: ours
	ways     map[noteLane]link.PeerID // next hops, as of the latest look
	rests    map[link.Digest]noteStay
}

func newNotes() notes {
	return notes{Queue: queue.New[noteLane](queue.Options{}), byDigest: map[link.Digest]*note{}, records: map[link.PeerID]int{}, rests: map[link.Digest]noteStay{}}
}

const (
	noteVersion  = 2
	noteLifetime = 30 * day
)

// newNote reads a receipt or dispatch, or takes a contact as it is.
func (c *Core) newNote(kind uint8, body []byte, from, to link.PeerID, expires time.Time) (*note, error) {
	n := &note{kind: kind, digest: digestOf(kind, body), body: body, from: from, to: to, expires: expires}
	if kind == ItemContact {
		return n, nil
	}
	if c.member == nil {
		return nil, errNoDomain
	}
	var err error
	if kind == ItemDispatch {
		n.dispatch, err = domain.ParseDispatch(body, c.member.Domain.ID)
		n.to = n.dispatch.To
		return n, err
	}
	if n.receipt, err = domain.ParseReceipt(body, c.member.Domain.ID); n.to == (link.PeerID{}) {
		n.to = n.receipt.Origin
	}
	return n, err
}

// keep takes a durable note into custody.
func (c *Core) keepNote(n *note) {
	if c.notes.byDigest[n.digest] == nil {
		c.notes.byDigest[n.digest] = n
		c.notes.records[n.from]++
		c.notes.Restore(queue.Item[noteLane]{ID: n.id(), Line: c.laneOf(n), Priority: queue.Message, Age: binary.BigEndian.Uint64(n.digest[:])}, true)
	}
	c.expireAt(n.expires)
	c.dirty = true
}

// put makes the record of a note.
//
//	octets  field
//	1       version, 2
//	1       kind
//	2       hands
//	32      neighbour it came from
//	32      gateway it goes to, zero: back the way its parcel came
//	8       when it expires, seconds since 1970
//	4 + n   body
func (n *note) put() store.Op {
	b := binary.BigEndian.AppendUint16([]byte{noteVersion, n.kind}, n.hands)
	b = append(b, n.from[:]...)
	b = appendTime(append(b, n.to[:]...), n.expires)
	return store.Op{Kind: KindNote, Key: digestKey(n.digest), Value: appendCounted(b, n.body)}
}

func (n *note) delete() store.Op {
	return store.Op{Kind: KindNote, Key: digestKey(n.digest), Delete: true}
}

func (c *Core) parseNote(b []byte) (*note, error) {
	o := octets{b: b}
	version, kind, hands := o.u8(), o.u8(), o.u16()
	var from, to link.PeerID
	o.fill(from[:])
	o.fill(to[:])
	expires := o.time()
	body := o.counted(maxContactBody)
	if err := o.end(); err != nil || version != noteVersion || kind != ItemReceipt && kind != ItemContact && kind != ItemDispatch {
		return nil, errOctets
	}
	n, err := c.newNote(kind, body, from, to, expires)
	if err != nil {
		return nil, err
	}
	n.hands = hands
	return n, nil
}

// judgeNote answers an offer of a receipt, contact or dispatch.
func (c *Core) judgeNote(from link.PeerID, it link.Item) (link.Verdict, link.Reason) {
	known := c.notes.byDigest[it.Digest]
	switch {
	case c.member == nil:
		return link.Refuse, link.ReasonPolicy
	case it.Cost > maxHands:
		return link.Refuse, link.ReasonLoop
	case known != nil && known.raising:
		return link.Refuse, link.ReasonBusy
	case known != nil:
		return link.Have, link.ReasonNone
	case len(c.notes.byDigest) >= c.cfg.Limits.Notes, c.notes.records[from] >= share(c.cfg.Limits.Notes):
		return link.Refuse, link.ReasonFull
	}
	return link.Accept, link.ReasonNone
}

// dropNote forgets a note that is on the next hop's disk.
func (c *Core) dropNote(n *note) {
	c.forgetNote(n)
	c.persist(batch{ops: []store.Op{n.delete()}}, ignoreResult)
}

// forgetNote drops a note whose record is gone, or is about to be.
func (c *Core) forgetNote(n *note) {
	delete(c.notes.byDigest, n.digest)
	c.notes.Drop(n.id())
	if c.notes.records[n.from]--; c.notes.records[n.from] == 0 {
		delete(c.notes.records, n.from)
	}
}

// makeReceipt is our word that the app has the parcel; nil when nobody waits for it. The origin is where
// the sender's endpoint is, as far as we know.
func (c *Core) makeReceipt(now time.Time, x *entry) *note {
	if x.Origin {
		return nil
	}
	origin, _ := c.gatewayOf(x.Sender)
	if origin == c.self {
		origin = link.PeerID{}
	}
	r := domain.NewReceipt(domain.Receipt{Parcel: x.Sum, Origin: origin, Time: now, Quality: c.quality, Verdict: domain.Delivered}, c.id, c.member.Domain.ID)
	n, err := c.newNote(ItemReceipt, r.Raw, link.PeerID{}, origin, x.Expires.Add(noteLifetime))
	if err != nil {
		return nil
	}
	return n
}

// refuseForGood signs the refusal of a parcel for an endpoint of ours that no later time makes right, and sends
// it back the way the parcel came: nobody else's word ends it.
func (c *Core) refuseForGood(now time.Time, from link.PeerID, raw []byte, err error) {
	var refused *ramf.Error
	if !errors.As(err, &refused) || refused.Refusal != ramf.BadSignature && refused.Refusal != ramf.NotAuthorised {
		return
	}
	m, err := ramf.Parse(raw)
	if err != nil || len(c.notes.byDigest) >= c.cfg.Limits.Notes/2 || c.refusing(sumOf(raw), from) {
		return
	}
	if _, ours := c.local[m.Recipient]; !ours {
		return
	}
	r := domain.NewReceipt(domain.Receipt{Parcel: sumOf(raw), Time: now, Quality: c.quality, Verdict: domain.Refused}, c.id, c.member.Domain.ID)
	n, err := c.newNote(ItemReceipt, r.Raw, link.PeerID{}, from, now.Add(noteLifetime))
	if err != nil {
		return
	}
	c.persist(batch{ops: []store.Op{n.put()}}, func(now time.Time, err error) {
		if err == nil {
			c.keepNote(n)
		}
	})
}

// refusing tells that our word on a parcel is still on its way to a neighbour.
func (c *Core) refusing(sum [32]byte, to link.PeerID) bool {
	for _, n := range c.notes.byDigest {
		if n.to == to && n.receipt.Parcel == sum && n.receipt.Recipient == c.self {
			return true
		}
	}
	return false
}

// takeReceipt verifies a receipt; the origin's parcel is delivered by it, another's travels on.
func (c *Core) takeReceipt(now time.Time, e link.Received, reply replyFunc) {
	n, err := c.newNote(ItemReceipt, e.Body, e.Peer, link.PeerID{}, now.Add(noteLifetime))
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	n.hands, n.since = e.Item.Cost, now
	x := c.queue.bySum[n.receipt.Parcel]
	switch {
	case !c.IsMember(now, n.receipt.Recipient):
		reply(now, link.ReasonBusy) // its membership may still be on its way
	case x != nil && !c.mayReceipt(n.receipt.Recipient, x):
		reply(now, link.ReasonUnauthorised)
	case x == nil:
		c.passReceipt(now, n, reply)
	case x.fresh || x.busy: // its custody came just before and is not on disk yet; batches end in turn
		c.persist(batch{}, func(now time.Time, _ error) { c.takeReceipt(now, e, reply) })
	case x.ended() && x.Origin:
		reply(now, link.ReasonNone)
	case x.ended():
		c.storeNote(now, n, reply) // handed back, or a second copy: it travels on
	default:
		c.receipted(now, x, n, reply)
	}
}

// mayReceipt tells whether a gateway may speak for a parcel's recipient: the endpoint is its own by
// advert, or the delivery authorisation leads through it.
func (c *Core) mayReceipt(signer link.PeerID, x *entry) bool {
	if gw, ok := c.gatewayOf(x.Recipient); ok && gw == signer {
		return true
	}
	rec, ok := c.roster.Get(signer)
	return ok && x.Gateway != "" && nodeIDOf(rec.RSAHash) == x.Gateway
}

// receipted ends a parcel at its origin; on the way it also makes the receipt travel on.
func (c *Core) receipted(now time.Time, x *entry, n *note, reply replyFunc) {
	c.cameTrue(now, x)
	var ops []store.Op
	if !x.Origin {
		ops = append(ops, n.put())
	}
	at, state := n.receipt.Time, stateOf(n.receipt.Verdict)
	why := ""
	if state == Refused {
		why = "refused by " + c.peerName(n.receipt.Recipient)
	}
	c.change(x, func(r *parcelRecord) { r.State, r.Since, r.Held, r.Why = state, at, false, why }, ops, func(now time.Time, err error) {
		if err == nil && !x.Origin {
			c.keepNote(n)
		}
		reply(now, reasonOfStore(err))
	})
}

// passReceipt takes custody of a receipt for a parcel that did not come by here.
func (c *Core) passReceipt(now time.Time, n *note, reply replyFunc) {
	if n.to == c.self || n.to == (link.PeerID{}) {
		reply(now, link.ReasonNone) // of a parcel that we no longer remember
		return
	}
	c.storeNote(now, n, reply)
}

// storeNote takes custody of a note that travels on.
func (c *Core) storeNote(now time.Time, n *note, reply replyFunc) {
	c.persist(batch{ops: []store.Op{n.put()}}, func(now time.Time, err error) {
		if err == nil {
			c.keepNote(n)
		}
		reply(now, reasonOfStore(err))
	})
}

// stateOf is what a receipt makes of a parcel at its origin.
func stateOf(v domain.Verdict) State {
	switch v {
	case domain.Delivered:
		return Delivered
	case domain.Expired:
		return Expired
	}
	return Refused
}

// nodeIDOf is the endpoint id of a key's digest.
func nodeIDOf(d [32]byte) pki.NodeID { return pki.NodeID("0" + hex.EncodeToString(d[:])) }

// gatewayOf is the gateway that has an endpoint.
func (c *Core) gatewayOf(id pki.NodeID) (link.PeerID, bool) {
	if _, ok := c.local[id]; ok {
		return c.self, true
	}
	if a := c.adverts.bySubject[engineSubject(id)]; a != nil {
		return a.gateway, true
	}
	return link.PeerID{}, false
}
