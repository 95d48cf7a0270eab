package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"packhorse/store"
)

// owner is a Queue on a real store, as its owner keeps it, and what was promised of each item.
type owner struct {
	t     *testing.T
	dir   string
	disk  *store.Store
	q     *Queue[string]
	now   time.Time
	base  int // number of the first item
	items []promise
	trace []string
}

// promise is what may be counted on, by what was durable when.
type promise struct {
	here bool // custody: its batch is on disk and it was not acknowledged
	done int  // acknowledgements that became durable since it came
	head bool // its memory
}

const (
	kindHead   = 1
	kindBody   = 2
	crashItems = 2
)

var crashLimits = Limits{All: Limit{Octets: 10_000, Items: 50}, Bulk: 100, Messages: 100}

func newOwner(t *testing.T) *owner {
	o := &owner{t: t, dir: t.TempDir(), now: duelStart}
	o.open()
	t.Cleanup(func() { o.disk.Close() })
	return o
}

func (o *owner) open() {
	s, err := store.Open(o.dir, store.Options{Reserve: -1})
	if err != nil {
		o.t.Fatal(err)
	}
	o.disk, o.q = s, New[string](Options{Head: kindHead, Body: kindBody, Limits: crashLimits})
	for n := range o.items {
		x := o.item(n)
		head, err := s.Get(kindHead, x.ID.Key())
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			o.t.Fatal(err)
		}
		x.Over = time.Unix(int64(binary.BigEndian.Uint64(head[1:])), 0).UTC()
		o.q.Restore(x, head[0] == 1)
	}
}

// crash loses all that is only in memory.
func (o *owner) crash() {
	o.trace = append(o.trace, "crash")
	o.disk.Abandon()
	o.open()
}

func (o *owner) item(n int) Item[string] {
	x := Item[string]{ID: idOf(o.base + n), Line: "line", Priority: Priority(n % 3), Age: uint64(o.base + n), Octets: 10 + n, Over: duelStart.Add(time.Hour), Sender: "s"}
	binary.BigEndian.PutUint64(x.Digest[:], uint64(o.base+n))
	return x
}

func head(body bool, over time.Time) []byte {
	b := []byte{0}
	if body {
		b[0] = 1
	}
	return binary.BigEndian.AppendUint64(b, uint64(over.Unix()))
}

func (o *owner) body(n int) []byte { return bytes.Repeat([]byte{byte(n + 1)}, 10+n) }

// begin forgets the items of the run before.
func (o *owner) begin(items int) {
	var ops []store.Op
	for n := range o.items {
		x := o.item(n)
		ops = append(ops, store.Op{Kind: kindHead, Key: x.ID.Key(), Delete: true}, store.Op{Kind: kindBody, Key: x.Digest.Key(), Delete: true})
	}
	if err := o.disk.Apply(ops...); err != nil {
		o.t.Fatal(err)
	}
	o.base += len(o.items)
	o.items, o.trace, o.now = make([]promise, items), nil, duelStart
	o.q = New[string](Options{Head: kindHead, Body: kindBody, Limits: crashLimits})
}

// when is where in a step the process dies.
type when int

const (
	not when = iota
	before
	after
)

// write carries ops out, unless the process dies; effect is what they promise once they are on disk.
func (o *owner) write(ops []store.Op, die when, effect func(), ids ...ID) {
	if die == before {
		o.crash()
		return
	}
	if len(ops) > 0 {
		if err := o.disk.Apply(ops...); err != nil {
			o.t.Fatal(err)
		}
		effect()
	}
	if die == after {
		o.crash()
		return
	}
	for _, id := range ids {
		o.q.Settle(o.now, id, true)
	}
}

// step does one thing of an alphabet: Append, Lease, Ack, Expire or Retake, to an item, dying or not.
func (o *owner) step(what byte, n int, die when) {
	o.trace = append(o.trace, fmt.Sprintf("%c%d/%d", what, n, die))
	x, p := o.item(n), &o.items[n]
	switch what {
	case 'A':
		ops, err := o.q.Append(x, head(true, x.Over), o.body(n))
		if known := err != nil; known != p.head || known && !errors.Is(err, ErrKnown) {
			o.fail("Append(%d): got %v, with a memory of it: %v", n, err, p.head)
		}
		o.write(ops, die, func() { *p = promise{here: true, head: true} }, x.ID)
	case 'L':
		o.q.Lease("line", o.now, o.now.Add(time.Minute))
	case 'K':
		ops := o.q.Ack(x.ID, head(false, x.Over))
		if (len(ops) > 0) != p.here {
			o.fail("Ack(%d): got %d ops, held: %v", n, len(ops), p.here)
		}
		o.write(ops, die, func() { p.here = false; p.done++ }, x.ID)
	case 'R':
		ops, err := o.q.Retake(x.ID, head(true, x.Over), o.body(n))
		if (err == nil) != (p.head && !p.here) {
			o.fail("Retake(%d): got %v, %+v", n, err, *p)
		}
		o.write(ops, die, func() { p.here, p.done = true, 0 }, x.ID)
	case 'E':
		o.expire(die)
	}
	o.check()
}

