package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/store"
)

// runWriters measures puts by concurrent writers, each waiting for its own.
func runWriters(j job) (r result, err error) {
	s, err := store.Open(j.Dir, store.Options{MaxBytes: maxBytes})
	if err != nil {
		return r, err
	}
	value := newSource().value(valueBytes)
	var wg sync.WaitGroup
	var n atomic.Int64
	failed := make([]error, j.Writers)
	begun := time.Now()
	for w := range j.Writers {
		wg.Go(func() {
			var key [32]byte
			for failed[w] == nil {
				i := n.Add(1)
				if i > int64(j.Commits) {
					return
				}
				binary.BigEndian.PutUint64(key[:], uint64(i))
				failed[w] = s.Apply(store.Op{Kind: kind, Key: string(key[:]), Value: value})
			}
		})
	}
	wg.Wait()
	r.Seconds, r.Ops = time.Since(begun).Seconds(), j.Commits
	r.take(s)
	return r, errors.Join(errors.Join(failed...), s.Close())
}

// reportWriters shows how writers share syncs.
func reportWriters(h *harness) error {
	var jobs []job
	for _, n := range []int{1, 8, 64} {
		jobs = append(jobs, job{Engine: "packhorse", Work: "writers", Writers: n, Commits: 2000 * min(n, 8)})
	}
	all, err := h.rounds(jobs)
	if err != nil {
		return err
	}
	t := table{title: "Group commit: durable puts of 4 KiB by concurrent writers",
		head: []string{"writers", "puts/s", "against one", "syncs a put", "octets written an octet"}}
	for i, rs := range all {
		t.add(fmt.Sprint(jobs[i].Writers), perSecond(rs), ratio(rs, all[0]).String(),
			fmt.Sprintf("%.3f", median(rs, func(r result) float64 { return float64(r.Syncs) / float64(r.Ops) })),
			fmt.Sprintf("%.3f", median(rs, func(r result) float64 { return float64(r.Written) / float64(r.Ops) / valueBytes })))
	}
	t.print(h.out)
	return nil
}
