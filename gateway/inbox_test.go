package gateway

import (
	"errors"
	"testing"
	"time"

	"packhorse/store"
)

// fullInbox is a pair whose second has room for two letters, has two, and a third waits.
func fullInbox(t *testing.T) (b *bench, x, y *site) {
	b, x, y = pairedBench(t)
	y.core.cfg.Limits.Letters = 2
	for range 3 {
		x.write("ben", text(100))
		b.run(time.Minute, func() bool { return false })
	}
	if n, waits := len(y.core.Letters()), y.core.Snapshot(b.now).Parcels; n != 2 || waits != 1 {
		t.Fatalf("%d letters, %d wait; want 2 and 1", n, waits)
	}
	return b, x, y
}

func (s *site) deleteLetters(id string) (int, error) {
	v, err := s.call(func(t Token) Event { return DeleteLetter{t, id} })
	n, _ := v.(int)
	return n, err
}

func TestDeletedLetterMakesRoomForOneThatWaits(t *testing.T) {
	b, x, y := fullInbox(t)
	if _, err := y.deleteLetters("beef"); err == nil {
		t.Fatal("a letter that is not there was deleted")
	}
	gone := y.core.Letters()[1].ID
	if n, err := y.deleteLetters(gone); n != 1 || err != nil {
		t.Fatalf("deleted %d, %v; want 1", n, err)
	}
	b.must(time.Minute, "the letter that waited", func() bool { return len(y.core.Letters()) == 2 && y.core.Snapshot(b.now).Parcels == 0 })
	b.must(time.Minute, "its receipt", func() bool { return len(x.core.Parcels(b.now, false)) == 0 })
	if n := len(y.disk[KindLetterBody]); n != 2 || len(y.disk[KindLetter]) != 2 {
		t.Fatalf("%d contents and %d heads on disk, want 2 each", n, len(y.disk[KindLetter]))
	}
	y.boot()
	for _, l := range y.core.Letters() {
		if l.ID == gone {
			t.Fatal("a deleted letter came back with a restart")
		}
	}
	if y.core.box.bytes != 200 {
		t.Fatalf("the inbox counts %d octets, want 200", y.core.box.bytes)
	}
}

func TestOnlyReadLettersAreDeletedTogether(t *testing.T) {
	b, _, y := fullInbox(t)
	if n, err := y.deleteLetters(""); n != 0 || err != nil {
		t.Fatalf("deleted %d, %v; want none: nothing was read", n, err)
	}
	read := y.core.Letters()[0].ID
	y.mustCall(func(t Token) Event { return ReadLetter{t, read} })
	b.settle()
	if n, err := y.deleteLetters(""); n != 1 || err != nil {
		t.Fatalf("deleted %d, %v; want the one that was read", n, err)
	}
	b.must(time.Minute, "the letter that waited", func() bool { return len(y.core.Letters()) == 2 && y.core.Letters()[0].ID != read })
}

func TestLetterStaysWhenItsDeletionFails(t *testing.T) {
	_, _, y := fullInbox(t)
	y.fail = func(Persist) error { return errors.New("input/output error") }
	if _, err := y.deleteLetters(y.core.Letters()[0].ID); err == nil {
		t.Fatal("a deletion that failed was answered with success")
	}
	y.fail = nil
	if n := len(y.core.Letters()); n != 2 || len(y.disk[store.Kind(KindLetter)]) != 2 {
		t.Fatalf("%d letters after a failed deletion, want 2", n)
	}
}

func TestReadMarkDoesNotBringADeletedLetterBack(t *testing.T) {
	b, _, y := fullInbox(t)
	id := y.core.Letters()[0].ID
	read := y.ask(func(t Token) Event { return ReadLetter{t, id} })
	load, _ := y.core.PollEvent()
	y.ask(func(t Token) Event { return DeleteLetter{t, id} })
	y.core.HandleEvent(b.now, Loaded{load.(Load).Kind, load.(Load).Key, text(100), nil})
	b.settle()
	if y.answers[read].Err == nil {
		t.Error("a letter was read while it was deleted")
	}
	if n := len(y.disk[KindLetter]); n != len(y.disk[KindLetterBody]) {
		t.Fatalf("%d heads and %d contents on disk, want as many", n, len(y.disk[KindLetterBody]))
	}
}
