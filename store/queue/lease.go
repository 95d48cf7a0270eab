package queue

import "time"

// Lease gives the first item of a line, by priority and then age, that nobody has, and keeps it from others until a
// time, or Forever. ok is false when there is none. Leases do not outlive the process.
func (q *Queue[L]) Lease(line L, now, until time.Time) (x Item[L], ok bool) {
	q.Wake(now)
	l, ok := q.lines.byName[line]
	if !ok || len(q.lines.list[l].ready) == 0 {
		return x, false
	}
	n := q.lines.list[l].ready[0]
	q.lease(n, until)
	return q.view(n), true
}

// Take leases one item, or lets one that is leased rest until another time. It tells whether it is there to be
// leased: neither pending nor without a body.
func (q *Queue[L]) Take(id ID, until time.Time) bool {
	n, ok := q.byID[id]
	if !ok || q.items[n].state != Waiting && q.items[n].state != Leased {
		return false
	}
	q.lease(n, until)
	return true
}

// Release ends a lease before its time. It does nothing to what is not leased.
func (q *Queue[L]) Release(id ID) {
	if n, ok := q.byID[id]; ok && q.items[n].state == Leased {
		q.wait(n)
	}
}

// Wake ends the leases whose time is over. Lease and Walk do it themselves.
func (q *Queue[L]) Wake(now time.Time) (woken int) {
	for len(q.leases) > 0 && q.items[q.leases[0]].until <= now.UnixNano() {
		q.wait(q.leases[0])
		woken++
	}
	return woken
}

// NextWake is when the next lease ends by itself; zero when none does.
func (q *Queue[L]) NextWake() time.Time {
	if len(q.leases) == 0 {
		return time.Time{}
	}
	return time.Unix(0, q.items[q.leases[0]].until).UTC()
}

func (q *Queue[L]) lease(n uint32, until time.Time) {
	q.unplace(n)
	it := &q.items[n]
	it.state, it.until = Leased, nanoseconds(until)
	if it.until != never {
		q.leases.push(&q.byLease, n)
	}
}

// wait lets an item be leased.
func (q *Queue[L]) wait(n uint32) {
	q.unplace(n)
	it := &q.items[n]
	it.state, it.until = Waiting, 0
	q.lines.list[it.line].ready.push(&q.byRank, n)
}

// unplace takes an item out of the heap of its line, or of the leases.
func (q *Queue[L]) unplace(n uint32) {
	it := &q.items[n]
	if it.place < 0 {
		return
	}
	if it.state == Waiting {
		q.lines.list[it.line].ready.remove(&q.byRank, int(it.place))
	} else {
		q.leases.remove(&q.byLease, int(it.place))
	}
	it.place = -1
}
