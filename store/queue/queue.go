package queue

import (
	"bytes"
	"cmp"
	"time"

	"packhorse/store"
)

// Options make a Queue.
type Options struct {
	Head, Body store.Kind
	Limits     Limits
}

// Queue holds what waits and what is remembered. It is not safe for concurrent use.
type Queue[L comparable] struct {
	o       Options
	share   [priorities]int
	byID    map[ID]uint32
	items   []item
	free    []uint32
	lines   lines[L]
	peers   accounts
	senders accounts
	total   usage
	leases  heap // of leases that end by themselves
	ends    heap // of all that ends
	byRank  order
	byLease order
	byEnd   order
}

// New makes an empty queue.
func New[L comparable](o Options) *Queue[L] {
	q := &Queue[L]{o: o, share: o.Limits.shares(), byID: map[ID]uint32{}, lines: newLines[L](), peers: newAccounts(), senders: newAccounts()}
	place := func(n uint32, at int) { q.items[n].place = int32(at) }
	q.byRank = order{q.urgent, place}
	q.byLease = order{func(a, b uint32) bool {
		return cmp.Or(cmp.Compare(q.items[a].until, q.items[b].until), q.rank(a, b)) < 0
	}, place}
	q.byEnd = order{func(a, b uint32) bool {
		return cmp.Or(cmp.Compare(q.items[a].over, q.items[b].over), q.rank(a, b)) < 0
	}, func(n uint32, at int) { q.items[n].due = int32(at) }}
	return q
}

// rank compares by priority, then age.
func (q *Queue[L]) rank(a, b uint32) int {
	x, y := &q.items[a], &q.items[b]
	return cmp.Or(cmp.Compare(x.prio, y.prio), cmp.Compare(x.age, y.age), bytes.Compare(x.id[:], y.id[:]))
}

func (q *Queue[L]) urgent(a, b uint32) bool { return q.rank(a, b) < 0 }

// Append takes an item in and reserves its quota. The ops are one batch with its head and body, which are borrowed
// until that is applied; Settle then says what became of it. Errors: *Full, ErrKnown, ErrPending, ErrConflict.
func (q *Queue[L]) Append(x Item[L], head, body []byte) ([]store.Op, error) {
	x.Priority = min(x.Priority, Bulk)
	if err := q.again(x); err != nil {
		return nil, err
	}
	if err := q.Room(x.Priority, x.Peer, x.Sender, x.Octets, 1); err != nil {
		return nil, err
	}
	q.add(x, Fresh)
	return []store.Op{{Kind: q.o.Body, Key: x.Digest.Key(), Value: body}, {Kind: q.o.Head, Key: x.ID.Key(), Value: head}}, nil
}

// again answers for an ID that came before.
func (q *Queue[L]) again(x Item[L]) error {
	n, known := q.byID[x.ID]
	switch {
	case !known:
		return nil
	case q.items[n].digest != x.Digest:
		return ErrConflict
	case q.items[n].pending():
		return ErrPending
	}
	return ErrKnown
}

func (it *item) pending() bool {
	return it.state == Fresh || it.state == Acking || it.state == Returning || it.state == Leaving
}

// Room tells whether so many more octets and items fit; if not the error is a *Full. With heads 0 it asks for a
// body alone.
func (q *Queue[L]) Room(p Priority, peer, sender string, octets, heads int) error {
	p = min(p, Bulk)
	l := &q.o.Limits
	scope, limit := ScopePeer, l.Peer
	if peer == "" {
		scope, limit = ScopeOwn, l.Own
	}
	var none account
	for _, c := range []struct {
		scope Scope
		name  string
		used  *usage
		limit Limit
	}{
		{ScopeAll, "", &q.total, l.All},
		{scope, peer, &cmp.Or(q.peers.of(peer), &none).usage, limit},
		{ScopeSender, sender, &cmp.Or(q.senders.of(sender), &none).usage, l.Sender},
	} {
		if c.scope == ScopeSender && sender == "" {
			continue
		}
		if f := c.used.refuse(c.limit, q.share, p, int64(octets), int64(heads)); f != nil {
			f.Scope, f.Name = c.scope, c.name
			return f
		}
	}
	return nil
}

