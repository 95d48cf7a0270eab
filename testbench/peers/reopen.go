package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// reopening is the same log opened with its snapshot after a kill, after a clean close, and without a snapshot.
type reopening struct {
	h                 *harness
	dir               string
	kill, clean, scan []result
}

func reportReopen(h *harness) error {
	dir, err := os.MkdirTemp(h.dir, "reopen")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o := reopening{h: h, dir: dir}
	if err := o.fill(parcels); err != nil {
		return err
	}
	for i := range h.n {
		if err := o.round(i); err != nil {
			return err
		}
	}
	return o.print()
}

// fillGroup is how many parcels share a commit.
const fillGroup = 32

func (o *reopening) fill(n int) error {
	_, err := o.h.child(job{Engine: "packhorse", Work: "fill", Dir: o.dir, Group: fillGroup, Commits: n / fillGroup, Kill: true})
	return err
}

// round kills at another distance from the last clean close each time, up to 80 MiB.
func (o *reopening) round(i int) (err error) {
	if i > 0 {
		err = o.fill(i * parcels / 50)
	}
	for _, to := range []*[]result{&o.kill, &o.clean, &o.scan} {
		if to == &o.scan {
			err = errors.Join(err, dropSnapshot(o.dir))
		}
		if err != nil {
			return err
		}
		var r result
		r, err = o.h.child(job{Engine: "packhorse", Work: "open", Dir: o.dir})
		*to = append(*to, r)
	}
	return err
}

func (o *reopening) print() error {
	size, err := sizeOf(o.dir)
	if err != nil {
		return err
	}
	t := table{title: fmt.Sprintf("Open of %d parcels in %d records, log of %.2f GiB, warm cache", parcels, 2*parcels, float64(size)/(1<<30)),
		head: []string{"after", "seconds", "faster than the full scan", "RSS before", "peak", "settled"}}
	for _, row := range []struct {
		after string
		rs    []result
	}{{"a kill", o.kill}, {"a clean close", o.clean}, {"loss of the snapshot: full scan", o.scan}} {
		t.add(row.after, fmt.Sprintf("%.3f", median(row.rs, func(r result) float64 { return r.Seconds })), ratio(row.rs, o.scan).String(),
			mib(row.rs, func(r result) int64 { return r.StartKiB }), mib(row.rs, func(r result) int64 { return r.PeakKiB }),
			mib(row.rs, func(r result) int64 { return r.RestKiB }))
	}
	t.notes = []string{"Aims: 10 times faster; 32 MiB resident, which RSS before, the bare program, counts in."}
	t.print(o.h.out)
	return nil
}

// kept matches what dropSnapshot leaves: the log in either layout, and the lock.
var kept = regexp.MustCompile(`^\d{20}$|^LOCK$|^\d{8}-[0-9a-f]{8}$`)

// dropSnapshot removes what a store makes anew when it is missing.
func dropSnapshot(dir string) error {
	all, err := os.ReadDir(dir)
	for _, e := range all {
		if !kept.MatchString(e.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

func sizeOf(dir string) (n int64, err error) {
	all, err := os.ReadDir(dir)
	for _, e := range all {
		if i, err := e.Info(); err == nil && i.Mode().IsRegular() {
			n += i.Size()
		}
	}
	return n, err
}
