package gateway

import (
	"time"

	"packhorse/link"
	"packhorse/store"
)

// Custody is counted. Each offer of a parcel or note says, as the Cost of its link.Item, how many hands it will
// have been in once it is taken. Who is offered something it knows under a number no higher than its own was
// asked twice, or is offered an older copy of what went on from here: it has it. Under a higher number the
// thing has been on from here and came back, because the way ahead broke.
//
// The holder's number is higher than that of anyone who had the thing before it. So nobody forgets it
// on the word of a gateway that itself counts on the one that asks.

const (
	maxHands  = 1024 // then it stays where it is
	freeHands = 64   // of a note, before it rests at each further gateway
	maxTurns  = 14

	// returnRest is how long something stays before it goes back to whom it came from. Where a neighbour was
	// lost the next adverts may show another way ahead; until then both would only hand it to and fro.
	returnRest = time.Minute
)

// countsHands tells whether the Cost of an item of this kind is a number of hands.
func countsHands(kind uint8) bool {
	return kind == ItemParcel || kind == ItemSealed || kind == ItemReceipt || kind == ItemDispatch || kind == ItemContact
}

func nextHands(n uint16) uint16 { return n + 1 }

// turnRest is how long after it went on from here a parcel may not come back again. Routes do not loop for long,
// but while they do, a parcel must not fill the air.
func turnRest(turns uint8) time.Duration {
	if turns == 0 {
		return 0
	}
	return time.Minute << min(turns, maxTurns)
}

// resting is when what came from a neighbour may go back to it; zero when that is now, or when hop is another.
func resting(now time.Time, hop, from link.PeerID, since time.Time) time.Time {
	if at := since.Add(returnRest); hop == from && !since.IsZero() && !since.After(now) && at.After(now) {
		return at
	}
	return time.Time{}
}

// resting is when a parcel may go on to a neighbour; zero when that is now. What came around by the Internet rests as
// what a neighbour hands back again and again does there.
func (x *entry) resting(now time.Time, hop link.PeerID) time.Time {
	at := x.Since.Add(turnRest(x.Turns))
	if x.From == (link.PeerID{}) && !x.Origin && x.Turns > 0 && !x.Since.After(now) && at.After(now) {
		return at
	}
	return resting(now, hop, x.From, x.Since)
}

// noteRest is how long a note stays that has seen more hands than there are on any sound way.
func noteRest(hands uint16) time.Duration {
	if hands < freeHands {
		return 0
	}
	return time.Minute << min(hands-freeHands, maxTurns)
}

// cameBack tells that an offer or body is of what we know under fewer hands. What the Internet has does not come back.
func (r *parcelRecord) cameBack(hands uint16) bool {
	return (r.State == Saved || r.State == Carried && !(r.Internet && r.wentUp())) && hands > r.Hands
}

// raise makes it durable that what a neighbour offers, and we hold, was in more hands than we knew: only then
// the neighbour may forget it. It tells whether it took the matter over; done then comes later.
func (c *Core) raise(now time.Time, it link.Item, done replyFunc) bool {
	if x := c.queue.byDigest[it.Digest]; x != nil && x.cameBack(it.Cost) {
		c.takeBack(now, x, it, done)
		return true
	}
	n := c.notes.byDigest[it.Digest]
	if n == nil || it.Cost <= n.hands {
		return false
	}
	higher := *n
	higher.hands, n.raising, c.dirty = it.Cost, true, true
	c.relane(n)
	c.persist(batch{ops: []store.Op{higher.put()}}, func(now time.Time, err error) {
		if n.raising, c.dirty = false, true; err == nil {
			n.hands, n.since = it.Cost, now
		}
		c.relane(n)
		done(now, reasonOfStore(err))
	})
	return true
}

// takeBack takes custody again of a parcel whose body we hold. What was submitted under the lower
// number is withdrawn before anything else happens.
func (c *Core) takeBack(now time.Time, x *entry, it link.Item, done replyFunc) {
	c.dirty = true
	if !c.change(x, func(r *parcelRecord) { r.again(now, it.Cost) }, nil, func(now time.Time, err error) {
		done(now, reasonOfStore(err))
	}) {
		done(now, link.ReasonBusy)
	}
}

// again is what taking custody once more does to the record.
func (r *parcelRecord) again(now time.Time, hands uint16) {
	r.Hands = hands
	if r.State == Carried {
		r.State, r.By, r.Since, r.Turns = Saved, link.PeerID{}, now, min(r.Turns+1, maxTurns)
	}
}

// takeAgain takes a body that we had passed on.
func (c *Core) takeAgain(now time.Time, x *entry, in intake, it link.Item, reply replyFunc) {
	v, r := c.judgeKnown(now, in.rec.From, x, it)
	switch {
	case v == link.Refuse:
		reply(now, r)
		return
	case v == link.Have && x.cameBack(it.Cost):
		c.takeBack(now, x, it, reply)
		return
	case v == link.Have:
		reply(now, link.ReasonNone)
		return
	case x.Digest != in.rec.Digest:
		reply(now, link.ReasonLoop) // in another encoding than the one we know it by
		return
	}
	partials, back := c.takePartials(x.Digest)
	err := c.rewrite(x, in.body, func(rec *parcelRecord) {
		rec.again(now, it.Cost)
		rec.Held = true
	}, partials, func(now time.Time, err error) {
		if err != nil {
			back()
		}
		reply(now, reasonOfStore(err))
	})
	if err != nil {
		back()
		reply(now, link.ReasonFull)
	}
}
