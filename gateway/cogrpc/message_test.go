package cogrpc

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"

	"packhorse/gateway/ramf/ramftest"
)

func (m *message) octets() []byte { return append(m.head(), m.cargo...) }

func TestMessages(t *testing.T) {
	for _, tc := range []struct {
		name, hex, id, cargo string
		ok                   bool
	}{
		{"delivery", "0a02696412026f6e", "id", "on", true},
		{"acknowledgement", "0a026964", "id", "", true},
		{"empty", "", "", "", true},
		{"any order", "12026f6e0a026964", "id", "on", true},
		{"the last of two counts", "0a026964" + "0a0178", "x", "", true},
		{"unknown fields", "1801" + "0a026964" + "2201ff" + "2d01020304" + "310102030405060708" + "3b3c", "id", "", true},
		{"other wire type", "0801" + "0a026964", "id", "", true},
		{"cut in a tag", "8a", "", "", false},
		{"cut in a value", "0a0269", "", "", false},
		{"length beyond all", "12ffffffffffffffffff01", "", "", false},
		{"field zero", "0200", "", "", false},
		{"end of no group", "3c", "", "", false},
		{"id is not UTF-8", "0a01ff", "", "", false},
	} {
		b, err := hex.DecodeString(tc.hex)
		if err != nil {
			t.Fatal(err)
		}
		var m message
		if err := m.parse(b); (err == nil) != tc.ok || tc.ok && (m.id != tc.id || string(m.cargo) != tc.cargo) {
			t.Errorf("%s: got %q, %q, %v", tc.name, m.id, m.cargo, err)
		}
	}
	if got := hex.EncodeToString((&message{"id", []byte("on")}).octets()); got != "0a02696412026f6e" {
		t.Errorf("encoded: got %s", got)
	}
}

func TestCodecRefusesOtherTypes(t *testing.T) {
	if _, err := (codec{}).Marshal("text"); err == nil {
		t.Error("marshal: got no error")
	}
	if err := (codec{}).Unmarshal(mem.BufferSlice{}, new(string)); err == nil {
		t.Error("unmarshal: got no error")
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x0a\x02id\x12\x02on"))
	f.Add([]byte("\x18\x01\x3b\x3c"))
	f.Add([]byte(strings.Repeat("\x3b", 100)))
	js := ramftest.Load(f)
	f.Add((&message{"8d1f5a52-3c1e-4f5a-9a6a-0d8e3c2b1a00", js.Cargo}).octets())
	f.Add([]byte(authScheme + " " + base64.StdEncoding.EncodeToString(js.CCA)))
	f.Fuzz(func(t *testing.T, b []byte) {
		header := metadata.NewIncomingContext(t.Context(), metadata.Pairs(authKey, string(b)))
		if cca, err := ccaOf(header); err == nil && (len(cca) == 0 || len(cca) > len(b)) {
			t.Fatalf("a CCA of %d octets from %d", len(cca), len(b))
		}
		var m, again message
		if m.parse(b) != nil {
			return
		}
		if len(m.id) > maxID || len(m.cargo) > len(b) {
			t.Fatalf("got an id of %d and cargo of %d octets from %d", len(m.id), len(m.cargo), len(b))
		}
		if err := again.parse(m.octets()); err != nil || again.id != m.id || !bytes.Equal(again.cargo, m.cargo) {
			t.Fatalf("again: got %q, %x, %v, want %q, %x", again.id, again.cargo, err, m.id, m.cargo)
		}
	})
}
