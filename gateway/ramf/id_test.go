package ramf

import (
	"bytes"
	"testing"
)

func TestNewIDIsARandomUUID(t *testing.T) {
	got, err := NewID(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if want := "ffffffff-ffff-4fff-bfff-ffffffffffff"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := NewID(bytes.NewReader(make([]byte, 15))); err == nil {
		t.Error("an id was drawn from too few random octets")
	}
}
