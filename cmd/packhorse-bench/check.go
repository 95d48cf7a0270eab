package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"packhorse/board"
	"packhorse/gateway/admin"
	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/boards"
)

// checkReply is packhorse.bench_check/1.
type checkReply struct {
	admin.Head
	Bench  string         `json:"bench"`
	OK     bool           `json:"ok"` // nothing has failed
	Checks []checkedReply `json:"checks"`
}

type checkedReply struct {
	Level   string `json:"level"` // ok warn fail
	Subject string `json:"subject"`
	What    string `json:"what"`
	Fix     string `json:"fix,omitempty"`
}

// checkLimit is how long a check may take; the lock says so.
const checkLimit = 10 * time.Minute

func (a *app) checkCommand() *cobra.Command {
	c := &cobra.Command{Use: "check", Short: "check a bench file, and say what of the bench can be reached; nothing is switched", Args: cobra.NoArgs}
	file := a.benchFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		f, err := file()
		if err != nil {
			return err
		}
		found, err := lookAt(c.Context(), f)
		if err != nil {
			return err
		}
		return a.show(f, found)
	}
	return c
}

func lookAt(ctx context.Context, f *benchfile.File) (found []board.Finding, err error) {
	unlock, _, err := take(f, wanted{owner: mine(), length: checkLimit})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	dir, err := os.MkdirTemp("", "packhorse-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return boards.Check(ctx, f, dir), nil
}

func (a *app) show(f *benchfile.File, found []board.Finding) error {
	r, bad := checkReply{Head: head("packhorse.bench_check/1"), Bench: f.Bench.Name, Checks: []checkedReply{}}, 0
	for _, x := range found {
		if x.Level == board.Fail {
			bad++
		}
		r.Checks = append(r.Checks, checkedReply{x.Level.String(), x.Subject, x.What, x.Fix})
	}
	r.OK = bad == 0
	if a.json {
		a.say(r)
	} else {
		fmt.Fprintf(a.out, "%s describes the bench %s: %d nodes\n", f.Path, f.Bench.Name, len(f.Node))
		for _, x := range r.Checks {
			fmt.Fprintf(a.out, "%-5s %s: %s\n", x.Level, x.Subject, x.What)
			if x.Fix != "" {
				fmt.Fprintf(a.out, "      fix: %s\n", x.Fix)
			}
		}
	}
	if bad > 0 {
		return someFailed(bad)
	}
	return nil
}
