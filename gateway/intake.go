package gateway

import (
	"errors"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
)

// intake is a parcel on its way into custody.
type intake struct {
	rec     parcelRecord
	body    []byte
	extra   []store.Op // made durable with it
	path    []*pki.Certificate
	created time.Time
	source  string // network address of who brought it
}

// errAgain: the same parcel is just being stored.
var errAgain = &Error{Code: "not_yet", Message: "the same parcel is being saved right now", Fix: "try again in a moment"}

// deliver takes a parcel of a local endpoint.
func (c *Core) deliver(now time.Time, e Deliver) {
	in, err := c.inspect(now, e.Parcel)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	c.submitLocal(now, e.Token, in)
}

// submitLocal stores a parcel that a local endpoint wrote and answers its token.
func (c *Core) submitLocal(now time.Time, t Token, in intake) {
	in.rec.Origin = true
	c.admit(now, in, func(now time.Time, x *entry, err error) {
		if err != nil {
			c.answer(t, nil, err)
			return
		}
		c.answer(t, c.parcelView(now, x), nil)
	})
}

// inspect checks a parcel and makes the body that travels of it.
func (c *Core) inspect(now time.Time, raw []byte) (intake, error) {
	m, path, err := c.check(now, raw)
	if err != nil {
		return intake{}, err
	}
	body, err := pack(raw)
	if err != nil {
		return intake{}, err
	}
	return c.newIntake(m, path, body), nil
}

// check is what every gateway must: signature, dates, path, and that the recipient allowed it. The path is nil for what
// only names the Internet.
func (c *Core) check(now time.Time, raw []byte) (*ramf.Message, []*pki.Certificate, error) {
	if c.member == nil {
		return nil, nil, errNoDomain
	}
	if len(raw) > maxParcel {
		return nil, nil, &ramf.Error{Refusal: ramf.TooBig, Detail: "the parcel is larger than 8,322,038 octets"}
	}
	m, err := ramf.Parse(raw)
	if err != nil {
		return nil, nil, err
	}
	if m.Type != ramf.Parcel {
		return nil, nil, &ramf.Error{Refusal: ramf.WrongType, Detail: "this is not a parcel"}
	}
	path, err := c.pathOf(now, m)
	if err != nil && !(c.outbound(m) && untrusted(err)) {
		return nil, nil, err
	}
	return m, path, nil
}

// newIntake is what a checked message becomes. What names the Internet and has no path in the domain goes nowhere else.
func (c *Core) newIntake(m *ramf.Message, path []*pki.Certificate, body []byte) intake {
	in := intake{rec: newParcelRecord(m, path, body), body: body, path: path, created: m.Created}
	if c.outbound(m) {
		in.rec.Internet, in.rec.Address = path == nil, m.InternetAddress
	}
	in.rec.Unverified = c.quality == pki.ClockNone
	in.rec.Priority = defaultPriority(len(body))
	return in
}

// largeBody is the size from which a parcel of unknown urgency counts as bulk.
const largeBody = 16 << 10

func defaultPriority(size int) link.Priority {
	if size >= largeBody {
		return link.Bulk
	}
	return link.Message
}

// admit makes a parcel durable and then ours. The same parcel again is accepted without doing
// anything; another one under the same sender, recipient and id is refused.
func (c *Core) admit(now time.Time, in intake, done func(now time.Time, x *entry, err error)) {
	if known := c.queue.byID[in.rec.id()]; known != nil {
		if err := c.again(known, in); err != nil || !c.cameAround(now, known, in, done) {
			done(now, known, err)
		}
		return
	}
	_, ours := c.local[in.rec.Recipient]
	in.rec.Local = ours && !in.rec.Internet && in.rec.Type == ramf.Parcel
	in.rec.Since, in.rec.Arrival = now, c.queue.arrival+1
	x := c.entryOf(in.rec)
	x.born, x.source = true, in.source
	ops, err := c.queue.Append(x.item(), x.append(nil), in.body)
	if err != nil {
		done(now, nil, c.quotaError(err))
		return
	}
	if err := c.count(&in); err != nil {
		c.queue.Settle(now, x.id, false)
		done(now, nil, err)
		return
	}
	x.fresh, x.busy = true, true
	c.queue.add(x)
	partials, back := c.takePartials(x.Digest)
	ops = append(append(ops, in.extra...), partials...)
	c.persist(batch{ops: ops}, func(now time.Time, err error) {
		c.queue.Settle(now, x.id, err == nil)
		if err != nil {
			back()
			c.queue.remove(x)
			c.rates.Return(in.path, in.created)
			done(now, nil, storeError(err))
			return
		}
		x.fresh, x.busy = false, false
		c.reline(x)
		c.emit(ParcelChanged{Parcel: c.parcelView(now, x)})
		done(now, x, nil)
		c.arrived(now, x)
	})
}

