package storetrial

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"packhorse/store"
)

const small = 1 << 20

// smallDisk is a file system in memory with 1 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("storetrial", dir, "tmpfs", 0, say("size=%d", small)); err != nil {
		t.Fatalf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// ballast takes so many octets of the disk away, or as many as there are.
func ballast(t *testing.T, disk string, octets int) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(disk, "ballast"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, octets)); err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

// TestSmallDiskThatFillsUpAgainAndAgainTellsNoLie has no reserve: writes fail for want of space anywhere in a batch.
func TestSmallDiskThatFillsUpAgainAndAgainTellsNoLie(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	disk := smallDisk(t)
	o := store.Options{Reserve: -1, BucketBytes: 16 << 10}
	w := newWitness(3)
	full := 0
	for range rounds {
		s, err := store.Open(filepath.Join(disk, "store"), o)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := w.judge(s); len(wrong) > 0 {
			t.Fatal(wrong[0])
		}
		full += w.fill(t, s, disk)
		ballast(t, disk, 0)
		if err := w.apply(s, []change{{name: name{0, "room again"}, held: held{1, 100}}}); err != nil {
			t.Fatalf("with space again: %v", err)
		}
		s.Abandon()
	}
	if full < rounds {
		t.Errorf("the disk was full %d times in %d rounds", full, rounds)
	}
}

func (w *witness) apply(s *store.Store, changes []change) error {
	err := s.Apply(opsOf(changes)...)
	w.told(changes, err)
	return err
}

// fill writes beside some ballast and counts the refusals.
func (w *witness) fill(t *testing.T, s *store.Store, disk string) (full int) {
	t.Helper()
	ballast(t, disk, w.IntN(2*small))
	for range 60 {
		err := w.apply(s, w.batch())
		if err == nil {
			continue
		}
		full++
		if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, store.ErrFull) {
			t.Fatalf("on a full disk: got %v", err)
		}
		if lies := w.reads(s); len(lies) > 0 {
			t.Fatalf("on a full disk: %s", lies[0])
		}
		if w.IntN(3) == 0 {
			ballast(t, disk, w.IntN(small))
		}
	}
	if st := s.Stats(); st.Damaged > 0 {
		t.Errorf("a full disk is no damage: got %+v", st)
	}
	return full
}

// TestReserveMeetsAFullSmallDiskByRefusal never lets the disk say no: what is in the way of growth is the reserve, and
// deletions pass.
func TestReserveMeetsAFullSmallDiskByRefusal(t *testing.T) {
	disk := smallDisk(t)
	s, err := store.Open(filepath.Join(disk, "store"), store.Options{Reserve: 400 << 10, BucketBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := newWitness(4)
	refused := 0
	for i := range 4000 {
		changes := []change{{name: name{0, say("%d", i)}, held: held{uint64(i), 1000}}}
		if refused > 0 && i%2 == 0 {
			changes = []change{{name: w.m.names()[0], delete: true}}
		}
		switch err := w.apply(s, changes); {
		case errors.Is(err, store.ErrFull) && !changes[0].delete:
			refused++
		case err != nil:
			t.Fatalf("batch %d, %+v: got %v", i, changes, err)
		}
	}
	if st := s.Stats(); refused == 0 || st.Failures > 0 {
		t.Errorf("got %d batches refused, %+v", refused, st)
	}
	if wrong := w.m.compare(s); len(wrong) > 0 {
		t.Error(wrong[0])
	}
}
