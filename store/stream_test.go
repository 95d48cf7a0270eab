package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
)

// octets are the same for the same seed.
func octets(seed uint64, n int) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0] = byte(seed)
	rand.NewChaCha8(key).Read(b)
	return b
}

// writeAll streams b in odd pieces.
func writeAll(w *Writer, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), 10_007)
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func put(t *testing.T, s *Store, key string, value []byte, extra ...Op) {
	t.Helper()
	w, err := s.Create(1, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeAll(w, value); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(extra...); err != nil {
		t.Fatal(err)
	}
}

func reading(t *testing.T, s *Store, key string) *Reader {
	t.Helper()
	r, err := s.OpenValue(1, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// atRest fails when a stream left something behind.
func atRest(t *testing.T, s *Store) {
	t.Helper()
	if s.streams != 0 || len(s.uploads) != 0 {
		t.Errorf("got %d streams and %d uploads, want none", s.streams, len(s.uploads))
	}
	for _, b := range s.buckets {
		if b.pins != 0 {
			t.Errorf("%s: got %d pins, want none", b.name(), b.pins)
		}
	}
}

func TestStreamedValueIsTheOneThatWasWritten(t *testing.T) {
	sealed := small
	sealed.Cipher = testCipher(t, 1)
	for name, o := range map[string]Options{"clear": small, "sealed": sealed} {
		t.Run(name, func(t *testing.T) {
			dir, m := t.TempDir(), model{}
			s := open(t, dir, o)
			for i, n := range []int{0, 1, maxInline, maxInline + 1, streamBuffer, streamBuffer + 1, 1_500_000} {
				key, value := fmt.Sprintf("%-*d", MaxKey, n), octets(uint64(i), n)
				extra := []Op{{Kind: 2, Key: key, Value: []byte("beside it")}, {Kind: 2, Key: "last", Value: []byte(key)}}
				put(t, s, key, value, extra...)
				m.apply(append(extra, Op{Kind: 1, Key: key, Value: value}))
				if err := iotest.TestReader(reading(t, s, key), value); n <= streamBuffer+1 && err != nil {
					t.Errorf("%d octets: %v", n, err)
				}
			}
			m.check(t, s)
			s.Abandon()
			s = open(t, dir, o)
			m.check(t, s)
			for n := range m {
				if n[0] != 1 {
					continue
				}
				r := reading(t, s, n[1:])
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, m[n]) || r.Size() != int64(len(m[n])) {
					t.Errorf("%q: got %d octets of %d, %v", n, len(got), r.Size(), err)
				}
				r.Close()
				r.Close()
				if _, err := r.Read(make([]byte, 1)); len(m[n]) > 0 && err == nil {
					t.Errorf("%q: read after Close", n)
				}
			}
			atRest(t, s)
		})
	}
}

func TestStreamIsSeenAtItsCommit(t *testing.T) {
	s := open(t, t.TempDir(), small)
	apply(t, s, Op{Kind: 1, Key: "k", Value: []byte("old")})
	w, err := s.Create(1, "k")
	if err != nil {
		t.Fatal(err)
	}
	value := octets(1, 700_000)
	if err := writeAll(w, value); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(1, "k"); string(got) != "old" || err != nil {
		t.Errorf("before the commit: got %q, %v", got, err)
	}
	if err := w.Commit(Op{Kind: 2, Key: "note", Value: []byte("n")}, Op{Kind: 2, Key: "gone", Delete: true}); err != nil {
		t.Fatal(err)
	}
	model{nameOf(1, []byte("k")): value, nameOf(2, []byte("note")): []byte("n")}.check(t, s)
	for name, err := range map[string]error{"Commit": w.Commit(), "Write": writeAll(w, value)} {
		if !errors.Is(err, errEnded) {
			t.Errorf("%s after the commit: got %v, want %v", name, err, errEnded)
		}
	}
	w.Abort()
	atRest(t, s)
}

func TestAbortedAndCrashedStreamsLeaveNothing(t *testing.T) {
	for name, end := range map[string]func(*Store, *Writer){
		"aborted": func(_ *Store, w *Writer) { w.Abort(); w.Abort() },
		"crashed": func(s *Store, _ *Writer) { s.Abandon() },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, small)
			apply(t, s, Op{Kind: 1, Key: "k", Value: []byte("old")})
			before := s.Stats()
			w, _ := s.Create(1, "k")
			if err := writeAll(w, octets(1, 3_000_000)); err != nil {
				t.Fatal(err)
			}
			if got := s.Stats(); got.Live < 2_500_000 {
				t.Errorf("while it grows: got %d octets live", got.Live)
			}
			end(s, w)
			if name == "crashed" {
				s = open(t, dir, small)
			}
			atRest(t, s)
			if got := s.Stats(); got.Live != before.Live || got.Records != before.Records || got.Damaged+got.Repairs > 0 {
				t.Errorf("got %+v, want what was live before: %+v", got, before)
			}
			model{nameOf(1, []byte("k")): []byte("old")}.check(t, s)
			turnOver(t, s)
			settle(t, s)
			if got := s.Stats(); got.Disk > 6*small.BucketBytes {
				t.Errorf("got %d octets on disk, want the orphans gone", got.Disk)
			}
			checkAgrees(t, dir, s)
		})
	}
}

