package shell

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"

	"packhorse/testbench/hil"
)

// longLine bounds a line that a command prints.
const longLine = 1 << 20

// Started is a remote command that goes on. It is given up when ctx of Start ends.
type Started struct {
	node, what string
	session    *ssh.Session
	lines      chan string // closed with its stdout
	stop       func() bool
}

// Start begins a command whose stdout is read line by line. Its errors name node and what.
func (s *Shell) Start(ctx context.Context, node, what, command string) (*Started, error) {
	session, err := s.Session(ctx)
	if err != nil {
		return nil, err
	}
	out, err := session.StdoutPipe()
	if err == nil {
		err = session.Start(command)
	}
	if err != nil {
		session.Close()
		return nil, err
	}
	r := &Started{node: node, what: what, session: session, lines: make(chan string, 256)}
	r.stop = context.AfterFunc(ctx, func() { session.Close() })
	go r.listen(out)
	return r, nil
}

// listen ends with the session. Lines that nobody fetches are lost when there are many.
func (r *Started) listen(out io.Reader) {
	defer close(r.lines)
	s := bufio.NewScanner(out)
	s.Buffer(nil, longLine)
	for s.Scan() {
		select {
		case r.lines <- s.Text():
		default:
		}
	}
}

// Line waits for the next line.
func (r *Started) Line(ctx context.Context) (string, error) {
	select {
	case line, ok := <-r.lines:
		if !ok {
			return "", r.error(fmt.Errorf("it has ended"))
		}
		return line, nil
	case <-ctx.Done():
		return "", r.error(ctx.Err())
	}
}

// Wait waits for its end, or gives it up when ctx ends first.
func (r *Started) Wait(ctx context.Context) (hil.Result, error) {
	defer r.session.Close()
	defer r.stop()
	defer context.AfterFunc(ctx, func() { r.session.Close() })()
	var out strings.Builder
	for line := range r.lines {
		out.WriteString(line + "\n")
	}
	code, err := exitOf(r.session.Wait())
	if err == nil || ctx.Err() == nil {
		return hil.Result{Output: out.String(), Exit: code}, r.error(err)
	}
	return hil.Result{}, r.error(ctx.Err())
}

func (r *Started) error(err error) error {
	if err == nil {
		return nil
	}
	return &hil.Error{Node: r.node, Doing: r.what, Err: err}
}
