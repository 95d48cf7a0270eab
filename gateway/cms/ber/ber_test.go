package ber_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"strings"
	"testing"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/ramf/ramftest"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, in, content string
		tag               ber.Tag
		constructed       bool
	}{
		{"primitive", "04 02 aabb", "aabb", ber.OctetString, false},
		{"empty", "05 00", "", ber.Null, false},
		{"padded length", "04 84 00000002 aabb", "aabb", ber.OctetString, false},
		{"length in nine octets", "04 89 000000000000000002 aabb", "aabb", ber.OctetString, false},
		{"indefinite", "30 80 04 01 aa 00 00", "0401aa", ber.Sequence, true},
		{"nested indefinite", "30 80 30 80 00 00 00 00", "30800000", ber.Sequence, true},
		{"end of contents inside a definite element", "30 80 04 02 0000 00 00", "04020000", ber.Sequence, true},
		{"context", "a3 00", "", ber.Context(3), true},
		{"high tag", "9f 81 00 01 aa", "aa", ber.Context(128), false},
	} {
		in := unhex(t, tt.in)
		e, err := ber.Parse(in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := hex.EncodeToString(e.Content); got != tt.content || e.Tag != tt.tag || e.Constructed != tt.constructed {
			t.Errorf("%s: %v %s constructed %v, want %v %s %v", tt.name, e.Tag, got, e.Constructed, tt.tag, tt.content, tt.constructed)
		}
		if !bytes.Equal(e.Raw, in) {
			t.Errorf("%s: raw %x, want %x", tt.name, e.Raw, in)
		}
		for n := range in {
			if _, err := ber.Parse(in[:n]); err == nil {
				t.Errorf("%s: accepted %d of %d octets", tt.name, n, len(in))
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"trailing octets", "0500 00", "follow"},
		{"end of contents alone", "0000", "end of contents"},
		{"reserved tag", "2000", "reserved"},
		{"end of contents with content", "0001aa", "reserved"},
		{"primitive of indefinite length", "0480 0000", "primitive"},
		{"padded tag", "1f 80 1f 00", "padded"},
		{"small number in a long tag", "1f 1e 00", "padded"},
		{"huge tag", "1f 88 80 80 80 00 00", "too large"},
		{"huge length", "04 84 ffffffff", "length is more"},
		{"claimed length", "04 84 3fffffff", "ends early"},
		{"claimed length inside", "3080 04 84 3fffffff", "ends early"},
		{"too deep, indefinite", strings.Repeat("3080", 40) + strings.Repeat("0000", 40), "nested deeper"},
	} {
		_, err := ber.Parse(unhex(t, tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestDepthLimit(t *testing.T) {
	var p ber.Pieces
	for range 40 {
		p = ber.Encode(0x30, p)
	}
	e, err := ber.Parse(p.Join())
	if err != nil {
		t.Fatal(err)
	}
	depth := 1
	for {
		r := e.Reader()
		if e = r.Take(ber.Sequence); r.Err() != nil {
			break
		}
		depth++
	}
	if depth != ber.MaxDepth {
		t.Errorf("read to depth %d, want %d", depth, ber.MaxDepth)
	}
}

func TestElementLimit(t *testing.T) {
	e, err := ber.Parse(ber.Bytes(0x30, bytes.Repeat([]byte{5, 0}, ber.MaxElements)).Join())
	if err != nil {
		t.Fatal(err)
	}
	r := e.Reader()
	n := 0
	for !r.Empty() {
		r.Next()
		n++
	}
	if r.Err() == nil || n != ber.MaxElements {
		t.Errorf("read %d elements, %v; want an error at %d", n, r.Err(), ber.MaxElements)
	}
}

func TestOctets(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"primitive", "04 02 aabb", "aabb"},
		{"one piece", "24 04 04 02 aabb", "aabb"},
		{"pieces", "24 80 04 01 aa 04 00 04 02 bbcc 00 00", "aabbcc"},
		{"pieces of pieces", "a0 80 24 80 04 01 aa 00 00 04 01 bb 00 00", "aabb"},
		{"none", "24 00", ""},
	} {
		e, err := ber.Parse(unhex(t, tt.in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Octets()
		if err != nil || hex.EncodeToString(got) != tt.want {
			t.Errorf("%s: %x, %v; want %s", tt.name, got, err, tt.want)
		}
	}
	e, _ := ber.Parse(unhex(t, "24 03 02 01 aa"))
	if _, err := e.Octets(); err == nil {
		t.Error("joined a piece that is an INTEGER")
	}
}

func TestUint(t *testing.T) {
	for in, want := range map[string]int{"020100": 0, "0202 0080": 128, "0204 7fffffff": 1<<31 - 1, "0205 007fffffff": 1<<31 - 1} {
		e, err := ber.Parse(unhex(t, in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Uint(); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"0200", "0201ff", "02050080000000", "22030201 01"} {
		e, _ := ber.Parse(unhex(t, in))
		if got, err := e.Uint(); err == nil {
			t.Errorf("%s: %d, want an error", in, got)
		}
	}
}

func TestEncode(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 255, 256, 65535, 65536} {
		want, err := asn1.Marshal(make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		p := ber.Bytes(0x04, make([]byte, n))
		if got := p.Join(); !bytes.Equal(got, want) || p.Len() != len(want) {
			t.Errorf("%d octets: header %x, want %x", n, got[:min(6, len(got))], want[:min(6, len(want))])
		}
	}
}

// FuzzAgainstDER: what encoding/asn1 reads, this reader reads alike, at every level.
func FuzzAgainstDER(f *testing.F) {
	for _, s := range []string{"30 80 04 01 aa 00 00", "3006 0201 01 0401 aa", "9f810001aa", "24 80 04 01 aa 04 00 04 02 bbcc 00 00", "0000"} {
		f.Add(unhex(f, s))
	}
	for _, b := range ramftest.Load(f).Octets() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ber.Parse(b)
		var raw asn1.RawValue
		rest, derErr := asn1.Unmarshal(b, &raw)
		if derErr == nil && len(rest) == 0 && (raw.Class != 0 || raw.Tag != 0) {
			if err != nil {
				t.Fatalf("DER %x refused: %v", b, err)
			}
			compare(t, e, raw)
		}
		if err == nil {
			walk(t, e)
		}
	})
}

func compare(t *testing.T, e ber.Element, raw asn1.RawValue) {
	t.Helper()
	if e.Tag != ber.Tag(raw.Class)<<32|ber.Tag(raw.Tag) || e.Constructed != raw.IsCompound || !bytes.Equal(e.Content, raw.Bytes) || !bytes.Equal(e.Raw, raw.FullBytes) {
		t.Fatalf("read %v %v %x, DER is %d/%d %v %x", e.Tag, e.Constructed, e.Content, raw.Class, raw.Tag, raw.IsCompound, raw.Bytes)
	}
	if !raw.IsCompound {
		return
	}
	r := e.Reader()
	for rest := raw.Bytes; len(rest) > 0 && r.Err() == nil; {
		var child asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &child); err != nil || child.Class == 0 && child.Tag == 0 {
			return
		}
		got, ok := r.Next()
		if !ok {
			if strings.Contains(r.Err().Error(), "deeper") {
				return
			}
			t.Fatalf("child %x refused: %v", child.FullBytes, r.Err())
		}
		compare(t, got, child)
	}
}

// walk reads everything and checks that the views stay inside their parents.
func walk(t *testing.T, e ber.Element) {
	if _, err := e.Octets(); err == nil && len(e.Raw) < len(e.Content) {
		t.Fatal("content larger than the element")
	}
	if !e.Constructed {
		return
	}
	r, n := e.Reader(), 0
	for {
		c, ok := r.Next()
		if !ok {
			break
		}
		n += len(c.Raw)
		walk(t, c)
	}
	if r.Err() == nil && n != len(e.Content) {
		t.Fatalf("children take %d of %d octets", n, len(e.Content))
	}
}
