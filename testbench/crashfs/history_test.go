//go:build linux

package crashfs

import (
	"maps"
	"math"

	"packhorse/store"
)

// history is what was done to a store, and at which positions of the disk.
type history struct {
	script  script
	disk    *Disk
	quiet   bool    // say nothing of faults
	start   int     // position before the store was first opened
	end     int     // position when it was last closed
	entries [][]run // of each writer
	acks    []int   // positions, ascending
	seen    []int   // those at which the store was opened again, and showed a batch that was not acknowledged
}

// run is one batch on its way. Positions that were never reached are never.
type run struct {
	ops                   []store.Op
	began, acked, dropped int
}

const never = math.MaxInt

// want is what a writer's records may be after a crash: those of all acknowledged batches,
// with or without the one that was begun.
type want struct {
	sure, maybe model // maybe is nil when there is no such batch
}

// at is what each writer may find after a crash at a position.
func (h *history) at(position int) []want {
	out := make([]want, len(h.entries))
	for i, runs := range h.entries {
		out[i].sure = model{}
		for _, r := range runs {
			switch {
			case r.acked <= position:
				out[i].sure.apply(r.ops)
			case r.began <= position && position < r.dropped:
				out[i].maybe = maps.Clone(out[i].sure)
				out[i].maybe.apply(r.ops)
			}
		}
	}
	return out
}

// progress is what a child needs to know to go on.
func (h *history) progress() []progress {
	out := make([]progress, len(h.entries))
	for i, runs := range h.entries {
		out[i] = progress{Next: len(runs), Dropped: map[int]bool{}}
		for b, r := range runs {
			out[i].Dropped[b] = r.dropped != never
			out[i].Pending = r.acked == never && r.dropped == never
		}
	}
	return out
}
