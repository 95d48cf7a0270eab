package suite

import (
	"strings"
	"testing"
)

func TestSelect(t *testing.T) {
	for _, c := range []struct{ names, want, says string }{
		{"road,crash", "road 6 crash 3", ""},
		{"crash,conformance", "conformance 7 crash 3", ""},
		{"crash/both", "crash 1", ""},
		{"road/text there,crash", "road 1 crash 3", ""},
		{"crash,crash/both", "crash 3", ""},
		{"nosuch", "", `no suite "nosuch": use conformance, road, crash, soak`},
		{"crash/nosuch", "", "crash/recipient"},
	} {
		got, err := Select(strings.Split(c.names, ","))
		var text []string
		for _, s := range got {
			text = append(text, s.Name, string(rune('0'+len(s.Cases))))
		}
		if strings.Join(text, " ") != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, %v", c.names, text, err)
		}
	}
}

func TestNamesAreUniqueAndCasesExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All {
		for _, c := range s.Cases {
			name := s.Name + "/" + c.Name
			if seen[name] || c.About == "" || c.Typical <= 0 || c.Run == nil || s.About == "" {
				t.Errorf("%s: twice %v, or something is missing", name, seen[name])
			}
			seen[name] = true
		}
	}
}

func TestLastJSON(t *testing.T) {
	for text, want := range map[string]string{
		"hint\n{\"a\":1}\n{\"b\":2}\nend {": `{"b":2}`,
		"{not json}\n":                      "",
		"":                                  "",
		"  {\"a\":1}\r\n":                   `{"a":1}`,
	} {
		if got := lastJSON(text); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
}
