package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"packhorse/board"
	"packhorse/testbench/hil/report"
	"packhorse/testbench/hil/run"
	"packhorse/testbench/hil/suite"
)

func (a *app) runCommand() *cobra.Command {
	w := wanted{}
	c := &cobra.Command{Use: "run [BENCH...]", Short: "run suites on benches and write a report", Args: cobra.ArbitraryArgs,
		Long: "Runs suites on each bench in turn. A bench is sim, virtual, real (the file of " + fileVar + `) or a bench file; without any, all three
kinds: what is not there is skipped, with its reason. Progress goes to stderr.`}
	quick := suite.Quick()
	f := c.Flags()
	f.StringSliceVar(&w.benches, "bench", nil, "`benches`: sim, virtual, real, or bench files; the same as arguments")
	f.StringSliceVar(&w.suites, "suite", []string{"conformance", "road", "crash"}, "`suites` to run; packhorse-bench suites lists them")
	f.StringVar(&w.out, "out", "", "`directory` of the reports (default bench-DATE-TIME)")
	f.StringVar(&w.binary, "binary", "", "packhorse `file` for sim")
	f.StringVar(&w.image, "image", "", "raw card `image` for virtual (default $"+imageVar+")")
	f.StringSliceVar(&w.deploy, "deploy", nil, "`files` to deploy to real boards first: .deb, .phup, or a packhorse binary")
	f.StringVar(&w.plan, "plan", "quick", "quick (minutes) or full (a night): the size of letters, the number of cuts, and how long soak goes on")
	f.StringVar(&w.owner, "owner", mine(), "`who` has the lock of a real bench meanwhile")
	f.DurationVar(&w.length, "expect", 2*time.Hour, "how `long` the lock is announced for")
	f.Uint64Var(&w.params.Seed, "seed", quick.Seed, "of what is drawn: contents, losses, who is cut")
	f.IntVar(&w.params.Cuts, "cuts", 0, "power cuts in each case of crash (default by --plan)")
	f.IntVar(&w.params.FileBytes, "file-bytes", 0, "`size` of files (default by --plan)")
	f.DurationVar(&w.params.Soak, "soak", 0, "how `long` each case of soak sends (default by --plan)")
	c.RunE = func(c *cobra.Command, benches []string) error {
		w.benches = append(w.benches, benches...)
		suites, err := suite.Select(w.suites)
		if err != nil {
			return usage("packhorse-bench suites", "%s", err)
		}
		if err := w.settle(); err != nil {
			return err
		}
		places, err := a.places(w)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(w.out, 0o755); err != nil {
			return err
		}
		p := newProgress(a.err, a.json)
		r := run.Run(c.Context(), run.Options{Places: places, Suites: suites, Out: w.out, Version: versionText(), Clock: clock(), Say: p.say})
		if err := write(r, w.out); err != nil {
			return err
		}
		return a.end(r, w.out)
	}
	return c
}

// settle fills what the flags left to the plan.
func (w *wanted) settle() error {
	p := suite.Quick()
	switch w.plan {
	case "quick":
	case "full":
		p = suite.Full()
	default:
		return usage("--plan quick or full", "there is no plan %q", w.plan)
	}
	p.Seed = w.params.Seed
	for _, v := range []struct{ given, at *int }{{&w.params.Cuts, &p.Cuts}, {&w.params.FileBytes, &p.FileBytes}} {
		if *v.given < 0 || *v.given > 1<<24 {
			return usage("give 1 or more", "%d is out of range", *v.given)
		}
		if *v.given > 0 {
			*v.at = *v.given
		}
	}
	if w.params.Soak > 0 {
		p.Soak, p.Limit = w.params.Soak, w.params.Soak+p.Limit
	}
	w.params = p
	if w.out == "" {
		w.out = time.Now().Format("bench-2006-01-02-150405")
	}
	return nil
}

// clock is how far this machine's clock can be trusted, in the words of all answers.
func clock() string {
	q := board.Clock()
	if q == board.ClockSet {
		return "neighbour"
	}
	return q.String()
}

// write writes the three reports.
func write(r *report.Report, dir string) error {
	var errs []error
	for name, f := range map[string]func(io.Writer) error{"report.json": r.JSON, "junit.xml": r.JUnit, "report.html": r.HTML} {
		errs = append(errs, writeFile(filepath.Join(dir, name), f))
	}
	return errors.Join(errs...)
}

func writeFile(path string, f func(io.Writer) error) error {
	w, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f(w), w.Close())
}

// end prints the answer: every case that did not pass, and the line that counts.
func (a *app) end(r *report.Report, dir string) error {
	if a.json {
		a.say(r)
	} else {
		for _, rig := range r.Rigs {
			if rig.Skipped != "" {
				fmt.Fprintf(a.out, "rig %s skipped: %s\n", rig.Kind, rig.Skipped)
			}
		}
		for _, c := range r.Cases {
			if c.Outcome == report.Failed {
				fmt.Fprintf(a.out, "FAIL %s %s %s: %s\n", c.Rig, c.Suite, c.Name, report.Clean(c.Reason))
			}
		}
		fmt.Fprintf(a.out, "%s; %s has report.html, junit.xml and report.json\n", r.Summary(), dir)
	}
	if r.Failed > 0 {
		return someFailed(r.Failed)
	}
	return nil
}
