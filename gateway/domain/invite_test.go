package domain

import (
	"fmt"
	"strings"
	"testing"
)

func testInvite(t testing.TB) Invite {
	t.Helper()
	v, err := NewInvite([32]byte{1, 2, 3}, "ridge", seeded(2))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestInviteRoundTrip(t *testing.T) {
	v := testInvite(t)
	s := v.Text()
	if len(s) > 140 {
		t.Errorf("the text has %d characters, want at most 140", len(s))
	}
	wrapped := s[:30] + "\n  " + s[30:] + "\r\n"
	for _, text := range []string{s, strings.ToUpper(s), strings.ToLower(s), wrapped} {
		if got, err := ParseInvite(text); err != nil || got != v {
			t.Errorf("%q: got %#v, %v", text, got, err)
		}
	}
}

func TestInviteErrorsNameWhatIsWrong(t *testing.T) {
	good := testInvite(t).Text()
	bytesOf := func(edit func(b []byte) []byte) string {
		b, err := inviteBase32.DecodeString(good[len(invitePrefix):])
		if err != nil {
			t.Fatal(err)
		}
		return invitePrefix + inviteBase32.EncodeToString(edit(b))
	}
	swap := []byte(good)
	swap[20] ^= 'A' ^ 'B'
	for text, part := range map[string]string{
		"":                              "begins with packhorse:",
		"https://example.com/":          "begins with packhorse:",
		"packhorse:":                    "cut short",
		good[:40]:                       "", // whatever it is called, it is refused
		good + "!":                      "character",
		string(swap):                    "",
		good + strings.Repeat("A", 999): "too long",
		bytesOf(func(b []byte) []byte { b[0] = 2; return b }):            "version 2",
		bytesOf(func(b []byte) []byte { b[9] ^= 1; return b }):           "checksum",
		bytesOf(func(b []byte) []byte { return append(b[:1:1], b...) }):  "checksum",
		bytesOf(func(b []byte) []byte { return append(b, b[:5]...) }):    "checksum",
		bytesOf(func(b []byte) []byte { b[len(b)-1] ^= 0x80; return b }): "checksum",
	} {
		if v, err := ParseInvite(text); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%.60q: got %v, %v; want an error with %q", text, v, err, part)
		}
	}
	for n := range len(good) {
		if _, err := ParseInvite(good[:n]); err == nil {
			t.Errorf("cut at %d: got no error", n)
		}
	}
}

func TestInvitePrintsNoSecret(t *testing.T) {
	v := testInvite(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		if got := fmt.Sprintf(verb, v); got != "invite to ridge (secret hidden)" {
			t.Errorf("%s: got %q", verb, got)
		}
	}
}

func FuzzParseInvite(f *testing.F) {
	f.Add(testInvite(f).Text())
	f.Add("packhorse:AEAQ")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseInvite(s)
		if err != nil {
			return
		}
		if again, err := ParseInvite(v.Text()); err != nil || again != v {
			t.Fatalf("%q: read back as %v, %v", s, again, err)
		}
	})
}
