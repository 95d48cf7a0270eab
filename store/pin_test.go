package store

import (
	"fmt"
	"os"
	"testing"
)

// turnOver writes a bucket full of values that die at once.
func turnOver(t *testing.T, s *Store) {
	t.Helper()
	for i := range 2 * int(s.o.BucketBytes) / 8000 {
		apply(t, s, Op{Key: "turn over", Value: make([]byte, 8000+i)})
	}
}

func names(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, e := range entries {
		out[e.Name()] = true
	}
	return out
}

// pinnedFile is a bucket's file as it was when pinned. It may grow behind its size.
type pinnedFile struct {
	path  string
	first uint64
	size  int64
}

// pinAll keeps all files: up to their sizes they are the store after its last batch.
func (s *Store) pinAll() (p *pin, files []pinnedFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p = s.pinBuckets()
	for _, b := range p.held {
		files = append(files, pinnedFile{b.path(), b.first, b.size})
	}
	return p, files
}

func TestPinnedBucketsStayUntilTheirRelease(t *testing.T) {
	s := open(t, t.TempDir(), small)
	apply(t, s, Op{Key: "live", Value: make([]byte, 100)})
	turnOver(t, s)
	p, held := s.pinAll()
	before := map[string][]byte{}
	for _, f := range held {
		b, err := os.ReadFile(f.path)
		if err != nil || int64(len(b)) < f.size {
			t.Fatalf("%s: got %d octets, %v, want %d", f.path, len(b), err, f.size)
		}
		before[f.path] = b[:f.size]
	}
	apply(t, s, Op{Key: "live", Delete: true})
	written := s.Stats().Written
	for range 4 {
		turnOver(t, s)
	}
	if got, most := s.Stats().Written-written, 4*3*small.BucketBytes; got > most {
		t.Errorf("written beside pinned buckets: got %d octets, want at most %d", got, most)
	}
	for _, f := range held {
		b, err := os.ReadFile(f.path)
		if err != nil || int64(len(b)) < f.size || string(b[:f.size]) != string(before[f.path]) {
			t.Errorf("%s while pinned: got %d octets, %v, want %d as before", f.path, len(b), err, f.size)
		}
	}
	p.release()
	p.release()
	turnOver(t, s)
	settle(t, s)
	for _, f := range held {
		if name := segmentName(f.first); names(t, s)[name] {
			t.Errorf("%s is left after the release", name)
		}
	}
	for _, b := range s.buckets {
		if b.pins != 0 {
			t.Errorf("%s: got %d pins, want none", b.name(), b.pins)
		}
	}
}

func TestPinsAreCountedForEachHolder(t *testing.T) {
	s := open(t, t.TempDir(), small)
	turnOver(t, s)
	first, held := s.pinAll()
	second, _ := s.pinAll()
	first.release()
	turnOver(t, s)
	settle(t, s)
	for _, f := range held {
		if name := segmentName(f.first); !names(t, s)[name] {
			t.Errorf("%s went while one of two holders needed it", name)
		}
	}
	second.release()
	turnOver(t, s)
	settle(t, s)
	if left := fmt.Sprint(segmentName(held[0].first)); names(t, s)[left] {
		t.Errorf("%s is left after both released it", left)
	}
}
