package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// small makes buckets turn over within a test.
var small = Options{BucketBytes: 64 << 10, Reserve: -1, eager: true}

func open(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func apply(t *testing.T, s *Store, ops ...Op) {
	t.Helper()
	if err := s.Apply(ops...); err != nil {
		t.Fatal(err)
	}
}

// model is what a store must hold.
type model map[string][]byte

func nameOf(kind Kind, key []byte) string { return string(append([]byte{byte(kind)}, key...)) }

// keys lists what Each visits of a kind.
func keys(t *testing.T, s *Store, k Kind) (out []string) {
	t.Helper()
	err := s.Each(k, func(key string, _ []byte) error {
		out = append(out, key)
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func (m model) apply(ops []Op) {
	for _, op := range ops {
		name := nameOf(op.Kind, []byte(op.Key))
		if op.Delete {
			delete(m, name)
		} else {
			m[name] = bytes.Clone(op.Value)
		}
	}
}

// check compares every value and every list of keys.
func (m model) check(t *testing.T, s *Store) {
	t.Helper()
	want := map[Kind][]string{}
	for name, value := range m {
		kind, key := Kind(name[0]), name[1:]
		got, err := s.Get(kind, key)
		if err != nil || !bytes.Equal(got, value) {
			t.Fatalf("Get(%d, %q): got %d octets, %v; want %d octets", kind, key, len(got), err, len(value))
		}
		want[kind] = append(want[kind], key)
	}
	for kind := range Kind(4) {
		slices.Sort(want[kind])
		if got := keys(t, s, kind); !slices.Equal(got, want[kind]) {
			t.Fatalf("Each(%d): got %v, want %v", kind, got, want[kind])
		}
	}
}

// randomBatch has one to five ops on few keys, now and then with a value in chunks.
func randomBatch(r *rand.Rand) []Op {
	ops := make([]Op, 1+r.IntN(5))
	for i := range ops {
		ops[i] = Op{Kind: Kind(r.IntN(4)), Key: "key" + strconv.Itoa(r.IntN(20)), Delete: r.IntN(3) == 0}
		n := r.IntN(2000)
		if r.IntN(40) == 0 {
			n = r.IntN(4 * maxInline)
		}
		ops[i].Value = make([]byte, n)
		for j := range ops[i].Value {
			ops[i].Value[j] = byte(r.Uint32())
		}
	}
	return ops
}

func TestRandomOperationsAgainstAMapWithReopens(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			dir, m := t.TempDir(), model{}
			s := open(t, dir, small)
			for step := range 1500 {
				ops := randomBatch(r)
				apply(t, s, ops...)
				m.apply(ops)
				switch r.IntN(60) {
				case 0:
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = open(t, dir, small)
				case 1:
					s.Abandon()
					s = open(t, dir, small)
				}
				if step%100 == 0 {
					m.check(t, s)
				}
			}
			m.check(t, s)
			st := s.Stats()
			if st.Repairs+st.Failures+st.Damaged != 0 {
				t.Errorf("a healthy disk: got %+v", st)
			}
			if limit := 2*st.Live + 6*small.BucketBytes + 4*4*maxInline; st.Disk > limit {
				t.Errorf("disk use: got %d octets for %d live, want at most %d", st.Disk, st.Live, limit)
			}
			checkAgrees(t, dir, s)
		})
	}
}

// settle waits until the owner has nothing left to tidy.
func settle(t *testing.T, s *Store) {
	t.Helper()
	before := int64(-1)
	for range 50 {
		if before == s.Stats().Written {
			return
		}
		before = s.Stats().Written
		apply(t, s, Op{Key: "not there", Delete: true})
		apply(t, s, Op{Key: "not there", Delete: true})
	}
	t.Fatal("the store never comes to rest")
}

// checkAgrees compares the running accounts with those a fresh survey makes.
func checkAgrees(t *testing.T, dir string, s *Store) {
	t.Helper()
	settle(t, s)
	rep, err := Check(dir)
	if err != nil {
		t.Fatal(err)
	}
	st := s.Stats()
	if rep.Live != st.Live || rep.Values != st.Records || rep.Torn != 0 || !rep.OK() || !rep.InUse {
		t.Errorf("Check: got %+v, want it to agree with %+v", rep, st)
	}
	for _, b := range rep.Buckets {
		i := slices.IndexFunc(s.buckets, func(o *bucket) bool { return o.name() == b.Name })
		if i < 0 || s.buckets[i].live > b.Live {
			t.Errorf("bucket %s: got live %d on disk", b.Name, b.Live)
		}
	}
}

func TestDeletedValueStaysDeletedWhenItsTombstonesBucketGoes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	keep := func(i int) Op { return Op{Key: "keep" + strconv.Itoa(i), Value: make([]byte, 1000)} }
	apply(t, s, Op{Key: "gone", Value: []byte("old")})
	for i := range 60 { // the first bucket stays more than half alive
		apply(t, s, keep(i))
	}
	for i := range 60 { // the second dies, all but the tombstone
		apply(t, s, Op{Key: "die" + strconv.Itoa(i), Value: make([]byte, 1000)})
	}
	apply(t, s, Op{Key: "gone", Delete: true})
	for i := range 60 {
		apply(t, s, Op{Key: "die" + strconv.Itoa(i), Delete: true})
	}
	for i := range 200 {
		apply(t, s, Op{Key: "turn over", Value: make([]byte, 1000+i)})
	}
	s.Abandon()
	s = open(t, dir, small)
	if b, err := s.Get(0, "gone"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after the tombstone moved: got %q, %v, want %v", b, err, ErrNotFound)
	}
}

