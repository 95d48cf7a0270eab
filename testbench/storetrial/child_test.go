package storetrial

import (
	"errors"
	"maps"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"packhorse/store"
)

const (
	childDir     = "PACKHORSE_TRIAL_CHILD"  // tells the child where to write
	childCloses  = "PACKHORSE_TRIAL_CLOSES" // it closes the store in the end, and does not just die
	childBatches = 40
	reportFD     = 3
)

// childOptions make buckets turn over while the child runs.
var childOptions = store.Options{Reserve: -1, BucketBytes: 8 << 10}

// child writes the batches of a witness, reads everything after each that fails, and reports with a system call that the
// store does not use.
func child(dir string) (exit int) {
	s, err := store.Open(dir, childOptions)
	if err != nil {
		report("no store: %v", err)
		return 0
	}
	w := newWitness(1)
	for i := range childBatches {
		changes := w.batch()
		err := s.Apply(opsOf(changes)...)
		w.told(changes, err)
		if err != nil {
			report("failed: %v", err)
		} else {
			report("done")
		}
		if err == nil && i%8 > 0 {
			continue
		}
		for _, lie := range w.reads(s) {
			report("lie: %s", lie)
		}
	}
	if os.Getenv(childCloses) != "" {
		if err := s.Close(); err != nil {
			report("not closed: %v", err)
		}
	}
	report("end")
	return 0
}

func report(format string, args ...any) {
	line := strings.ReplaceAll(say(format, args...), "\n", " ") + "\n"
	unix.Writev(reportFD, [][]byte{[]byte(line)})
}

// reads compares what can be read, of the batches that failed too. An error of the disk is no lie.
func (w *witness) reads(s *store.Store) (lies []string) {
	seen := maps.Clone(w.m)
	for _, f := range w.failed {
		for _, c := range f {
			seen[c.name] = w.m[c.name]
		}
	}
	for n := range seen {
		want, there := w.m[n]
		got, err := s.Get(n.kind, n.key)
		truth := there && err == nil && want.is(got) || !there && errors.Is(err, store.ErrNotFound)
		if !truth && !isDisk(err) {
			lies = append(lies, say("Get(%d, %q): got %d octets, %v; want %v, %d octets", n.kind, n.key, len(got), err, there, want.size))
		}
	}
	return lies
}

// isDisk tells whether the system said no.
func isDisk(err error) bool {
	var e unix.Errno
	return errors.As(err, &e)
}
