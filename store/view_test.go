package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// sameTree compares every file but the lock.
func sameTree(t *testing.T, want, got fs.FS) {
	t.Helper()
	names := func(f fs.FS) (out []string) {
		fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				t.Fatal(err)
			}
			if !d.IsDir() {
				out = append(out, path)
			}
			return nil
		})
		return out
	}
	a, b := names(want), names(got)
	if !slices.Equal(a, b) {
		t.Errorf("files: got %v, want %v", b, a)
	}
	for _, name := range a {
		x, _ := fs.ReadFile(want, name)
		if y, err := fs.ReadFile(got, name); err != nil || !bytes.Equal(x, y) {
			t.Errorf("%s: got %d octets, %v, want %d", name, len(y), err, len(x))
		}
	}
}

func TestInspectChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	worn(t, dir, small)
	hit(t, segments(t, dir)[0], rand.New(rand.NewPCG(1, 1)))
	before := os.DirFS(copyStore(t, dir))
	var last [2]int64
	r, err := Inspect(dir, LookOptions{Progress: func(done, total int64) { last = [2]int64{done, total} }})
	if err != nil || r.OK() {
		t.Fatalf("got %+v, %v, want damage", r, err)
	}
	if last[0] != last[1] || last[0] == 0 {
		t.Errorf("progress: got %v at the end, want all", last)
	}
	sameTree(t, before, os.DirFS(dir))
}

