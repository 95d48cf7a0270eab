package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"

	"packhorse/store"
)

// job is what one child process does: one engine, one workload, one process, so that neither memory nor
// background work of another is in its figures.
type job struct {
	Engine  string
	Work    string // a key of works
	Dir     string
	Mount   string // where to mount the file system of Dir, in a namespace of the child's own
	Group   int    // pairs a commit; of the fill, parcels
	Commits int    // measured commits of puts
	Writers int    // concurrent ones
	Trace   trace  // of sync system calls
	Gate    bool   // stop for the parent before and behind the measured part
	Kill    bool   // ends as kill -9 would
	Profile string // file for a processor profile of the measured part
}

// result is what a child measured.
type result struct {
	Ops      int // pairs or puts
	Seconds  float64
	StartKiB int64 // resident set before the store was opened
	PeakKiB  int64 // its highest
	RestKiB  int64 // when done and collected
	Syncs    int64 // packhorse: as Stats tells; traced: as strace saw
	Written  int64 // packhorse: octets, as Stats tells
	Records  int
}

func (r result) rate() float64 { return float64(r.Ops) / r.Seconds }

func (r *result) take(s *store.Store) {
	m := s.Stats()
	r.Syncs, r.Written, r.Records = m.Syncs, m.Written, m.Records
}

var works = map[string]func(job) (result, error){
	"put": runPut, "pair": runPair, "writers": runWriters, "fill": runFill, "open": runOpen,
}

var leanWorks = map[string]bool{"writers": true, "fill": true, "open": true}

// child runs the job that the parent passed and prints its result.
func child(arg string) error {
	var j job
	if err := json.Unmarshal([]byte(arg), &j); err != nil {
		return err
	}
	if err := j.mount(); err != nil {
		return err
	}
	work := works[j.Work]
	if work == nil {
		return fmt.Errorf("no workload %q", j.Work)
	}
	r, err := work(j)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", j.Engine, j.Work, err)
	}
	return r.print()
}

func (r *result) print() error {
	if r.PeakKiB == 0 {
		r.PeakKiB = status("VmHWM")
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// profiled runs the measured part of a workload.
func profiled(j job, f func() error) error {
	if j.Profile == "" {
		return f()
	}
	out, err := os.Create(j.Profile)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// status is a line of /proc/self/status, in KiB; 0 when there is none.
func status(name string) int64 {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}
