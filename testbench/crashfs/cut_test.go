//go:build linux

package crashfs

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"packhorse/store"
)

// workers check images side by side; most of the time they wait for the kernel.
const workers = 3

// cut is a crash of the power at a position.
type cut struct {
	position int
	seed     uint64
}

// cuts chooses moments of a history: any, just after an acknowledgement, when the store showed what a killed process
// had written, and just before a flush, when most is in the cache.
func (h *history) cuts(r *rand.Rand, n int) []cut {
	flushes := slices.DeleteFunc(h.disk.Flushes(), func(p int) bool { return p <= h.start || p > h.end })
	out := make([]cut, n)
	for i := range out {
		out[i] = cut{h.start + r.IntN(h.end-h.start+1), r.Uint64()}
		switch {
		case i%4 == 1 && len(h.seen) > 0:
			out[i].position = h.seen[r.IntN(len(h.seen))]
		case (i%4 == 1 || i%4 == 2) && len(h.acks) > 0:
			out[i].position = h.acks[r.IntN(len(h.acks))]
		case i%4 == 3 && len(flushes) > 0:
			out[i].position = flushes[r.IntN(len(flushes))] - 1
		}
	}
	slices.SortFunc(out, func(a, b cut) int { return a.position - b.position })
	return out
}

// examine makes and judges the images of so many cuts; every nest-th one is cut again while it
// recovers, at so many places. 0 does none.
func (h *history) examine(t *testing.T, seed uint64, n, nest, places int) (sum verdict) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, workers)
	r := rand.New(rand.NewPCG(seed, 7))
	for i, c := range h.cuts(r, n) {
		d, err := h.disk.Image(c.position, c.seed)
		if err != nil {
			t.Fatal(err)
		}
		again := 0
		if nest > 0 && i%nest == 0 {
			again = places
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			found, err := inspect(d, h.at(c.position), again, c.seed)
			mu.Lock()
			defer mu.Unlock()
			for _, v := range found {
				sum.add(v)
				for _, f := range v.faults {
					if h.quiet {
						break
					}
					t.Logf("cut at %d of %d, seed %d: %s", c.position, h.end, c.seed, f)
				}
			}
			if err != nil {
				t.Errorf("cut at %d of %d, seed %d: %v", c.position, h.end, c.seed, err)
			}
		})
	}
	all.Wait()
	return sum
}

// inspect mounts an image, opens the store in it and judges. Then it cuts the power again
// at some positions of what mount, Open and a first write did.
func inspect(d *Disk, w []want, again int, seed uint64) ([]verdict, error) {
	start := d.Position()
	v, settled, opened, err := inspectOnce(d, w)
	found := []verdict{v}
	r := rand.New(rand.NewPCG(seed, 5))
	end := d.Position()
	for range again {
		if err != nil {
			break
		}
		position := start + r.IntN(end-start+1)
		expect := w
		if position >= opened { // what Open showed has to stay
			expect = settled
		}
		image, e := d.Image(position, r.Uint64())
		if err = e; err != nil {
			break
		}
		v, _, _, err = inspectOnce(image, expect)
		found = append(found, v)
	}
	return found, err
}

// inspectOnce tells also what is settled now, and the position at which Open had returned.
func inspectOnce(d *Disk, w []want) (v verdict, settled []want, opened int, err error) {
	v.images = 1
	vol, err := Mount(d, "")
	if err != nil {
		return v, nil, 0, err
	}
	defer func() { err = errors.Join(err, vol.Close()) }()
	dir := storeDir(vol)
	v.healthy(dir, false)
	s, e := store.Open(dir, (&script{}).options())
	opened = d.Position()
	if e != nil {
		v.fault(&v.damaged, "Open: %v", e)
		return v, w, opened, nil
	}
	settled = v.judge(s, w)
	if e := s.Apply(store.Op{Kind: probe.kind, Key: probe.key, Value: make([]byte, 100)}); e != nil {
		v.fault(&v.damaged, "a write after Open: %v", e)
	}
	if e := s.Close(); e != nil {
		v.fault(&v.damaged, "Close: %v", e)
	}
	v.healthy(dir, true)
	return v, settled, opened, nil
}

// probe is written to each store that was opened.
var probe = name{kinds, "probe"}

// healthy asks Check, which may report a torn tail only before Open.
func (v *verdict) healthy(dir string, opened bool) {
	if _, err := os.Stat(dir); err != nil && !opened {
		return // the power went before the store was made
	}
	rep, err := store.Check(dir)
	switch {
	case err != nil:
		v.fault(&v.damaged, "Check, opened %v: %v", opened, err)
	case !rep.OK():
		v.fault(&v.alarms, "Check, opened %v: got damage %+v, want none", opened, rep.Damage)
	case opened && rep.Torn > 0:
		v.fault(&v.damaged, "Check after Open: got %d octets torn, want 0", rep.Torn)
	}
}

// judge looks for all records of all writers, by key and by list, and for records of nobody.
func (v *verdict) judge(s *store.Store, w []want) []want {
	settled := make([]want, len(w))
	all := model{}
	for i := range w {
		settled[i].sure = v.writer(observe(s, i), w[i])
		maps.Copy(all, settled[i].sure)
	}
	if v.found() == 0 {
		v.list(s, all)
	}
	st := s.Stats()
	v.repairs += st.Repairs
	if st.Damaged > 0 {
		v.fault(&v.alarms, "Open: got %d stretches of damage, want 0", st.Damaged)
	}
	return settled
}

// list compares what Each, OpenValue and Stats show.
func (v *verdict) list(s *store.Store, all model) {
	listed := 0
	for kind := range store.Kind(kinds + 1) {
		err := s.Each(kind, func(key string, value []byte) error {
			listed++
			n := name{kind, key}
			if want, there := all[n]; n != probe && (!there || !bytes.Equal(value, want) || !streams(s, n, want)) {
				v.fault(&v.altered, "%v: Each or OpenValue got something else, %d octets, want %d", n, len(value), len(want))
			}
			return nil
		}, func(err error) { v.fault(&v.altered, "Each: %v", err) })
		if err != nil {
			v.fault(&v.damaged, "Each: %v", err)
		}
	}
	want := len(all)
	if _, err := s.Get(probe.kind, probe.key); err == nil {
		want++
	}
	if got := s.Stats().Records; listed != want || got != want {
		v.fault(&v.returned, "got %d values listed and %d counted, want %d", listed, got, want)
	}
}

// streams reads a value in parts.
func streams(s *store.Store, n name, want []byte) bool {
	r, err := s.OpenValue(n.kind, n.key)
	if err != nil {
		return false
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	return err == nil && bytes.Equal(got, want)
}