// Restore takes an item over that is on disk: with its body it waits, else it is remembered. It does nothing when
// the ID is known; quotas refuse nothing, for it is here already.
func (q *Queue[L]) Restore(x Item[L], body bool) {
	if _, known := q.byID[x.ID]; known {
		return
	}
	x.Priority = min(x.Priority, Bulk)
	if !body {
		q.add(x, Remembered)
		return
	}
	q.wait(q.add(x, Fresh))
}

// add gives an item a number and charges for it.
func (q *Queue[L]) add(x Item[L], s State) uint32 {
	n := q.number()
	q.byID[x.ID] = n
	q.items[n] = item{id: x.ID, digest: x.Digest, age: x.Age, over: seconds(x.Over), octets: uint32(x.Octets), prio: x.Priority,
		line: q.lines.open(x.Line), peer: q.peers.open(x.Peer), sender: q.senders.open(x.Sender), place: -1, due: -1, state: s}
	q.charge(n, 0, 1)
	if q.items[n].counted() {
		q.charge(n, int64(x.Octets), 0)
		q.lines.list[q.items[n].line].count(1, int64(x.Octets))
	}
	q.schedule(n)
	return n
}

func (q *Queue[L]) number() uint32 {
	if last := len(q.free) - 1; last >= 0 {
		n := q.free[last]
		q.free = q.free[:last]
		return n
	}
	q.items = append(q.items, item{})
	return uint32(len(q.items) - 1)
}

// charge counts octets and heads of an item wherever it is counted.
func (q *Queue[L]) charge(n uint32, octets int64, heads int32) {
	it := &q.items[n]
	q.total.add(it.prio, octets, heads)
	q.peers.list[it.peer].add(it.prio, octets, heads)
	q.senders.list[it.sender].add(it.prio, octets, heads)
}

// body counts the body of an item, or with sign -1 gives its quota back.
func (q *Queue[L]) body(n uint32, sign int64) {
	it := &q.items[n]
	q.charge(n, sign*int64(it.octets), 0)
	q.lines.list[it.line].count(int(sign), sign*int64(it.octets))
}

// forget drops an item and all that is counted of it.
func (q *Queue[L]) forget(n uint32) {
	it := &q.items[n]
	q.unplace(n)
	q.unschedule(n)
	q.charge(n, 0, -1)
	q.peers.close(it.peer)
	q.senders.close(it.sender)
	q.lines.close(it.line)
	delete(q.byID, it.id)
	*it = item{}
	q.free = append(q.free, n)
}

// Drop forgets an item at once, in whatever state, for an owner that writes its records without the queue.
func (q *Queue[L]) Drop(id ID) {
	n, ok := q.byID[id]
	if !ok {
		return
	}
	if q.items[n].counted() {
		q.body(n, -1)
	}
	q.forget(n)
}

// Get tells what is known of an item; ok is false when nothing is.
func (q *Queue[L]) Get(id ID) (x Item[L], s State, ok bool) {
	n, ok := q.byID[id]
	if !ok {
		return x, free, false
	}
	return q.view(n), q.items[n].state, true
}

func (q *Queue[L]) view(n uint32) Item[L] {
	it := &q.items[n]
	x := Item[L]{ID: it.id, Digest: it.digest, Line: q.lines.list[it.line].name, Priority: it.prio, Age: it.age, Octets: int(it.octets),
		Peer: q.peers.list[it.peer].name, Sender: q.senders.list[it.sender].name}
	if it.over != never {
		x.Over = time.Unix(it.over, 0).UTC()
	}
	return x
}

// Len is how many items wait, are leased or remembered.
func (q *Queue[L]) Len() int { return len(q.byID) }

// Used is what counts against the quotas of all: octets of bodies, and heads.
func (q *Queue[L]) Used() (octets int64, heads int) {
	o, n := q.total.from(Emergency)
	return o, int(n)
}
