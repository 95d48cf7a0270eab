package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Prompt is what a console shows when it takes a line.
const Prompt = "packhorse> "

const ctrlC = 3

// Console is somebody's keys and screen, on a line without echo and translation of its own.
type Console struct {
	host  *Host
	here  bool // whoever types is at the box
	line  io.ReadWriter
	term  *term.Terminal
	keys  chan []byte
	ended chan struct{} // nobody types any more
	left  []byte        // of the keys, for the prompt

	mu        sync.Mutex
	interrupt context.CancelFunc // of the command that runs; nil: none
	fresh     bool               // the cursor is at the beginning of a line
	later     []string           // what was said while a command ran
	over      <-chan struct{}    // Run is to end
}

// maxLater is how many lines wait for the end of a command.
const maxLater = 64

// NewConsole joins the line of somebody at the box to a host's sessions.
func NewConsole(h *Host, line io.ReadWriter) *Console {
	c := NewRemote(h, line)
	c.here = true
	return c
}

// NewRemote is NewConsole for somebody who is elsewhere.
func NewRemote(h *Host, line io.ReadWriter) *Console {
	c := &Console{host: h, line: line, keys: make(chan []byte, 64), ended: make(chan struct{}), fresh: true}
	c.term = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{readFunc(c.read), line}, Prompt)
	_ = c.term.SetSize(1<<15, 24) // the screen breaks lines, and no escape sequences do
	return c
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

// Say shows a line: above what is being typed, or after the command that runs. Any goroutine may.
func (c *Console) Say(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupt == nil {
		fmt.Fprintln(c.term, line)
	} else if len(c.later) < maxLater {
		c.later = append(c.later, line)
	}
}

// output is what a command writes.
type output struct{ *Console }

func (c output) Write(b []byte) (int, error) {
	if len(b) > 0 {
		c.mu.Lock()
		c.fresh = b[len(b)-1] == '\n'
		c.mu.Unlock()
	}
	return c.term.Write(b)
}

// Run takes lines until ctx ends or the line does; it is called once. It may leave one Read under way.
func (c *Console) Run(ctx context.Context) error {
	c.over = ctx.Done()
	go c.pump()
	for {
		line, err := c.term.ReadLine()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF) && c.hungUp():
			return io.EOF
		case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, term.ErrPasteIndicator):
			return err
		case err == nil && strings.TrimSpace(line) != "":
			c.execute(ctx, line)
		}
	}
}

func (c *Console) hungUp() bool {
	select {
	case <-c.ended:
		return len(c.keys) == 0 && len(c.left) == 0
	default:
		return false
	}
}

// execute runs one line and says how it ended.
func (c *Console) execute(ctx context.Context, line string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.mu.Lock()
	c.interrupt, c.fresh = cancel, true
	c.mu.Unlock()
	done := make(chan struct{})
	code := c.host.Run(ctx, Command{Line: line, In: &during{c, done}, Out: output{c}, Err: output{c}, Terminal: true, Presence: c.here})
	close(done)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fresh {
		fmt.Fprintln(c.term)
	}
	fmt.Fprintf(c.term, "[exit %d]\n", code)
	for _, line := range c.later {
		fmt.Fprintln(c.term, line)
	}
	c.interrupt, c.later = nil, nil
}

// pump takes keys all the time, so that Ctrl-C comes through whatever the command does.
func (c *Console) pump() {
	defer close(c.ended)
	last := byte(0)
	for {
		b := make([]byte, 256)
		n, err := c.line.Read(b)
		if b = oneEnter(b[:n], &last); len(b) > 0 && !c.interrupted(b) {
			select {
			case c.keys <- b:
			default: // nobody reads them, and memory ends
			}
		}
		if err != nil {
			return
		}
	}
}

// oneEnter leaves out the line feed that some terminals send after each carriage return.
func oneEnter(b []byte, last *byte) []byte {
	out := b[:0]
	for _, k := range b {
		if k != '\n' || *last != '\r' {
			out = append(out, k)
		}
		*last = k
	}
	return out
}

// interrupted ends the command that runs, if there is one and the keys say so.
func (c *Console) interrupted(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupt == nil || bytes.IndexByte(b, ctrlC) < 0 {
		return false
	}
	c.interrupt()
	return true
}

// read is the prompt's way to the keys. Ctrl-C there gives up the line.
func (c *Console) read(b []byte) (int, error) {
	if len(c.left) == 0 {
		select {
		case k := <-c.keys:
			c.left = bytes.ReplaceAll(k, []byte{ctrlC}, []byte(giveUp))
		case <-c.ended:
			if len(c.keys) == 0 {
				return 0, io.EOF
			}
		case <-c.over:
			return 0, io.EOF
		}
	}
	n := copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

// giveUp is what a person could type instead: to the end of the line, erase it, Enter.
const giveUp = "\x05\x15\r"

// during is a command's way to the keys, while it runs.
type during struct {
	c    *Console
	done <-chan struct{}
}

func (d *during) Read(b []byte) (int, error) {
	select {
	case k := <-d.c.keys:
		return copy(b, k), nil
	case <-d.done:
		return 0, io.EOF
	case <-d.c.ended:
		return 0, io.EOF
	}
}
