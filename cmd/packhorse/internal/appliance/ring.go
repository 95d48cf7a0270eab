package appliance

import (
	"bytes"
	"strings"
	"sync"
	"unicode"
)

// Bounds of what is kept of the log, in lines and in octets of one line.
const (
	maxLines = 2000
	maxLine  = 2 << 10
)

// ring keeps the last lines of the log in memory: nothing of it is written to the card.
type ring struct {
	mu    sync.Mutex
	lines []string
	next  int // where the next line goes once the ring is full
}

func (r *ring) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < maxLines {
		r.lines = append(r.lines, line)
		return
	}
	r.lines[r.next] = line
	r.next = (r.next + 1) % maxLines
}

// all is the lines, oldest first.
func (r *ring) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(append([]string{}, r.lines[r.next:]...), r.lines[:r.next]...)
}

// lineWriter hands on what a process writes line by line.
type lineWriter struct {
	mu   sync.Mutex
	rest []byte
	each func(line string)
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, b...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok && len(w.rest) < maxLine {
			return len(b), nil
		}
		if !ok {
			line, rest = w.rest[:maxLine], w.rest[maxLine:]
		}
		w.each(printable(string(line[:min(len(line), maxLine)])))
		w.rest = append(w.rest[:0], rest...)
	}
}

// close hands on what stands without an end of line.
func (w *lineWriter) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.each(printable(string(w.rest)))
		w.rest = nil
	}
}

// printable keeps from the consoles what is no text: control characters, of which U+009B begins an escape sequence as ESC [
// does, and those that turn around what is read.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// level cuts the priority of sd-daemon(3) from a line: 3 is an error, 4 a warning, 6 all else.
func level(line string) (int, string) {
	if len(line) > 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>' {
		return int(line[1] - '0'), line[3:]
	}
	return 6, line
}

// lastWords remembers why a program of ours ended: its line "packhorse: ..." and what follows it.
type lastWords struct {
	lines []string
}

const maxLastWords = 12

func (l *lastWords) hear(line string) {
	if strings.HasPrefix(line, "packhorse: ") {
		l.lines = nil
	} else if len(l.lines) == 0 {
		return
	}
	if len(l.lines) < maxLastWords {
		l.lines = append(l.lines, line)
	}
}

// text is the words, without the program's name.
func (l *lastWords) text() string {
	return strings.TrimPrefix(strings.Join(l.lines, "\n"), "packhorse: ")
}
