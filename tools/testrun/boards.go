package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// benchReport is where packhorse-bench leaves what it found on real boards, or that there are none.
var benchReport = filepath.Join("dist", "bench-real")

// found is what packhorse-bench answers, as far as it is counted here (docs/schema/bench_report.json).
type found struct {
	Schema                  string
	Passed, Failed, Skipped int
	Rigs                    []struct{ Kind, Name, Skipped string }
}

// runBoards takes the suites through the bench that PACKHORSE_BENCH_FILE describes. No runner has boards by itself, so that
// there is no bench is not counted as skipped here but in the report of packhorse-bench, and said.
func (r *runner) runBoards(ctx context.Context) (count, error) {
	c := exec.CommandContext(ctx, "go", "run", "./cmd/packhorse-bench", "run", "real", "--json", "--out", benchReport)
	c.Env, c.Stderr = append(os.Environ(), "CGO_ENABLED=0"), r.out
	answer, err := c.Output() // its exit code says what the answer does
	n, line, also := boards(answer)
	if also != nil {
		return n, fmt.Errorf("packhorse-bench run real: %w, %w", also, err)
	}
	fmt.Fprintln(r.out, line)
	return n, nil
}

// boards counts what was tried, and says in a line what was not.
func boards(answer []byte) (n count, line string, err error) {
	var f found
	if err := json.Unmarshal(answer, &f); err != nil || f.Schema != "packhorse.bench_report/1" || len(f.Rigs) == 0 {
		return n, "", fmt.Errorf("it answered %q (%v)", answer[:min(len(answer), 300)], err)
	}
	line = fmt.Sprintf("real boards: %d passed, %d failed, %d skipped", f.Passed, f.Failed, f.Skipped)
	for _, r := range f.Rigs {
		if r.Skipped != "" {
			line = fmt.Sprintf("real boards: %d cases not tried, and not in the sum below: %s", f.Skipped, strings.TrimSpace(r.Skipped))
		}
	}
	return count{passed: f.Passed, failed: f.Failed}, line + "; " + filepath.Join(benchReport, "report.html"), nil
}
