package hil

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// box is the other end of a console: it answers lines.
func box(t *testing.T, says func(line string) string) (*Console, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	go func() {
		for s := bufio.NewScanner(theirs); s.Scan(); {
			io.WriteString(theirs, s.Text()+"\r\n"+says(s.Text()))
		}
	}()
	return NewConsole("a", ours, nil, "a.log"), theirs
}

func TestRunReturnsWhatTheCommandSaidAndItsCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := box(t, func(line string) string {
			return "you said " + line + "\r\n\x00two\r\n[exit 3]\r\npackhorse> "
		})
		io.WriteString(far, "[    1.2] kernel\r\npackhorse: ready hut v1.0 slot B uptime 4.1 s\r\npackhorse> ")
		b, err := c.Ready(t.Context())
		if want := (Banner{"hut", "v1.0", "B", 4100 * time.Millisecond}); err != nil || b != want {
			t.Fatalf("banner %+v, %v", b, err)
		}
		for range 2 {
			r, err := c.Run(t.Context(), "status --json")
			if want := (Result{"you said status --json\ntwo\n", 3}); err != nil || r != want {
				t.Errorf("got %+v, %v", r, err)
			}
		}
		far.Close()
	})
}

func TestFailedStartsAreErrors(t *testing.T) {
	for _, line := range []string{"packhorse: failed no card\n", "[ 1.0] Kernel panic - not syncing: x\n"} {
		synctest.Test(t, func(t *testing.T) {
			c, far := box(t, nil)
			go func() { // in pieces: half a reason is not reported
				for _, o := range []byte(line) {
					far.Write([]byte{o})
				}
			}()
			_, err := c.Ready(t.Context())
			var e *Error
			if !errors.As(err, &e) || e.Node != "a" || e.Look != "a.log" || !strings.Contains(err.Error(), strings.TrimSpace(line[6:])) {
				t.Errorf("got %v", err)
			}
			far.Close()
		})
	}
}

func TestWaitingEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := box(t, nil)
		io.WriteString(far, "half a line")
		began := time.Now()
		_, _, err := c.Expect(context.Background(), regexp.MustCompile("never"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != Patience || !strings.Contains(err.Error(), "half a line") {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		far.Close()
		if _, _, err := c.Expect(t.Context(), regexp.MustCompile("never")); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestForgetAndNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ours, far := net.Pipe()
		c := NewConsole("a", ours, &log, "")
		io.WriteString(far, "old\n")
		synctest.Wait()
		c.Note("power off")
		c.Forget()
		io.WriteString(far, "new old\n")
		before, m, err := c.Expect(t.Context(), regexp.MustCompile("old"))
		if err != nil || before != "new " || m[0] != "old" {
			t.Errorf("before %q, match %q, %v", before, m, err)
		}
		far.Close()
		synctest.Wait()
		if want := "old\n\n--- power off ---\nnew old\n"; log.String() != want || c.Tail(1) != "new old" {
			t.Errorf("log %q, tail %q", log.String(), c.Tail(1))
		}
	})
}

func TestTranscriptIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, far := net.Pipe()
		c := NewConsole("a", ours, nil, "")
		for range 3 * keptTranscript / 4096 {
			far.Write(bytes.Repeat([]byte("x"), 4096))
		}
		far.Write([]byte("end"))
		synctest.Wait()
		if len(c.pending) > 2*keptTranscript || len(c.tail) > 2*keptTail || !strings.HasSuffix(c.Tail(1), "xend") {
			t.Errorf("%d octets wait, %d in the tail", len(c.pending), len(c.tail))
		}
		far.Close()
	})
}

func TestQuote(t *testing.T) {
	if got, want := Quote([]string{"send", "hut", "it's 5 o'clock", "", "a-b=c"}), `send hut 'it'\''s 5 o'\''clock' '' a-b=c`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestTypeTakesOneLine(t *testing.T) {
	c, _ := box(t, nil)
	if err := c.Type(t.Context(), "send\nreset"); err == nil {
		t.Error("two lines were typed")
	}
}

// TestInterruptEndsWhatRuns: the answer after it is the next command's, whatever was left of the one before.
func TestInterruptEndsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		go func() { // a command runs until Ctrl-C, and takes lines for itself
			b, runs := make([]byte, 1), true
			for line := ""; ; {
				if _, err := theirs.Read(b); err != nil {
					return
				}
				switch {
				case b[0] == 3 && runs:
					runs = false
					io.WriteString(theirs, "\r\n[exit 130]\r\npackhorse> ")
				case b[0] == '\n' && !runs && line == "":
					io.WriteString(theirs, "\r\npackhorse> ")
				case b[0] == '\n' && !runs:
					io.WriteString(theirs, line+"\r\nthe answer\r\n[exit 0]\r\npackhorse> ")
					line = ""
				case b[0] != 3 && !runs:
					line += string(b)
				}
			}
		}()
		c := NewConsole("a", ours, nil, "a.log")
		c.Note("old\n[exit 7]\n" + Prompt) // said, and waited for by nobody
		for range 2 {                      // the second time nothing runs
			if err := c.Interrupt(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r, err := c.Run(t.Context(), "status"); err != nil || r.Exit != 0 || !strings.HasSuffix(r.Output, "the answer\n") || strings.Contains(r.Output, "exit") {
				t.Errorf("got %+v, %v", r, err)
			}
		}
		theirs.Close()
	})
}
