package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"packhorse/cmd/packhorse/internal/appliance/control"
)

// Host is what the sessions of a box share. Its fields are not changed once a session runs.
type Host struct {
	Exe string   // the program whose command lines are taken
	Env []string // its whole environment
	// Start begins a process and answers what waits for its end; nil: exec.Cmd's own.
	Start func(*exec.Cmd) (wait func() error, err error)
	// Ask is where reboot, poweroff, reset, status and log go. It may be called by several goroutines.
	Ask func(context.Context, control.Request) control.Reply
}

// Command is one line and what goes in and out. When Run returns, one Read of In may still be under way.
type Command struct {
	Line     string
	In       io.Reader // nil: nothing
	Out, Err io.Writer
	Terminal bool // In is somebody's keys: the command gets a terminal, which echoes them to Out where the command wants that
	Presence bool // whoever types is at the box
}

// Exit codes besides those of the program.
const (
	exitUsage  = 2
	exitFailed = 1
	exitSignal = 128 // and the number of the signal
)

// killAfter is how long an interrupted command may take to end.
const killAfter = 10 * time.Second

// Run executes a line and answers its exit code. When ctx ends the command is interrupted as by Ctrl-C. What is wrong with
// the line itself is said on c.Err.
func (h *Host) Run(ctx context.Context, c Command) int {
	words, err := Split(c.Line)
	if err != nil {
		fmt.Fprintf(c.Err, "packhorse: %v\nfix: quote as in a shell, such as send ana \"on my way\"\n", err)
		return exitUsage
	}
	if len(words) > 1 && words[0] == "packhorse" {
		words = words[1:]
	}
	if len(words) == 0 {
		return 0
	}
	for _, w := range own {
		if w.name == words[0] {
			return w.run(h, ctx, words[1:], c)
		}
	}
	if len(words) == 1 && words[0] == "help" {
		help(c.Out)
	}
	return h.program(ctx, words, c)
}

// program runs the program itself.
func (h *Host) program(ctx context.Context, words []string, c Command) int {
	cmd := exec.CommandContext(ctx, h.Exe, words...)
	cmd.Env, cmd.Stdout, cmd.Stderr = h.Env, c.Out, c.Err
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = killAfter
	var err error
	if c.In != nil && c.Terminal {
		err = h.onTerminal(cmd, c)
	} else {
		err = h.piped(cmd, c)
	}
	return exitCode(err, c.Err)
}

// piped copies c.In beside the process, so that a reader that never ends does not keep it.
func (h *Host) piped(cmd *exec.Cmd, c Command) error {
	if c.In == nil {
		return h.wait(cmd)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	wait, err := h.start(cmd)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(in, c.In)
		in.Close()
	}()
	return wait()
}

func (h *Host) wait(cmd *exec.Cmd) error {
	wait, err := h.start(cmd)
	if err != nil {
		return err
	}
	return wait()
}

func (h *Host) start(cmd *exec.Cmd) (func() error, error) {
	if h.Start != nil {
		return h.Start(cmd)
	}
	return cmd.Wait, cmd.Start()
}

// exitCode is that of a process that ended, as a shell tells it.
func exitCode(err error, stderr io.Writer) int {
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &e):
		fmt.Fprintf(stderr, "packhorse: the command did not run: %v\n", err)
		return exitFailed
	}
	if s, ok := e.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return exitSignal + int(s.Signal())
	}
	return e.ExitCode()
}

// ask puts a question to the init and says what came of it.
func (h *Host) ask(ctx context.Context, q control.Request, c Command, done string) int {
	r := h.Ask(ctx, q)
	if !r.OK {
		fmt.Fprintf(c.Err, "packhorse: %s\n", r.Error)
		if r.Fix != "" {
			fmt.Fprintf(c.Err, "fix: %s\n", r.Fix)
		}
		return exitFailed
	}
	for _, line := range r.Log {
		fmt.Fprintln(c.Out, line)
	}
	if done != "" {
		fmt.Fprintln(c.Out, done)
	}
	return 0
}

// none refuses arguments.
func none(word string, args []string, c Command) bool {
	if len(args) > 0 {
		fmt.Fprintf(c.Err, "packhorse: %s takes no %q\nfix: type %s alone\n", word, strings.Join(args, " "), word)
	}
	return len(args) == 0
}
