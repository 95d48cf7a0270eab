package gateway

import (
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/domain"
	"packhorse/link"
	"packhorse/store"
)

// Names of counters: the last sequence we used, the last we took of a gateway on a topic, and when we last asked it
// something or answered it, in seconds since 1970.
const (
	counterDispatch = "dispatch"
	counterHeard    = "heard"
	counterAsked    = "asked"
	counterAnswered = "answered"
)

const (
	maxTransit  = 64               // dispatches of one writer in our custody
	askEvery    = day              // when nobody answers
	answerEvery = 10 * time.Minute // to one gateway on one topic
)

// errLater: what the dispatch needs may still come.
var errLater = errors.New("gateway: later")

// effect is what a dispatch does, all of it durable before any of it shows.
type effect struct {
	batch
	apply func(now time.Time)
}

func topicCounter(what string, t domain.Topic, id link.PeerID) string {
	return fmt.Sprintf("%s/%d/%s", what, t, peerKey(id))
}

// writeDispatch makes a dispatch of ours. It goes once its operations are durable and keepNote was told.
func (c *Core) writeDispatch(now time.Time, topic domain.Topic, to link.PeerID, body []byte) (*note, []store.Op, error) {
	seq := c.counters[counterDispatch] + 1
	if c.clockTrusted() {
		seq = max(seq, uint64(now.Unix())) // later than in any life that we do not remember
	}
	d, err := domain.NewDispatch(domain.Dispatch{Topic: topic, To: to, Sequence: seq, Body: body}, c.id, c.member.Domain.ID)
	if err != nil {
		return nil, nil, err
	}
	n, err := c.newNote(ItemDispatch, d.Raw, link.PeerID{}, to, now.Add(noteLifetime))
	if err != nil {
		return nil, nil, err
	}
	c.counters[counterDispatch] = seq
	return n, []store.Op{n.put(), counterOp(counterDispatch, seq)}, nil
}

// takeDispatch takes what is for us, and custody of what is for others. A stranger's goes no further than here.
func (c *Core) takeDispatch(now time.Time, e link.Received, reply replyFunc) {
	n, err := c.newNote(ItemDispatch, e.Body, e.Peer, link.PeerID{}, now.Add(noteLifetime))
	if err != nil {
		reply(now, link.ReasonMalformed)
		return
	}
	n.hands, n.since = e.Item.Cost, now
	switch err := c.standing(now, n.dispatch.From); {
	case n.dispatch.From == c.self && n.to != c.self:
		c.storeNote(now, n, reply) // handed back
	case errors.Is(err, domain.ErrUnknown):
		reply(now, link.ReasonBusy) // its node advert may still be on its way
	case err != nil:
		reply(now, link.ReasonUnauthorised)
	case n.to != c.self && c.inTransit(n.dispatch.From) >= maxTransit:
		reply(now, link.ReasonFull)
	case !c.writers.of(n.dispatch.From).take(now, writerEvery, writerBurst):
		reply(now, link.ReasonBusy)
	case n.to == c.self:
		c.handleDispatch(now, n.dispatch, reply)
	default:
		c.storeNote(now, n, reply)
	}
}

func (c *Core) inTransit(from link.PeerID) (count int) {
	for _, n := range c.notes.byDigest {
		if n.kind == ItemDispatch && n.dispatch.From == from {
			count++
		}
	}
	return count
}

// underway tells that a dispatch of ours still waits for its first hop.
func (c *Core) underway(topic domain.Topic, to link.PeerID) bool {
	for _, n := range c.notes.byDigest {
		if n.kind == ItemDispatch && n.dispatch.From == c.self && n.dispatch.Topic == topic && n.to == to {
			return true
		}
	}
	return false
}

