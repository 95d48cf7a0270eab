package queue

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

func fill(t testing.TB, q *Queue[string], n int, change func(i int, x *Item[string])) {
	t.Helper()
	for i := range n {
		x := Item[string]{ID: idOf(i), Line: "line", Priority: Message, Age: uint64(i + 1), Octets: 100, Over: duelStart.Add(time.Duration(i) * time.Second)}
		change(i, &x)
		if _, err := q.Append(x, nil, nil); err != nil {
			t.Fatal(err)
		}
		q.Settle(duelStart, x.ID, true)
	}
}

func TestBulkFillsOnlyItsShareOfEachQuota(t *testing.T) {
	hundred := Limit{Items: 100}
	for _, c := range []struct {
		scope Scope
		l     Limits
		x     Item[string]
	}{
		{ScopeAll, Limits{All: hundred}, Item[string]{Peer: "p"}},
		{ScopePeer, Limits{Peer: hundred}, Item[string]{Peer: "p"}},
		{ScopeOwn, Limits{Own: hundred}, Item[string]{}},
		{ScopeSender, Limits{Sender: hundred}, Item[string]{Peer: "p", Sender: "s"}},
		{ScopeAll, Limits{All: Limit{Octets: 100_000}}, Item[string]{Octets: 1000}},
	} {
		q := New[string](Options{Limits: c.l})
		last := 0
		for _, p := range []Priority{Bulk, Message, Emergency} {
			var full *Full
			x, n := c.x, 0
			for ; full == nil; n++ {
				x.ID, x.Priority = idOf(last), p
				last++
				if _, err := q.Append(x, nil, nil); err != nil && !errors.As(err, &full) {
					t.Fatal(err)
				}
			}
			if want := []int{Bulk: 75, Message: 15, Emergency: 10}[p]; n-1 != want || full.Scope != c.scope || full.Priority != p {
				t.Errorf("scope %d, priority %d: got %d taken and %+v, want %d", c.scope, p, n-1, full, want)
			}
		}
	}
}

func TestRefusalSaysWhichQuotaIsFull(t *testing.T) {
	q := New[string](Options{Limits: Limits{Sender: Limit{Octets: 1000}}})
	_, err := q.Append(Item[string]{Sender: "s", Priority: Bulk, Octets: 751}, nil, nil)
	want := "queue: the quota of one sender for bulk is full: 0 of 750 octets are used; wait for deliveries or raise it"
	var full *Full
	if !errors.As(err, &full) || full.Name != "s" || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestExpiryComesInBatches(t *testing.T) {
	q := New[string](Options{})
	fill(t, q, 600, func(i int, x *Item[string]) { x.Over = duelStart })
	for _, want := range []int{256, 256, 88} {
		e := q.Expire(duelStart, true, func(Item[string]) Ending { return Ending{} })
		if len(e.IDs) != want || len(e.Ops) != 2*want || e.More != (want == 256) {
			t.Errorf("got %d items, %d ops, more %v, want %d items", len(e.IDs), len(e.Ops), e.More, want)
		}
	}
}

func TestNextTimes(t *testing.T) {
	q := New[string](Options{})
	fill(t, q, 3, func(i int, x *Item[string]) { x.Over = duelStart.Add(time.Duration(3-i) * time.Hour) })
	if !q.NextWake().IsZero() || !q.NextEnd().Equal(duelStart.Add(time.Hour)) {
		t.Errorf("got a lease that ends at %v, an end at %v", q.NextWake(), q.NextEnd())
	}
	q.Take(idOf(1), duelStart.Add(2*time.Minute))
	q.Take(idOf(0), duelStart.Add(time.Minute))
	q.Take(idOf(2), Forever)
	if want := duelStart.Add(time.Minute); !q.NextWake().Equal(want) {
		t.Errorf("got %v, want %v", q.NextWake(), want)
	}
	if n := q.Wake(duelStart.Add(time.Minute)); n != 1 {
		t.Errorf("got %d woken, want 1", n)
	}
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkMemory is what an item costs besides the owner's head. Aim: at most 150 octets.
func BenchmarkMemory(b *testing.B) {
	for _, lines := range []int{20, 100_000} {
		b.Run(fmt.Sprint("lines=", lines), func(b *testing.B) {
			const items = 100_000
			for b.Loop() {
				before := heapInUse()
				q := New[int](Options{})
				for i := range items {
					q.Append(Item[int]{ID: idOf(i), Line: i % lines, Priority: Priority(i % 3), Age: uint64(i), Octets: 5000, Over: duelStart.Add(time.Duration(i) * time.Second), Peer: "peer", Sender: "sender"}, nil, nil)
					q.Settle(duelStart, idOf(i), true)
				}
				b.ReportMetric(float64(heapInUse()-before)/items, "B/item")
				b.ReportMetric(float64(q.Len()), "items")
			}
		})
	}
}

// BenchmarkLeaseAndAck is a lease, its acknowledgement and the next item, with so many waiting.
func BenchmarkLeaseAndAck(b *testing.B) {
	for _, items := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint("items=", items), func(b *testing.B) {
			q := New[string](Options{})
			fill(b, q, items, func(i int, x *Item[string]) { x.Line = fmt.Sprint(i % 20) })
			n := items
			for b.Loop() {
				x, _ := q.Lease("3", duelStart, Forever)
				q.Ack(x.ID, nil)
				q.Settle(duelStart, x.ID, true)
				x.ID, x.Age = idOf(n), uint64(n)
				q.Append(x, nil, nil)
				q.Settle(duelStart, x.ID, true)
				n++
			}
		})
	}
}

// BenchmarkWalk is a window of 16 out of the heads of 20 lines.
func BenchmarkWalk(b *testing.B) {
	q := New[string](Options{})
	fill(b, q, 100_000, func(i int, x *Item[string]) { x.Line = fmt.Sprint(i % 20) })
	var names []string
	for l := range q.Lines() {
		names = append(names, l.Name)
	}
	for b.Loop() {
		n := 0
		q.Walk(duelStart, slices.Values(names), func(Item[string]) Step {
			if n++; n == 16 {
				return Stop
			}
			return Next
		})
	}
}
