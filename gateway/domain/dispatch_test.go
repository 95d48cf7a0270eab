package domain

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"packhorse/link"
)

func testDispatch(t testing.TB, f fixture) Dispatch {
	t.Helper()
	d, err := NewDispatch(Dispatch{Topic: TopicAskContact, To: f.bob.ID(), Sequence: 9, Body: []byte("card")}, f.alice, f.owner.Info().ID)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDispatch(t *testing.T) {
	f := setup(t)
	d, id := testDispatch(t, f), f.owner.Info().ID
	got, err := ParseDispatch(d.Raw, id)
	if err != nil || !reflect.DeepEqual(got, d) || got.From != f.alice.ID() {
		t.Errorf("got %+v, %v; want %+v", got, err, d)
	}
	parse := func(b []byte) error { _, err := ParseDispatch(b, id); return err }
	refusesEveryCut(t, d.Raw, parse)
	refusesEveryChange(t, d.Raw, 1, parse)
	if _, err := ParseDispatch(d.Raw, [16]byte{1}); !errors.Is(err, ErrSignature) {
		t.Errorf("in another domain: got %v, want ErrSignature", err)
	}
	claimed := d
	claimed.To = link.PeerID{7}
	if raw := append(bytes.Clone(d.Raw[:34]), append(bytes.Clone(claimed.To[:]), d.Raw[66:]...)...); !errors.Is(parse(raw), ErrSignature) {
		t.Errorf("for another gateway: got %v, want ErrSignature", parse(raw))
	}
}

func TestDispatchIsBounded(t *testing.T) {
	f := setup(t)
	id := f.owner.Info().ID
	full := Dispatch{Topic: 200, Body: make([]byte, MaxDispatchBody)}
	d, err := NewDispatch(full, f.alice, id)
	if err != nil || len(d.Raw) != MaxDispatch {
		t.Fatalf("the longest: got %d octets, %v; want %d", len(d.Raw), err, MaxDispatch)
	}
	if _, err := ParseDispatch(d.Raw, id); err != nil {
		t.Errorf("the longest is refused: %v", err)
	}
	full.Body = append(full.Body, 0)
	if _, err := NewDispatch(full, f.alice, id); err == nil {
		t.Error("one octet more was signed")
	}
	if _, err := ParseDispatch(append(d.Raw, 0), id); err == nil {
		t.Error("one octet more was taken")
	}
}

func FuzzParseDispatch(f *testing.F) {
	x := setup(f)
	id := x.owner.Info().ID
	f.Add(testDispatch(f, x).Raw)
	f.Add(testDispatch(f, x).Raw[:80])
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDispatch(b, id); err == nil && !bytes.Equal(d.Raw, b) {
			t.Fatal("accepted octets that differ from Raw")
		}
	})
}
