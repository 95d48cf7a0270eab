package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sys/unix"
)

// harness runs jobs in child processes, one after the other.
type harness struct {
	out     io.Writer
	dir     string // on the disk that is measured
	n       int    // rounds
	lean    string // this program without the peers
	bar     *progressbar.ProgressBar
	samples []sample
}

// sample is a line of the file of -json.
type sample struct {
	Job    job
	Result result
}

// rounds runs A B C, A B C, ... and answers the results by job.
func (h *harness) rounds(jobs []job) ([][]result, error) {
	all := make([][]result, len(jobs))
	for range h.n {
		for i, j := range jobs {
			r, err := h.fresh(j)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], r)
		}
	}
	return all, nil
}

// fresh runs a job in an empty directory, on a disk that has nothing else to write.
func (h *harness) fresh(j job) (result, error) {
	dir, err := os.MkdirTemp(h.dir, j.Engine)
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	j.Dir = dir
	return h.child(j)
}

// child runs a job where it says.
func (h *harness) child(j job) (result, error) { return h.gated(j, nil) }

// gated calls at before and behind the measured part of a job with Gate.
func (h *harness) gated(j job, at func(inside bool) error) (r result, err error) {
	h.bar.Describe(fmt.Sprintf("%-7s %-9s", j.Work, j.Engine))
	defer h.bar.Add(1)
	log := filepath.Join(h.dir, "strace")
	c, err := h.command(j, log)
	if err != nil {
		return r, err
	}
	unix.Sync()
	if err := converse(c, j.Kill, at, &r); err != nil {
		return r, fmt.Errorf("%s, %s: %w", j.Engine, j.Work, err)
	}
	if j.Trace != 0 {
		if r.Syncs, err = syncsIn(log); err != nil {
			return r, err
		}
	}
	h.samples = append(h.samples, sample{Job: j, Result: r})
	return r, nil
}

func (h *harness) command(j job, log string) (*exec.Cmd, error) {
	arg, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	self, err := h.program(j)
	if err != nil {
		return nil, err
	}
	line := append(j.Trace.command(log), self, "child", string(arg))
	c := exec.Command(line[0], line[1:]...)
	c.Stderr = os.Stderr
	if j.Mount != "" {
		c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	return c, nil
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

// converse runs a child to its end, which is a signal if it is to be killed.
func converse(c *exec.Cmd, killed bool, at func(inside bool) error, r *result) error {
	to, err := c.StdinPipe()
	if err != nil {
		return err
	}
	from, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	said := bufio.NewReader(from)
	if at != nil {
		err = pass(said, to, at)
	}
	to.Close()
	if err == nil {
		err = json.NewDecoder(said).Decode(r)
	}
	if e := c.Wait(); e != nil && !(killed && !c.ProcessState.Exited()) {
		err = errors.Join(e, err)
	}
	return err
}
