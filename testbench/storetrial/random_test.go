package storetrial

import (
	"errors"
	"flag"
	"fmt"
	"testing"

	"packhorse/store"
)

var (
	onlySeed = flag.Int("seed", -1, "run the random operations of this seed only")
	steps    = flag.Int("steps", 0, "so many random operations of each seed; 0 is the usual number")
)

// TestAMillionRandomOperationsAgreeWithAMap draws from ten seeds, of which every other seals its records.
func TestAMillionRandomOperationsAgreeWithAMap(t *testing.T) {
	const seeds = 10
	each := 1_000_000 / seeds
	if testing.Short() {
		each = 2_000
	}
	if *steps > 0 {
		each = *steps
	}
	for seed := range seeds {
		if *onlySeed >= 0 && seed != *onlySeed {
			continue
		}
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			x := newTrial(t, seed)
			for x.step = range each {
				x.next()
			}
			x.end()
		})
	}
}

// trial is a store, what it must hold, and what is done to it next.
type trial struct {
	*draw
	t    *testing.T
	seed int
	step int
	dir  string
	o    store.Options
	s    *store.Store
	m    model
	wide int64 // the largest bucket size so far
}

func newTrial(t *testing.T, seed int) *trial {
	x := &trial{draw: newDraw(uint64(seed), 1), t: t, seed: seed, dir: place(t), m: model{},
		o: store.Options{Reserve: -1, MaxBytes: 1 << 20}}
	if seed%2 == 1 {
		x.o.Cipher = seal(t, 1)
	}
	x.open()
	t.Cleanup(func() { x.s.Close() })
	return x
}

// must ends the trial where the store is wrong, and says how to come to the same step again.
func (x *trial) must(wrong ...string) {
	x.t.Helper()
	if len(wrong) > 0 {
		x.t.Fatalf("step %d of seed %d: %s\nagain: go test -run=MillionRandom ./testbench/storetrial -args -seed=%d -steps=%d",
			x.step, x.seed, wrong[0], x.seed, x.step+1)
	}
}

func (x *trial) open() {
	x.o.BucketBytes = []int64{4 << 10, 16 << 10, 64 << 10, 256 << 10}[x.IntN(4)]
	x.wide = max(x.wide, x.o.BucketBytes)
	s, err := store.Open(x.dir, x.o)
	if err != nil {
		x.must(say("Open: %v", err))
	}
	x.s = s
}

// next does one thing.
func (x *trial) next() {
	switch i := x.IntN(10_000); {
	case i < 6_500:
		x.write()
	case i < 9_700:
		x.must(x.m.compareOne(x.s, x.name())...)
	case i < 9_950:
		x.stats()
	case i < 9_970:
		x.must(x.m.compareKind(x.s, store.Kind(x.IntN(int(kinds))))...)
	case i < 9_998:
		x.reopen()
	default:
		x.must(x.m.compare(x.s)...)
	}
}

// write applies a batch, which only a full store may refuse.
func (x *trial) write() {
	changes := x.batch()
	before := x.s.Stats().Live
	switch err := x.s.Apply(opsOf(changes)...); {
	case err == nil:
		x.m.apply(changes)
	case !errors.Is(err, store.ErrFull) || before+weightOf(changes) <= x.o.MaxBytes:
		x.must(say("Apply to %d octets: %v", before, err))
	}
}

// weightOf is the most that a batch can take on disk.
func weightOf(changes []change) (n int64) {
	const header = 56
	for _, c := range changes {
		if !c.delete {
			n += int64(c.size) + int64(len(c.key)+header)*int64(2+c.size>>16)
		}
	}
	return n
}

func (x *trial) stats() {
	var least, most int64
	for n, h := range x.m {
		least += int64(h.size + len(n.key))
		most += weightOf([]change{{name: n, held: h}})
	}
	st := x.s.Stats()
	if st.Records != len(x.m) || st.Live < least || st.Live > most || st.Live > x.o.MaxBytes || st.Disk < st.Live {
		x.must(say("Stats: got %+v, want %d records of %d to %d octets", st, len(x.m), least, most))
	}
	if st.Failures+st.Damaged != 0 || st.Repairs > 1 { // one when it was abandoned while it tidied up
		x.must(say("Stats: got %+v on a healthy disk", st))
	}
	if room := x.s.Room(); room != x.o.MaxBytes-st.Live {
		x.must(say("Room: got %d, want %d", room, x.o.MaxBytes-st.Live))
	}
}

// reopen ends the store in one of two ways and tries keys that are none.
func (x *trial) reopen() {
	if _, err := store.Open(x.dir, x.o); !errors.Is(err, store.ErrLocked) {
		x.must(say("Open while open: got %v, want %v", err, store.ErrLocked))
	}
	if x.IntN(2) == 0 {
		x.s.Abandon()
	} else if err := x.s.Close(); err != nil {
		x.must(say("Close: %v", err))
	}
	if len(x.m) > 0 && x.IntN(4) == 0 {
		x.wrongKey()
	}
	x.open()
}

func (x *trial) wrongKey() {
	o, want := x.o, store.ErrNotSealed
	o.Cipher = seal(x.t, 2)
	if x.o.Cipher != nil {
		want = store.ErrWrongKey
	}
	if s, err := store.Open(x.dir, o); !errors.Is(err, want) {
		x.must(say("Open with another key: got %v, %v, want %v", s, err, want))
	}
}

// end compares everything, with what a fresh look at the files says too.
func (x *trial) end() {
	x.must(x.m.compare(x.s)...)
	x.stats()
	x.settle()
	st := x.s.Stats()
	if most := 3*st.Live + 8*x.wide + 8*largest/4; st.Disk > most {
		x.must(say("disk use: got %d octets for %d live, want at most %d", st.Disk, st.Live, most))
	}
	x.check(st)
	x.s.Abandon()
	x.open()
	x.must(x.m.compare(x.s)...)
}

// settle writes nothing until the store has nothing left to do of its own.
func (x *trial) settle() {
	before := int64(-1)
	for range 200 {
		if before == x.s.Stats().Written {
			return
		}
		before = x.s.Stats().Written
		for range 2 {
			if err := x.s.Apply(store.Op{Key: "not there", Delete: true}); err != nil {
				x.must(err.Error())
			}
		}
	}
	x.must("the store never comes to rest")
}

func (x *trial) check(st store.Stats) {
	if x.o.Cipher != nil {
		return
	}
	rep, err := store.Check(x.dir)
	if err != nil || !rep.OK() || rep.Torn != 0 || !rep.InUse || rep.Values != len(x.m) || rep.Live != st.Live {
		x.must(say("Check: got %+v, %v, want %d values of %d octets", rep, err, len(x.m), st.Live))
	}
}
