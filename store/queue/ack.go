package queue

import (
	"time"

	"packhorse/store"
)

// Ack ends the custody of an item: the batch deletes its body and puts its head, as the owner now writes it, for
// the memory. Settle says what became of it. There is nothing to do, and no ops, for what is unknown, acknowledged
// already or being written.
func (q *Queue[L]) Ack(id ID, head []byte) []store.Op {
	n, ok := q.byID[id]
	if !ok || q.items[n].pending() || q.items[n].state == Remembered {
		return nil
	}
	q.pend(n, Acking)
	return []store.Op{{Kind: q.o.Head, Key: id.Key(), Value: head}, {Kind: q.o.Body, Key: q.items[n].digest.Key(), Delete: true}}
}

// Retake takes custody again of what is remembered: the batch puts its body back. Errors: *Full, ErrPending, and
// ErrKnown for what is not just remembered.
func (q *Queue[L]) Retake(id ID, head, body []byte) ([]store.Op, error) {
	n, ok := q.byID[id]
	switch {
	case ok && q.items[n].pending():
		return nil, ErrPending
	case !ok || q.items[n].state != Remembered:
		return nil, ErrKnown
	}
	x := q.view(n)
	if err := q.Room(x.Priority, x.Peer, x.Sender, x.Octets, 0); err != nil {
		return nil, err
	}
	q.pend(n, Returning)
	q.body(n, 1)
	return []store.Op{{Kind: q.o.Body, Key: x.Digest.Key(), Value: body}, {Kind: q.o.Head, Key: id.Key(), Value: head}}, nil
}

// pend takes an item away from all while its batch is on its way.
func (q *Queue[L]) pend(n uint32, s State) {
	q.unplace(n)
	it := &q.items[n]
	it.was, it.state = it.state, s
}

// Settle says whether the batch of Append, Ack, Retake or Expire is on disk. What is not counts as never asked for:
// the item is where it was, though not leased. Settle does nothing when no batch of the item is on its way.
func (q *Queue[L]) Settle(now time.Time, id ID, durable bool) {
	n, ok := q.byID[id]
	if !ok {
		return
	}
	switch s := q.items[n].state; {
	case s == Fresh && !durable:
		q.body(n, -1)
		q.forget(n)
	case s == Acking && durable:
		q.body(n, -1)
		q.items[n].state = Remembered
	case s == Fresh, s == Acking, s == Returning && durable:
		q.wait(n)
	case s == Returning:
		q.body(n, -1)
		q.items[n].state = Remembered
	case s == Leaving:
		q.ended(now, n, durable)
	}
}
