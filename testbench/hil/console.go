package hil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Patience is how long a call on a console waits when its context has no deadline.
const Patience = 2 * time.Minute

const (
	keptTranscript = 1 << 20 // octets that nobody has waited for yet
	keptTail       = 16 << 10
)

// Console is a serial console that a program reads and types at. What arrives is kept in order, as text; a
// call consumes it up to the end of what it waited for, so that nothing is found twice. It is safe for
// concurrent use, but two callers who wait at once take from each other.
type Console struct {
	node string
	look string
	line io.ReadWriter
	log  io.Writer

	mu      sync.Mutex
	pending []byte        // not consumed
	tail    []byte        // the last of all, for reports
	more    chan struct{} // closed when something has come
	gone    error         // why nothing will come any more
}

// NewConsole reads a line until that ends, which is up to the owner of the line: closing it ends the console. What comes is
// also written to log, unless that is nil; look says in errors where a person finds it.
func NewConsole(node string, line io.ReadWriter, log io.Writer, look string) *Console {
	c := &Console{node: node, look: look, line: line, log: log, more: make(chan struct{})}
	go c.read()
	return c
}

func (c *Console) read() {
	b := make([]byte, 4096)
	for dirt := (cleaner{}); ; {
		n, err := c.line.Read(b)
		c.heard(dirt.clean(b[:n]), err)
		if err != nil {
			return
		}
	}
}

func (c *Console) heard(b []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = last(append(c.pending, b...), keptTranscript)
	c.tail = last(append(c.tail, b...), keptTail)
	c.gone = err
	if c.log != nil {
		_, _ = c.log.Write(b)
	}
	close(c.more)
	c.more = make(chan struct{})
}

// last is the end of b, of at most n octets; it copies only now and then.
func last(b []byte, n int) []byte {
	if len(b) <= 2*n {
		return b
	}
	return append(b[:0], b[len(b)-n:]...)
}

// Note writes a line of the bench's own into the transcript.
func (c *Console) Note(text string) { c.heard([]byte("\n--- "+text+" ---\n"), nil) }

// Forget drops what has come and nobody has waited for, so that a later wait does not find it: after a power cut, say.
func (c *Console) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = c.pending[:0]
}

// Tail is the last lines that came, at most n of them.
func (c *Console) Tail(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(c.tail)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Expect waits for text that matches and returns what came before it and, as regexp.FindStringSubmatch does, the match
// with its groups. Both are consumed.
func (c *Console) Expect(ctx context.Context, what *regexp.Regexp) (before string, match []string, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	for {
		before, match, more, err := c.find(what)
		if match != nil || err != nil {
			return before, match, c.error(fmt.Sprintf("wait for %q", what), err)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", nil, c.error(fmt.Sprintf("wait for %q", what), ctx.Err())
		}
	}
}

// find looks once. more is closed when it is worth looking again.
func (c *Console) find(what *regexp.Regexp) (before string, match []string, more <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := what.FindSubmatchIndex(c.pending)
	if at == nil {
		return "", nil, c.more, c.gone
	}
	before = string(c.pending[:at[0]])
	for i := 0; i < len(at); i += 2 {
		group := ""
		if at[i] >= 0 {
			group = string(c.pending[at[i]:at[i+1]])
		}
		match = append(match, group)
	}
	c.pending = append(c.pending[:0], c.pending[at[1]:]...)
	return before, match, nil, nil
}

// Ready waits for the appliance to say that its gateway is ready, and for the prompt. That it cannot start, or panics,
// is an error.
func (c *Console) Ready(ctx context.Context) (Banner, error) {
	_, m, err := c.Expect(ctx, started)
	if err != nil {
		return Banner{}, err
	}
	b, ok := ParseBanner(m[0])
	if !ok {
		return Banner{}, c.error("start", errors.New(strings.TrimSpace(m[0])))
	}
	_, _, err = c.Expect(ctx, prompt)
	return b, err
}

// Type sends a line to a console that shows its prompt. Expect then finds what the command says, and Finish its end.
func (c *Console) Type(ctx context.Context, line string) error {
	if strings.ContainsAny(line, "\n\r\x03\x04") {
		return c.error("type", fmt.Errorf("%q is more than one line", line))
	}
	if err := ctx.Err(); err != nil {
		return c.error("type "+line, err)
	}
	_, err := io.WriteString(c.line, line+"\n")
	return c.error("type "+line, err)
}

// Finish waits until the command that was typed has ended and the prompt is back.
func (c *Console) Finish(ctx context.Context) (Result, error) {
	before, m, err := c.Expect(ctx, exited)
	if err != nil {
		return Result{}, err
	}
	code, err := strconv.Atoi(m[1])
	if err != nil {
		return Result{}, c.error("read the exit code", err)
	}
	_, _, err = c.Expect(ctx, prompt)
	return Result{Output: before, Exit: code}, err
}

// Run types a line, and returns what the command has printed and its exit code. The echo of the line is not part of it.
func (c *Console) Run(ctx context.Context, line string) (Result, error) {
	if err := c.Type(ctx, line); err != nil {
		return Result{}, err
	}
	r, err := c.Finish(ctx)
	r.Output = strings.TrimPrefix(r.Output, line+"\n")
	return r, err
}

func (c *Console) error(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the console was closed")
	}
	if tail := c.Tail(5); tail != "" {
		err = fmt.Errorf("%w; it said last:\n%s\n", err, tail)
	}
	return &Error{Node: c.node, Doing: doing, Look: c.look, Err: err}
}

// bounded gives a context without a deadline one.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, Patience)
}

// Quote makes one line of words that the appliance's console splits into the same words again.
func Quote(args []string) string {
	var b bytes.Buffer
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if a != "" && !strings.ContainsAny(a, " \t\"'\\$`#&|;<>*?()[]{}~!") {
			b.WriteString(a)
			continue
		}
		b.WriteString("'" + strings.ReplaceAll(a, "'", `'\''`) + "'")
	}
	return b.String()
}
