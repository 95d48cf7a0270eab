package store

import (
	"bytes"
	"errors"
	"fmt"
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
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, o)
			for _, ops := range [][]Op{tc.prior, {tc.op}, {{Key: "next"}}, tc.after} {
				if len(ops) > 0 {
					apply(t, s, ops...)
				}
			}
			s.Close()
			spoil(t, dir, tc.spoil)
			r := repaired(t, dir, o)
			for i := range r.Lost {
				if r.Lost[i].File == "" {
					t.Errorf("no file in %+v", r.Lost[i])
				}
				r.Lost[i].File, r.Lost[i].Offset = "", 0
			}
			if !slices.Equal(r.Lost, tc.want) || !slices.Equal(r.Dropped, tc.drops) {
				t.Errorf("got %+v, dropped %v, want %+v, %v", r.Lost, r.Dropped, tc.want, tc.drops)
			}
			wantWhole(t, dir, o)
		})
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
	o := Options{BucketBytes: 32 << 10, Reserve: -1}
	whole := filepath.Join(t.TempDir(), "store")
	worn(t, whole, o)
	r := rand.New(rand.NewPCG(5, 5))
	files := segments(t, whole)
	for _, file := range []string{files[0], files[2]} {
		hit(t, file, r)
	}
	spoil(t, whole, bytes.Repeat([]byte("x"), maxInline))
	want := readable(t, copyStore(t, whole), o)
	count := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40}
	o.disk = count
	repaired(t, copyStore(t, whole), o)
	for n, name := range count.calls {
		for _, sticky := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %s sticky=%v", n+1, name, sticky), func(t *testing.T) {
				dir := copyStore(t, whole)
				d := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40, failAt: n + 1, sticky: sticky, err: syscall.EROFS}
				o := o
				o.disk = d
				if _, err := Repair(dir, RepairOptions{Options: o}); !errors.Is(err, d.err) && err != nil {
					t.Errorf("got %v, want %v or none", err, d.err)
				}
				o.disk = nil
				want.check(t, open(t, copyStore(t, dir), o)) // without going on
				repaired(t, dir, o)
				if got := wantWhole(t, dir, o); len(got.Quarantine) != 3 {
					t.Errorf("got %v put aside, want 3", got.Quarantine)
				}
				want.check(t, open(t, dir, o))
			})
		}
	}
}