// handleDispatch does what a member asks or answers, once for each sequence.
func (c *Core) handleDispatch(now time.Time, d domain.Dispatch, reply replyFunc) {
	heard := topicCounter(counterHeard, d.Topic, d.From)
	switch {
	case d.Sequence <= c.counters[heard]:
		reply(now, link.ReasonNone)
		return
	case c.chores.taking[heard]: // it may be this one, and is not on disk yet
		reply(now, link.ReasonBusy)
		return
	}
	f, err := c.effectOf(now, d)
	switch {
	case errors.Is(err, errLater):
		reply(now, link.ReasonBusy)
		return
	case err != nil: // it will never do: whoever carried it may forget it, and so may we
		c.notice(true, "a dispatch of "+c.peerName(d.From)+" was dropped: "+err.Error())
		reply(now, link.ReasonNone)
		return
	}
	c.chores.taking[heard] = true
	f.ops = append(f.ops, counterOp(heard, d.Sequence))
	c.persist(f.batch, func(now time.Time, err error) {
		delete(c.chores.taking, heard)
		if err != nil {
			reply(now, reasonOfStore(err))
			return
		}
		c.counters[heard] = d.Sequence
		f.apply(now)
		c.dirty = true
		reply(now, link.ReasonNone)
	})
}

func (c *Core) effectOf(now time.Time, d domain.Dispatch) (effect, error) {
	switch d.Topic {
	case domain.TopicAskContact:
		return c.giveContact(now, d)
	case domain.TopicContact:
		return c.gotContact(now, d)
	case domain.TopicAskRenewal:
		return c.giveRenewal(now, d)
	case domain.TopicRenewal:
		return c.gotRenewal(now, d)
	}
	return effect{}, fmt.Errorf("gateway: no topic %d is known: update this gateway", d.Topic)
}

// answer makes our answer to a dispatch part of an effect.
func (c *Core) answerDispatch(now time.Time, d domain.Dispatch, topic domain.Topic, body []byte, f effect) (effect, error) {
	n, ops, err := c.writeDispatch(now, topic, d.From, body)
	if err != nil {
		return effect{}, err
	}
	answered := topicCounter(counterAnswered, d.Topic, d.From)
	c.counters[answered] = uint64(now.Unix())
	f.ops = append(append(f.ops, ops...), counterOp(answered, uint64(now.Unix())))
	also := f.apply
	f.apply = func(now time.Time) {
		if also != nil {
			also(now)
		}
		c.keepNote(n)
	}
	return f, nil
}

// tooOften tells that a gateway had an answer on the topic just now.
func (c *Core) tooOften(now time.Time, d domain.Dispatch) bool {
	return c.since(now, topicCounter(counterAnswered, d.Topic, d.From)) < answerEvery
}

// since is how long ago a counter of seconds was set; a clock that went back counts as long ago.
func (c *Core) since(now time.Time, counter string) time.Duration {
	at := c.counters[counter]
	if at == 0 || uint64(now.Unix()) < at {
		return noteLifetime
	}
	return now.Sub(time.Unix(int64(at), 0))
}

// ask writes to a gateway, at most once in askEvery, and not while an earlier question still waits here.
func (c *Core) ask(now time.Time, topic domain.Topic, to link.PeerID, body func() ([]byte, error)) {
	asked := topicCounter(counterAsked, topic, to)
	if c.chores.asking[asked] || c.underway(topic, to) {
		return
	}
	if wait := askEvery - c.since(now, asked); wait > 0 {
		c.wakeAt(now.Add(wait))
		return
	}
	b, err := body()
	if err != nil {
		c.notice(true, err.Error())
		return
	}
	n, ops, err := c.writeDispatch(now, topic, to, b)
	if err != nil {
		c.notice(true, err.Error())
		return
	}
	c.chores.asking[asked] = true
	at := uint64(max(now.Unix(), 1))
	c.persist(batch{ops: append(ops, counterOp(asked, at))}, func(now time.Time, err error) {
		delete(c.chores.asking, asked)
		if err != nil {
			c.wakeAt(now.Add(holdBroken))
			return
		}
		c.counters[asked] = at
		c.keepNote(n)
	})
}
