//go:build linux

package simulated

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"packhorse/testbench/hil"
)

const (
	stopLimit = 20 * time.Second
	// longLine bounds what a process may say in one line: an invite, a letter.
	longLine = 1 << 20
)

// process is a packhorse that goes on. What it says on stderr goes to a log, its stdout comes out line by line.
type process struct {
	cmd   *exec.Cmd
	began time.Time
	said  chan string // closed with its stdout
	ended chan struct{}
	err   error // once ended is closed
	up    bool  // said that it is ready
}

// start runs a program in a process group of its own, so that Ctrl-C reaches only us, and under a death signal, so that
// it never outlives us.
func start(binary, log string, args ...string) (*process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fmt.Fprintf(f, "-- %s: packhorse %s\n", time.Now().Format(time.TimeOnly), strings.Join(args, " "))
	// A pipe of our own: that of exec is closed as soon as the process ends.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	p := &process{began: time.Now(), said: make(chan string, 64), ended: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = w, f, environment()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	begun := make(chan error)
	go p.life(begun)
	if err := <-begun; err != nil {
		r.Close()
		return nil, err
	}
	go p.listen(r)
	return p, nil
}

// life starts the process and waits for it on one thread: the death signal is the thread's that started it.
func (p *process) life(begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.cmd.Start(); err != nil {
		begun <- err
		return
	}
	begun <- nil
	p.err = p.cmd.Wait()
	close(p.ended)
}

func (p *process) listen(r io.ReadCloser) {
	defer r.Close()
	defer close(p.said)
	for s := lines(r); s.Scan(); {
		select {
		case p.said <- s.Text():
			continue
		default:
		}
		select {
		case p.said <- s.Text():
		case <-p.ended: // nobody has asked for long
			return
		}
	}
}

func lines(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(nil, longLine)
	return s
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// ready waits for the line of `run --json`.
func (p *process) ready(ctx context.Context) error {
	if p.up && !p.over() {
		return nil
	}
	line, err := p.line(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(line, "packhorse.ready/1") {
		return fmt.Errorf("it said %q", line)
	}
	p.up = true
	return nil
}

func (p *process) line(ctx context.Context) (string, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, hil.Patience)
		defer cancel()
	}
	select {
	case line, ok := <-p.said:
		if ok {
			return line, nil
		}
		<-p.ended
		return "", fmt.Errorf("it has ended: %v", p.err)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// kill is a power cut.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// terminate is SIGTERM, on which a gateway ends by itself and says that it went well.
func (p *process) terminate() error {
	if p.over() {
		return fmt.Errorf("it had ended by itself: %v", p.err)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	t := time.NewTimer(stopLimit)
	defer t.Stop()
	select {
	case <-p.ended:
		return p.err
	case <-t.C:
		p.kill()
		return fmt.Errorf("it had not ended %v after SIGTERM", stopLimit)
	}
}

// running is a command that goes on.
type running struct {
	*process
	node, what string
}

// Line waits for the next line of its stdout.
func (r *running) Line(ctx context.Context) (string, error) {
	line, err := r.line(ctx)
	if err != nil {
		err = &hil.Error{Node: r.node, Doing: r.what, Err: err}
	}
	return line, err
}

// Wait waits for its end, and kills it when ctx ends first.
func (r *running) Wait(ctx context.Context) (hil.Result, error) {
	var out strings.Builder
	for !r.over() || len(r.said) > 0 {
		line, err := r.line(ctx)
		if err != nil && !r.over() {
			r.kill()
			return hil.Result{}, &hil.Error{Node: r.node, Doing: r.what, Err: err}
		}
		if err != nil {
			break
		}
		out.WriteString(line + "\n")
	}
	<-r.ended
	var code *exec.ExitError
	if r.err != nil && !errors.As(r.err, &code) {
		return hil.Result{}, &hil.Error{Node: r.node, Doing: r.what, Err: r.err}
	}
	return hil.Result{Output: out.String(), Exit: r.cmd.ProcessState.ExitCode()}, nil
}