// expire lets an hour and a bit pass: bodies end, memories last an hour more.
func (o *owner) expire(die when) {
	if got := o.q.Expire(o.now.Add(100*time.Hour), false, nil); len(got.Ops) > 0 {
		o.fail("Expire by an untrusted clock: got %d ops", len(got.Ops))
	}
	o.now = o.now.Add(61 * time.Minute)
	ends := map[ID]bool{}
	e := o.q.Expire(o.now, true, func(x Item[string]) Ending {
		_, s, _ := o.q.Get(x.ID)
		if ends[x.ID] = s == Remembered; ends[x.ID] {
			return Ending{}
		}
		return Ending{Head: head(false, o.now.Add(time.Hour)), Until: o.now.Add(time.Hour)}
	})
	o.write(e.Ops, die, func() {
		for n := range o.items {
			if forgotten, over := ends[o.item(n).ID]; over {
				o.items[n] = promise{head: !forgotten}
			}
		}
	}, e.IDs...)
}

// check holds store and queue against what was promised.
func (o *owner) check() {
	var octets int64
	heads := 0
	for n, p := range o.items {
		x := o.item(n)
		body, err := o.disk.Get(kindBody, x.Digest.Key())
		if (err == nil) != p.here || err == nil && !bytes.Equal(body, o.body(n)) {
			o.fail("body %d on disk: got %v, %v, promised: %v", n, body, err, p.here)
		}
		if _, err := o.disk.Get(kindHead, x.ID.Key()); (err == nil) != p.head {
			o.fail("head %d on disk: got %v, promised: %v", n, err, p.head)
		}
		_, s, known := o.q.Get(x.ID)
		if leasable := s == Waiting || s == Leased; known != p.head || leasable != p.here {
			o.fail("item %d: got state %d, %v, want %+v", n, s, known, p)
		}
		if p.done > 1 {
			o.fail("item %d was delivered %d times", n, p.done)
		}
		if p.head {
			heads++
		}
		if p.here {
			octets += int64(x.Octets)
		}
	}
	if gotOctets, gotHeads := o.q.Used(); gotOctets != octets || gotHeads != heads {
		o.fail("quota: got %d octets, %d heads used, want %d, %d", gotOctets, gotHeads, octets, heads)
	}
}

func (o *owner) fail(format string, args ...any) {
	o.t.Helper()
	o.t.Fatalf("after %s: %s", strings.Join(o.trace, " "), fmt.Sprintf(format, args...))
}

// letters are all the steps: which act, on which item, dying where.
func letters() (out []func(*owner)) {
	for _, what := range []byte("AKRE") {
		for n := range crashItems {
			for _, die := range []when{not, before, after} {
				if what != 'E' || n == 0 {
					out = append(out, func(o *owner) { o.step(what, n, die) })
				}
			}
		}
	}
	return append(out, func(o *owner) { o.step('L', 0, not) }, func(o *owner) { o.crash(); o.check() })
}

func TestACrashBetweenAnyTwoStepsLosesAndRepeatsNothing(t *testing.T) {
	o, steps := newOwner(t), letters()
	share := 1
	if testing.Short() {
		share = 13 // with no factor in common with the number of steps
	}
	n := 0
	for _, first := range steps[:3] { // each run begins with an Append
		for i := range steps {
			for j := range steps {
				if n++; n%share != 0 {
					continue
				}
				o.begin(crashItems)
				for _, step := range []func(*owner){first, steps[i], steps[j]} {
					step(o)
				}
			}
		}
	}
}

func TestLongRunsWithCrashesLoseAndRepeatNothing(t *testing.T) {
	o := newOwner(t)
	runs := uint64(10)
	if testing.Short() {
		runs = 2
	}
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 9))
		const items = 12
		o.begin(items)
		for range 150 {
			o.step("AAAKKLLRE"[r.IntN(9)], r.IntN(items), []when{not, not, not, before, after}[r.IntN(5)])
		}
	}
}
