// Command fuzz runs fuzz tests for a while. Run it from the top of the tree: every one of the tree, one after
// another, go run ./tools/fuzz -time 60s; those named, go run ./tools/fuzz -time 20s ./gateway/ramf.FuzzParse
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// options are what is the same for all.
type options struct {
	each     time.Duration
	parallel int
	lanes    int
}

func main() {
	var o options
	flag.DurationVar(&o.each, "time", time.Minute, "how long each fuzz test runs")
	flag.IntVar(&o.parallel, "parallel", 2, "workers of each")
	flag.IntVar(&o.lanes, "lanes", 1, "how many run side by side")
	only := flag.String("only", "", "run only those whose package and name contain this")
	flag.Parse()
	all, err := chosen(flag.Args(), *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(2)
	}
	failed := o.run(all)
	fmt.Printf("%d passed, %d failed\n", len(all)-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// fuzzer is one fuzz test.
type fuzzer struct{ pkg, name string }

// chosen are those named as package and test with a dot between, else all whose name contains a text.
func chosen(names []string, only string) (out []fuzzer, err error) {
	for _, n := range names {
		pkg, name, ok := strings.Cut(n, ".Fuzz")
		if !ok {
			return nil, fmt.Errorf("%q is not a package and a fuzz test, as ./gateway/ramf.FuzzParse", n)
		}
		out = append(out, fuzzer{pkg, "Fuzz" + name})
	}
	if len(names) > 0 {
		return out, nil
	}
	all, err := find()
	for _, f := range all {
		if strings.Contains(f.pkg+"."+f.name, only) {
			out = append(out, f)
		}
	}
	return out, err
}

// run answers how many failed.
func (o options) run(all []fuzzer) (failed int) {
	next := make(chan fuzzer)
	var lanes sync.WaitGroup
	var mu sync.Mutex
	for range o.lanes {
		lanes.Go(func() {
			for f := range next {
				said, err := o.fuzz(f)
				mu.Lock()
				if err != nil {
					failed++
				}
				tell(f, said, err)
				mu.Unlock()
			}
		})
	}
	for _, f := range all {
		next <- f
	}
	close(next)
	lanes.Wait()
	return failed
}

// fuzz runs one and returns what it said.
func (o options) fuzz(f fuzzer) ([]byte, error) {
	return exec.Command("go", "test", "-run=^$", "-fuzz=^"+f.name+"$", "-fuzztime="+o.each.String(), "-fuzzminimizetime=5x",
		fmt.Sprintf("-parallel=%d", o.parallel), f.pkg).CombinedOutput()
}

// tell writes a line about one that found nothing, and all that another said.
func tell(f fuzzer, said []byte, err error) {
	if err == nil {
		fmt.Printf("ok    %s.%s: %s\n", f.pkg, f.name, lastCount(said))
		return
	}
	fmt.Printf("FAIL  %s.%s: %v\n%s", f.pkg, f.name, err, said)
}

// lastCount is what go test said last about how far it came.
func lastCount(said []byte) string {
	count := "nothing run"
	for line := range bytes.Lines(said) {
		if rest, ok := bytes.CutPrefix(line, []byte("fuzz: elapsed: ")); ok {
			count = string(bytes.TrimSpace(rest))
		}
	}
	return count
}

// find lists the fuzz tests of every package.
func find() ([]fuzzer, error) {
	out, err := exec.Command("go", "test", "-list=^Fuzz", "./...").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test -list: %w\n%s", err, out)
	}
	return parse(string(out)), nil
}

// parse reads the output of go test -list: names, then the line of their package.
func parse(out string) []fuzzer {
	var all []fuzzer
	var names []string
	for _, line := range strings.Split(out, "\n") {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Fuzz"):
			names = append(names, strings.TrimSpace(line))
		case len(fields) > 1 && fields[0] == "ok":
			for _, n := range names {
				all = append(all, fuzzer{fields[1], n})
			}
			names = nil
		}
	}
	return all
}
