package storetrial

import (
	"encoding/binary"
	"errors"
	"maps"
	"sync"
	"testing"

	"packhorse/store"
)

// TestManyUsersThroughCrashes has writers and readers at work at once when the store is abandoned, again and
// again: what was acknowledged is there, what was not is there whole or not at all, and no reader ever sees a
// value that nobody wrote, an older one after a newer, or half a batch.
func TestManyUsersThroughCrashes(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 6
	}
	for _, key := range []byte{0, 1} {
		t.Run(map[byte]string{0: "clear", 1: "sealed"}[key], func(t *testing.T) {
			t.Parallel()
			c := newCrew(t, key)
			for range rounds {
				c.round()
			}
		})
	}
}

// crew is a store and its users. Each writer has keys of its own.
type crew struct {
	t       *testing.T
	dir     string
	o       store.Options
	writers []*writer
}

type writer struct {
	*draw
	m      model
	unsure []change // a batch that the crash overtook
	err    error
}

func newCrew(t *testing.T, key byte) *crew {
	c := &crew{t: t, dir: place(t), o: store.Options{Reserve: -1, BucketBytes: 32 << 10}}
	if key != 0 {
		c.o.Cipher = seal(t, key)
	}
	for i := range 4 {
		w := &writer{draw: newDraw(uint64(i), uint64(key)), m: model{}}
		w.owner = string(rune('a' + i))
		w.numbers = uint64(i) << 56
		c.writers = append(c.writers, w)
	}
	return c
}

// round lets everybody work until the readers are through, and then crashes.
func (c *crew) round() {
	s, err := store.Open(c.dir, c.o)
	if err != nil {
		c.t.Fatal(err)
	}
	defer s.Close()
	c.compare(s)
	var writing, reading sync.WaitGroup
	for _, w := range c.writers {
		writing.Go(func() { w.write(s) })
	}
	for range 2 {
		r := &reader{t: c.t, s: s, latest: map[name]uint64{}}
		reading.Go(r.read)
	}
	reading.Wait()
	s.Abandon()
	writing.Wait()
	for _, w := range c.writers {
		if !errors.Is(w.err, store.ErrClosed) {
			c.t.Fatalf("writer %s: got %v, want %v", w.owner, w.err, store.ErrClosed)
		}
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// write goes on until the store is gone. The values of a batch have one number, so that a reader can tell a batch.
func (w *writer) write(s *store.Store) {
	for {
		changes := append(w.batch(), w.pair()...)
		if w.err = s.Apply(opsOf(changes)...); w.err != nil {
			w.unsure = changes
			return
		}
		w.m.apply(changes)
	}
}

// pairs are the keys whose values always come in one batch.
var pairs = []string{" left", " right"}

const pairKind = kinds - 1

func (w *writer) pair() (both []change) {
	w.numbers++
	for _, side := range pairs {
		both = append(both, change{name: name{pairKind, w.owner + side}, held: held{w.numbers, 8 + w.size()}})
	}
	return both
}

// compare finds out which of the batches that were under way are there.
func (c *crew) compare(s *store.Store) {
	c.t.Helper()
	all := model{}
	for _, w := range c.writers {
		with := maps.Clone(w.m)
		with.apply(w.unsure)
		if len(with.compareAll(s, w.unsure)) == 0 {
			w.m = with
		} else if wrong := w.m.compareAll(s, w.unsure); len(wrong) > 0 {
			c.t.Fatalf("writer %s, neither without its last batch nor with it: %s", w.owner, wrong[0])
		}
		w.unsure = nil
		maps.Copy(all, w.m)
	}
	if wrong := all.compare(s); len(wrong) > 0 {
		c.t.Fatal(wrong[0])
	}
}

// compareAll gets what a batch touches.
func (m model) compareAll(s *store.Store, batch []change) (wrong []string) {
	for _, c := range batch {
		wrong = append(wrong, m.compareOne(s, c.name)...)
	}
	return wrong
}

// reader looks at everything while it changes.
type reader struct {
	t      *testing.T
	s      *store.Store
	latest map[name]uint64 // number last seen
}

func (r *reader) read() {
	for range 5 {
		for kind := range kinds {
			err := each(r.s, kind, func(key string, value []byte) { r.look(name{kind, key}, value) })
			if err != nil {
				r.t.Errorf("Each(%d) while others write: %v", kind, err)
			}
		}
		for _, owner := range []string{"a", "b", "c", "d"} {
			first, second := r.get(name{pairKind, owner + pairs[0]}), r.get(name{pairKind, owner + pairs[1]})
			if second < first {
				r.t.Errorf("writer %s: half of batch %d is there, the other half is of batch %d", owner, first, second)
			}
		}
		if st := r.s.Stats(); st.Damaged+st.Failures != 0 || r.s.Room() == 0 {
			r.t.Errorf("Stats: got %+v on a healthy disk", st)
		}
	}
}

func (r *reader) get(n name) uint64 {
	value, err := r.s.Get(n.kind, n.key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		r.t.Errorf("Get(%d, %q) while others write: %v", n.kind, n.key, err)
	}
	if err != nil {
		return 0
	}
	return r.look(n, value)
}

// look judges a value by what it says of itself.
func (r *reader) look(n name, value []byte) uint64 {
	if len(value) < 8 {
		return 0
	}
	h := held{binary.BigEndian.Uint64(value), len(value)}
	if !h.is(value) {
		r.t.Errorf("%d, %q: %d octets that nobody wrote", n.kind, n.key, len(value))
	}
	if h.number < r.latest[n] {
		r.t.Errorf("%d, %q: value %d after value %d", n.kind, n.key, h.number, r.latest[n])
	}
	r.latest[n] = h.number
	return h.number
}
