package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tiny makes buckets and snapshots turn over within a test.
var tiny = Options{BucketBytes: 8 << 10, Reserve: -1, eager: true, snapshotBytes: 4 << 10}

func snapshotIn(t *testing.T, dir string) (path string, b []byte) {
	t.Helper()
	path = filepath.Join(dir, snapshotName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, b
}

func TestSnapshotSparesReadingTheLog(t *testing.T) {
	for name, o := range map[string]Options{"clear": tiny, "sealed": {BucketBytes: 8 << 10, Reserve: -1, eager: true,
		snapshotBytes: 4 << 10, Cipher: testCipher(t, 1)}} {
		t.Run(name, func(t *testing.T) {
			dir, m := t.TempDir(), model{}
			s := open(t, dir, o)
			workload(s, m)
			s.Close()
			want := s.Stats()
			d := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40}
			o.disk = d
			s = open(t, dir, o)
			got := s.Stats()
			if n := strings.Count(strings.Join(d.calls, " "), "open"); n > 2 || slices.Contains(d.calls, "readInto") || got.FullScan != "" {
				t.Errorf("got %v and %q, want the snapshot opened, and the newest bucket at most", d.calls, got.FullScan)
			}
			if got.Records != want.Records || got.Live != want.Live || got.Disk != want.Disk || got.Buckets != want.Buckets {
				t.Errorf("got %+v, want what was closed: %+v", got, want)
			}
			m.check(t, s)
		})
	}
}

// sameAsScanned compares a store's accounts with those of a survey without the snapshot.
func sameAsScanned(t *testing.T, dir string, s *Store) {
	t.Helper()
	x := newSurvey(osDisk{}, dir, s.o.Cipher)
	if err := x.list(dir); err != nil {
		t.Fatal(err)
	}
	if err := x.read(); err != nil {
		t.Fatal(err)
	}
	if x.index.count != s.index.count || x.live != s.live || x.next != s.tail.next || len(x.buckets) != len(s.buckets) {
		t.Fatalf("got %d values, %d live, next %d; a scan finds %d, %d, %d", s.index.count, s.live, s.tail.next, x.index.count, x.live, x.next)
	}
	x.index.each(func(_ uint32, it *item) {
		if e := s.index.get(it.id); e == nil || e.loc != it.loc || e.kind != it.kind {
			t.Fatalf("got %+v, a scan finds %+v", e, it.entry)
		}
	})
	for i, b := range x.buckets {
		if got := s.buckets[i]; got.live != b.live || got.size != b.size {
			t.Fatalf("bucket %s: got %d of %d octets live, a scan finds %d of %d", b.name(), got.live, got.size, b.live, b.size)
		}
	}
}

func TestCrashAtEachStepOfASnapshotLosesNothing(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		o := tiny
		if sealed {
			o.Cipher = testCipher(t, 1)
		}
		for stop := range 20 {
			r := rand.New(rand.NewPCG(9, 9))
			dir, m := t.TempDir(), model{}
			s := open(t, dir, o)
			for range stop * 5 {
				ops := randomBatch(r)
				apply(t, s, ops...)
				m.apply(ops)
			}
			s.Abandon()
			s = open(t, dir, o)
			m.check(t, s)
			sameAsScanned(t, dir, s)
			if st := s.Stats(); st.Damaged != 0 {
				t.Fatalf("after %d batches: got %+v", stop*5, st)
			}
			s.Abandon()
		}
	}
}

func TestRandomOperationsWithManySnapshots(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			dir, m := t.TempDir(), model{}
			s := open(t, dir, tiny)
			snapshots, scans := 0, 0
			for range 800 {
				ops := randomBatch(r)
				apply(t, s, ops...)
				m.apply(ops)
				if r.IntN(25) > 0 {
					continue
				}
				snapshots += s.Stats().Snapshots
				if r.IntN(3) == 0 {
					s.Close()
				} else {
					s.Abandon()
				}
				s = open(t, dir, tiny)
				sameAsScanned(t, dir, s)
				m.check(t, s)
				if s.Stats().FullScan != "" {
					scans++
				}
			}
			if st := s.Stats(); snapshots < 30 || scans > 2 || st.Damaged > 0 {
				t.Errorf("got %d snapshots, %d scans of the whole log, %+v", snapshots, scans, st)
			}
		})
	}
}