func TestOpenStreamIsSafeFromCompaction(t *testing.T) {
	dir := t.TempDir()
	d := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40}
	o := Options{BucketBytes: 4 * streamBuffer, Reserve: -1, eager: true, disk: d} // a piece leaves its bucket sparse
	s := open(t, dir, o)
	w, _ := s.Create(1, "slow")
	value := octets(1, 3*streamBuffer)
	for part := range 3 {
		if err := writeAll(w, value[part*streamBuffer:(part+1)*streamBuffer]); err != nil {
			t.Fatal(err)
		}
		turnOver(t, s)
		turnOver(t, s)
	}
	d.mu.Lock()
	opened := len(slices.DeleteFunc(slices.Clone(d.calls), func(call string) bool { return call != "open" }))
	if opened > 24 {
		t.Errorf("buckets were read %d times to empty them, also of what nobody may move", opened)
	}
	d.mu.Unlock()
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	want := model{nameOf(1, []byte("slow")): value}
	for range 3 {
		turnOver(t, s) // it moves freely
	}
	apply(t, s, Op{Key: "turn over", Delete: true})
	want.check(t, s)
	checkAgrees(t, dir, s)
	s.Abandon()
	want.check(t, open(t, dir, o))
}

func TestReaderKeepsTheValueThatItOpened(t *testing.T) {
	s := open(t, t.TempDir(), small)
	for _, n := range []int{1000, 1_000_000} {
		value := octets(uint64(n), n)
		put(t, s, "k", value)
		r := reading(t, s, "k")
		head := make([]byte, n/3)
		if _, err := io.ReadFull(r, head); err != nil {
			t.Fatal(err)
		}
		put(t, s, "k", octets(9, 500))
		apply(t, s, Op{Kind: 1, Key: "k", Delete: true})
		for range 3 {
			turnOver(t, s)
		}
		rest, err := io.ReadAll(r)
		if got := append(head, rest...); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%d octets: got %d, %v", n, len(got), err)
		}
		if _, err := s.OpenValue(1, "k"); !errors.Is(err, ErrNotFound) {
			t.Errorf("opened after its deletion: got %v, want %v", err, ErrNotFound)
		}
		r.Close()
	}
	atRest(t, s)
}

