package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"testing"

	"packhorse/cmd/packhorse/internal/appliance/control"
)

// partVar makes a copy of the test binary play the program.
const partVar = "PACKHORSE_SESSION_PART"

func TestMain(m *testing.M) {
	if os.Getenv(partVar) == "" {
		os.Exit(m.Run())
	}
	os.Exit(program(os.Args[1:]))
}

// program answers what it was told: words, one line of its input, that it waits for an interruption.
func program(args []string) int {
	switch args[0] {
	case "words":
		fmt.Printf("%q", args[1:])
	case "read":
		var s string
		fmt.Scanln(&s)
		fmt.Println("read " + s)
	case "wait":
		c := make(chan os.Signal, 1)
		signal.Notify(c, os.Interrupt)
		fmt.Println("waiting")
		<-c
		return 130
	default:
		fmt.Fprintln(os.Stderr, "no such word")
		return 7
	}
	return 0
}

func host(t *testing.T) (*Host, *[]control.Request) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var asked []control.Request
	return &Host{Exe: exe, Env: []string{partVar + "=1"}, Ask: func(_ context.Context, q control.Request) control.Reply {
		asked = append(asked, q)
		if q.Trial {
			return control.Refuse("update first", "the other slot is empty")
		}
		return control.Reply{OK: true, Status: &control.Status{Name: "ana"}, Log: []string{"one", "two"}[:map[string]int{control.DoLog: 2}[q.Do]]}
	}}, &asked
}

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		line string
		want []string
		bad  bool
	}{
		{"status --json", []string{"status", "--json"}, false},
		{" send\tana 'on my  way' ", []string{"send", "ana", "on my  way"}, false},
		{`a "b \"c\" \\ \n" d\ e ''`, []string{"a", `b "c" \ \n`, "d e", ""}, false},
		{`a'b'"c"d`, []string{"abcd"}, false},
		{`$HOME * ; | #x`, []string{"$HOME", "*", ";", "|", "#x"}, false},
		{"", nil, false}, {`"a`, nil, true}, {`'a`, nil, true}, {`a\`, nil, true}, {"a\x00", nil, true},
		{strings.Repeat("a", maxLine+1), nil, true},
	} {
		got, err := Split(tc.line)
		if !slices.Equal(got, tc.want) || (err != nil) != tc.bad {
			t.Errorf("%.40q: got %q, %v", tc.line, got, err)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`a "b" 'c' \d`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := Split(line)
		if err != nil {
			return
		}
		for i, w := range words {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		again, err := Split(strings.Join(words, " "))
		if len(strings.Join(words, " ")) <= maxLine && (err != nil || len(again) != len(words)) {
			t.Errorf("%q: %q, %v", line, again, err)
		}
	})
}

func TestALineRuns(t *testing.T) {
	h, asked := host(t)
	for _, tc := range []struct {
		line, in  string
		presence  bool
		code      int
		out, err  string
		questions []string
	}{
		{line: "words 'a b' c", out: `["a b" "c"]`},
		{line: "packhorse words", out: `[]`},
		{line: "read", in: "mule\n", out: "read mule\n"},
		{line: "nothing", code: 7, err: "no such word\n"},
		{line: `"`, code: 2, err: "packhorse: a quote is not closed\nfix: "},
		{line: "log", out: "one\ntwo\n", questions: []string{"log"}},
		{line: "reboot", out: "starts again", questions: []string{"reboot"}},
		{line: "reboot --trial", code: 1, err: "packhorse: the other slot is empty\nfix: update first\n", questions: []string{"reboot"}},
		{line: "poweroff now", code: 2, err: "takes no \"now\""},
		{line: "reset", in: "ana\n", code: 1, err: "somebody at the box"},
		{line: "reset", in: "bea\r", presence: true, code: 1, out: "nothing was erased", questions: []string{"status"}},
		{line: "reset", in: "ana\r", presence: true, out: "starts again", questions: []string{"status", "reset"}},
		{line: "help", code: 7, out: "poweroff"},
	} {
		*asked = nil
		var out, errs bytes.Buffer
		c := Command{Line: tc.line, Out: &out, Err: &errs, Presence: tc.presence}
		if tc.in != "" {
			c.In = strings.NewReader(tc.in)
		}
		code := h.Run(t.Context(), c)
		var questions []string
		for _, q := range *asked {
			questions = append(questions, q.Do)
		}
		if code != tc.code || !strings.Contains(out.String(), tc.out) || !strings.Contains(errs.String(), tc.err) || !slices.Equal(questions, tc.questions) {
			t.Errorf("%s: %d, out %q, err %q, asked %q", tc.line, code, out.String(), errs.String(), questions)
		}
	}
}

