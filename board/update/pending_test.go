package update

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packhorse/board/card"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		if e.Name() != card.AutobootFile {
			out = append(out, e.Name())
		}
	}
	return out
}

func TestFileOnTheBootPartitionIsTaken(t *testing.T) {
	s := newSigner(t, 1)
	good := updateOf(t, next, slotOf(1), s)
	older := card.Release{Version: "0.3.0", Build: "cccccccc", Board: card.BoardPi, Created: "2026-10-01T00:00:00Z"}
	for _, c := range []struct {
		name, file string
		data       []byte
		took       bool
		left, says string
	}{
		{"good", "new.phup", good, true, "", ""},
		{"from a camera's system", "NEW.PHUP", good, true, "", ""},
		{"after a power cut", "new.phup.again", good, true, "", ""},
		{"bad", "new.phup", good[:5000], false, "new.phup.failed", "new.phup: update: not an update file"},
		{"bad again", "new.phup.again", good[:5000], false, "new.phup.failed", "not an update file"},
		{"the same", "new.phup", updateOf(t, running, slotOf(1), s), false, "new.phup.done", "nothing to do"},
		{"the same again", "new.phup.again", updateOf(t, running, slotOf(1), s), false, "new.phup.done", "nothing to do"},
		{"older", "new.phup", updateOf(t, older, slotOf(1), s), false, "new.phup.failed", "older than what runs"},
		{"somebody's", "new.phup", updateOf(t, next, slotOf(1), newSigner(t, 2)), false, "new.phup.failed", "not signed by a key"},
		{"failed", "new.phup.failed", good, false, "new.phup.failed", ""},
		{"done", "new.phup.done", good, false, "new.phup.done", ""},
		{"a Mac's shadow", "._new.phup", good, false, "._new.phup", ""},
	} {
		card1 := aCard(t)
		put(t, filepath.Join(card1.BootDir, c.file), c.data)
		writable := ""
		card1.Writable = func(yes bool) error { writable += map[bool]string{true: "w", false: "r"}[yes]; return nil }
		took, err := card1.TakePending(t.Context(), TakeOptions{Keys: s.keys(), Now: noon})
		if took != c.took || (err != nil) != (c.says != "") || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got %v, %v, want %v, %q", c.name, took, err, c.took, c.says)
		}
		if left := strings.Join(names(t, card1.BootDir), " "); left != c.left {
			t.Errorf("%s: left %q, want %q", c.name, left, c.left)
		}
		if st := card1.start(t); (st.Other != nil) != c.took || !strings.Contains(st.Result, c.says) {
			t.Errorf("%s: got %+v", c.name, st)
		}
		if writable != "" && writable != "wr" {
			t.Errorf("%s: the partition was %s", c.name, writable)
		}
	}
}

