//go:build linux

package real

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopLimit is how long a process may take to end once it was asked to.
const stopLimit = 20 * time.Second

// process is a packhorse that runs beside the test. What it says on stderr is kept in a
// file that outlives it, and is part of what a failed test says.
type process struct {
	t     *testing.T
	name  string
	log   string
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of the process, once ended is closed
}

// newProcess does not start anything yet.
func newProcess(t *testing.T, name, dir string) *process {
	p := &process{t: t, name: name, log: filepath.Join(dir, name+".log")}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("log of %s, its end:\n%s", name, p.lastLines(40))
		}
	})
	return p
}

// start runs packhorse with these arguments; its stdout is read from out, its stdin
// written to in.
func (p *process) start(args ...string) (out io.Reader, in io.Writer) {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	fmt.Fprintf(log, "-- started at %s\n", time.Now().Format(time.TimeOnly))
	// A pipe of our own: that of exec is closed as soon as the process ends.
	r, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	defer w.Close()
	p.t.Cleanup(func() { r.Close() })
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = w, log, environment()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	p.ended = ended
	go func() { p.err = p.cmd.Wait(); close(ended) }()
	return r, stdin
}

// environment is ours without what would steer a packhorse elsewhere.
func environment() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PACKHORSE_") {
			env = append(env, e)
		}
	}
	return env
}

// kill is SIGKILL, as a power cut; nothing happens when the process has ended.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	<-p.ended
	p.cmd = nil
}

// stop is SIGTERM, on which a process ends by itself and says it went well.
func (p *process) stop() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
		p.t.Fatalf("%s has not ended %v after SIGTERM", p.name, stopLimit)
	}
	if p.err != nil {
		p.t.Errorf("%s ended with %v on SIGTERM, want exit code 0", p.name, p.err)
	}
	p.cmd = nil
}

func (p *process) lastLines(n int) string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}
