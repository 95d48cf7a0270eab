package main

import (
	"fmt"
	"io"
	"time"

	"packhorse/testbench/hil/report"
	"packhorse/testbench/hil/run"
)

// progress prints a line for each case that ended.
type progress struct {
	w     io.Writer
	quiet bool
}

func newProgress(w io.Writer, quiet bool) *progress { return &progress{w, quiet} }

func (p *progress) say(s run.Progress) {
	switch c := s.Case; {
	case p.quiet:
	case s.Note != "":
		fmt.Fprintln(p.w, report.Clean(s.Note))
	case c.Outcome != "":
		line := fmt.Sprintf("%-7s %s %s %s, %.1f s", c.Outcome, c.Rig, c.Suite, c.Name, c.TookS)
		if c.Reason != "" {
			line += ": " + report.Clean(c.Reason)
		}
		fmt.Fprintf(p.w, "%s%s\n", line, rest(s))
	}
}

// rest says how much is left.
func rest(s run.Progress) string {
	if s.Done == 0 || s.Done >= s.Total {
		return ""
	}
	text := fmt.Sprintf(" (%d of %d", s.Done, s.Total)
	if s.Left > 0 {
		text += ", about " + s.Left.Round(time.Second).String() + " left"
	}
	return text + ")"
}
