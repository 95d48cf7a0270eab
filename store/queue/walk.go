package queue

import (
	"iter"
	"time"
)

// Step is what a visitor wants next.
type Step uint8

const (
	Next Step = iota // the next item
	Pass             // nothing more of this line
	Stop
)

// Walk visits what may be leased of some lines, by priority and age across all of them. It looks at no more items
// than it visits, and one of each line. visit must not change the queue: it notes what to Take.
func (q *Queue[L]) Walk(now time.Time, names iter.Seq[L], visit func(Item[L]) Step) {
	q.Wake(now)
	q.lines.walk++
	w := walk[L]{q: q}
	for name := range names {
		if l, ok := q.lines.byName[name]; ok && q.lines.list[l].seen != q.lines.walk {
			q.lines.list[l].seen = q.lines.walk
			w.see(l, 0)
		}
	}
	w.heapify()
	for len(w.edge) > 0 {
		at := w.edge[0]
		l := &q.lines.list[at.line]
		if l.passed == q.lines.walk {
			w.drop()
			continue
		}
		switch visit(q.view(l.ready[at.place])) {
		case Stop:
			return
		case Pass:
			l.passed = q.lines.walk
			w.drop()
		default:
			w.next()
		}
	}
}

// walk goes down the heaps of several lines at once. Its edge is what comes next, itself a heap: what lies below in a
// line's heap is seen once what is above it was visited.
type walk[L comparable] struct {
	q    *Queue[L]
	edge []spot
}

type spot struct {
	line  uint32
	place int
}

func (w *walk[L]) item(s spot) uint32 { return w.q.lines.list[s.line].ready[s.place] }

func (w *walk[L]) less(i, j int) bool { return w.q.urgent(w.item(w.edge[i]), w.item(w.edge[j])) }

// see adds a place to the edge, without yet putting it in order.
func (w *walk[L]) see(line uint32, place int) bool {
	if place >= len(w.q.lines.list[line].ready) {
		return false
	}
	w.edge = append(w.edge, spot{line, place})
	return true
}

// next replaces the first of the edge by the two below it.
func (w *walk[L]) next() {
	at := w.edge[0]
	w.drop()
	for _, place := range []int{2*at.place + 1, 2*at.place + 2} {
		if w.see(at.line, place) {
			w.up(len(w.edge) - 1)
		}
	}
}

func (w *walk[L]) drop() {
	last := len(w.edge) - 1
	w.edge[0] = w.edge[last]
	w.edge = w.edge[:last]
	w.down(0)
}

func (w *walk[L]) heapify() {
	for i := len(w.edge)/2 - 1; i >= 0; i-- {
		w.down(i)
	}
}

func (w *walk[L]) up(i int) {
	for i > 0 && w.less(i, (i-1)/2) {
		w.edge[i], w.edge[(i-1)/2] = w.edge[(i-1)/2], w.edge[i]
		i = (i - 1) / 2
	}
}

func (w *walk[L]) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(w.edge) {
			return
		}
		if c+1 < len(w.edge) && w.less(c+1, c) {
			c++
		}
		if !w.less(c, i) {
			return
		}
		w.edge[i], w.edge[c] = w.edge[c], w.edge[i]
		i = c
	}
}
