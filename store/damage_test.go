package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample makes a store of six batches and tells where each ends in its one file. A store that was closed has a
// snapshot that vouches for all of it.
func sample(t *testing.T, closed bool) (dir, file string, ends []int64) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir, Options{Reserve: -1})
	for i := range 6 {
		apply(t, s, sampleOps(i)...)
		ends = append(ends, s.buckets[0].size)
	}
	file = s.buckets[0].path()
	if closed {
		s.Close()
	} else {
		s.Abandon()
	}
	return dir, file, ends
}

func sampleOps(i int) []Op {
	value := bytes.Repeat([]byte{byte('a' + i)}, 30)
	return []Op{{Kind: 1, Key: fmt.Sprint("one", i), Value: value}, {Kind: 2, Key: fmt.Sprint("two", i), Value: value}}
}

func sampleModel(batches int) model {
	m := model{}
	for i := range batches {
		m.apply(sampleOps(i))
	}
	return m
}

func rewrite(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCutAtEveryByteKeepsWholeBatches(t *testing.T) {
	dir, file, ends := sample(t, false)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() {
		step = 7
	}
	for n := 0; n <= len(whole); n += step {
		for _, zeros := range []int{0, 1, 300} {
			cut := append(bytes.Clone(whole[:n]), make([]byte, zeros)...)
			rewrite(t, file, cut)
			batches := 0 // checksums may end in zeros, so that the cut took nothing away
			for batches < len(ends) && bytes.HasPrefix(cut, whole[:ends[batches]]) {
				batches++
			}
			s := open(t, dir, Options{Reserve: -1})
			sampleModel(batches).check(t, s)
			apply(t, s, Op{Kind: 3, Key: "goes on"})
			if st := s.Stats(); st.Damaged != 0 {
				t.Errorf("cut at %d: got damage", n)
			}
			s.Close()
			s = open(t, dir, Options{Reserve: -1})
			if st := s.Stats(); st.Repairs != 0 || st.Records != 2*batches+1 {
				t.Errorf("cut at %d, second open: got %+v, want %d records, no repairs", n, st, 2*batches+1)
			}
			s.Close()
			removeOthers(t, dir, file)
		}
	}
}

// removeOthers removes what a store wrote besides its first file.
func removeOthers(t *testing.T, dir, file string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if p := filepath.Join(dir, e.Name()); p != file {
			os.RemoveAll(p)
		}
	}
}

func TestEveryBitFlipIsDetectedAndCostsOnlyItsRecord(t *testing.T) {
	for _, closed := range []bool{false, true} {
		t.Run(fmt.Sprint("closed ", closed), func(t *testing.T) { flipEveryBit(t, closed) })
	}
}

// flipEveryBit expects all flips to be told, but for a store that was not closed those in the last batch: they look
// like a torn write.
func flipEveryBit(t *testing.T, closed bool) {
	dir, file, ends := sample(t, closed)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const headEnd = 1 + minRecord + headBytes
	step := 1
	if testing.Short() {
		step = 61
	}
	for bit := 0; bit < 8*len(whole); bit += step {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		rewrite(t, file, b)
		torn, inHead := !closed && int64(bit/8) >= ends[4], bit/8 < int(headEnd)
		rep, err := Check(dir)
		if err != nil {
			t.Fatal(err)
		}
		if rep.OK() != torn || (rep.Torn > 0) != torn {
			t.Fatalf("bit %d: got torn %d, damage %v; want torn %v", bit, rep.Torn, rep.Damage, torn)
		}
		lost := countLost(t, dir, bit)
		switch {
		case torn && lost != 2, inHead && lost > 0, !torn && lost > 1:
			t.Fatalf("bit %d: got %d values lost; want torn %v", bit, lost, torn)
		}
	}
}

// countLost opens a store whose six batches are damaged and counts the values that are not there.
func countLost(t *testing.T, dir string, bit int) (lost int) {
	t.Helper()
	s := open(t, dir, Options{Reserve: -1})
	defer s.Abandon()
	for name, value := range sampleModel(6) {
		got, err := s.Get(Kind(name[0]), name[1:])
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
			lost++
		} else if err != nil || !bytes.Equal(got, value) {
			t.Fatalf("bit %d: Get(%q): got %q, %v", bit, name, got, err)
		}
	}
	return lost
}

func TestDamagedBucketIsKeptAndWrittenNoMore(t *testing.T) {
	dir, file, ends := sample(t, false)
	b, _ := os.ReadFile(file)
	b[ends[1]+20] ^= 1
	rewrite(t, file, b)
	s := open(t, dir, Options{Reserve: -1})
	for i := range 6 {
		for _, op := range sampleOps(i) {
			apply(t, s, Op{Kind: op.Kind, Key: op.Key, Delete: true})
		}
	}
	apply(t, s, Op{Key: "new", Value: []byte("value")})
	s.Close()
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(after, b) {
		t.Errorf("the damaged file: got %d octets, %v, want the %d there were", len(after), err, len(b))
	}
	s = open(t, dir, Options{Reserve: -1})
	model{nameOf(0, []byte("new")): []byte("value")}.check(t, s)
	rep, err := Check(dir)
	if err != nil || len(rep.Damage) != 1 || rep.Damage[0].Records != 1 || !strings.Contains(rep.Damage[0].Reason, "checksum") {
		t.Errorf("got %+v, %v, want one damaged record", rep.Damage, err)
	}
}

func TestReadNoticesWhatRotsWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	apply(t, s, Op{Key: "k", Value: []byte("some value")}, Op{Key: "large", Value: make([]byte, 3*maxInline)})
	file := s.buckets[0].path()
	b, _ := os.ReadFile(file)
	at := bytes.Index(b, []byte("some value"))
	b[at] ^= 1
	b[at+1000] ^= 1
	rewrite(t, file, b)
	for _, key := range []string{"k", "large"} {
		if got, err := s.Get(0, key); !errors.Is(err, ErrDamaged) {
			t.Errorf("Get(%q): got %d octets, %v, want %v", key, len(got), err, ErrDamaged)
		}
	}
	keys(t, s, 0)
	if st := s.Stats(); st.Damaged != 2 {
		t.Errorf("two places that were read twice: got %d damaged", st.Damaged)
	}
	apply(t, s, Op{Key: "k", Delete: true}, Op{Key: "large", Delete: true})
	turnOver(t, s)
	s.Close()
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after[:len(b)], b) {
		t.Errorf("the damaged file: got %d octets, %v, want it kept", len(after), err)
	}
	if st := open(t, dir, small).Stats(); st.Damaged != 2 || st.FullScan != "" {
		t.Errorf("after a clean end: got %+v, want the damage remembered", st)
	}
}

func TestMissingRecordsBetweenBucketsAreReported(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	for i := range 100 {
		apply(t, s, Op{Key: fmt.Sprint(i), Value: make([]byte, 2000)})
	}
	file, size := s.buckets[1].path(), s.buckets[1].size
	s.Close()
	if err := os.Truncate(file, size/2); err != nil {
		t.Fatal(err)
	}
	rep, err := Check(dir)
	if err != nil || rep.OK() {
		t.Errorf("half of a sealed bucket gone: got %+v, %v", rep, err)
	}
}

func TestFileThatWouldMakeTheLogDeleteBucketsIsRefused(t *testing.T) {
	for _, suffix := range []string{".START", ".END"} {
		dir, file, _ := sample(t, true)
		rewrite(t, file+suffix, nil)
		if _, err := Open(dir, Options{Reserve: -1}); err == nil || !strings.Contains(err.Error(), "move it elsewhere") {
			t.Errorf("Open beside %s: got %v", suffix, err)
		}
		if _, err := Check(dir); err == nil {
			t.Errorf("Check beside %s: got no error", suffix)
		}
		os.Remove(file + suffix)
		sampleModel(6).check(t, open(t, dir, Options{Reserve: -1}))
	}
}

func TestLeftOversOfACrashAreRemoved(t *testing.T) {
	dir, _, _ := sample(t, true)
	half := filepath.Join(dir, bucketName(98, 1))
	temp := filepath.Join(half, segmentName(9)+".START.TEMP")
	empty := filepath.Join(dir, bucketName(99, 1))
	for _, d := range []string{half, empty} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(t, temp, []byte("junk"))
	s := open(t, dir, Options{Reserve: -1})
	sampleModel(6).check(t, s)
	for _, p := range []string{temp, half, empty} {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want it removed", filepath.Base(p), err)
		}
	}
}

func TestValueThatHoldsRecordsDoesNotPassForThem(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{Reserve: -1})
	var forged []byte
	for seq := uint64(1); seq < 40; seq++ {
		rec := codec{}.append(nil, &record{typ: typePut, seq: 1<<32 + seq, key: []byte("forged"), payload: []byte("evil")})
		forged = append(append(forged, byte(len(rec))), rec...)
	}
	apply(t, s, Op{Key: "host", Value: forged})
	apply(t, s, Op{Key: "next", Value: []byte("v")})
	file := s.buckets[0].path()
	s.Abandon()
	b, _ := os.ReadFile(file)
	b[bytes.Index(b, []byte("host"))-recordHeader-2] ^= 0x40 // the length
	rewrite(t, file, b)
	s = open(t, dir, Options{Reserve: -1})
	if got := keys(t, s, 0); len(got) != 1 || got[0] != "next" {
		t.Errorf("got %v, want next only", got)
	}
}

func FuzzWalk(f *testing.F) {
	var seg []byte
	for seq := uint64(1); seq < 4; seq++ {
		rec := codec{salt: 7}.append(nil, &record{typ: typePut, seq: seq, kind: 3, key: []byte("key"), payload: []byte("value")})
		seg = append(append(seg, byte(len(rec))), rec...)
	}
	f.Add(seg)
	f.Add(seg[:len(seg)-5])
	f.Add(append(bytes.Clone(seg[3:]), seg...))
	f.Add(make([]byte, 50))
	f.Fuzz(func(t *testing.T, seg []byte) {
		covered := 0
		walk(seg, 1, codec{salt: 7}, func(g found) {
			if g.start != covered {
				t.Errorf("record at %d: got a gap from %d", g.start, covered)
			}
			covered = g.end
		}, func(from, to int, _ string) {
			if from != covered || to <= from {
				t.Errorf("damage [%d, %d): got a gap from %d", from, to, covered)
			}
			covered = to
		})
		if !blank(seg[covered:]) {
			t.Errorf("got %d octets judged, want %d", covered, len(seg))
		}
	})
}