// again judges a parcel whose sender, recipient and id we know.
func (c *Core) again(known *entry, in intake) error {
	switch {
	case known.Sum != in.rec.Sum:
		return &ramf.Error{Refusal: ramf.NotAuthorised, Detail: "another parcel with this sender, recipient and id was accepted before"}
	case known.fresh:
		return errAgain
	}
	return nil
}

// judgeParcel answers an offer of a parcel.
func (c *Core) judgeParcel(now time.Time, from link.PeerID, it link.Item) (link.Verdict, link.Reason) {
	x := c.queue.byDigest[it.Digest]
	switch {
	case c.member == nil:
		return link.Refuse, link.ReasonPolicy
	case x == nil && c.unsealed.has(it.Digest):
		return link.Have, link.ReasonNone
	case it.Cost > maxHands:
		return link.Refuse, link.ReasonLoop
	case x == nil && it.Lifetime <= 0:
		return link.Refuse, link.ReasonExpired
	case x == nil && c.offerRoom(from, it) != nil:
		return link.Refuse, link.ReasonFull
	case x == nil:
		return link.Accept, link.ReasonNone
	case x.fresh:
		return link.Refuse, link.ReasonBusy
	}
	return c.judgeKnown(now, from, x, it)
}

// judgeKnown answers for a parcel that we had before. Have is only said when the neighbour may forget it: we
// still have it, it is delivered, or it went on from here in more hands than the neighbour knows of. What
// came back is taken again, with its body unless we kept that.
func (c *Core) judgeKnown(now time.Time, from link.PeerID, x *entry, it link.Item) (link.Verdict, link.Reason) {
	switch {
	case x.State == Expired:
		return link.Refuse, link.ReasonExpired
	case x.State == Refused:
		return link.Refuse, link.ReasonPolicy
	case x.State == Delivered || !x.cameBack(it.Cost):
		return link.Have, link.ReasonNone
	case x.busy:
		return link.Refuse, link.ReasonBusy
	case x.State == Saved:
		return link.Have, link.ReasonNone
	case !x.Since.After(now) && now.Before(x.Since.Add(turnRest(x.Turns))):
		return link.Refuse, link.ReasonLoop
	case x.Held:
		return link.Have, link.ReasonNone
	case c.roomAgain(x) != nil:
		return link.Refuse, link.ReasonFull
	}
	return link.Accept, link.ReasonNone
}

// takeParcel checks what a neighbour sent and takes custody.
func (c *Core) takeParcel(now time.Time, e link.Received, reply replyFunc) {
	raw, err := unpack(e.Body)
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	m, path, err := c.check(now, raw)
	if err != nil {
		c.notice(false, "parcel from "+c.peerName(e.Peer)+" refused: "+err.Error())
		reply(now, reasonOf(err))
		c.refuseForGood(now, e.Peer, raw, err)
		return
	}
	c.takeIn(now, e, c.newIntake(m, path, e.Body), reply)
}

// takeIn takes custody of what was checked, as the neighbour sent it.
func (c *Core) takeIn(now time.Time, e link.Received, in intake, reply replyFunc) {
	in.body, in.rec.Digest, in.rec.BodySize = e.Body, e.Item.Digest, len(e.Body)
	in.rec.From, in.rec.Priority, in.rec.Hands = e.Peer, min(e.Item.Priority, link.Bulk), e.Item.Cost
	if x := c.queue.byID[in.rec.id()]; x != nil && c.again(x, in) == nil {
		c.takeAgain(now, x, in, e.Item, reply)
		return
	}
	c.admit(now, in, func(now time.Time, _ *entry, err error) { reply(now, reasonOf(err)) })
}

// reasonOf is what a neighbour is told.
func reasonOf(err error) link.Reason {
	var r *ramf.Error
	var g *Error
	switch {
	case err == nil:
		return link.ReasonNone
	case errors.As(err, &r):
		return reasonOfRefusal(r.Refusal)
	case errors.As(err, &g) && g.Code == "quota":
		return link.ReasonFull
	case errors.As(err, &g) && g.Code == "refused":
		return link.ReasonPolicy
	}
	return link.ReasonBusy
}

func reasonOfRefusal(r ramf.Refusal) link.Reason {
	switch r {
	case ramf.Expired:
		return link.ReasonExpired
	case ramf.NotYetValid:
		return link.ReasonBusy
	case ramf.BadSignature, ramf.SenderExpired, ramf.NoPath, ramf.NotAuthorised:
		return link.ReasonUnauthorised
	}
	return link.ReasonMalformed
}

// isFull tells a full store from a broken one.
func isFull(err error) bool { return errors.Is(err, store.ErrFull) }

var errNoDomain = &Error{Code: "refused", Message: "this gateway is in no domain yet", Fix: "packhorse up --domain NAME, or packhorse pair CODE"}
