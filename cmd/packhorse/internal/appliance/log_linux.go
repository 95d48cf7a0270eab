package appliance

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// logHandler makes lines of records, with their priority as sd-daemon(3) has it.
type logHandler struct {
	line  func(string)
	attrs string
}

func newLog(line func(string)) slog.Handler { return logHandler{line: line} }

func (h logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	priority := 6
	switch {
	case r.Level >= slog.LevelError:
		priority = 3
	case r.Level >= slog.LevelWarn:
		priority = 4
	}
	text := r.Message + h.attrs
	r.Attrs(func(a slog.Attr) bool { text += attribute(a); return true })
	h.line(fmt.Sprintf("<%d>", priority) + printable(text))
	return nil
}

func attribute(a slog.Attr) string {
	v := a.Value.Resolve().String()
	if v == "" || strings.ContainsAny(v, " \"\n") {
		v = fmt.Sprintf("%q", v)
	}
	return " " + a.Key + "=" + v
}

func (h logHandler) WithAttrs(as []slog.Attr) slog.Handler {
	for _, a := range as {
		h.attrs += attribute(a)
	}
	return h
}

// WithGroup is not used here: names stay as they are.
func (h logHandler) WithGroup(string) slog.Handler { return h }
