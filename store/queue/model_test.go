package queue

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// model does what a Queue does by looking at everything each time.
type model struct {
	items []*kept
	l     Limits
}

type kept struct {
	Item[string]
	state State
	was   State
	until time.Time
	next  Ending // of one that is leaving
}

func (k *kept) body() bool {
	return k.state != Remembered && !(k.state == Leaving && k.was == Remembered)
}

func (k *kept) pending() bool {
	return slices.Contains([]State{Fresh, Acking, Returning, Leaving}, k.state)
}

// used sums up what is charged to a scope, of a priority and less urgent.
func (m *model) used(match func(*kept) bool, p Priority) (octets, items int64) {
	for _, k := range m.items {
		if match(k) && k.Priority >= p {
			items++
			if k.body() {
				octets += int64(k.Octets)
			}
		}
	}
	return octets, items
}

func (m *model) fits(x Item[string], heads int64) bool {
	quota := func(l Limit, match func(*kept) bool) bool {
		for p, percent := range m.l.shares() {
			octets, items := m.used(match, Priority(p))
			if Priority(p) > x.Priority {
				continue
			}
			if l.Octets > 0 && x.Octets > 0 && octets+int64(x.Octets) > (l.Octets*int64(percent)+99)/100 ||
				l.Items > 0 && heads > 0 && items+heads > (int64(l.Items)*int64(percent)+99)/100 {
				return false
			}
		}
		return true
	}
	peer := m.l.Peer
	if x.Peer == "" {
		peer = m.l.Own
	}
	return quota(m.l.All, func(*kept) bool { return true }) && quota(peer, func(k *kept) bool { return k.Peer == x.Peer }) &&
		(x.Sender == "" || quota(m.l.Sender, func(k *kept) bool { return k.Sender == x.Sender }))
}

func (m *model) drop(k *kept) {
	m.items = slices.DeleteFunc(m.items, func(o *kept) bool { return o == k })
}

func (m *model) wake(now time.Time) {
	for _, k := range m.items {
		if k.state == Leased && !k.until.IsZero() && !k.until.After(now) {
			k.state = Waiting
		}
	}
}

// ready lists what may be leased of some lines, in order.
func (m *model) ready(lines ...string) (out []*kept) {
	for _, k := range m.items {
		if k.state == Waiting && slices.Contains(lines, k.Line) {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b *kept) int { return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Age, b.Age)) })
	return out
}

// settle is Settle.
func (m *model) settle(now time.Time, k *kept, durable bool) {
	switch {
	case k.state == Fresh && !durable:
		m.drop(k)
	case k.state == Acking && durable, k.state == Returning && !durable:
		k.state = Remembered
	case k.state == Leaving && durable && k.next.Head == nil:
		m.drop(k)
	case k.state == Leaving && durable:
		k.state, k.Over = Remembered, k.next.Until
	case k.state == Leaving:
		k.Over = now.Add(retry).Truncate(time.Second)
		if k.state = Waiting; k.was == Remembered {
			k.state = Remembered
		}
	default:
		k.state = Waiting
	}
}

// duel drives a Queue and the model with the same steps.
type duel struct {
	t    *testing.T
	r    *rand.Rand
	q    *Queue[string]
	m    *model
	now  time.Time
	age  uint64
	last int
}

const duelLines = 5

var duelStart = time.Unix(1_700_000_000, 0).UTC()

func idOf(n int) (id ID) {
	copy(id[:], fmt.Sprintf("%08x%08d", uint32(n)*2654435761, n)) // in another order than by age
	return id
}

