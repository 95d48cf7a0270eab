package gateway

import (
	"errors"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/store"
	"packhorse/store/queue"
)

// carry opens cargo that is for us and holds everything else.
func (c *Core) carry(now time.Time, e Carry) {
	m, err := c.readSealed(e.Raw)
	switch {
	case err != nil:
		c.answer(e.Token, nil, err)
	case c.cargoForUs(m):
		c.openCargo(now, m, func(_ time.Time, taken CargoTaken, err error) { c.answerTaken(e.Token, taken, err) })
	default:
		c.holdCargo(now, m, e, func(_ time.Time, _ *entry, err error) { c.answerTaken(e.Token, CargoTaken{Held: true}, err) })
	}
}

func (c *Core) answerTaken(t Token, taken CargoTaken, err error) {
	if err != nil {
		c.answer(t, nil, err)
		return
	}
	c.answer(t, taken, nil)
}

func (c *Core) cargoForUs(m *ramf.Message) bool {
	return m.Type == ramf.Cargo && m.Recipient == c.awalaID()
}

// readSealed reads a cargo or CCA.
func (c *Core) readSealed(raw []byte) (*ramf.Message, error) {
	if c.member == nil {
		return nil, errNoDomain
	}
	m, err := ramf.Parse(raw)
	if err == nil && m.Type == ramf.Parcel {
		err = &ramf.Error{Refusal: ramf.WrongType, Detail: "this is a parcel, where cargo or a cargo collection authorisation belongs"}
	}
	return m, err
}

// awalaID is the id that Internet gateways and couriers know this gateway by.
func (c *Core) awalaID() pki.NodeID { return nodeIDOf(c.member.Record.RSAHash) }

// takenDone runs when all of a cargo is durable, or something of it is not.
type takenDone func(now time.Time, taken CargoTaken, err error)

// unloading counts what is left to do of one cargo.
type unloading struct {
	from  pki.NodeID   // the Internet gateway
	items []cargo.Item // not looked at yet
	done  takenDone
	taken CargoTaken
	left  int
	err   error // the first that the courier should come again for
}

// openCargo takes what an Internet gateway sent us by courier.
func (c *Core) openCargo(now time.Time, m *ramf.Message, done takenDone) {
	got, err := c.book.Open(m, now, c.quality)
	if err != nil {
		done(now, CargoTaken{}, err)
		return
	}
	u := &unloading{from: got.From, items: got.Items, done: done, taken: CargoTaken{Refused: got.Skipped}, left: 2}
	c.persist(batch{ops: uplinkOps(got.Records)}, func(now time.Time, err error) {
		if err != nil {
			err = storeError(err)
		}
		c.unloaded(now, u, err)
	})
	if c.unloads = append(c.unloads, u); len(c.unloads) == 1 {
		c.unloadSome(now)
	}
}

const (
	// unloadTurn is how many octets of cargo are looked at in one go: a whole one may have thousands of signatures to
	// verify, and nothing else would move meanwhile.
	unloadTurn = 64 << 10
	unloadRest = time.Millisecond // between turns
	smallItem  = 512              // what an item costs at least, in octets
)

// unloadSome goes on with the oldest cargo, and leaves the rest for another turn.
func (c *Core) unloadSome(now time.Time) {
	for left := unloadTurn; len(c.unloads) > 0 && left > 0; {
		u := c.unloads[0]
		if len(u.items) > 0 {
			it := u.items[0]
			u.items = u.items[1:]
			left -= max(len(it.Parcel), smallItem)
			c.unload(now, u, u.from, it)
		}
		if len(u.items) == 0 {
			c.unloads = c.unloads[1:]
			c.unloaded(now, u, nil)
		}
	}
	c.unloadAt = time.Time{}
	if len(c.unloads) > 0 {
		c.unloadAt = now.Add(unloadRest)
	}
}

// unloadMore takes the next turn when it is time.
func (c *Core) unloadMore(now time.Time) {
	if !c.unloadAt.IsZero() && !c.unloadAt.After(now) {
		c.unloadSome(now)
	}
}

// unload takes one item. One that will never be taken is passed over; one that there is no room for now
// fails the cargo, so that it comes again.
func (c *Core) unload(now time.Time, u *unloading, from pki.NodeID, it cargo.Item) {
	switch {
	case it.PCA != nil:
		c.unloadPCA(now, u, it.PCA)
	case it.Rotation != nil:
		c.unloadRotation(now, u, from, it.Rotation)
	default:
		c.unloadParcel(now, u, it.Parcel)
	}
}

func (c *Core) unloaded(now time.Time, u *unloading, err error) {
	if err != nil && u.err == nil {
		u.err = err
	}
	if u.left--; u.left == 0 {
		u.done(now, u.taken, u.err)
	}
}

