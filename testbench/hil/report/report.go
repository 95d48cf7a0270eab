package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil"
)

// Schema names the JSON of a report.
const Schema = "packhorse.bench_report/1"

// Outcomes of a case.
const (
	Passed  = "passed"
	Failed  = "failed"
	Skipped = "skipped" // it was not run: Reason says what is missing
)

// Report is what one run has found. Arrays are never null once Finish was called.
type Report struct {
	admin.Head
	Version string    `json:"version"` // of packhorse-bench
	Began   time.Time `json:"began"`
	TookS   float64   `json:"took_s"`
	Passed  int       `json:"passed"`
	Failed  int       `json:"failed"`
	Skipped int       `json:"skipped"`
	Rigs    []Rig     `json:"rigs"`
	Cases   []Case    `json:"cases"`
}

// Rig is one bench that was used, or was not there.
type Rig struct {
	hil.Identity
	Skipped string  `json:"skipped,omitempty"` // why it was not used; absent: it was
	Nodes   []Node  `json:"nodes"`
	BeganS  float64 `json:"began_s"` // since the run began
	TookS   float64 `json:"took_s"`
}

// Node is a board of a rig, and what happened to it.
type Node struct {
	hil.Identity
	Marks []Mark `json:"marks"`
	// Files are what was collected from it, relative to the report.
	Files []string `json:"files"`
}

// Kinds of marks.
const (
	Power  = "power"  // it has power from At to End
	Boot   = "boot"   // power is there, its gateway is not ready yet
	Frames = "frames" // so many frames were sent in that time
	Test   = "case"   // a case ran
)

// Mark is something that a node did for a while. Times are seconds since the run began.
type Mark struct {
	Kind   string  `json:"kind"`
	FromS  float64 `json:"from_s"`
	ToS    float64 `json:"to_s"`
	Text   string  `json:"text,omitempty"`
	Sent   uint64  `json:"frames_sent,omitempty"`
	Failed bool    `json:"failed,omitempty"` // the case
}

// Case is what became of one case of a suite on a rig.
type Case struct {
	Rig     string             `json:"rig"` // its kind
	Suite   string             `json:"suite"`
	Name    string             `json:"name"`
	Outcome string             `json:"outcome"`
	Reason  string             `json:"reason,omitempty"` // of failure or skipping
	Output  string             `json:"output,omitempty"` // what helps to understand a failure
	FromS   float64            `json:"from_s"`
	TookS   float64            `json:"took_s"`
	Figures map[string]float64 `json:"figures,omitempty"` // measured; the unit ends the name
}

// Finish counts, and fills what is empty.
func (r *Report) Finish(now time.Time, clock string) {
	r.Head = admin.NewHead(Schema, clock)
	r.At, r.TookS = now.UTC(), now.Sub(r.Began).Seconds()
	r.Began = r.Began.UTC()
	r.Passed, r.Failed, r.Skipped = 0, 0, 0
	for _, c := range r.Cases {
		switch c.Outcome {
		case Passed:
			r.Passed++
		case Skipped:
			r.Skipped++
		default:
			r.Failed++
		}
	}
	r.Rigs, r.Cases = filled(r.Rigs), filled(r.Cases)
	for i := range r.Rigs {
		r.Rigs[i].Nodes = filled(r.Rigs[i].Nodes)
		for j := range r.Rigs[i].Nodes {
			n := &r.Rigs[i].Nodes[j]
			n.Marks, n.Files = filled(n.Marks), filled(n.Files)
		}
	}
}

func filled[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// Summary is the one line that counts.
func (r *Report) Summary() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", r.Passed, r.Failed, r.Skipped)
}

// JSON writes the report as one indented object.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}
