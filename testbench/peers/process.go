package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// process is a child that runs a job.
type process struct {
	job  job
	cmd  *exec.Cmd
	said *bufio.Reader
	to   io.WriteCloser
	log  string // of strace
}

// start runs a job until the context ends.
func (h *harness) start(ctx context.Context, j job) (*process, error) {
	arg, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	self, err := h.program(j)
	if err != nil {
		return nil, err
	}
	h.bar.Describe(fmt.Sprintf("%-7s %-9s", j.Work, j.Engine))
	p := &process{job: j, log: filepath.Join(h.dir, "strace")}
	line := append(j.Trace.command(p.log), self, "child", string(arg))
	p.cmd = exec.CommandContext(ctx, line[0], line[1:]...)
	p.cmd.Stderr = os.Stderr
	if j.Mount != "" {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	from, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.said = bufio.NewReader(from)
	if p.to, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

// program is what runs a job. The memory of the store by itself is measured in a program that has nothing else.
func (h *harness) program(j job) (string, error) {
	if !leanWorks[j.Work] {
		return os.Executable()
	}
	if h.lean != "" {
		return h.lean, nil
	}
	path := filepath.Join(h.dir, "lean")
	if b, err := exec.Command("go", "build", "-tags", "lean", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program without peers, in the directory testbench/peers: %w\n%s", err, b)
	}
	h.lean = path
	return path, nil
}

// arrive waits until the child stands at a gate.
func (p *process) arrive() error {
	_, err := p.said.ReadString('\n')
	return p.failed(err)
}

// pass opens the gate.
func (p *process) pass() error {
	_, err := io.WriteString(p.to, "\n")
	return p.failed(err)
}

func (p *process) failed(err error) error {
	if err != nil {
		return fmt.Errorf("%s, %s: %w", p.job.Engine, p.job.Work, err)
	}
	return nil
}

// finish takes the result and waits for the end, which is a signal when the job is to be killed.
func (p *process) finish() (r result, err error) {
	p.to.Close()
	err = json.NewDecoder(p.said).Decode(&r)
	if e := p.cmd.Wait(); e != nil && !(p.job.Kill && !p.cmd.ProcessState.Exited()) {
		err = errors.Join(e, err)
	}
	if err == nil && p.job.Trace != 0 {
		r.Syncs, err = syncsIn(p.log)
	}
	return r, p.failed(err)
}
