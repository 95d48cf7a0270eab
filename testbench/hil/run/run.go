package run

import (
	"context"
	"time"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/report"
	"packhorse/testbench/hil/suite"
)

// Place is where suites are to run.
type Place struct {
	Kind, Name string // simulated, virtual or real; the bench's name, if it has one
	// Missing is why there is no such rig here; empty: there is.
	Missing string
	// Lock takes the rig for us; note is what a person should know of it, such as whom it was taken over from. nil: it
	// needs no lock.
	Lock func() (unlock func() error, note string, err error)
	// Open makes the rig ours, its nodes switched off or in any state. dir is for its own files.
	Open   func(ctx context.Context, dir string) (hil.Rig, error)
	Deploy []hil.Artifact // to every node
	Params suite.Params
}

// Options say what to run, and where.
type Options struct {
	Places  []Place
	Suites  []suite.Suite
	Out     string // directory of the collected files
	Version string // of the program
	Clock   string // how far this machine's clock can be trusted, for the report
	Say     func(Progress)
}

// Progress is told when a case begins and when it ends.
type Progress struct {
	Done, Total int
	Left        time.Duration // an estimate; 0: none yet
	Case        report.Case   // its Outcome is empty while it runs
	Note        string        // instead of a case
}

// Suite of the cases that every rig has.
const benchSuite = "bench"

// Run runs everything. It always gives a report; when ctx ends, the cases left count as skipped and the rigs are still
// switched off.
func Run(ctx context.Context, o Options) *report.Report {
	began := time.Now()
	r := &runner{Options: o, began: began, report: &report.Report{Version: o.Version, Began: began}}
	for _, s := range o.Suites {
		r.perPlace += len(s.Cases)
	}
	r.total = len(o.Places) * r.perPlace
	for i := range o.Places {
		r.place(ctx, &o.Places[i])
	}
	r.report.Finish(time.Now(), o.Clock)
	return r.report
}

// runner is one Run.
type runner struct {
	Options
	began           time.Time
	report          *report.Report
	perPlace, total int
	done            int
	typical, took   time.Duration // of the cases that ran
}

// place runs the suites on one rig. Whatever fails before the cases makes them skipped.
func (r *runner) place(ctx context.Context, p *Place) {
	v := visit{runner: r, place: p, marks: suite.NewRecorder(r.began, time.Now)}
	v.entry = report.Rig{Identity: hil.Identity{Kind: p.Kind, Name: p.Name}, BeganS: v.marks.Since(), Skipped: p.Missing}
	reason := p.Missing
	if reason == "" {
		reason = v.visit(ctx)
	}
	if reason != "" {
		v.skip(reason)
	}
	v.entry.TookS = v.marks.Since() - v.entry.BeganS
	r.report.Rigs = append(r.report.Rigs, v.entry)
}

// say tells of a case, or of a note.
func (r *runner) say(c report.Case, note string) {
	if r.Say != nil {
		r.Say(Progress{Done: r.done, Total: r.total, Left: r.left(), Case: c, Note: note})
	}
}

// left estimates by the cases so far: those of a slow rig take their time.
func (r *runner) left() time.Duration {
	if r.typical == 0 {
		return 0
	}
	var all time.Duration
	for _, s := range r.Suites {
		for _, c := range s.Cases {
			all += c.Typical
		}
	}
	present := 0
	for _, p := range r.Places {
		if p.Missing == "" {
			present++
		}
	}
	rest := max(all*time.Duration(present)-r.typical, 0)
	return time.Duration(float64(rest) * float64(r.took) / float64(r.typical))
}
