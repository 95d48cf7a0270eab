//go:build linux

package virtual

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// machineSays lets a machine say something in pieces and go. It returns what the console read.
func machineSays(t *testing.T, l *line, pieces ...string) (heard string, tryboot bool) {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		for _, p := range pieces {
			io.WriteString(theirs, p)
		}
		theirs.Close()
	}()
	over := make(chan struct{})
	go func() { tryboot = l.carry(ours); close(over) }()
	b := make([]byte, 100)
	for {
		n, err := l.Read(b)
		if heard += string(b[:n]); n == 0 || err != nil {
			break
		}
	}
	<-over
	return heard, tryboot
}

func TestLineOutlivesMachinesAndSeesTrials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine()
		for _, c := range []struct {
			pieces  []string
			tryboot bool
		}{
			{[]string{"[ 5.7] reboot: Restarting system with comm", "and '0 tryboot'\n", "x"}, true},
			{[]string{"[ 5.7] reboot: Restarting system\n"}, false},
		} {
			want := ""
			for _, p := range c.pieces {
				want += p
			}
			if heard, tryboot := machineSays(t, l, c.pieces...); heard != want || tryboot != c.tryboot {
				t.Errorf("heard %q, trial %v", heard, tryboot)
			}
		}
		if _, err := l.Write([]byte("status\n")); err == nil {
			t.Error("typed at a machine that is off")
		}
	})
}
