package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"packhorse/testbench/crashfs"
)

// metered is one workload on a recorded disk; the counters cover the measured part and what ext4 still had to
// write for it.
type metered struct {
	result
	crashfs.Counters
}

// reportDevice shows what reaches a disk, and the speed when each flush of the disk is slow.
func reportDevice(h *harness) error {
	if err := crashfs.Able(); err != nil {
		fmt.Fprintf(h.out, "\nLeft out: what reaches the disk. %v\n", err)
		return nil
	}
	for _, w := range []struct {
		title string
		shape job
	}{
		{"What reaches the disk, 500 pairs one by one", job{Group: 1, Commits: 500}},
		{"20 commits of 64 pairs", job{Group: 64, Commits: 20}},
		{"64 MiB one by one, so that what is dead is given back", job{Group: 1, Commits: 16384}},
		{"64 MiB in commits of 64", job{Group: 64, Commits: 256}},
	} {
		if err := h.device(w.shape, w.title); err != nil {
			return err
		}
	}
	return h.slowDevice()
}

// blockSizes are those of ext4: mkfs.ext4 takes 1 KiB for the smallest disks and 4 KiB for all others.
var blockSizes = []int{1024, 4096}

func (h *harness) device(shape job, title string) error {
	t := table{title: title, head: []string{"engine"}}
	for _, b := range blockSizes {
		t.head = append(t.head, fmt.Sprintf("blocks of %d KiB: octets an octet", b>>10), "flushes a pair")
	}
	for _, name := range peers {
		shape.Engine, shape.Work = name, "pair"
		cells := []string{name}
		for _, b := range blockSizes {
			m, err := h.meter(shape, b, 0)
			if err != nil {
				return err
			}
			cells = append(cells, fmt.Sprintf("%.3f", float64(m.Octets)/float64(m.Ops)/valueBytes), fmt.Sprintf("%.3f", float64(m.Flushes)/float64(m.Ops)))
		}
		t.add(cells...)
	}
	t.notes = []string{"Aims: fewest octets of all but Pebble; 1.15 in commits of 64 and 3.9 one by one."}
	t.print(h.out)
	return nil
}

// slowDevice delays each flush of the device, of which a sync causes one, two or more.
func (h *harness) slowDevice() error {
	for _, shape := range []job{{Group: 1, Commits: 60}, {Group: 64, Commits: 60}} {
		all := make([][]result, len(peers))
		for range h.n {
			for i, name := range peers {
				shape.Engine, shape.Work = name, "pair"
				m, err := h.meter(shape, 4096, slowMS*time.Millisecond)
				if err != nil {
					return err
				}
				all[i] = append(all[i], m.result)
			}
		}
		pairTable(all, fmt.Sprintf("Durable put and durable removal of 4 KiB, each flush of the disk taking %d ms, %s", slowMS, groups(shape.Group))).print(h.out)
	}
	return nil
}

// diskBytes is the size of a recorded disk.
const diskBytes = 1 << 30

func (h *harness) meter(j job, block int, flush time.Duration) (m metered, err error) {
	v, err := crashfs.New(crashfs.Options{Size: diskBytes, BlockSize: block, Keep: -1})
	if err != nil {
		return m, err
	}
	defer func() {
		if e := v.Close(); err == nil {
			err = e
		}
	}()
	v.SetFlushDelay(flush)
	if j.Mount, err = os.MkdirTemp(h.dir, "disk"); err != nil {
		return m, err
	}
	j.Dir, j.Gate = v.Dir, true
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p, err := h.start(ctx, j)
	if err == nil {
		m.Counters, err = count(v, p)
	}
	if err == nil {
		m.result, err = h.finish(p)
	}
	return m, err
}

// count lets a child do its measured part and answers what that wrote.
func count(v *crashfs.Volume, p *process) (c crashfs.Counters, err error) {
	var before crashfs.Counters
	for _, step := range []func() error{
		p.arrive, func() error { return syncfs(v.Dir) },
		func() error { before = v.Counters(); return nil },
		p.pass, p.arrive, func() error { return syncfs(v.Dir) },
		func() error { c = v.Counters().Sub(before); return nil },
		p.pass,
	} {
		if err := step(); err != nil {
			return c, err
		}
	}
	return c, nil
}
