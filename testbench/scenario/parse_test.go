package scenario

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseReadsCommandsWithTheirOutput(t *testing.T) {
	text := "# why\nworld seed=7 loss=30%\n\nnode a b\n  two lines\n\tof output\nsend a b \"a \\\"b\\\" # c\" priority=bulk\n"
	s, err := Parse("x.txt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Command{
		{Line: 2, Text: "world seed=7 loss=30%", Name: "world", Options: map[string]string{"seed": "7", "loss": "30%"}},
		{Line: 4, Text: "node a b", Name: "node", Args: []string{"a", "b"}, Options: map[string]string{}, Want: []string{"two lines", "of output"}},
		{Line: 7, Text: `send a b "a \"b\" # c" priority=bulk`, Name: "send", Args: []string{"a", "b"},
			Options: map[string]string{"priority": "bulk"}, Quote: `a "b" # c`, Quoted: true},
	}
	if !reflect.DeepEqual(s.Commands, want) || s.Seed != 7 {
		t.Errorf("got seed %d\n%+v\nwant 7\n%+v", s.Seed, s.Commands, want)
	}
}

func TestParseErrorsNameFileLineAndWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "x.txt:1: the file has no command",
		"# only this\n":                  "x.txt:1: the file has no command",
		"  output\n":                     "x.txt:1: expected output stands directly below its command",
		"node a\n\n  output\n":           "x.txt:3: expected output stands directly below its command",
		"node a\nsedn a b\n":             `x.txt:2: "sedn" is no command: world node`,
		"node a\nworld seed=1\n":         "x.txt:2: world is the first command",
		"world seed=-1\n":                `x.txt:1: "-1" is no seed`,
		"world sed=1\n":                  "x.txt:1: world knows no sed=: world [seed=N]",
		"world seed=1 seed=2\n":          "x.txt:1: seed= stands twice",
		"world seed=\n":                  "x.txt:1: seed= has no value",
		"node\n":                         "x.txt:1: write it as: node NAME...",
		"node a\ncut a\n":                "x.txt:2: write it as: cut A B",
		"node a \"text\"\n":              "x.txt:1: node takes no text",
		"node a\nsend a b \"open\n":      "x.txt:2: a text stands once, in double quotes",
		"node a\nsend a b \"a\" \"b\"":   "x.txt:2: a text stands once, in double quotes",
		"\"text\" first\n":               "x.txt:1: a text stands once",
		strings.Repeat("#\n", 1<<19+1):   "x.txt:1: the file has 1048578 octets",
		strings.Repeat("check\n", 10001): "x.txt:10001: at most 10000 commands",
	} {
		s, err := Parse("x.txt", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v, %v; want %q", text, s, err, want)
		}
	}
}

func TestRewriteKeepsCommentsAndTakesOutputs(t *testing.T) {
	s, err := Parse("x.txt", []byte("# why\r\nnode a  \n  old\n\n\n# and\nstatus a\n  stays\n\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := string(s.Rewrite([][]string{{"new", "lines"}}))
	if want := "# why\nnode a\n  new\n  lines\n\n\n# and\nstatus a\n  stays\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestValuesAreReadOrRefused(t *testing.T) {
	for text, want := range map[string]int{"500B": 500, "20kB": 20_000, "1.5MB": 1_500_000, "8MB": 8_000_000,
		"": 0, "20": 0, "0B": 0, "9MB": 0, "-1kB": 0, "kB": 0, "B": 0, "NaNB": 0, "1e99B": 0} {
		if got, err := readSize(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("size %q: got %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{"30s": "30s", "2m": "2m0s", "14d": "336h0m0s", "400d": "9600h0m0s",
		"": "0s", "0s": "0s", "-1m": "0s", "401d": "0s", "10": "0s", "d": "0s", "9999999h": "0s", "106751d": "0s"} {
		if got, err := readDuration(text); got.String() != want || (err == nil) != (want != "0s") {
			t.Errorf("duration %q: got %v, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]float64{"30%": 0.3, "0.25": 0.25, "0%": 0, "100%": 1, "": -1, "101%": -1, "-1%": -1, "NaN": -1, "x": -1} {
		if got, err := readPercent(text); err == nil && got != want || (err == nil) != (want >= 0) {
			t.Errorf("share %q: got %v, %v; want %v", text, got, err, want)
		}
	}
}

// FuzzParse: no input panics, and a file that was written anew says the same.
func FuzzParse(f *testing.F) {
	for _, s := range scripts(f) {
		f.Add(string(s.Rewrite(nil)))
	}
	f.Add("send a b \"\\x00\" =\n  x\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("x.txt", []byte(text))
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("got %T: %v", err, err)
			}
			return
		}
		var outputs [][]string
		for _, c := range s.Commands {
			outputs = append(outputs, c.Want)
		}
		once := s.Rewrite(outputs)
		again, err := Parse("x.txt", once)
		if err != nil {
			t.Fatalf("written anew it is refused: %v\n%s", err, once)
		}
		if !reflect.DeepEqual(plain(again), plain(s)) || string(again.Rewrite(nil)) != string(once) {
			t.Fatalf("written anew it says something else:\n%q\n%q", text, once)
		}
	})
}

// plain is the commands without their line numbers, which a rewrite may change.
func plain(s *Script) []Command {
	out := append([]Command(nil), s.Commands...)
	for i := range out {
		out[i].Line = 0
	}
	return out
}