func TestMovedTombstoneSparesALaterPut(t *testing.T) {
	var st state
	st.buckets = []*bucket{newBucket("", 1, 5), newBucket("", 2, 5), newBucket("", 3, 5)}
	k, seq := idOf(0, []byte("k")), st.buckets[1].first+3
	st.apply(&change{typ: typePut, id: k, at: loc{seq: seq, len: 20}})
	st.apply(&change{typ: typeTombstone, id: k, at: loc{seq: st.buckets[2].first + 9, len: 20}, grave: grave{upTo: seq - 1, oldest: 1, newest: 1}})
	if e := st.index.get(k); e == nil || e.seq != seq {
		t.Errorf("got %v, want the put of sequence %d", e, seq)
	}
}

// The newer record may be damaged, so that only the snapshot tells of it.
func TestReplayedPutSparesANewerOneOfTheSnapshot(t *testing.T) {
	var st state
	st.buckets = []*bucket{newBucket("", 1, 5), newBucket("", 2, 5)}
	k, newer := idOf(0, []byte("k")), st.buckets[1].first+3
	st.apply(&change{typ: typePut, id: k, at: loc{seq: newer, len: 20}})
	st.apply(&change{typ: typePut, id: k, at: loc{seq: newer - 1, len: 20}})
	if e := st.index.get(k); e == nil || e.seq != newer {
		t.Errorf("got %v, want the put of sequence %d", e, newer)
	}
}

func TestApplyReturnsAfterTheSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &gateDisk{disk: osDisk{}, hold: make(chan struct{})}
		o := small
		o.disk = d
		s := open(t, t.TempDir(), o)
		defer s.Close()
		apply(t, s, Op{Key: "first"})
		synctest.Wait() // the first batch is on disk, whenever it was answered
		d.gate.Store(true)
		result := make(chan error, 1)
		go func() { result <- s.Apply(Op{Key: "k", Value: []byte{1}}) }()
		synctest.Wait()
		if len(result) != 0 {
			t.Error("Apply returned while the disk was still syncing")
		}
		d.gate.Store(false)
		d.hold <- struct{}{}
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestConcurrentWritersShareSyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &gateDisk{disk: osDisk{}, hold: make(chan struct{})}
		o := small
		o.disk = d
		s := open(t, t.TempDir(), o)
		defer s.Close()
		apply(t, s, Op{Key: "first"})
		before := s.Stats().Syncs
		d.gate.Store(true)
		var all sync.WaitGroup
		for i := range 41 {
			all.Go(func() {
				if err := s.Apply(Op{Key: strconv.Itoa(i), Value: []byte{1}}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // one is being synced, the others wait for the next sync
		d.gate.Store(false)
		d.hold <- struct{}{}
		all.Wait()
		if got := s.Stats().Syncs - before; got > 2 {
			t.Errorf("41 writers: got %d syncs, want at most 2", got)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	s := open(t, t.TempDir(), small)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			key := "writer" + strconv.Itoa(w)
			for i := range 100 {
				value := bytes.Repeat([]byte{byte(w), byte(i)}, 1+500*(i%20))
				if err := s.Apply(Op{Key: key, Value: value}, Op{Key: key + "b", Value: value}); err != nil {
					t.Error(err)
				}
				got, err := s.Get(0, key)
				if err != nil || !bytes.Equal(got, value) {
					t.Errorf("%s round %d: got %d octets, %v, want %d", key, i, len(got), err, len(value))
				}
				keys(t, s, 0)
				s.Stats()
			}
		})
	}
	all.Wait()
}

func TestFullStoreRefusesGrowthAndKeepsTheRest(t *testing.T) {
	o := small
	o.MaxBytes = 100_000
	s := open(t, t.TempDir(), o)
	m := model{}
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		ops := []Op{{Key: strconv.Itoa(i), Value: make([]byte, 5000)}}
		if err = s.Apply(ops...); err == nil {
			m.apply(ops)
		}
	}
	if !errors.Is(err, ErrFull) || len(m) != 19 {
		t.Errorf("got %d values and %v, want 19 and %v", len(m), err, ErrFull)
	}
	m.check(t, s)
	shrink := []Op{{Key: "3", Value: make([]byte, 10)}, {Key: "4", Delete: true}}
	apply(t, s, shrink...)
	m.apply(shrink)
	apply(t, s, Op{Key: "new", Value: make([]byte, 9000)})
	m.apply([]Op{{Key: "new", Value: make([]byte, 9000)}})
	m.check(t, s)
}

func TestReserveIsKeptFree(t *testing.T) {
	d := &faultDisk{disk: osDisk{}, freeBytes: 70 << 20}
	s := open(t, t.TempDir(), Options{disk: d})
	apply(t, s, Op{Key: "fits", Value: make([]byte, 1<<20)})
	d.mu.Lock()
	d.freeBytes = 64<<20 + 1000
	d.mu.Unlock()
	if err := s.Apply(Op{Key: "more", Value: make([]byte, 1<<20)}); !errors.Is(err, ErrFull) {
		t.Errorf("below the reserve: got %v, want %v", err, ErrFull)
	}
	if err := s.Apply(Op{Key: "fits", Delete: true}); err != nil {
		t.Errorf("deletion below the reserve: got %v", err)
	}
}

func TestSecondOpenNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	_, err := Open(dir, small)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("got %v, want %v naming process %d", err, ErrLocked, os.Getpid())
	}
	s.Close()
	open(t, dir, small)
}

func TestClosedStoreAnswersErrClosed(t *testing.T) {
	s := open(t, t.TempDir(), small)
	s.Close()
	if err := s.Apply(Op{Key: "k"}); !errors.Is(err, ErrClosed) {
		t.Errorf("Apply: got %v, want %v", err, ErrClosed)
	}
	if _, err := s.Get(0, "k"); !errors.Is(err, ErrClosed) {
		t.Errorf("Get: got %v, want %v", err, ErrClosed)
	}
}

func TestLimitsOfAnOp(t *testing.T) {
	s := open(t, t.TempDir(), small)
	largest := Op{Key: strings.Repeat("k", MaxKey), Value: make([]byte, MaxValue)}
	apply(t, s, largest)
	if got, err := s.Get(0, largest.Key); err != nil || len(got) != MaxValue {
		t.Errorf("largest value: got %d octets, %v", len(got), err)
	}
	for _, op := range []Op{{Key: largest.Key + "k"}, {Value: make([]byte, MaxValue+1)}} {
		if err := s.Apply(op); err == nil {
			t.Errorf("key of %d, value of %d octets: got no error", len(op.Key), len(op.Value))
		}
	}
}

func TestNothingToDoWritesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	apply(t, s, Op{Key: "k", Value: []byte("v")})
	s.Close()
	d := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40}
	o := small
	o.disk = d
	s = open(t, dir, o)
	d.calls = nil
	apply(t, s, Op{Key: "not there", Delete: true})
	if _, err := s.Get(0, "k"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got, want := d.calls, []string{"open"}; !slices.Equal(got, want) {
		t.Errorf("disk calls: got %v, want %v", got, want)
	}
}
