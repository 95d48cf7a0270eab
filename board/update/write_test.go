package update

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"
	"time"

	"packhorse/board/card"
)

func TestUpdateComesBack(t *testing.T) {
	s, slot := newSigner(t, 1), slotOf(1)
	file := updateOf(t, next, slot, s)
	m, got, err := read(file, s.keys())
	if err != nil {
		t.Fatal(err)
	}
	if m.Release() != next {
		t.Errorf("got %+v, want %+v", m.Release(), next)
	}
	want := slot[:len(slot)-2*card.SectorSize] // without the zeros at its end
	if !bytes.Equal(got, want) {
		t.Errorf("got %d octets, want %d", len(got), len(want))
	}
	if again := updateOf(t, next, slot, s); !bytes.Equal(file, again) {
		t.Error("the same slot made another file")
	}
	h, err := tar.NewReader(bytes.NewReader(file)).Next()
	if err != nil || h.ModTime.UTC().Format(time.RFC3339) != next.Created {
		t.Errorf("a member of %s (%v), want the date of the system", h.ModTime, err)
	}
}

func TestTrimKeepsWholeSectors(t *testing.T) {
	for _, c := range []struct{ in, ends int }{
		{0, 0}, {1, 512}, {512, 512}, {513, 1024}, {64 << 10, 64 << 10}, {64<<10 + 1, 64<<10 + 512}, {200 << 10, 200 << 10},
	} {
		in := make([]byte, c.in+3000)
		if c.in > 0 {
			in[c.in-1] = 7
		}
		var out bytes.Buffer
		n, err := trim(&out, bytes.NewReader(in))
		if err != nil || n != int64(c.ends) || out.Len() != c.ends || (c.in > 0 && !bytes.Equal(out.Bytes()[:c.in], in[:c.in])) {
			t.Errorf("last octet at %d: got %d and %d octets, %v, want %d", c.in, n, out.Len(), err, c.ends)
		}
	}
	var out bytes.Buffer
	if n, err := trim(&out, bytes.NewReader([]byte{1, 2, 3})); n != 512 || out.Len() != 512 || err != nil {
		t.Errorf("a part of a sector: got %d and %d octets, %v", n, out.Len(), err)
	}
}

func TestWriteRefusesWhatCannotBeRead(t *testing.T) {
	s := newSigner(t, 1)
	tooLong := bytes.NewReader(append(make([]byte, card.SlotSize), 1))
	if _, err := Write(new(bytes.Buffer), next, tooLong, SignWith(s.priv)); err == nil {
		t.Error("took a slot that is too long")
	}
	if _, err := Write(new(bytes.Buffer), next, bytes.NewReader(make([]byte, 4096)), SignWith(s.priv)); err == nil {
		t.Error("took a slot of zeros")
	}
	if _, err := Write(new(bytes.Buffer), card.Release{}, bytes.NewReader(slotOf(1)), SignWith(s.priv)); err == nil {
		t.Error("took a release without names")
	}
	no := errors.New("no key")
	if _, err := Write(new(bytes.Buffer), next, bytes.NewReader(slotOf(1)), func([]byte) ([]byte, error) { return nil, no }); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
}