func TestSpoiledSnapshotIsToldAndHarmless(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprint("sealed ", sealed), func(t *testing.T) {
			o := tiny
			if sealed {
				o.Cipher = testCipher(t, 1)
			}
			dir, m := t.TempDir(), model{}
			s := open(t, dir, o)
			for i := range 6 {
				apply(t, s, sampleOps(i)...)
				m.apply(sampleOps(i))
			}
			large := []Op{{Kind: 3, Key: "large", Value: make([]byte, 2*maxInline)}, {Kind: 1, Key: "one3", Delete: true}}
			apply(t, s, large...)
			m.apply(large)
			s.Close()
			path, whole := snapshotIn(t, dir)
			try := func(name string, b []byte) {
				rewrite(t, path, b)
				s := open(t, dir, o)
				defer s.Abandon()
				if st := s.Stats(); st.FullScan == "" || st.Damaged != 0 {
					t.Fatalf("%s: got %+v, want to be told", name, st)
				}
				m.check(t, s)
			}
			step := 1
			if testing.Short() {
				step = 23
			} else if sealed {
				step = 7
			}
			for i := 0; i < len(whole); i += step {
				try(fmt.Sprint("cut at ", i), whole[:i])
				b := bytes.Clone(whole)
				b[i] ^= 1 << (i % 8)
				try(fmt.Sprint("flip at ", i), b)
			}
			try("something behind", append(bytes.Clone(whole), 0))
		})
	}
}

func TestWhatIsLostAfterACleanEndIsDamage(t *testing.T) {
	spoil := map[string]func(t *testing.T, files []string){
		"newest missing":   func(t *testing.T, f []string) { os.Remove(f[len(f)-1]) },
		"newest empty":     func(t *testing.T, f []string) { os.Truncate(f[len(f)-1], 0) },
		"newest cut short": func(t *testing.T, f []string) { shorten(t, f[len(f)-1]) },
		"middle missing":   func(t *testing.T, f []string) { os.Remove(f[len(f)/2]) },
		"middle cut short": func(t *testing.T, f []string) { shorten(t, f[len(f)/2]) },
		"all missing": func(t *testing.T, files []string) {
			for _, f := range files {
				os.Remove(f)
			}
		},
	}
	for name, spoil := range spoil {
		t.Run(name, func(t *testing.T) {
			dir, m := t.TempDir(), model{}
			s := open(t, dir, tiny)
			for i := range 40 {
				ops := []Op{{Key: fmt.Sprint(i), Value: make([]byte, 1000)}}
				apply(t, s, ops...)
				m.apply(ops)
			}
			s.Close()
			files, _ := filepath.Glob(filepath.Join(dir, "0*"))
			spoil(t, files)
			if rep, err := Check(dir); err != nil || rep.OK() || rep.Torn > 0 {
				t.Errorf("Check: got %+v, %v, want damage", rep, err)
			}
			for _, end := range []func(*Store){(*Store).Abandon, func(s *Store) { apply(t, s, Op{Key: "more"}) }} {
				s = open(t, dir, tiny)
				if st := s.Stats(); st.Damaged == 0 {
					t.Errorf("Open: got %+v, want damage", st)
				}
				whole := 0
				for name, value := range m {
					if got, err := s.Get(0, name[1:]); err == nil && bytes.Equal(got, value) {
						whole++
					} else if err == nil || strings.Contains(err.Error(), "no such") {
						t.Errorf("%q: got %d octets, %v, want it whole or %v", name, len(got), err, ErrDamaged)
					}
				}
				if whole == len(m) || whole == 0 && name != "all missing" {
					t.Errorf("got %d of %d values whole", whole, len(m))
				}
				end(s)
				s.Close()
			}
			if st := open(t, dir, tiny).Stats(); st.Damaged == 0 {
				t.Errorf("once more: got %+v, want the damage remembered", st)
			}
		})
	}
}

func TestBucketLostWholeAfterAPowerCutIsDamageWhenTheSnapshotKnowsIt(t *testing.T) {
	o := tiny
	o.snapshotBytes = 1 << 30 // at Close only
	dir := t.TempDir()
	s := open(t, dir, o)
	for i := range 40 {
		apply(t, s, Op{Key: fmt.Sprint(i), Value: make([]byte, 1000)})
	}
	s.Close()
	s = open(t, dir, o)
	for i := range 20 {
		apply(t, s, Op{Key: fmt.Sprint("later", i), Value: make([]byte, 1000)})
	}
	apply(t, s, Op{Key: "1", Delete: true}, Op{Key: "2", Value: []byte("newer")})
	lost := s.buckets[0].path()
	s.Abandon()
	os.Remove(lost)
	s = open(t, dir, o)
	if st := s.Stats(); st.Damaged != 1 || st.FullScan != "" {
		t.Errorf("got %+v, want one damage and no full scan", st)
	}
	for key, want := range map[string]error{"0": ErrDamaged, "1": ErrNotFound, "2": nil, "30": nil, "later3": nil} {
		if _, err := s.Get(0, key); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", key, err, want)
		}
	}
}

