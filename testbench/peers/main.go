// Command peers measures the store against what it stands on and against other embedded databases, on the disk
// that it is run on. Each figure is the median of several rounds; the rounds take the engines in turn, so that
// what else the machine does hits all alike. `make bench` runs it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sys/unix"
)

// part is one group of tables. jobs tells how many children it starts, for the bar.
type part struct {
	name string
	jobs func(rounds int) int
	run  func(*harness) error
}

var parts = []part{
	{"put", func(n int) int { return 6 * n }, reportPut},
	{"pair", func(n int) int { return 10 * n }, reportPairs},
	{"slow", func(n int) int { return 30 * n }, reportSlow},
	{"device", func(n int) int { return 40 + 10*n }, reportDevice},
	{"writers", func(n int) int { return 3 * n }, reportWriters},
	{"reopen", func(n int) int { return 4 * n }, reportReopen},
}

func main() {
	var err error
	if len(os.Args) == 3 && os.Args[1] == "child" {
		err = child(os.Args[2])
	} else {
		err = parent()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func parent() error {
	rounds := flag.Int("rounds", 5, "rounds of which the median counts")
	only := flag.String("only", "", "comma-separated parts to run: put, pair, slow, device, writers, reopen; empty runs all")
	file := flag.String("json", "", "file for every sample")
	flag.Parse()
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	dir, err := workDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, unix.SIGTERM)
	go func() { <-stop; os.RemoveAll(dir); os.Exit(1) }()
	h := &harness{out: os.Stdout, dir: dir, n: max(1, *rounds), bar: bar(chosen, *rounds)}
	fmt.Printf("%s/%s, %d processors, %s, disk of %s. Median of %d rounds (least–greatest).\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), dir, h.n)
	for _, p := range chosen {
		if err := p.run(h); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	h.bar.Finish()
	return save(*file, h.samples)
}

func choose(only string) ([]part, error) {
	if only == "" {
		return parts, nil
	}
	var out []part
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no part %q", name)
		}
		out = append(out, parts[i])
	}
	return out, nil
}

func bar(chosen []part, rounds int) *progressbar.ProgressBar {
	n := 0
	for _, p := range chosen {
		n += p.jobs(rounds)
	}
	return progressbar.NewOptions(n, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetWidth(30), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
}

// workDir makes a directory on a real disk.
func workDir() (string, error) {
	dir, err := os.MkdirTemp(os.Getenv("PACKHORSE_BENCH_DIR"), "packhorse-bench")
	if err != nil {
		return "", err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", err
	}
	if st.Type == unix.TMPFS_MAGIC {
		os.RemoveAll(dir)
		return "", fmt.Errorf("%s is in memory: set PACKHORSE_BENCH_DIR to a directory on the disk to measure", dir)
	}
	return dir, nil
}

func save(file string, samples []sample) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(samples, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}
