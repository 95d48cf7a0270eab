package main

import (
	"fmt"
	"os/exec"
)

var peers = []string{"packhorse", "wal", "bbolt", "SQLite", "Pebble"}

// reportPairs compares with databases.
func reportPairs(h *harness) error {
	for _, shape := range []job{{Group: 1, Commits: 2000}, {Group: 64, Commits: 240}} {
		if err := h.pairs(shape, "Durable put and durable removal of 4 KiB, "+groups(shape.Group)); err != nil {
			return err
		}
	}
	return nil
}

// slowMS is what a sync costs on a slow card.
const slowMS = 15

// reportSlow does the same with slow syncs.
func reportSlow(h *harness) error {
	if _, err := exec.LookPath("strace"); err != nil {
		fmt.Fprintln(h.out, "\nLeft out: pairs with slow syncs need strace; install it.")
		return nil
	}
	for _, shape := range []job{{Group: 1, Commits: 100}, {Group: 64, Commits: 80}} {
		shape.Trace = slowMS
		if err := h.pairs(shape, fmt.Sprintf("The same, %d ms longer in each sync system call, %s", slowMS, groups(shape.Group))); err != nil {
			return err
		}
	}
	return reportTraced(h)
}

func (h *harness) pairs(shape job, title string) error {
	var jobs []job
	for _, name := range peers {
		j := shape
		j.Engine, j.Work = name, "pair"
		jobs = append(jobs, j)
	}
	all, err := h.rounds(jobs)
	if err != nil {
		return err
	}
	pairTable(all, title).print(h.out)
	return nil
}

// pairTable takes results in the order of peers.
func pairTable(all [][]result, title string) *table {
	t := &table{title: title, head: []string{"engine", "pairs/s", "packhorse against it", "peak RSS"}}
	best := 2 // the first database
	for i, rs := range all {
		if i > 2 && median(rs, result.rate) > median(all[best], result.rate) {
			best = i
		}
		t.add(peers[i], perSecond(rs), ratio(all[0], rs).String(), mib(rs, func(r result) int64 { return r.PeakKiB }))
	}
	t.notes = []string{fmt.Sprintf("Aim: 0.95 of the best database, which is %s. wal has no index and gives nothing back.", peers[best])}
	return t
}

// reportTraced counts syncs, and what watching them costs by itself.
func reportTraced(h *harness) error {
	t := table{title: "Sync system calls, and the speed under strace without delay against that without strace",
		head: []string{"engine", "syncs a pair, one by one", "64 in a commit", "speed one by one", "64 in a commit"}}
	for _, name := range peers {
		one, cost1, err := h.traced(job{Engine: name, Work: "pair", Group: 1, Commits: 2000})
		if err != nil {
			return err
		}
		many, cost64, err := h.traced(job{Engine: name, Work: "pair", Group: 64, Commits: 160})
		if err != nil {
			return err
		}
		t.add(name, fmt.Sprintf("%.3f", one), fmt.Sprintf("%.4f", many), fmt.Sprintf("%.2f", cost1), fmt.Sprintf("%.2f", cost64))
	}
	t.print(h.out)
	return nil
}

func (h *harness) traced(j job) (syncs, speed float64, err error) {
	watched := j
	watched.Trace = -1
	all, err := h.rounds([]job{j, watched})
	if err != nil {
		return 0, 0, err
	}
	syncs = median(all[1], func(r result) float64 { return float64(r.Syncs) / float64(r.Ops) })
	return syncs, ratio(all[1], all[0]).mid, nil
}
