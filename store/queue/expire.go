package queue

import (
	"time"

	"packhorse/store"
)

const (
	maxEnding = 256         // items of one call of Expire
	later     = time.Second // until what could not end is looked at again
	retry     = time.Minute // the same, when the disk did not take it
)

// Ending is what the owner makes of an item whose time is over. The zero value forgets it, head and body.
type Ending struct {
	Head  []byte    // if not nil: it is kept with this head and without a body
	Until time.Time // so long
	Later bool      // not now: ask again in a second
}

// Expired is a batch of what is over.
type Expired struct {
	Ops  []store.Op
	IDs  []ID // to Settle once the batch is or is not on disk
	More bool // call again
}

// Expire ends what is over, in batches of at most 256 items. On a clock that is not trusted nothing is.
func (q *Queue[L]) Expire(now time.Time, trusted bool, end func(Item[L]) Ending) (e Expired) {
	if !trusted {
		return e
	}
	for range maxEnding {
		if len(q.ends) == 0 || q.items[q.ends[0]].over > now.Unix() {
			return e
		}
		q.expire(now, q.ends[0], end, &e)
	}
	e.More = len(q.ends) > 0 && q.items[q.ends[0]].over <= now.Unix()
	return e
}

// NextEnd is when the next item is over; zero when none ever is.
func (q *Queue[L]) NextEnd() time.Time {
	if len(q.ends) == 0 {
		return time.Time{}
	}
	return time.Unix(q.items[q.ends[0]].over, 0).UTC()
}

func (q *Queue[L]) expire(now time.Time, n uint32, end func(Item[L]) Ending, e *Expired) {
	it := &q.items[n]
	how := Ending{Later: true}
	if !it.pending() {
		how = end(q.view(n))
	}
	if how.Later {
		q.until(n, now.Add(later))
		return
	}
	key := it.id.Key()
	if it.state != Remembered {
		e.Ops = append(e.Ops, store.Op{Kind: q.o.Body, Key: it.digest.Key(), Delete: true})
	}
	if how.Head == nil {
		e.Ops = append(e.Ops, store.Op{Kind: q.o.Head, Key: key, Delete: true})
	} else {
		e.Ops = append(e.Ops, store.Op{Kind: q.o.Head, Key: key, Value: how.Head})
	}
	e.IDs = append(e.IDs, it.id)
	q.pend(n, Leaving)
	q.unschedule(n)
	if it.until = 0; how.Head != nil {
		it.until = seconds(how.Until)
	}
}

// ended carries out what Expire decided, once that is on disk.
func (q *Queue[L]) ended(now time.Time, n uint32, durable bool) {
	it := &q.items[n]
	kept, bare := it.until, it.bare()
	switch {
	case !durable && bare:
		it.state = Remembered
	case !durable:
		q.wait(n)
	default:
		if !bare {
			q.body(n, -1)
		}
		it.state = Remembered
	}
	switch it.until = 0; {
	case !durable:
		q.until(n, now.Add(retry))
	case kept == 0:
		q.forget(n)
	default:
		it.over = kept
		q.schedule(n)
	}
}

// Over sets when an item's time is over.
func (q *Queue[L]) Over(id ID, at time.Time) {
	if n, ok := q.byID[id]; ok && q.items[n].state != Leaving {
		q.until(n, at)
	}
}

func (q *Queue[L]) until(n uint32, at time.Time) {
	q.unschedule(n)
	q.items[n].over = seconds(at)
	q.schedule(n)
}

func (q *Queue[L]) schedule(n uint32) {
	if q.items[n].over != never {
		q.ends.push(&q.byEnd, n)
	}
}

func (q *Queue[L]) unschedule(n uint32) {
	if it := &q.items[n]; it.due >= 0 {
		q.ends.remove(&q.byEnd, int(it.due))
		it.due = -1
	}
}
