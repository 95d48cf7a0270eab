package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// unpackLayout1 writes a store as buckets of layout 1 hold it.
func unpackLayout1(t *testing.T) (dir string, want model) {
	t.Helper()
	dir = t.TempDir()
	text, err := os.ReadFile("testdata/layout1.txt")
	if err != nil {
		t.Fatal(err)
	}
	var name string
	files := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "\t") {
			name = line
			continue
		}
		b, err := hex.DecodeString(line[1:])
		if err != nil {
			t.Fatal(err)
		}
		files[name] = append(files[name], b...)
	}
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		rewrite(t, path, b)
	}
	want = model{}
	for i := range 12 {
		want.apply([]Op{{Kind: 1, Key: fmt.Sprint("keep", i), Value: []byte(strings.Repeat(fmt.Sprint(i%10), 100))}})
	}
	want.apply([]Op{{Kind: 1, Key: "keep3", Value: []byte("newer")}})
	return dir, want
}

func TestBucketsOfLayout1AreReadAndDieOut(t *testing.T) {
	dir, want := unpackLayout1(t)
	o := Options{BucketBytes: 1500, Reserve: -1, eager: true}
	s := open(t, dir, o)
	want.check(t, s)
	if st := s.Stats(); st.Damaged+st.Repairs != 0 {
		t.Fatalf("got %+v, want no damage", st)
	}
	more := []Op{{Kind: 1, Key: "keep4", Delete: true}, {Kind: 2, Key: "new", Value: make([]byte, 3*maxInline)}}
	apply(t, s, more...)
	want.apply(more)
	s.Abandon()
	s = open(t, dir, o)
	want.check(t, s)
	if b, err := s.Get(2, "gone1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted under layout 1: got %q, %v", b, err)
	}
	for i := range 12 {
		ops := []Op{{Kind: 1, Key: fmt.Sprint("keep", i), Value: make([]byte, 1000)}}
		apply(t, s, ops...)
		want.apply(ops)
	}
	settle(t, s)
	if old, _ := filepath.Glob(filepath.Join(dir, "*-*")); len(old) != 0 {
		t.Errorf("got %v left, want none", old)
	}
	want.check(t, s)
	s.Abandon()
	want.check(t, open(t, dir, o))
}

func TestRecordOfANewBucketIsInNoneOfLayout1(t *testing.T) {
	st := state{buckets: []*bucket{{number: 7, first: 100, old: true}}}
	fresh := newBucket("", 8, 5)
	for seq, want := range map[uint64]uint32{100: 7, 1 << 30: 7, fresh.first: 8, fresh.first + 3: 8} {
		if got := st.numberOf(seq); got != want {
			t.Errorf("sequence %d: got bucket %d, want %d", seq, got, want)
		}
	}
}
