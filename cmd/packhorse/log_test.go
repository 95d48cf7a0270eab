package main

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"testing"
)

func TestLogLinesForJournalAndTerminal(t *testing.T) {
	var b bytes.Buffer
	l := newLog(&b, true)
	l.Debug("quiet")
	l.Info("ready")
	l.With("transport", "lora0").Warn("lost", "error", errors.New("no port\x1b[2J"))
	l.Error("broke")
	want := "<6>ready\n<4>lost transport=lora0 error=\"no port?[2J\"\n<3>broke\n"
	if b.String() != want {
		t.Errorf("journal:\n got %q\nwant %q", b.String(), want)
	}
	b.Reset()
	newLog(&b, false).Info("ready", slog.Int("peers", 2))
	if !regexp.MustCompile(`^\d\d:\d\d:\d\d INFO  ready peers=2\n$`).MatchString(b.String()) {
		t.Errorf("terminal: got %q", b.String())
	}
}