func shorten(t *testing.T, file string) {
	t.Helper()
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, st.Size()*2/3); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotOfBucketsOfLayout1(t *testing.T) {
	dir, want := unpackLayout1(t)
	for range 3 {
		s := open(t, dir, tiny)
		want.check(t, s)
		sameAsScanned(t, dir, s)
		ops := []Op{{Kind: 1, Key: "keep4", Delete: true}, {Kind: 2, Key: "new", Value: make([]byte, 3*maxInline)}}
		apply(t, s, ops...)
		want.apply(ops)
		s.Close()
	}
	s := open(t, dir, tiny)
	want.check(t, s)
	if st := s.Stats(); st.FullScan != "" || st.Damaged != 0 {
		t.Errorf("got %+v, want no scan and no damage", st)
	}
}

func TestSnapshotOfAnotherKeyIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	o := tiny
	o.Cipher = testCipher(t, 1)
	s := open(t, dir, o)
	apply(t, s, Op{Key: "the name of a friend", Value: []byte("v")})
	s.Close()
	_, before := snapshotIn(t, dir)
	name := idOf(0, []byte("the name of a friend"))
	if bytes.Contains(before, name[:]) {
		t.Error("the snapshot holds an id in the clear")
	}
	o.Cipher = testCipher(t, 2)
	if _, err := Open(dir, o); err == nil {
		t.Error("another key: got no error")
	}
	if _, after := snapshotIn(t, dir); !bytes.Equal(after, before) {
		t.Error("another key: the snapshot was changed")
	}
}

func FuzzSnapshot(f *testing.F) {
	dir := f.TempDir()
	s, err := Open(dir, tiny)
	if err != nil {
		f.Fatal(err)
	}
	if err := s.Apply(append(sampleOps(1), Op{Kind: 3, Key: "large", Value: make([]byte, 2*maxInline)})...); err != nil {
		f.Fatal(err)
	}
	s.Close()
	whole, err := os.ReadFile(filepath.Join(dir, snapshotName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:snapshotHead])
	f.Fuzz(func(t *testing.T, b []byte) {
		x := newSurvey(osDisk{}, dir, nil)
		x.snap = &vouched{size: int64(len(b))}
		if reason := x.restoreFrom(bytes.NewReader(resealed(b))); reason == "" && x.index.count > len(b)/itemBytes {
			t.Errorf("got %d items of %d octets", x.index.count, len(b))
		}
	})
}

// resealed gives a doctored snapshot checksums that fit, so that the parser sees what is inside.
func resealed(b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) < snapshotHead {
		return b
	}
	c := &snapshotCodec{head: [snapshotHead]byte(b)}
	putChecksum(b[:snapshotHead], 0)
	for rest := b[snapshotHead:]; len(rest) > sectionHead+recordTrailer; {
		n := int(min(uint32(len(rest)), uint32(rest[5])<<24|uint32(rest[6])<<16|uint32(rest[7])<<8|uint32(rest[8])))
		n = min(n+sectionHead+recordTrailer, len(rest))
		putChecksum(rest[:n], c.salt())
		rest = rest[n:]
	}
	return b
}

func putChecksum(b []byte, salt uint32) {
	body := b[:len(b)-recordTrailer]
	sum := checksum(salt, body)
	copy(b[len(body):], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

func TestValueThatArrivesWhileASnapshotIsWrittenIsFound(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, tiny)
	value := octets(7, 3*streamBuffer)
	w, err := s.Create(3, "large")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(value[:2*streamBuffer]); err != nil {
		t.Fatal(err)
	}
	for before := s.Stats().Snapshots; s.Stats().Snapshots < before+2; {
		apply(t, s, Op{Key: "turn over", Value: make([]byte, 2000)})
	}
	if _, err := w.Write(value[2*streamBuffer:]); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	s.Abandon()
	s = open(t, dir, tiny)
	if got, err := s.Get(3, "large"); err != nil || !bytes.Equal(got, value) {
		t.Errorf("got %d octets, %v, want %d", len(got), err, len(value))
	}
	if st := s.Stats(); st.FullScan != "" || st.Damaged != 0 {
		t.Errorf("got %+v, want no scan and no damage", st)
	}
}
