package lock

import (
	"fmt"
	"time"
)

// Longest is for how long a bench may be reserved at once.
const Longest = 7 * 24 * time.Hour

// Holder is who has a bench.
type Holder struct {
	Owner   string    `json:"owner"` // such as anna@lab
	Purpose string    `json:"purpose,omitempty"`
	PID     int       `json:"pid,omitempty"` // of the run; 0: reserved by a person
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}

// String says who has it and until when, in words for a message.
func (h Holder) String() string {
	what := "reserved by " + h.Owner
	if h.PID != 0 {
		what = fmt.Sprintf("in use by %s (process %d)", h.Owner, h.PID)
	}
	if h.Purpose != "" {
		what += " for " + h.Purpose
	}
	return what + " until " + h.Until.Local().Format("2006-01-02 15:04")
}

// HeldError: somebody else has the bench.
type HeldError struct {
	Bench   string
	Holder  Holder
	Running bool // a run goes on right now
}

func (e *HeldError) Error() string { return fmt.Sprintf("the bench %s is %s", e.Bench, e.Holder) }

// Remedy is what to do.
func (e *HeldError) Remedy() string {
	if e.Running {
		return "wait until the run has ended, or ask its owner to stop it"
	}
	return "wait, or ask the owner to run packhorse-bench unlock; --force takes the lock away"
}

// judge tells what a lock file's holder means to owner. mine: the bench is free or owner's own; stale: somebody's time is over.
func judge(h *Holder, owner string, now time.Time) (mine, stale bool) {
	switch {
	case h == nil, h.Owner == owner:
		return true, false
	case h.PID != 0, !now.Before(h.Until):
		// Without flock the run that wrote its process has died.
		return true, true
	}
	return false, false
}
