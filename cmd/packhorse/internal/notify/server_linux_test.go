package notify

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Message
	}{
		{"READY=1", Message{Ready: true}},
		{"READY=1\nSTATUS=two radios\nMAINPID=7\n", Message{Ready: true, Status: "two radios"}},
		{"WATCHDOG=1", Message{Watchdog: true}},
		{"WATCHDOG=trigger", Message{Trigger: true}},
		{"RELOADING=1\nMONOTONIC_USEC=12", Message{Reloading: true}},
		{"STOPPING=1", Message{Stopping: true}},
		{"READY=0\nREADY\n=\n\xff\xfe", Message{}},
		{"STATUS=\x1b[2J\u009b\u202e\xffx", Message{Status: " [2J  ?x"}},
		{"STATUS=" + strings.Repeat("é", 200), Message{Status: strings.Repeat("é", 128)}},
		{"", Message{}},
	} {
		if got := Parse([]byte(tc.text)); got != tc.want {
			t.Errorf("%.30q: got %+v, want %+v", tc.text, got, tc.want)
		}
	}
}

func TestADatagramComesWithItsSender(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	s, err := Listen(path, os.Getuid(), os.Getgid())
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("READY=1")); err != nil {
		t.Fatal(err)
	}
	m, pid, err := s.Receive()
	if err != nil || !m.Ready || pid != os.Getpid() {
		t.Errorf("got %+v of %d, %v", m, pid, err)
	}
	s.Close()
	if _, _, err := s.Receive(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m := Parse(b); len(m.Status) > maxStatus || strings.ContainsAny(m.Status, "\n\r\x1b") {
			t.Errorf("%q", m.Status)
		}
	})
}
