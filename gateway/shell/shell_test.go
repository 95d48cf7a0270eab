package shell

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/store"
)

var errDisk = errors.New("the disk is full")

// journal is a disk that notes what happens, and fails batches with a given key.
type journal struct {
	*Disk
	applied [][]string
	told    [][]uint64
	failed  []uint64
	bad     string
}

func newJournal() *journal {
	j := &journal{}
	j.Disk = NewDisk(j.write, func(seqs []uint64, err error) {
		if j.told = append(j.told, slices.Clone(seqs)); err != nil {
			j.failed = append(j.failed, seqs...)
		}
	})
	return j
}

func (j *journal) write(ops ...store.Op) error {
	var keys []string
	for _, op := range ops {
		if op.Key == j.bad {
			return errDisk
		}
		keys = append(keys, op.Key)
	}
	j.applied = append(j.applied, keys)
	return nil
}

func (j *journal) put(seq uint64, key string) {
	j.Persist(Batch{Seq: seq, Ops: []store.Op{{Key: key}}})
}

func equal[T comparable](t *testing.T, what string, got, want [][]T) {
	t.Helper()
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestDiskKeepsTheOrderOfBatchesAndLooks(t *testing.T) {
	j := newJournal()
	var seen int
	j.put(1, "a")
	j.put(2, "b")
	j.Call(func() { seen = len(j.applied) })
	j.put(3, "c")
	j.Persist(Batch{Seq: 4, Ops: []store.Op{{Key: "d"}}, After: func() error { return errDisk }})
	j.put(5, "e")
	j.Close()
	j.Run()
	equal(t, "written", j.applied, [][]string{{"a", "b"}, {"c"}, {"d"}, {"e"}})
	equal(t, "told", j.told, [][]uint64{{1, 2}, {3}, {4}, {5}})
	if seen != 1 || !slices.Equal(j.failed, []uint64{4}) {
		t.Errorf("a look saw %d writes, want 1; failed %v, want what failed after it was written", seen, j.failed)
	}
}

func TestBatchThatFailsTakesNoOtherWithIt(t *testing.T) {
	j := newJournal()
	j.bad = "b"
	for seq, key := range []string{"a", "b", "c"} {
		j.put(uint64(seq), key)
	}
	j.Close()
	j.Run()
	equal(t, "written", j.applied, [][]string{{"a"}, {"c"}})
	equal(t, "told", j.told, [][]uint64{{0}, {1}, {2}})
	if !slices.Equal(j.failed, []uint64{1}) {
		t.Errorf("failed: %v, want 1", j.failed)
	}
}

func TestGroupsAreBounded(t *testing.T) {
	j := newJournal()
	for seq := range uint64(maxGroup + 1) {
		j.put(seq, "k")
	}
	j.Close()
	j.Run()
	if len(j.told) != 2 || len(j.told[0]) != maxGroup {
		t.Errorf("%d groups, the first of %d; want 2, %d", len(j.told), len(j.told[0]), maxGroup)
	}
}

// serve is the loop of an owner.
func serve(o *Owner, stop <-chan struct{}) {
	defer o.End()
	for {
		select {
		case f := <-o.Inbox():
			f(time.Now())
		case <-stop:
			return
		}
	}
}

func nothing(time.Time, uint64) {}

func TestOwnerAnswersWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, stop := NewOwner(), make(chan struct{})
		go serve(o, stop)
		v, err := o.Ask(t.Context(), func(_ time.Time, token uint64) { o.Answer(token, "yes", nil); o.Answer(token, "again", nil) }, nothing)
		if v != "yes" || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
		if _, err := o.Ask(t.Context(), func(_ time.Time, token uint64) { o.Answer(token, nil, errDisk) }, nothing); err != errDisk {
			t.Errorf("got %v, want the core's error", err)
		}
		looked := false
		if err := o.Look(t.Context(), func(time.Time) { looked = true }); err != nil || !looked {
			t.Errorf("looked %v, %v", looked, err)
		}
		close(stop)
		<-o.Done()
	})
}

func TestWhoGivesUpIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, stop := NewOwner(), make(chan struct{})
		go serve(o, stop)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var asked, forgotten uint64
		_, err := o.Ask(ctx, func(_ time.Time, token uint64) { asked = token }, func(_ time.Time, token uint64) {
			forgotten = token
			o.Answer(token, "too late", nil)
		})
		synctest.Wait()
		if err != context.DeadlineExceeded || asked == 0 || forgotten != asked || len(o.waiting) != 0 {
			t.Errorf("got %v; asked %d, forgotten %d, %d wait", err, asked, forgotten, len(o.waiting))
		}
		close(stop)
		<-o.Done()
	})
}

func TestNobodyWaitsForAnOwnerThatStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, stop := NewOwner(), make(chan struct{})
		errs := make(chan error, 1)
		go serve(o, stop)
		go func() {
			_, err := o.Ask(context.Background(), nothing, nothing)
			errs <- err
		}()
		synctest.Wait()
		close(stop)
		if err := <-errs; err != ErrStopped {
			t.Errorf("who had asked: %v", err)
		}
		<-o.Done()
		for range 2 * inboxSize {
			if _, err := o.Ask(context.Background(), nothing, nothing); err != ErrStopped {
				t.Fatalf("who asks later: %v", err)
			}
		}
		if err := o.Look(context.Background(), func(time.Time) {}); err != ErrStopped {
			t.Errorf("who looks: %v", err)
		}
	})
}