func (c *Core) unloadParcel(now time.Time, u *unloading, raw []byte) {
	in, err := c.inspectInbound(now, raw)
	if err != nil {
		u.taken.Refused++
		c.notice(false, "a parcel in cargo was refused: "+err.Error())
		return
	}
	id := in.rec.id()
	w := owed{expires: in.rec.Expires, PCA: cargo.PCA{Sender: in.rec.Sender, Recipient: in.rec.Recipient, ID: in.rec.ID}}
	if len(c.owed) >= c.cfg.Limits.Parcels {
		u.err = &Error{Code: "quota", Message: "too many parcels came by courier and have not expired yet", Fix: "come again later"}
		return
	}
	u.left++
	known := c.queue.byID[id] != nil
	if !known {
		in.extra = append(in.extra, w.put(id))
	}
	c.admit(now, in, func(now time.Time, _ *entry, err error) {
		switch {
		case refusedForGood(err):
			u.taken.Refused++
			err = nil
		case err == nil && known:
			u.taken.Parcels++
			c.oweKnown(now, u, id, w)
			return
		case err == nil:
			u.taken.Parcels++
			c.owe(id, w)
		}
		c.unloaded(now, u, err)
	})
}

// oweKnown makes a debt durable for a parcel that was here before it came in cargo.
func (c *Core) oweKnown(now time.Time, u *unloading, id queue.ID, w owed) {
	if _, owing := c.owed[id]; owing {
		c.unloaded(now, u, nil)
		return
	}
	c.persist(batch{ops: []store.Op{w.put(id)}}, func(now time.Time, err error) {
		if err == nil {
			c.owe(id, w)
		} else {
			err = storeError(err)
		}
		c.unloaded(now, u, err)
	})
}

func refusedForGood(err error) bool {
	var r *ramf.Error
	return errors.As(err, &r)
}

// unloadPCA ends a parcel that the Internet gateway has. Of those with two roads it may have only what goes up.
func (c *Core) unloadPCA(now time.Time, u *unloading, p *cargo.PCA) {
	r := parcelRecord{Type: ramf.Parcel, Sender: p.Sender, Recipient: p.Recipient, ID: p.ID}
	x := c.queue.byID[r.id()]
	if x == nil || !x.Internet && !c.goesUp(c.lineOf(x)) || x.State != Saved {
		return
	}
	u.left++
	if !c.wentUp(now, x, func(now time.Time, err error) {
		u.taken.Acks++
		c.unloaded(now, u, err)
	}) {
		c.unloaded(now, u, nil) // the next cargo acknowledges it again
	}
}

func (c *Core) unloadRotation(now time.Time, u *unloading, from pki.NodeID, r *cargo.Rotation) {
	change, err := c.book.Rotate(from, r, now, c.quality)
	if err != nil {
		u.taken.Refused++
		c.notice(true, "a renewed certificate was refused: "+err.Error())
		return
	}
	u.left++
	c.changeBook(change, func(now time.Time, err error) { c.unloaded(now, u, err) })
}

// inspectInbound checks a parcel that came from the Internet: it must be for an endpoint of the domain, and does not go
// back there.
func (c *Core) inspectInbound(now time.Time, raw []byte) (intake, error) {
	in, err := c.inspect(now, raw)
	switch {
	case err != nil:
		return in, err
	case in.rec.Gateway == "":
		return in, &ramf.Error{Refusal: ramf.NotAuthorised, Detail: "the recipient is at no gateway of this domain"}
	}
	in.rec.Internet, in.rec.Address = false, ""
	return in, nil
}

// fromInternet takes a parcel of a live collection.
func (c *Core) fromInternet(now time.Time, e FromInternet) {
	in, err := c.inspectInbound(now, e.Parcel)
	if err != nil {
		c.answer(e.Token, nil, c.forGood(err))
		return
	}
	c.admit(now, in, func(now time.Time, x *entry, err error) {
		if err != nil {
			c.answer(e.Token, nil, err)
			return
		}
		c.answer(e.Token, c.parcelView(now, x), nil)
	})
}

// forGood is a refusal, unless a clock that nothing vouches for may be its only reason: who hears it drops the parcel.
func (c *Core) forGood(err error) error {
	var r *ramf.Error
	if c.clockTrusted() || !errors.As(err, &r) {
		return err
	}
	switch r.Refusal {
	case ramf.NotYetValid, ramf.Expired, ramf.SenderExpired, ramf.NoPath:
		return &Error{Code: "not_yet", Message: r.Error(), Fix: "synchronise the clock (NTP, or chrony with a GPS)"}
	}
	return err
}