// line is a console whose screen is a text that can be waited for.
type line struct {
	io.Reader
	keys   io.Writer
	screen *io.PipeReader
	io.Writer
	seen []byte
}

func newLine() *line {
	r, w := io.Pipe()
	sr, sw := io.Pipe()
	return &line{Reader: r, keys: w, screen: sr, Writer: sw}
}

// expect reads the screen up to a text and answers what stood before it.
func (l *line) expect(t *testing.T, want string) string {
	t.Helper()
	b := make([]byte, 1)
	for {
		if before, after, ok := bytes.Cut(l.seen, []byte(want)); ok {
			l.seen = slices.Clone(after)
			return string(before)
		}
		n, err := l.screen.Read(b)
		if err != nil {
			t.Fatalf("the screen ended before %q: %q", want, l.seen)
		}
		l.seen = append(l.seen, b[:n]...)
	}
}

func (l *line) typed(t *testing.T, s string) {
	t.Helper()
	if _, err := io.WriteString(l.keys, s); err != nil {
		t.Fatal(err)
	}
}

func TestAConsole(t *testing.T) {
	h, _ := host(t)
	l := newLine()
	c := NewConsole(h, l)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	l.expect(t, Prompt)
	l.typed(t, "wordz\x7fs a 'b c'\r\n")
	if got := l.expect(t, "[exit 0]\r\n"+Prompt); !strings.HasSuffix(got, "\r\n[\"a\" \"b c\"]\r\n") {
		t.Errorf("got %q", got)
	}
	l.typed(t, "read\r")
	l.expect(t, "read\r\n")
	l.typed(t, "mule\r")
	if got := l.expect(t, "[exit 0]\r\n"+Prompt); got != "mule\r\nread mule\r\n" {
		t.Errorf("with echo: got %q", got)
	}
	l.typed(t, "wait\r")
	l.expect(t, "waiting\r\n")
	c.Say("later")
	l.typed(t, "\x03")
	if got := l.expect(t, Prompt); !strings.HasSuffix(got, "[exit 130]\r\nlater\r\n") {
		t.Errorf("interrupted: got %q", got)
	}
	l.typed(t, "forgotten\x03")
	l.expect(t, Prompt)
	go io.Copy(io.Discard, l.screen)
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestWhoIsElsewhereHasNoPresence(t *testing.T) {
	h, _ := host(t)
	asked := make(chan control.Request, 1)
	h.Ask = func(_ context.Context, q control.Request) control.Reply {
		if q.Do == control.DoReset {
			asked <- q
		}
		return control.Reply{OK: true, Status: &control.Status{Name: "mule"}}
	}
	l := newLine()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- NewRemote(h, l).Run(ctx) }()
	l.expect(t, Prompt)
	l.typed(t, "reset\r")
	if got := l.expect(t, "]\r\n"+Prompt); !strings.Contains(got, "[exit ") || strings.Contains(got, "[exit 0") {
		t.Errorf("a reset from elsewhere: got %q", got)
	}
	select {
	case q := <-asked:
		t.Errorf("the init was asked %+v", q)
	default:
	}
	go io.Copy(io.Discard, l.screen)
	stop()
	<-ended
}