func TestFilesOnTheBootPartitionOneByOne(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	put(t, filepath.Join(c.BootDir, "b.phup"), updateOf(t, next, slotOf(1), s))
	put(t, filepath.Join(c.BootDir, "a.phup"), []byte("bad"))
	if err := os.Mkdir(filepath.Join(c.BootDir, "0.phup"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, true, false} {
		if took, _ := c.TakePending(t.Context(), TakeOptions{Keys: s.keys(), Now: noon}); took != want {
			t.Errorf("start %d: took %v", i, took)
		}
	}
	if got, want := names(t, c.BootDir), []string{"0.phup", "a.phup.failed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestFileThatBringsTheMachineDownIsTakenTwice starts again and again with a file in which each attempt dies.
func TestFileThatBringsTheMachineDownIsTakenTwice(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	put(t, filepath.Join(c.BootDir, "new.phup"), updateOf(t, next, slotOf(1), s))
	died := 0
	c.Open = func(string) (Device, error) { panic("power") }
	for range 5 {
		func() {
			defer func() {
				if recover() != nil {
					died++
				}
			}()
			if took, _ := c.TakePending(t.Context(), TakeOptions{Keys: s.keys(), Now: noon}); took {
				t.Error("taken")
			}
		}()
	}
	if got := names(t, c.BootDir); died != 2 || !slices.Equal(got, []string{"new.phup.failed"}) {
		t.Errorf("died %d times, left %v", died, got)
	}
}

func TestFileIsLeftInATrialAndWhenTheMachineStops(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	put(t, filepath.Join(c.BootDir, "new.phup"), updateOf(t, next, slotOf(1), s))
	if took, err := c.restarted(next).TakePending(t.Context(), TakeOptions{Keys: s.keys(), Now: noon}); took || !errors.Is(err, ErrTrial) {
		t.Errorf("in a trial: got %v, %v", took, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	took, err := c.TakePending(ctx, TakeOptions{Keys: s.keys(), Now: noon, Progress: func(Step, int64, int64) { cancel() }})
	if took || !errors.Is(err, context.Canceled) {
		t.Errorf("while it stops: got %v, %v", took, err)
	}
	if got := names(t, c.BootDir); !slices.Equal(got, []string{"new.phup"}) {
		t.Errorf("left %v", got)
	}
}

// TestFileThatCannotBeRenamedIsNotTaken: without a rename it would be taken at each start for ever.
func TestFileThatCannotBeRenamedIsNotTaken(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	put(t, filepath.Join(c.BootDir, "new.phup"), updateOf(t, next, slotOf(1), s))
	if err := os.MkdirAll(filepath.Join(c.BootDir, "new.phup.again", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := get(t, Partition(c.Disk, card.SlotB))
	if took, err := c.TakePending(t.Context(), TakeOptions{Keys: s.keys(), Now: noon}); took || err == nil {
		t.Errorf("got %v, %v", took, err)
	}
	if got := names(t, c.BootDir); !bytes.Equal(before, get(t, Partition(c.Disk, card.SlotB))) || !slices.Equal(got, []string{"new.phup", "new.phup.again"}) {
		t.Errorf("it was begun: %v", got)
	}
}

// TestWhatFailedIsNotTakenAgainByItself: a stick that stays in the box must not try the same for ever.
func TestWhatFailedIsNotTakenAgainByItself(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	c.staged(t, next, s)
	if err := c.Try(noon); err != nil {
		t.Fatal(err)
	}
	c.start(t)
	put(t, filepath.Join(c.BootDir, "new.phup"), updateOf(t, next, slotOf(1), s))
	if took, err := c.TakePending(t.Context(), TakeOptions{Keys: s.keys(), Now: noon}); took || !errors.Is(err, ErrFailed) {
		t.Errorf("got %v, %v", took, err)
	}
	if got := names(t, c.BootDir); !slices.Equal(got, []string{"new.phup.failed"}) {
		t.Errorf("left %v", got)
	}
	c.staged(t, next, s) // by a person
}

// TestNamesThatFATDoesNotTellAreLeft: \u00dcbung.phup is ?bung.phup here.
func TestNamesThatFATDoesNotTellAreLeft(t *testing.T) {
	c, s := aCard(t), newSigner(t, 1)
	strange := filepath.Join(c.BootDir, "?bung.phup")
	put(t, strange, updateOf(t, next, slotOf(1), s))
	for range 3 {
		took, err := c.TakePending(t.Context(), TakeOptions{Keys: s.keys(), Now: noon})
		if took || !errors.Is(err, errName) {
			t.Fatalf("took %v, %v", took, err)
		}
	}
	if st := c.start(t); len(st.Events) != 1 || !strings.Contains(st.Result, "rename it") {
		t.Errorf("got %+v", st)
	}
	put(t, filepath.Join(c.BootDir, "b.phup"), updateOf(t, next, slotOf(1), s))
	if took, err := c.TakePending(t.Context(), TakeOptions{Keys: s.keys(), Now: noon}); !took || err != nil {
		t.Errorf("the other one: took %v, %v", took, err)
	}
	get(t, strange)
}
