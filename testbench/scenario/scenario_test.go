package scenario

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios say into their files")

// otherSeeds are those under which only bounds and checks are held.
var otherSeeds = []uint64{101, 102, 103}

func scripts(t testing.TB) []*Script {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var out []*Script
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(f, text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func TestScenarios(t *testing.T) {
	keys, seeds := &Keyring{}, otherSeeds
	if testing.Short() {
		seeds = nil // the race detector sees all there is in one run
	}
	for _, s := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(s.File), ".txt"), func(t *testing.T) {
			golden(t, s, keys)
			for _, seed := range seeds {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					r, err := Run(t.Context(), s, Options{Dir: t.TempDir(), Keys: keys, Seed: seed, HasSeed: true})
					if err != nil {
						t.Errorf("%v\nreplay: packhorse sim run %s --seed %d\n%s", err, s.File, seed, tail(r.Trace))
					}
				})
			}
		})
	}
}

// golden runs a scenario under its own seed and compares every line.
func golden(t *testing.T, s *Script, keys *Keyring) {
	t.Helper()
	r, err := Run(t.Context(), s, Options{Dir: t.TempDir(), Keys: keys})
	if err != nil {
		t.Errorf("%v\nreplay: packhorse sim run %s --seed %d\n%s", err, s.File, r.Seed, tail(r.Trace))
	}
	if *rewrite {
		if err := os.WriteFile(s.File, s.Rewrite(r.Outputs()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, step := range r.Steps {
		if !step.OK() {
			t.Errorf("%s:%d: %s\ngot\n\t%s\nwant\n\t%s\nreplay: packhorse sim run %s --seed %d; if it is right: go test ./testbench/scenario -rewrite",
				s.File, step.Command.Line, step.Command.Text, strings.Join(step.Output, "\n\t"), strings.Join(step.Command.Want, "\n\t"), s.File, r.Seed)
		}
	}
}

func tail(trace string) string {
	lines := strings.Split(strings.TrimSpace(trace), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
