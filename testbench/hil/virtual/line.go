//go:build linux

package virtual

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"packhorse/board/card"
)

// tryWords is what the kernel says when it was told to restart for a trial (kernel/reboot.c).
var tryWords = []byte("Restarting system with command '" + card.TrybootArg + "'")

// line is a console's line, which outlives the machines that are joined to it one after the other.
type line struct {
	*io.PipeReader
	to *io.PipeWriter

	mu   sync.Mutex
	conn net.Conn // nil: switched off
}

func newLine() *line {
	r, w := io.Pipe()
	return &line{PipeReader: r, to: w}
}

// carry joins a machine to the line until it goes. It tells whether the kernel restarts for a trial.
func (l *line) carry(conn net.Conn) (tryboot bool) {
	l.join(conn)
	defer func() {
		l.join(nil)
		_, _ = l.to.Write(nil) // returns when the console has taken what was written before
	}()
	var seen []byte
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		seen = append(seen, b[:n]...)
		tryboot = tryboot || bytes.Contains(seen, tryWords)
		seen = seen[max(0, len(seen)-len(tryWords)):]
		if n > 0 {
			_, _ = l.to.Write(b[:n]) // fails when the console was closed: the machine must still be heard out
		}
		if err != nil {
			return tryboot
		}
	}
}

func (l *line) join(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
}

// Write types at the machine.
func (l *line) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return 0, errors.New("the machine is off")
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	return l.conn.Write(b)
}
