package domain

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func seeded(n uint64) *rand.ChaCha8 {
	var seed [32]byte
	seed[0], seed[1] = byte(n), byte(n>>8)
	return rand.NewChaCha8(seed)
}

func TestCodesAreReadAsPeopleTypeThem(t *testing.T) {
	for typed, want := range map[string]string{
		"K7QM-2XTD":             "K7QM2XTD",
		"k7qm2xtd":              "K7QM2XTD",
		" k7 qm - 2x td\n":      "K7QM2XTD",
		"oO-iI-lL-00":           "00111100",
		"K 7 Q M - 2 - X T D  ": "K7QM2XTD",
	} {
		if got, err := ParseCode(typed); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", typed, got, err, want)
		}
	}
	for typed, part := range map[string]string{
		"":                             "has 0",
		"K7QM-2XT":                     "has 7",
		"K7QM-2XTDD":                   "has 9",
		"K7QM-2XTU":                    "'U'",
		"K7QM_2XTD":                    "'_'",
		"K7QM-2XT\u00c9":               "\u00c9",
		strings.Repeat("packhorse", 9): "too long",
	} {
		if got, err := ParseCode(typed); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: got %q, %v; want an error with %q", typed, got, err, part)
		}
	}
}

func TestNewCodeUsesTheWholeAlphabetAndReadsBack(t *testing.T) {
	r, seen := seeded(1), map[rune]bool{}
	for range 200 {
		code, err := NewCode(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseCode(FormatCode(code)); err != nil || got != code {
			t.Fatalf("%s: read back as %q, %v", code, got, err)
		}
		for _, c := range code {
			seen[c] = true
		}
	}
	if len(seen) != len(codeAlphabet) {
		t.Errorf("got %d different characters, want %d", len(seen), len(codeAlphabet))
	}
	if _, err := NewCode(bytes.NewReader(make([]byte, 7))); err == nil {
		t.Error("7 octets of random: got no error")
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"ridge", "ridge-1", "A", "7", strings.Repeat("x", 24)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: got %v, want it allowed", name, err)
		}
	}
	for _, name := range []string{"", "-a", "a-", "a.b", "a b", "caf\u00e9", "a/b", "\x00", strings.Repeat("x", 25)} {
		if CheckName(name) == nil {
			t.Errorf("%q: got it allowed, want an error", name)
		}
	}
}

func TestAddressIsADomainName(t *testing.T) {
	id := [16]byte{0xff, 0, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	if got, want := AddressOf("Ridge-2", id), "ridge-2.74ap6aicamcakbqh.internal"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add("K7QM-2XTD")
	f.Add("oil")
	f.Fuzz(func(t *testing.T, s string) {
		code, err := ParseCode(s)
		if err != nil {
			return
		}
		if again, err := ParseCode(FormatCode(code)); err != nil || again != code {
			t.Fatalf("%q: got %q, then %q, %v", s, code, again, err)
		}
	})
}
