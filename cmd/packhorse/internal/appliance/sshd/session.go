package sshd

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"
)

// session is one channel: a command or a console (RFC 4254 section 6).
type session struct {
	cfg     Config
	ch      ssh.Channel
	command Command
	survive func() // is deferred
}

// serve answers requests until the channel ends; the command runs beside.
func (s *session) serve(ctx context.Context, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	defer s.ch.Close()
	started := false
	for r := range requests {
		ok, start := false, false
		switch r.Type {
		case "exec", "shell":
			start = !started && s.line(r)
			ok = start
		case "pty-req":
			ok = !started && s.terminal(r.Payload)
		case "signal":
			cancel() // whichever it is: a command has one way to be told to stop
			ok = true
		case "window-change":
			ok = true // noticed by nobody: a command takes the size that it began with
		}
		if r.WantReply {
			r.Reply(ok, nil)
		}
		if start { // not earlier: a command that ends at once closes the channel
			started = true
			running.Go(func() { s.run(ctx, cancel) })
		}
	}
}

// line takes the command of an exec; a shell has none.
func (s *session) line(r *ssh.Request) bool {
	if r.Type == "shell" {
		return true
	}
	var p struct{ Command string }
	if ssh.Unmarshal(r.Payload, &p) != nil || len(p.Command) > maxLine {
		return false
	}
	s.command.Line = p.Command
	return true
}

// terminal takes the size of a terminal.
func (s *session) terminal(payload []byte) bool {
	var p struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if ssh.Unmarshal(payload, &p) != nil {
		return false
	}
	s.command.Terminal, s.command.Columns, s.command.Rows = true, int(min(p.Columns, 1000)), int(min(p.Rows, 1000))
	return true
}

// run does what was asked for and tells how it ended.
func (s *session) run(ctx context.Context, cancel context.CancelFunc) {
	defer s.ch.Close()
	defer s.survive()
	defer cancel()
	code := 0
	switch {
	case s.command.Line != "":
		code = s.execute(ctx, cancel)
	case s.cfg.Console == nil:
		fmt.Fprint(s.ch.Stderr(), "Name a command of packhorse, such as: ssh packhorse@HOST status\r\n")
		code = 2
	default:
		if s.cfg.Console(ctx, s.command, s.ch) != nil && ctx.Err() == nil {
			code = 1
		}
	}
	s.ch.CloseWrite()
	s.ch.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, uint32(code)))
}

// execute runs a command: on a plain channel with everything passed through, so that a file can be its input; at a
// terminal as terminals do.
func (s *session) execute(ctx context.Context, cancel context.CancelFunc) int {
	c := s.command
	c.Stdin, c.Stdout, c.Stderr = s.ch, s.ch, s.ch.Stderr()
	if c.Terminal {
		screen := &screen{w: s.ch}
		c.Stdin, c.Stdout, c.Stderr = newKeys(s.ch, cancel), screen, screen
	}
	return s.cfg.Run(ctx, c)
}

// screen makes \r\n of \n, unless it is there already. Safe for concurrent use.
type screen struct {
	mu   sync.Mutex
	w    io.Writer
	last byte
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]byte, 0, len(b)+16)
	for _, c := range b {
		if c == '\n' && s.last != '\r' {
			out = append(out, '\r')
		}
		out = append(out, c)
		s.last = c
	}
	if _, err := s.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

const (
	ctrlC = 3
	ctrlD = 4
)

// keys are what somebody types while a command runs. They are read all the time, so that Ctrl-C comes through whatever
// the command does.
type keys struct {
	typed chan []byte // closed at the end
	left  []byte
}

func newKeys(r io.Reader, interrupt func()) *keys {
	k := &keys{typed: make(chan []byte, 64)}
	go k.pump(r, interrupt)
	return k
}

// pump reads to the end of the channel. After Ctrl-D nothing is typed any more; Ctrl-C still counts.
func (k *keys) pump(r io.Reader, interrupt func()) {
	eof := false
	for {
		b := make([]byte, 1024)
		n, err := r.Read(b)
		if bytes.IndexByte(b[:n], ctrlC) >= 0 {
			interrupt()
		}
		if !eof {
			eof = k.take(b[:n])
		}
		if err != nil {
			if !eof {
				close(k.typed)
			}
			return
		}
	}
}

// take passes on what was typed and tells whether it was the last.
func (k *keys) take(b []byte) (eof bool) {
	b, _, eof = bytes.Cut(b, []byte{ctrlD})
	select {
	case k.typed <- bytes.ReplaceAll(b, []byte("\r"), []byte("\n")):
	default: // nobody reads them, and memory ends
	}
	if eof {
		close(k.typed)
	}
	return eof
}

// Read gives what was typed, to the end of it.
func (k *keys) Read(b []byte) (int, error) {
	for len(k.left) == 0 {
		typed, ok := <-k.typed
		if !ok {
			return 0, io.EOF
		}
		k.left = typed
	}
	n := copy(b, k.left)
	k.left = k.left[n:]
	return n, nil
}
