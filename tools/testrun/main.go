// Command testrun is what `make test` runs: every suite in turn, with what they need
// installed first. It ends with one line "N passed, N failed, N skipped" and exit code 1
// when anything failed. With CI=true a missing component fails its suite.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "comma-separated suites to run; empty runs all but those that want to be named")
	names := flag.Bool("list", false, "list the suites")
	flag.Parse()
	if *names {
		for _, s := range suites {
			fmt.Printf("%-8s %s\n", s.name, s.what)
		}
		return
	}
	os.Setenv("GOFLAGS", withTags(os.Getenv("GOFLAGS")))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := runner{out: os.Stdout, ci: os.Getenv("CI") == "true"}
	if failed := r.all(ctx, pick(*only)); failed {
		os.Exit(1)
	}
}

// withTags adds the tags that the project is built with, for all that tests build.
func withTags(goflags string) string {
	const tags = "-tags=grpcnotrace"
	if strings.Contains(goflags, tags) {
		return goflags
	}
	return strings.TrimSpace(goflags + " " + tags)
}

// pick chooses suites by name; an unknown name ends the program.
func pick(only string) []suite {
	var out []suite
	if only == "" {
		return slices.DeleteFunc(slices.Clone(suites), func(s suite) bool { return s.asked })
	}
	for _, name := range strings.Split(only, ",") {
		found := false
		for _, s := range suites {
			if s.name == name {
				out, found = append(out, s), true
			}
		}
		if !found {
			fmt.Fprintf(os.Stderr, "testrun: no suite %q; -list shows them\n", name)
			os.Exit(2)
		}
	}
	return out
}

// all runs suites, prints the table and the closing line, and tells whether any failed.
func (r *runner) all(ctx context.Context, suites []suite) bool {
	start := time.Now()
	results := r.inLanes(ctx, suites)
	var sum count
	var rows []string
	for i, res := range results {
		sum.add(res.count)
		rows = append(rows, fmt.Sprintf("%-8s %6d %6d %7d %7.0f s", suites[i].name, res.passed, res.failed, res.skipped, res.took.Seconds()))
	}
	fmt.Fprintf(r.out, "\nSUITE    PASSED FAILED SKIPPED      TIME\n%s\n", strings.Join(rows, "\n"))
	fmt.Fprintf(r.out, "total time %s\n", time.Since(start).Round(time.Second))
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", sum.passed, sum.failed, sum.skipped)
	return sum.failed > 0 || ctx.Err() != nil
}