func TestStreamsAndBatchesRunBesideEachOther(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, small)
	var all sync.WaitGroup
	for n := range 6 {
		all.Go(func() {
			for round := range 4 {
				key, value := fmt.Sprint("stream", n), octets(uint64(n*9+round), 100_000+n*137_000)
				w, err := s.Create(1, key)
				if err == nil {
					err = writeAll(w, value)
				}
				if err == nil && round == 2 {
					w.Abort()
					continue
				}
				if err == nil {
					err = w.Commit(Op{Kind: 2, Key: key, Value: value[:100]})
				}
				if err != nil {
					t.Error(err)
					return
				}
				r, err := s.OpenValue(1, key)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, value) {
					t.Errorf("%s: got %d octets, %v, want %d", key, len(got), err, len(value))
				}
				r.Close()
			}
		})
		all.Go(func() {
			for i := range 60 {
				if err := s.Apply(Op{Key: fmt.Sprint("batch", n), Value: octets(uint64(i), 9000)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	atRest(t, s)
	checkAgrees(t, dir, s)
}

func TestStreamThatDoesNotFitIsRefusedEarlyAndLeavesNothing(t *testing.T) {
	quota, reserve := small, small
	quota.MaxBytes = 2_000_000
	reserve.Reserve = 64 << 20
	for name, o := range map[string]Options{"quota": quota, "reserve": reserve} {
		t.Run(name, func(t *testing.T) {
			d := &faultDisk{disk: osDisk{}, freeBytes: 69_000_000}
			o.disk = d
			s := open(t, t.TempDir(), o)
			apply(t, s, Op{Key: "small", Value: make([]byte, 1000)})
			before := s.Stats().Live
			w, _ := s.Create(1, "k")
			var err error
			sent := 0
			for ; err == nil && sent < 40; sent++ {
				_, err = w.Write(octets(1, streamBuffer))
				d.mu.Lock()
				d.freeBytes -= streamBuffer
				d.mu.Unlock()
			}
			if !errors.Is(err, ErrFull) || sent > 10 {
				t.Errorf("after %d pieces: got %v, want %v", sent, err, ErrFull)
			}
			if err := w.Commit(Op{Key: "extra"}); !errors.Is(err, ErrFull) {
				t.Errorf("Commit: got %v, want %v", err, ErrFull)
			}
			if got := s.Stats().Live; got != before {
				t.Errorf("got %d octets live, want %d", got, before)
			}
			atRest(t, s)
		})
	}
}

func TestLimitsOfStreams(t *testing.T) {
	s := open(t, t.TempDir(), small)
	w, _ := s.Create(1, "k")
	if err := writeAll(w, make([]byte, MaxValue)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{1}); err == nil {
		t.Errorf("one octet above the limit: got no error")
	}
	if err := w.Commit(); err == nil {
		t.Errorf("its Commit: got no error")
	}
	if _, err := s.Create(1, string(make([]byte, MaxKey+1))); err == nil {
		t.Errorf("a key above the limit: got no error")
	}
	apply(t, s, Op{Kind: 1, Key: "k"})
	var open []*Writer
	for range MaxStreams {
		w, err := s.Create(1, "k")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, w)
	}
	if _, err := s.Create(1, "k"); !errors.Is(err, ErrBusy) {
		t.Errorf("one Writer too many: got %v, want %v", err, ErrBusy)
	}
	if _, err := s.OpenValue(1, "k"); !errors.Is(err, ErrBusy) {
		t.Errorf("one Reader too many: got %v, want %v", err, ErrBusy)
	}
	for _, w := range open {
		w.Abort()
	}
	reading(t, s, "k").Close()
	atRest(t, s)
}

func TestDamageInAStreamedValueIsTold(t *testing.T) {
	s := open(t, t.TempDir(), small)
	value := octets(1, 5*maxInline)
	put(t, s, "k", value)
	v, _ := s.find(idOf(1, []byte("k")))
	c := v.chunks[2]
	b, _ := os.ReadFile(c.path)
	b[c.off+1000] ^= 1
	rewrite(t, c.path, b)
	r := reading(t, s, "k")
	got, err := io.ReadAll(r)
	if !errors.Is(err, ErrDamaged) || !bytes.Equal(got, value[:2*maxInline]) {
		t.Errorf("got %d octets, %v, want those before the damage and %v", len(got), err, ErrDamaged)
	}
	if at, err := r.Seek(-maxInline, io.SeekEnd); at != 4*maxInline || err != nil {
		t.Errorf("Seek: got %d, %v", at, err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, value[4*maxInline:]) {
		t.Errorf("behind the damage: got %d octets, %v", len(got), err)
	}
}

// liveHeap is what is reachable now.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestStreamOfALargeParcelNeedsLittleMemory(t *testing.T) {
	const size = 8_322_038
	piece := make([]byte, 32<<10)
	s := open(t, t.TempDir(), Options{Reserve: -1})
	put(t, s, "at work", make([]byte, 5<<20)) // the tail buffer has its size
	rest := liveHeap()
	most := func(what string, step func() error) {
		t.Helper()
		var peak int64
		for n := 0; ; n++ {
			if err := step(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if n%8 == 0 {
				peak = max(peak, liveHeap()-rest)
			}
		}
		t.Logf("%s of %d octets: at most %d octets of heap above the store at rest", what, size, peak)
		if limit := int64(1 << 20); peak > limit {
			t.Errorf("%s: got %d octets of heap, want at most %d", what, peak, limit)
		}
	}
	w, _ := s.Create(1, "k")
	left := size
	most("put", func() error {
		n, err := w.Write(piece[:min(left, len(piece))])
		if left -= n; err == nil && n == 0 {
			return io.EOF
		}
		return err
	})
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	r := reading(t, s, "k")
	most("read", func() error { _, err := r.Read(piece); return err })
}

func TestStreamThatASnapshotCutsInTwoIsWholeAfterACrash(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, tiny)
	value := octets(1, 3*streamBuffer)
	w, _ := s.Create(1, "k")
	if err := writeAll(w, value[:2*streamBuffer]); err != nil {
		t.Fatal(err)
	}
	for before := s.Stats().Snapshots; s.Stats().Snapshots < before+2; {
		turnOver(t, s)
	}
	if err := writeAll(w, value[2*streamBuffer:]); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	s.Abandon()
	s = open(t, dir, tiny)
	if got, err := s.Get(1, "k"); err != nil || !bytes.Equal(got, value) {
		t.Errorf("got %d octets, %v, want %d", len(got), err, len(value))
	}
	if st := s.Stats(); st.Damaged+st.Repairs != 0 {
		t.Errorf("got %+v", st)
	}
}
