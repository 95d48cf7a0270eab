package main

import (
	"context"
	"io"
	"os"

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

// rounds runs A B C, A B C, ... and answers the results by job. One engine ends before the next begins: a sync on
// ext4 also waits for what others wrote, so that one that works in the background would be paid for by its neighbours.
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

// fresh runs a job in an empty directory.
func (h *harness) fresh(j job) (result, error) {
	dir, err := os.MkdirTemp(h.dir, j.Engine)
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	j.Dir = dir
	return h.child(j)
}

// child runs a job where it says, on a disk that has nothing else to write.
func (h *harness) child(j job) (result, error) {
	unix.Sync()
	p, err := h.start(context.Background(), j)
	if err != nil {
		return result{}, err
	}
	return h.finish(p)
}

func (h *harness) finish(p *process) (result, error) {
	r, err := p.finish()
	h.bar.Add(1)
	h.samples = append(h.samples, sample{Job: p.job, Result: r})
	return r, err
}
