package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// worn makes a store of several buckets that turned over, with large values and deletions, and no snapshot.
func worn(t *testing.T, dir string, o Options) {
	t.Helper()
	s := open(t, dir, o)
	r := rand.New(rand.NewPCG(11, 4))
	for range 150 {
		apply(t, s, randomBatch(r)...)
	}
	apply(t, s, Op{Kind: 9, Key: "large", Value: bytes.Repeat([]byte("x"), 2*maxInline+1)})
	apply(t, s, Op{Kind: 9, Key: "last", Value: []byte("x")})
	s.Abandon()
}

// readable is what a store answers without an error.
func readable(t *testing.T, dir string, o Options) model {
	t.Helper()
	s := open(t, dir, o)
	defer s.Close()
	out := model{}
	for k := range Kind(16) {
		err := s.Each(k, func(key string, value []byte) error {
			out[nameOf(k, []byte(key))] = value
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func copyStore(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// segments are the buckets' files, in order.
func segments(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := parseSegmentName(e); ok {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// hit changes some octets of a file.
func hit(t *testing.T, file string, r *rand.Rand) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for range 1 + r.IntN(4) {
		at := r.IntN(len(b))
		for i := at; i < min(len(b), at+1+r.IntN(600)); i++ {
			b[i] ^= byte(1 + r.IntN(255))
		}
	}
	rewrite(t, file, b)
}

func repaired(t *testing.T, dir string, o Options) *Repaired {
	t.Helper()
	r, err := Repair(dir, RepairOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantWhole(t *testing.T, dir string, o Options) *Report {
	t.Helper()
	r, err := Inspect(dir, LookOptions{Cipher: o.Cipher})
	if err != nil || !r.OK() || r.Torn > 0 || len(r.Leftovers) > 0 {
		t.Errorf("after repair: got %+v, %v, want a whole store", r, err)
	}
	return r
}

func TestRepairKeepsAllThatIsWholeAndPutsDamageAside(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		o := Options{BucketBytes: 32 << 10, Reserve: -1}
		if sealed {
			o.Cipher = testCipher(t, 1)
		}
		whole := filepath.Join(t.TempDir(), "whole")
		worn(t, whole, o)
		for seed := range uint64(12) {
			r := rand.New(rand.NewPCG(seed, 1))
			dir := copyStore(t, whole)
			files := segments(t, dir)
			file := files[r.IntN(len(files)-1)] // damage in the last may be a torn tail
			hit(t, file, r)
			damaged, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := readable(t, dir, o)
			rep := repaired(t, dir, o)
			name := filepath.Base(file)
			if len(rep.Quarantine) != 1 || rep.Quarantine[0].Name != name || !rep.Changed() {
				t.Fatalf("seed %d: got %+v, want %s put aside", seed, rep, name)
			}
			if b, err := os.ReadFile(filepath.Join(dir, quarantineName, name)); err != nil || !bytes.Equal(b, damaged) {
				t.Errorf("seed %d: what was put aside: got %d octets, %v, want the %d there were", seed, len(b), err, len(damaged))
			}
			if got := wantWhole(t, dir, o).Quarantine; !slices.Equal(got, rep.Quarantine) {
				t.Errorf("seed %d: quarantine: got %v, want %v", seed, got, rep.Quarantine)
			}
			if again := repaired(t, dir, o); again.Changed() {
				t.Errorf("seed %d: a second repair found %+v to do", seed, again)
			}
			want.check(t, open(t, dir, o))
		}
	}
}

// TestRepairNamesEveryValueThatBecomesOlder has a snapshot know of the newest values.
func TestRepairNamesEveryValueThatBecomesOlder(t *testing.T) {
	older := 0
	for _, sealed := range []bool{false, true} {
		o := Options{BucketBytes: 32 << 10, Reserve: -1}
		if sealed {
			o.Cipher = testCipher(t, 1)
		}
		whole := filepath.Join(t.TempDir(), "whole")
		worn(t, whole, o)
		open(t, whole, o).Close()
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 2))
			dir := copyStore(t, whole)
			files := segments(t, dir)
			for range 3 {
				hit(t, files[r.IntN(len(files))], r)
			}
			want := readable(t, copyStore(t, dir), o)
			olders := map[string]bool{}
			for _, l := range repaired(t, dir, o).Lost {
				if l.Older {
					older++
					olders[nameOf(l.Kind, []byte(l.Key))] = true
				}
				if l.Older && l.Guessed {
					t.Errorf("seed %d: the snapshot knows of %+v", seed, l)
				}
			}
			got := readable(t, dir, o)
			for name := range got {
				if olders[name] {
					delete(got, name)
				}
			}
			want.same(t, got)
		}
	}
	if older == 0 {
		t.Error("no value became older: nothing was tested")
	}
}

func TestRepairSaysWhatWasLost(t *testing.T) {
	o := Options{Reserve: -1}
	fill := func(b byte) []byte { return bytes.Repeat([]byte{b}, 1000) }
	for _, tc := range []struct {
		name  string
		prior []Op // of an earlier batch
		op    Op   // whose record is damaged
		after []Op
		spoil []byte // octets of the record to spoil
		want  []Loss
		drops []Name
	}{
		{name: "the only value", op: Op{Kind: 3, Key: "k", Value: fill('z')}, spoil: fill('z'),
			want: []Loss{{Named: true, Guessed: true, Kind: 3, Key: "k"}}},
		{name: "a newer value", prior: []Op{{Kind: 3, Key: "k", Value: []byte("old")}}, op: Op{Kind: 3, Key: "k", Value: fill('z')}, spoil: fill('z'),
			want: []Loss{{Named: true, Guessed: true, Kind: 3, Key: "k", Older: true}}},
		{name: "a value replaced since", op: Op{Kind: 3, Key: "k", Value: fill('z')}, after: []Op{{Kind: 3, Key: "k"}}, spoil: fill('z')},
		{name: "a value deleted since", op: Op{Kind: 3, Key: "k", Value: fill('z')}, after: []Op{{Kind: 3, Key: "k", Delete: true}}, spoil: fill('z')},
		{name: "a name", op: Op{Kind: 3, Key: "name", Value: fill('z')}, spoil: []byte("\x04name"),
			want: []Loss{{Named: true, Guessed: true, Kind: 3, Key: "n`me"}}},
		{name: "an envelope", op: Op{Kind: 3, Key: "k", Value: fill('z')}, spoil: []byte{0xf9, 7, versionClear, byte(typePut)},
			want: []Loss{{Records: 1}}},
		{name: "a deletion", prior: []Op{{Kind: 3, Key: "k", Value: []byte("old")}}, op: Op{Kind: 3, Key: "k", Delete: true},
			spoil: []byte{0, 0, 0, 1, 0, 0, 0, 1}, want: []Loss{{Named: true, Guessed: true, Kind: 3, Key: "k", Deletion: true, Older: true}}},
		{name: "a piece", op: Op{Kind: 3, Key: "k", Value: append(bytes.Repeat([]byte{'y'}, maxInline), fill('z')...)}, spoil: fill('z'),
			drops: []Name{{3, "k"}}},
	} {
		for _, snapshot := range []bool{true, false} {
			t.Run(fmt.Sprint(tc.name, ", snapshot ", snapshot), func(t *testing.T) {
				dir := t.TempDir()
				s := open(t, dir, o)
				for _, ops := range [][]Op{tc.prior, {tc.op}, {{Key: "next"}}, tc.after} {
					if len(ops) > 0 {
						apply(t, s, ops...)
					}
				}
				s.Close()
				if !snapshot {
					os.Remove(filepath.Join(dir, snapshotName))
				}
				spoil(t, dir, tc.spoil)
				r := repaired(t, dir, o)
				want := slices.Clone(tc.want)
				if snapshot && tc.op.Delete {
					want = nil // it knows of the deletion
				}
				for i := range want { // the snapshot knows for certain
					want[i].Guessed = want[i].Guessed && !(snapshot && want[i].Key == tc.op.Key && !tc.op.Delete)
				}
				for i := range r.Lost {
					if r.Lost[i].File == "" {
						t.Errorf("no file in %+v", r.Lost[i])
					}
					r.Lost[i].File, r.Lost[i].Offset, r.Lost[i].to = "", 0, 0
				}
				if !slices.Equal(r.Lost, want) || !slices.Equal(r.Dropped, tc.drops) {
					t.Errorf("got %+v, dropped %v, want %+v, %v", r.Lost, r.Dropped, want, tc.drops)
				}
				wantWhole(t, dir, o)
			})
		}
	}
}

func TestRepairOfASealedStoreNamesWhatTheSnapshotKnows(t *testing.T) {
	dir := t.TempDir()
	o := Options{Reserve: -1, Cipher: testCipher(t, 1)}
	s := open(t, dir, o)
	apply(t, s, Op{Kind: 3, Key: "k", Value: []byte("old")}, Op{Kind: 3, Key: "once", Value: []byte("x")})
	apply(t, s, Op{Kind: 3, Key: "k", Value: make([]byte, 1000)}, Op{Kind: 3, Key: "once", Value: make([]byte, 1000)})
	apply(t, s, Op{Kind: 3, Key: "alone", Value: make([]byte, 1000)})
	apply(t, s, Op{Key: "next"})
	file := s.buckets[0].path()
	var at []uint32
	for _, key := range []string{"k", "alone"} {
		at = append(at, s.index.get(idOf(3, []byte(key))).off)
	}
	s.Close()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range at {
		b[off+500] ^= 1
	}
	rewrite(t, file, b)
	r := repaired(t, dir, o)
	if len(r.Lost) != 2 || !r.Lost[0].Named || r.Lost[0].Guessed || r.Lost[0].Key != "k" || !r.Lost[0].Older || r.Lost[1].Named || r.Lost[1].Records != 1 {
		t.Errorf("got %+v, want k with an older value, and one without a name", r.Lost)
	}
	wantWhole(t, dir, o)
}

func TestRepairSavesWhatOnlyTheSnapshotFinds(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		o := Options{Reserve: -1}
		if sealed {
			o.Cipher = testCipher(t, 1)
		}
		dir := t.TempDir()
		s := open(t, dir, o)
		large := bytes.Repeat([]byte("l"), maxInline+300)
		apply(t, s, Op{Kind: 3, Key: "k", Value: []byte("old")})
		apply(t, s, Op{Kind: 3, Key: "k", Value: make([]byte, 300)}, Op{Kind: 3, Key: "large", Value: large})
		apply(t, s, Op{Key: "next"})
		e, l, file := s.index.get(idOf(3, []byte("k"))), s.large[idOf(3, []byte("large"))], s.buckets[0].path()
		at := []uint32{e.off, l.chunks[1].off, s.index.get(idOf(3, []byte("large"))).off}
		s.Close()
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, off := range at {
			b[off-1] ^= 0x08 // the length before the record
		}
		rewrite(t, file, b)
		r := repaired(t, dir, o)
		if len(r.Quarantine) != 1 || len(r.Lost) != 0 || len(r.Dropped) != 0 || r.Rescued < 4 {
			t.Errorf("sealed %v: got %+v, want all saved", sealed, r)
		}
		wantWhole(t, dir, o)
		model{nameOf(3, []byte("k")): make([]byte, 300), nameOf(3, []byte("large")): large, nameOf(0, []byte("next")): {}}.same(t, readable(t, dir, o))
	}
}

func TestQuarantineReplacesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	o := Options{BucketBytes: 32 << 10, Reserve: -1}
	worn(t, dir, o)
	file := segments(t, dir)[0]
	hit(t, file, rand.New(rand.NewPCG(1, 1)))
	mine := filepath.Join(dir, quarantineName, filepath.Base(file))
	if err := os.Mkdir(filepath.Dir(mine), 0o700); err != nil {
		t.Fatal(err)
	}
	rewrite(t, mine, []byte("mine"))
	repaired(t, dir, o)
	if b, err := os.ReadFile(mine); err != nil || string(b) != "mine" {
		t.Errorf("what was there: got %d octets, %v", len(b), err)
	}
	if _, err := os.Stat(mine + ".2"); err != nil {
		t.Error(err)
	}
}

func TestRepairLeavesASnapshotOfWhatIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	o := Options{BucketBytes: 32 << 10, Reserve: -1}
	worn(t, dir, o)
	hit(t, segments(t, dir)[0], rand.New(rand.NewPCG(1, 1)))
	repaired(t, dir, o)
	s := open(t, dir, o)
	sameAsScanned(t, dir, s)
	if st := s.Stats(); st.FullScan != "" || st.Damaged != 0 || len(st.Quarantine) != 1 {
		t.Errorf("got %+v, want no scan, no damage and one bucket put aside", st)
	}
}

func TestRepairForgetsABucketThatIsLost(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	o := Options{BucketBytes: 32 << 10, Reserve: -1}
	worn(t, dir, o)
	s := open(t, dir, o)
	fullest := slices.MaxFunc(s.buckets, func(a, b *bucket) int { return cmp.Compare(a.live, b.live) })
	s.Close() // leaves a snapshot
	os.Remove(fullest.path())
	want := readable(t, copyStore(t, dir), o)
	r := repaired(t, dir, o)
	if len(r.Damage) != 1 || len(r.Lost) == 0 || r.Lost[0].Records == 0 || !r.Changed() {
		t.Errorf("got %+v, want what the lost bucket held", r)
	}
	wantWhole(t, dir, o)
	got := readable(t, dir, o)
	for _, l := range r.Lost {
		if l.Older {
			delete(got, nameOf(l.Kind, []byte(l.Key)))
		}
	}
	want.same(t, got)
}

func (m model) same(t *testing.T, got model) {
	t.Helper()
	if !maps.EqualFunc(m, got, bytes.Equal) {
		t.Errorf("got %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(m)))
	}
}

// spoil changes the middle of the one place in a store that holds some octets.
func spoil(t *testing.T, dir string, octets []byte) {
	t.Helper()
	for _, file := range segments(t, dir) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(b, octets); at >= 0 {
			b[at+len(octets)/2] ^= 1
			rewrite(t, file, b)
			return
		}
	}
	t.Fatalf("no file holds %q", octets[:min(20, len(octets))])
}

func TestRepairNeedsTheStoreForItself(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	apply(t, s, Op{Key: "k"})
	for _, dry := range []bool{false, true} {
		if _, err := Repair(dir, RepairOptions{Options: small, DryRun: dry}); !errors.Is(err, ErrLocked) {
			t.Errorf("dry run %v: got %v, want %v", dry, err, ErrLocked)
		}
	}
	if _, err := Repair(filepath.Join(dir, "none"), RepairOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no store: got %v", err)
	}
}

func TestDryRunOfARepairChangesNothing(t *testing.T) {
	o := Options{BucketBytes: 32 << 10, Reserve: -1}
	dir := filepath.Join(t.TempDir(), "store")
	worn(t, dir, o)
	hit(t, segments(t, dir)[0], rand.New(rand.NewPCG(1, 1)))
	before := os.DirFS(copyStore(t, dir))
	dry, err := Repair(dir, RepairOptions{Options: o, DryRun: true})
	if err != nil || !dry.Changed() || len(dry.Quarantine) != 1 {
		t.Fatalf("got %+v, %v, want one bucket to put aside", dry, err)
	}
	sameTree(t, before, os.DirFS(dir))
	if r := repaired(t, dir, o); fmt.Sprint(r) != fmt.Sprint(dry) {
		t.Errorf("announced %+v\nand did   %+v", dry, r)
	}
}

// TestFaultAtEveryCallOfARepairCostsWorkOnly lets each call fail once, and for good as a crash does.
func TestFaultAtEveryCallOfARepairCostsWorkOnly(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		o := Options{BucketBytes: 32 << 10, Reserve: -1}
		whole := filepath.Join(t.TempDir(), "store")
		worn(t, whole, o)
		if snapshot {
			open(t, whole, o).Close()
		}
		r := rand.New(rand.NewPCG(5, 5))
		files := segments(t, whole)
		for _, file := range []string{files[0], files[2]} {
			hit(t, file, r)
		}
		spoil(t, whole, bytes.Repeat([]byte("x"), maxInline))
		before := readable(t, copyStore(t, whole), o)
		count := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40}
		healed := copyStore(t, whole)
		o.disk = count
		aside := len(repaired(t, healed, o).Quarantine)
		o.disk = nil
		after := readable(t, healed, o)
		for n, name := range count.calls {
			if testing.Short() && n%31 != 0 {
				continue
			}
			for _, sticky := range []bool{false, true} {
				t.Run(fmt.Sprintf("snapshot=%v %d %s sticky=%v", snapshot, n+1, name, sticky), func(t *testing.T) {
					dir := copyStore(t, whole)
					d := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40, failAt: n + 1, sticky: sticky, err: syscall.EROFS}
					o := o
					o.disk = d
					if _, err := Repair(dir, RepairOptions{Options: o}); !errors.Is(err, d.err) && err != nil {
						t.Errorf("got %v, want %v or none", err, d.err)
					}
					o.disk = nil
					before.within(t, readable(t, copyStore(t, dir), o)) // without going on
					repaired(t, dir, o)
					if got := wantWhole(t, dir, o); len(got.Quarantine) != aside {
						t.Errorf("got %v put aside, want %d", got.Quarantine, aside)
					}
					after.same(t, readable(t, dir, o))
				})
			}
		}
	}
}

// within tells what of m is not in got as it was.
func (m model) within(t *testing.T, got model) {
	t.Helper()
	for name, value := range m {
		if g, ok := got[name]; !ok || !bytes.Equal(g, value) {
			t.Errorf("%q: got %d octets, %v, want the %d there were", name, len(g), ok, len(value))
		}
	}
}
