package queue

import "iter"

// line is what waits for one.
type line[L comparable] struct {
	name   L
	ready  heap // by rank
	heads  int
	bodies int
	octets int64
	seen   uint64 // the walk that came by last
	passed uint64 // the walk that is done with it
}

func (l *line[L]) count(bodies int, octets int64) {
	l.bodies, l.octets = l.bodies+bodies, l.octets+octets
}

// lines is the table of them; a line is in it as long as an item names it.
type lines[L comparable] struct {
	byName map[L]uint32
	list   []line[L]
	free   []uint32
	walk   uint64
}

func newLines[L comparable]() lines[L] { return lines[L]{byName: map[L]uint32{}} }

func (t *lines[L]) open(name L) uint32 {
	n, ok := t.byName[name]
	if !ok {
		n = t.number()
		t.byName[name] = n
		t.list[n] = line[L]{name: name}
	}
	t.list[n].heads++
	return n
}

func (t *lines[L]) number() uint32 {
	if last := len(t.free) - 1; last >= 0 {
		n := t.free[last]
		t.free = t.free[:last]
		return n
	}
	t.list = append(t.list, line[L]{})
	return uint32(len(t.list) - 1)
}

func (t *lines[L]) close(n uint32) {
	x := &t.list[n]
	if x.heads--; x.heads > 0 {
		return
	}
	delete(t.byName, x.name)
	*x = line[L]{}
	t.free = append(t.free, n)
}

// Line is what a line holds.
type Line[L comparable] struct {
	Name   L
	Ready  int // what may be leased now
	Bodies int // with what is leased or rests
	Octets int64
}

// Lines lists the lines that hold bodies, in an order that depends only on what happened before.
func (q *Queue[L]) Lines() iter.Seq[Line[L]] {
	return func(yield func(Line[L]) bool) {
		for i := range q.lines.list {
			x := &q.lines.list[i]
			if x.bodies > 0 && !yield(Line[L]{x.name, len(x.ready), x.bodies, x.octets}) {
				return
			}
		}
	}
}

// Move puts an item into another line, in its place by priority and age.
func (q *Queue[L]) Move(id ID, to L) {
	n, ok := q.byID[id]
	if !ok || q.lines.list[q.items[n].line].name == to {
		return
	}
	it := &q.items[n]
	counted, waits := it.counted(), it.state == Waiting
	if waits {
		q.unplace(n)
	}
	if counted {
		q.lines.list[it.line].count(-1, -int64(it.octets))
	}
	q.lines.close(it.line)
	it.line = q.lines.open(to)
	if counted {
		q.lines.list[it.line].count(1, int64(it.octets))
	}
	if waits {
		q.lines.list[it.line].ready.push(&q.byRank, n)
	}
}
