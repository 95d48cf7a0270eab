package gateway

import (
	"bytes"
	"errors"
	"maps"
	"testing"
	"time"
)

// builtin sums up what batches write of the built-in endpoint's state.
func builtin(s *site) (sum *int) {
	sum = new(int)
	s.fail = func(p Persist) error {
		for _, op := range p.Ops {
			if op.Kind == KindBuiltin {
				*sum += len(op.Key) + len(op.Value)
			}
		}
		return nil
	}
	return sum
}

func TestALetterWritesOnlyTheKeyThatItChanges(t *testing.T) {
	b, x, y := pairedBench(t)
	sent, got := builtin(x), builtin(y)
	for range 3 {
		b.run(2*time.Second, func() bool { return false }) // or the recipient would learn no newer key
		*sent, *got = 0, 0
		n := len(y.core.Letters())
		x.mustCall(func(t Token) Event { return Send{Token: t, To: "ben", Type: "text/plain", Content: text(10)} })
		b.must(time.Minute, "the letter", func() bool { return len(y.core.Letters()) == n+1 })
		if *sent == 0 || *sent > 400 || *got == 0 || *got > 400 {
			t.Errorf("got %d octets written of the sender's endpoint and %d of the recipient's, want at most 400 each", *sent, *got)
		}
	}
	*sent = 0
	x.boot()
	b.settle()
	if *sent != 0 {
		t.Errorf("got %d octets written at a start, want none", *sent)
	}
}

// What the disk did not take is written with the next letter, and what is gone is deleted.
func TestTheBoxIsWholeOnDiskAfterFailures(t *testing.T) {
	b, x, _ := pairedBench(t)
	for i := range 80 { // more than there are session keys
		x.fail = nil
		if i%3 == 0 {
			x.fail = func(Persist) error { return errors.New("broken") }
		}
		x.ask(func(t Token) Event { return Send{Token: t, To: "ben", Type: "text/plain", Content: text(10)} })
		b.settle()
	}
	records := x.core.box.ep.Marshal()
	for _, r := range records {
		if !bytes.Equal(x.disk[KindBuiltin][r.Key], r.Value) {
			t.Errorf("%s is not on disk as it is in memory", r.Key)
		}
	}
	if got := len(x.disk[KindBuiltin]); got != len(records) {
		t.Errorf("got %d records on disk, want %d", got, len(records))
	}
}

// A card that a newer version wrote is run by this one, and taken back.
func TestWhatANewerVersionWroteOfTheBoxIsLeftAlone(t *testing.T) {
	for name, newer := range map[string][]byte{"state": {0x30, 3, 2, 1, 3}, "contact": {0x30, 3, 2, 1, 2}} {
		b, x, _ := pairedBench(t)
		x.write("ben", text(10))
		b.settle()
		for key := range x.disk[KindBuiltin] {
			if key == name || len(key) > len(name) && key[:len(name)] == name {
				x.disk[KindBuiltin][key] = newer
			}
		}
		before := maps.Clone(x.disk[KindBuiltin])
		x.boot()
		b.run(time.Minute, func() bool { return false })
		for i := range 3 {
			x.ask(func(t Token) Event { return Send{Token: t, To: "ben", Type: "text/plain", Content: text(10 + i)} })
			b.run(time.Minute, func() bool { return false })
		}
		for key, value := range before {
			if bytes.Equal(value, newer) && !bytes.Equal(x.disk[KindBuiltin][key], newer) {
				t.Errorf("%s of a newer version: got %x, want it as it was", key, x.disk[KindBuiltin][key])
			}
		}
		for key := range before {
			if name == "state" && !bytes.Equal(before[key], x.disk[KindBuiltin][key]) {
				t.Errorf("%s beside a state of a newer version was changed", key)
			}
		}
	}
}
