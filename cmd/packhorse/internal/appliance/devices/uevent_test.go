package devices

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func message(lines ...string) []byte { return []byte(strings.Join(lines, "\x00") + "\x00") }

func TestConcerns(t *testing.T) {
	for _, c := range []struct {
		what string
		in   []byte
		want bool
	}{
		{"a port", message("add@/devices/x/ttyUSB0", "ACTION=add", "DEVPATH=/devices/x/ttyUSB0", "SUBSYSTEM=tty", "MAJOR=188", "DEVNAME=ttyUSB0"), true},
		{"it goes", message("remove@/devices/x/ttyUSB0", "ACTION=remove", "SUBSYSTEM=tty"), true},
		{"a disk", message("add@/devices/x/sda", "ACTION=add", "SUBSYSTEM=block"), false},
		{"an action of tomorrow", message("dance@/devices/x", "ACTION=dance", "SUBSYSTEM=tty"), false},
		{"udev's own", message("libudev", "ACTION=add", "SUBSYSTEM=tty"), false},
		{"nothing", nil, false},
		{"no end", []byte("add@/devices/x"), false},
		{"no lines", message("add@/devices/x"), false},
		{"lines without a value", message("add@/devices/x", "ACTION", "SUBSYSTEM", "="), false},
	} {
		if got := concerns(c.in); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func FuzzConcerns(f *testing.F) {
	f.Add(message("add@/devices/x/ttyUSB0", "ACTION=add", "SUBSYSTEM=tty"))
	f.Fuzz(func(t *testing.T, b []byte) { concerns(b) })
}

// script plays what a socket gives.
type script struct {
	steps []any // []byte or error
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.steps) == 0 {
		return 0, io.EOF
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	if err, bad := step.(error); bad {
		return 0, err
	}
	return copy(b, step.([]byte)), nil
}

func TestWatch(t *testing.T) {
	port := message("add@/devices/x", "ACTION=add", "SUBSYSTEM=tty")
	disk := message("add@/devices/x", "ACTION=add", "SUBSYSTEM=block")
	for what, c := range map[string]struct {
		steps []any
		want  int
	}{"a port, twice": {[]any{port, disk, port}, 1}, "a disk": {[]any{disk}, 0}, "events were lost": {[]any{unix.ENOBUFS, disk}, 1}} {
		changed := make(chan struct{}, 1)
		if err := watch(&script{c.steps}, changed); err != io.EOF {
			t.Errorf("%s: %v", what, err)
		}
		if len(changed) != c.want {
			t.Errorf("%s: %d changes", what, len(changed))
		}
	}
}

func TestSettleOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		changed, ended, n := make(chan struct{}, 1), make(chan error, 1), atomic.Int32{}
		done := make(chan struct{})
		go func() { settleOn(ctx, changed, func() { n.Add(1) }, ended); close(done) }()
		expect := func(what string, wait time.Duration, want int32) {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			if n.Load() != want {
				t.Errorf("%s: settled %d times, want %d", what, n.Load(), want)
			}
		}
		expect("at the start", 0, 1)
		changed <- struct{}{}
		synctest.Wait()
		changed <- struct{}{}
		expect("two events at once", quiet+time.Millisecond, 2)
		for range 10 {
			changed <- struct{}{}
			time.Sleep(quiet * 6 / 10)
		}
		expect("a device that comes and goes", 0, 2+5)
		expect("nothing heard", again+quiet, 2+5+1)
		cancel()
		<-done
	})
}

func TestSettleOnEndsWithTheEvents(t *testing.T) {
	lost := errors.New("lost")
	ended := make(chan error, 1)
	ended <- lost
	settleOn(t.Context(), nil, func() {}, ended)
	if err := <-ended; err != lost {
		t.Error(err)
	}
}
