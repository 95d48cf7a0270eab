package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// logHandler writes one line a record: for the journal with its priority in angle
// brackets (sd-daemon(3)), else with the time of day.
type logHandler struct {
	mu      *sync.Mutex
	w       io.Writer
	journal bool
	attrs   string // of With, written already
}

// newLog writes to w; journal is true when the journal adds time and name by itself.
func newLog(w io.Writer, journal bool) *slog.Logger {
	return slog.New(&logHandler{mu: &sync.Mutex{}, w: w, journal: journal})
}

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	if h.journal {
		fmt.Fprintf(&b, "<%d>", priority(r.Level))
	} else {
		fmt.Fprintf(&b, "%s %-5s ", r.Time.Format(time.TimeOnly), r.Level)
	}
	b.WriteString(clean(r.Message) + h.attrs)
	r.Attrs(func(a slog.Attr) bool { b.WriteString(attribute(a)); return true })
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String()+"\n")
	return err
}

// priority is that of syslog (RFC 5424 section 6.2.1).
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	}
	return 6
}

func attribute(a slog.Attr) string {
	v := clean(a.Value.Resolve().String())
	if strings.ContainsAny(v, " \"\n") || v == "" {
		v = fmt.Sprintf("%q", v)
	}
	return " " + a.Key + "=" + v
}

func (h *logHandler) WithAttrs(as []slog.Attr) slog.Handler {
	n := *h
	for _, a := range as {
		n.attrs += attribute(a)
	}
	return &n
}

// WithGroup is not used here: names stay as they are.
func (h *logHandler) WithGroup(string) slog.Handler { return h }
