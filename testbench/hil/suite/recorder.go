package suite

import (
	"context"
	"slices"
	"sync"
	"time"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/report"
)

// Kinds of marks, as the report calls them.
const (
	powerMark  = report.Power
	bootMark   = report.Boot
	framesMark = report.Frames
	caseMark   = report.Test
)

// maxMarks bounds the time line of one node; a day of marks once a second fits.
const maxMarks = 100_000

// Recorder notes what happens to nodes and when. Safe for concurrent use.
type Recorder struct {
	now   func() time.Time
	began time.Time

	mu     sync.Mutex
	marks  map[string][]report.Mark
	counts map[string]count
}

// count is how many frames a node had sent, and when that was asked.
type count struct {
	sent uint64
	at   float64
}

// NewRecorder notes times since began.
func NewRecorder(began time.Time, now func() time.Time) *Recorder {
	return &Recorder{now: now, began: began, marks: map[string][]report.Mark{}, counts: map[string]count{}}
}

// Since is how long the run goes on, in seconds.
func (r *Recorder) Since() float64 { return r.now().Sub(r.began).Seconds() }

// Begin starts a mark, which lasts until end is called.
func (r *Recorder) Begin(node, kind, text string) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.add(node, report.Mark{Kind: kind, FromS: r.Since(), ToS: goesOn, Text: text})
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if i >= 0 {
			r.marks[node][i].ToS = r.Since()
		}
	}
}

// goesOn is the end of a mark whose end nobody knows yet.
const goesOn = -1

// Case marks a case that ran on some nodes.
func (r *Recorder) Case(nodes []string, name string, from float64, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := report.Mark{Kind: caseMark, FromS: from, ToS: r.Since(), Text: name, Failed: failed}
	for _, n := range nodes {
		r.add(n, m)
	}
}

// add answers where the mark is, -1 when there are too many.
func (r *Recorder) add(node string, m report.Mark) int {
	if len(r.marks[node]) >= maxMarks {
		return -1
	}
	r.marks[node] = append(r.marks[node], m)
	return len(r.marks[node]) - 1
}

// Marks are a node's so far; what goes on ends now.
func (r *Recorder) Marks(node string) []report.Mark {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.marks[node])
	for i := range out {
		if out[i].ToS == goesOn {
			out[i].ToS = r.Since()
		}
	}
	return out
}

// Watch notes how many frames each node has sent, until ctx ends. Only an air that counts by itself is watched: others are
// asked by the cases alone.
func (r *Recorder) Watch(ctx context.Context, rig hil.Rig, every time.Duration) {
	if _, ok := rig.Air().(hil.Observer); !ok {
		return
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		for _, n := range rig.Nodes() {
			if sent, _, err := rig.Air().Frames(ctx, n.Name()); err == nil {
				r.Count(n.Name(), sent)
			}
		}
	}
}

// Count notes how many frames a node has sent until now, since the rig was opened.
func (r *Recorder) Count(node string, sent uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, now := r.counts[node], r.Since()
	if sent > last.sent {
		r.add(node, report.Mark{Kind: framesMark, FromS: last.at, ToS: now, Sent: sent - last.sent})
	}
	r.counts[node] = count{sent, now}
}