func TestInspectCountsKindsAndOctets(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	apply(t, s, Op{Kind: 1, Key: "a", Value: make([]byte, 10)}, Op{Kind: 1, Key: "b"}, Op{Kind: 2, Key: "large", Value: make([]byte, maxInline+5)})
	apply(t, s, Op{Kind: 1, Key: "b", Delete: true})
	r, err := Inspect(dir, LookOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list := appendLarge(nil, maxInline+5, []loc{{seq: s.buckets[0].first + 3}, {seq: s.buckets[0].first + 4}})
	want := map[Kind]Share{1: {1, minRecord + 1 + 10}, 2: {1, int64(3*(minRecord+5) + maxInline + 5 + len(list))}}
	if fmt.Sprint(r.Kinds) != fmt.Sprint(want) || !r.InUse || r.Values != 2 {
		t.Errorf("got %v in %+v, want %v", r.Kinds, r, want)
	}
}

// TestInspectBesideAWriterFindsNoFault reads while buckets come and go.
func TestInspectBesideAWriterFindsNoFault(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{BucketBytes: 8 << 10, Reserve: -1, eager: true})
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		r := rand.New(rand.NewPCG(2, 2))
		for {
			select {
			case <-stop:
				return
			default:
				if err := s.Apply(randomBatch(r)...); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for range 100 {
		r, err := Inspect(dir, LookOptions{})
		if err != nil || !r.OK() || !r.InUse {
			t.Fatalf("got %+v, %v, want no damage", r, err)
		}
	}
	close(stop)
	writer.Wait()
}

func TestSealedStoreIsVerifiedWithoutItsKeyAsFarAsThatGoes(t *testing.T) {
	o := Options{BucketBytes: 32 << 10, Reserve: -1, Cipher: testCipher(t, 1)}
	dir := filepath.Join(t.TempDir(), "store")
	worn(t, dir, o)
	with, err := Inspect(dir, LookOptions{Cipher: o.Cipher})
	if err != nil || !with.OK() || with.Sealed {
		t.Fatalf("with the key: got %+v, %v", with, err)
	}
	without, err := Inspect(dir, LookOptions{})
	if err != nil || !without.OK() || !without.Sealed || without.Records != with.Records || without.Values != 0 {
		t.Errorf("without: got %+v, %v, want %d records and nothing of values", without, err, with.Records)
	}
	if _, err := Inspect(dir, LookOptions{Cipher: testCipher(t, 2)}); !errors.Is(err, ErrWrongKey) {
		t.Errorf("with another key: got %v, want %v", err, ErrWrongKey)
	}
	if _, err := Look(dir, LookOptions{}); !errors.Is(err, ErrSealed) {
		t.Errorf("Look: got %v, want %v", err, ErrSealed)
	}
	files := segments(t, dir)
	for _, file := range files[:len(files)-1] {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		step := 97
		if testing.Short() {
			step = 1997
		}
		for at := 0; at < len(whole); at += step {
			b := bytes.Clone(whole)
			b[at] ^= 4
			rewrite(t, file, b)
			if r, err := Inspect(dir, LookOptions{}); err != nil || len(r.Damage) != 1 {
				t.Fatalf("octet %d of %s: got %+v, %v, want damage", at, file, r, err)
			}
		}
		rewrite(t, file, whole)
	}
}

// deafFile cannot be read at one place.
type deafFile struct {
	readFile
	from, to int64
}

func (f deafFile) ReadAt(b []byte, at int64) (int, error) {
	if at < f.to && at+int64(len(b)) > f.from {
		n := max(0, f.from-at)
		m, _ := f.readFile.ReadAt(b[:n], at)
		return m, syscall.EIO
	}
	return f.readFile.ReadAt(b, at)
}

// deafDisk is a card with a place in its files that cannot be read.
type deafDisk struct{ osDisk }

func (d deafDisk) open(name string) (readFile, error) {
	f, err := d.osDisk.open(name)
	return deafFile{f, 5000, 9000}, err
}

func TestRepairReadsAroundWhatACardCannotRead(t *testing.T) {
	dir := t.TempDir()
	o := Options{BucketBytes: 64 << 10, Reserve: -1}
	s := open(t, dir, o)
	for i := range 60 {
		apply(t, s, Op{Key: fmt.Sprint(i), Value: make([]byte, 1000)})
	}
	s.Close()
	r, err := Repair(dir, RepairOptions{Options: Options{disk: deafDisk{}, Reserve: -1}})
	if err != nil || len(r.Quarantine) != 1 {
		t.Fatalf("got %+v, %v, want one bucket put aside", r, err)
	}
	// the blocks of 4096 octets from 4096 to 12288, in records of 1,053 with a batch end each
	if got := wantWhole(t, dir, o).Values; got < 60-10 || got > 60-4 {
		t.Errorf("got %d values, want all of 60 but those in the place", got)
	}
}

func TestWhatCannotBeReadAtTheEndIsNoTornWrite(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{Reserve: -1})
	for i := range 7 {
		apply(t, s, Op{Key: fmt.Sprint(i), Value: make([]byte, 1000)})
	}
	s.Abandon() // no snapshot knows where it ends
	file := segments(t, dir)[0]
	r, err := Repair(dir, RepairOptions{Options: Options{disk: deafDisk{}, Reserve: -1}})
	if err != nil || len(r.Damage) != 1 || len(r.Quarantine) != 1 || r.Torn > 0 {
		t.Fatalf("got %+v, %v, want damage and nothing cut off", r, err)
	}
	if _, err := os.Stat(filepath.Join(dir, quarantineName, filepath.Base(file))); err != nil {
		t.Error(err)
	}
	if got := wantWhole(t, dir, Options{}).Values; got < 3 {
		t.Errorf("got %d values, want those before", got)
	}
}

func TestRecordsAreToldWithTheirState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{Reserve: -1})
	apply(t, s, Op{Kind: 1, Key: "old", Value: []byte("1")})
	apply(t, s, Op{Kind: 1, Key: "old", Value: []byte("2")}, Op{Kind: 2, Key: "large", Value: make([]byte, maxInline+1)})
	apply(t, s, Op{Kind: 1, Key: "gone"})
	apply(t, s, Op{Kind: 1, Key: "gone", Delete: true})
	apply(t, s, Op{Kind: 1, Key: "cut", Value: []byte("cut")})
	file, size := s.buckets[0].path(), s.buckets[0].size
	s.Abandon()
	if err := os.Truncate(file, size-1); err != nil {
		t.Fatal(err)
	}
	v, err := Look(dir, LookOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var got []string
	end := int64(0)
	v.Records(func(r RecordInfo) error {
		got = append(got, fmt.Sprintf("%s %s %d %s %d", r.State, r.Type, r.Kind, r.Key, r.Size))
		if r.Offset != end {
			t.Errorf("%s: got offset %d, want %d", got[len(got)-1], r.Offset, end)
		}
		end += r.Octets
		return nil
	})
	want := []string{"live head 0  16", "dead put 1 old 1", "dead batch end 0  12",
		"live put 1 old 1", "live chunk 2 large 65536", "live chunk 2 large 1", "live large 2 large 65537", "dead batch end 0  12",
		"dead put 1 gone 0", "dead batch end 0  12", "dead deletion 1 gone 0", "dead batch end 0  12",
		"torn put 1 cut 3", "torn  0  0"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if b, err := v.Value(2, "large"); err != nil || len(b) != maxInline+1 {
		t.Errorf("value: got %d octets, %v", len(b), err)
	}
	if _, err := v.Value(1, "gone"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted value: got %v, want %v", err, ErrNotFound)
	}
}
