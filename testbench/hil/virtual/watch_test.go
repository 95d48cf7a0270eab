//go:build linux

package virtual

import (
	"io"
	"strings"
	"testing"
)

// TestAWatcherSeesTheSequences gets what a console's reader gets, octet for octet, and the line is typed at as before.
func TestAWatcherSeesTheSequences(t *testing.T) {
	var typed, seen strings.Builder
	said := "\x1b[2Kpackhorse> \r\n"
	l := struct {
		io.Reader
		io.Writer
	}{strings.NewReader(said), &typed}
	o := Options{Watch: func(name string, b []byte) { seen.WriteString(name + ":" + string(b)) }}
	w := o.watched("a", l)
	read, err := io.ReadAll(w)
	if err != nil || string(read) != said || seen.String() != "a:"+said {
		t.Errorf("%v: read %q, seen %q", err, read, seen.String())
	}
	if _, err := io.WriteString(w, "status\r"); err != nil || typed.String() != "status\r" {
		t.Errorf("%v: typed %q", err, typed.String())
	}
	if (Options{}).watched("a", l) != io.ReadWriter(l) {
		t.Error("a line that nobody watches is another one")
	}
}
