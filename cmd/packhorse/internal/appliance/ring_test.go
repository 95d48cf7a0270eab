package appliance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTheRingKeepsTheLastLines(t *testing.T) {
	var r ring
	for i := range maxLines + 3 {
		r.add(fmt.Sprint(i))
	}
	all := r.all()
	if len(all) != maxLines || all[0] != "3" || all[maxLines-1] != fmt.Sprint(maxLines+2) {
		t.Errorf("%d lines from %s to %s", len(all), all[0], all[len(all)-1])
	}
}

func TestLinesOfAProcess(t *testing.T) {
	var got []string
	w := &lineWriter{each: func(line string) { got = append(got, line) }}
	for _, part := range []string{"one\ntw", "o\n\n", "\x1b[2Jr\u009bed\u202e\xff\n", strings.Repeat("x", maxLine+1), "\nend"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	w.close()
	if want := []string{"one", "two", "", "[2Jred?", strings.Repeat("x", maxLine), "x", "end"}; !slices.Equal(got, want) {
		t.Errorf("got %.60q", got)
	}
}

func TestPriorities(t *testing.T) {
	for line, want := range map[string]int{"<3>bad": 3, "<4>warn": 4, "<6>info": 6, "plain": 6, "<9>x": 6, "<3": 6} {
		if n, text := level(line); n != want || strings.HasPrefix(text, "<3>") {
			t.Errorf("%s: %d %s", line, n, text)
		}
	}
}

func TestLastWords(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		want  string
	}{
		{nil, ""},
		{[]string{"<6>begins", "panic: no", "goroutine 1"}, ""},
		{[]string{"note", "packhorse: the disk is full", "fix: remove something"}, "the disk is full\nfix: remove something"},
		{[]string{"packhorse: one", "packhorse: two"}, "two"},
	} {
		var l lastWords
		for _, line := range tc.lines {
			l.hear(line)
		}
		if got := l.text(); got != tc.want {
			t.Errorf("%q: got %q", tc.lines, got)
		}
	}
}