func TestRandomStepsAgainstAModelThatLooksAtEverything(t *testing.T) {
	steps := 20_000
	if testing.Short() {
		steps = 2_000
	}
	for seed := range uint64(4) {
		l := Limits{All: Limit{3000, 60}, Peer: Limit{1500, 40}, Own: Limit{0, 30}, Sender: Limit{1200, 25}, Bulk: 60, Messages: 85}
		d := &duel{t: t, r: rand.New(rand.NewPCG(seed, 3)), q: New[string](Options{Head: 1, Body: 2, Limits: l}), m: &model{l: l}, now: duelStart}
		for range steps {
			d.step()
			d.compare()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

func (d *duel) step() {
	switch d.r.IntN(12) {
	case 0, 1, 2:
		d.append()
	case 3:
		d.lease()
	case 4:
		d.walk()
	case 5, 6:
		d.settle()
	case 7:
		d.expire()
	default:
		if k := d.any(); k != nil {
			d.change(k)
		}
	}
	d.now = d.now.Add(time.Duration(d.r.IntN(6)) * 500 * time.Millisecond)
}

func (d *duel) any() *kept {
	if len(d.m.items) == 0 {
		return nil
	}
	return d.m.items[d.r.IntN(len(d.m.items))]
}

func (d *duel) line() string { return fmt.Sprint("line ", d.r.IntN(duelLines)) }

func (d *duel) append() {
	d.age++
	d.last++
	x := Item[string]{ID: idOf(d.last), Line: d.line(), Priority: Priority(d.r.IntN(3)), Age: d.age, Octets: d.r.IntN(200),
		Over: d.now.Add(time.Duration(d.r.IntN(400)) * time.Second).Truncate(time.Second), Peer: []string{"", "peer 1", "peer 2"}[d.r.IntN(3)], Sender: []string{"", "a", "b"}[d.r.IntN(3)]}
	x.Digest[0] = byte(d.last)
	old := d.any()
	if old != nil && d.r.IntN(8) == 0 {
		x.ID, x.Digest = old.ID, old.Digest
		x.Digest[1] = byte(d.r.IntN(2))
	} else {
		old = nil
	}
	_, err := d.q.Append(x, nil, nil)
	var full *Full
	switch {
	case old != nil && old.Digest != x.Digest:
		d.want("Append", errors.Is(err, ErrConflict), true)
	case old != nil && old.pending():
		d.want("Append", errors.Is(err, ErrPending), true)
	case old != nil:
		d.want("Append", errors.Is(err, ErrKnown), true)
	case !d.m.fits(x, 1):
		d.want("Append is refused", errors.As(err, &full), true)
	default:
		d.want("Append", err, error(nil))
		d.m.items = append(d.m.items, &kept{Item: x, state: Fresh})
	}
}

func (d *duel) lease() {
	line, until := d.line(), d.now.Add(time.Duration(d.r.IntN(9))*time.Second)
	if d.r.IntN(4) == 0 {
		until = Forever
	}
	d.m.wake(d.now)
	x, ok := d.q.Lease(line, d.now, until)
	ready := d.m.ready(line)
	d.want("Lease", ok, len(ready) > 0)
	if ok && len(ready) > 0 {
		d.want("Lease", x, ready[0].Item)
		ready[0].state, ready[0].until = Leased, until
	}
}

func (d *duel) walk() {
	var lines []string
	for n := range duelLines {
		if d.r.IntN(2) == 0 {
			lines = append(lines, fmt.Sprint("line ", n))
		}
	}
	d.m.wake(d.now)
	passed, left := map[string]bool{}, 1+d.r.IntN(20)
	var got, want []ID
	for _, k := range d.m.ready(lines...) {
		if !passed[k.Line] && len(want) < left {
			want = append(want, k.ID)
			passed[k.Line] = k.Age%5 == 0
		}
	}
	d.q.Walk(d.now, slices.Values(append(lines, lines...)), func(x Item[string]) Step {
		got = append(got, x.ID)
		switch {
		case len(got) == left:
			return Stop
		case x.Age%5 == 0:
			return Pass
		}
		return Next
	})
	d.want("Walk", slices.Equal(got, want), true)
}

func (d *duel) settle() {
	for _, k := range slices.Clone(d.m.items) {
		if k.pending() && d.r.IntN(2) == 0 {
			durable := d.r.IntN(4) > 0
			d.q.Settle(d.now, k.ID, durable)
			d.m.settle(d.now, k, durable)
		}
	}
}

func (d *duel) expire() {
	trusted := d.r.IntN(3) > 0
	end := func(x Item[string]) Ending {
		return []Ending{{}, {Head: []byte{1}, Until: x.Over.Add(30 * time.Second)}, {Later: true}}[x.Age%3]
	}
	e := d.q.Expire(d.now, trusted, end)
	n := 0
	for _, k := range d.m.items {
		if !trusted || k.Over.Unix() > d.now.Unix() || k.state == Leaving {
			continue
		}
		if how := end(k.Item); k.pending() || how.Later {
			k.Over = d.now.Add(later).Truncate(time.Second)
		} else {
			n++
			d.want("Expire names it", slices.Contains(e.IDs, k.ID), true)
			k.was, k.state, k.next = k.state, Leaving, how
		}
	}
	d.want("Expire", len(e.IDs), n)
}

func (d *duel) change(k *kept) {
	idle := k.state == Waiting || k.state == Leased
	switch d.r.IntN(7) {
	case 6:
		if d.r.IntN(4) == 0 {
			d.q.Drop(k.ID)
			d.m.drop(k)
		}
	case 0, 1:
		got := d.q.Ack(k.ID, nil)
		if d.want("Ack has ops", len(got) > 0, idle); idle {
			k.was, k.state = k.state, Acking
		}
	case 2:
		until := d.now.Add(time.Duration(d.r.IntN(9)) * time.Second)
		if d.want("Take", d.q.Take(k.ID, until), idle); idle {
			k.state, k.until = Leased, until
		}
	case 3:
		if d.q.Release(k.ID); k.state == Leased {
			k.state = Waiting
		}
	case 4:
		k.Line = d.line()
		d.q.Move(k.ID, k.Line)
	case 5:
		_, err := d.q.Retake(k.ID, nil, nil)
		ok := k.state == Remembered && d.m.fits(k.Item, 0)
		if d.want("Retake", err == nil, ok); ok {
			k.state = Returning
		}
	}
}

func (d *duel) want(what string, got, want any) {
	if got != want {
		d.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// compare holds everything that can be asked for against the model.
func (d *duel) compare() {
	octets, items := d.q.Used()
	wantOctets, wantItems := d.m.used(func(*kept) bool { return true }, Emergency)
	d.want("octets", octets, wantOctets)
	d.want("items", items, int(wantItems))
	d.want("Len", d.q.Len(), len(d.m.items))
	for l := range d.q.Lines() {
		ready, bodies, octets := len(d.m.ready(l.Name)), 0, int64(0)
		for _, k := range d.m.items {
			if k.Line == l.Name && k.body() {
				bodies, octets = bodies+1, octets+int64(k.Octets)
			}
		}
		d.want(l.Name, l, Line[string]{l.Name, ready, bodies, octets})
	}
	for _, k := range d.m.items {
		x, s, ok := d.q.Get(k.ID)
		if !ok || s != k.state || x != k.Item {
			d.t.Errorf("%s: got %+v in state %d, %v, want %+v in state %d", k.ID, x, s, ok, k.Item, k.state)
		}
	}
	d.want("accounts", len(d.q.peers.byName)+len(d.q.senders.byName) <= 6, true)
}
