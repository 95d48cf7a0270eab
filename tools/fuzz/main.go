// Command fuzz runs every fuzz test of the tree for a while, one after another. Run it
// from the top of the tree: go run ./tools/fuzz -time 60s
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", time.Minute, "how long each fuzz test runs")
	parallel := flag.Int("parallel", 2, "workers of each")
	only := flag.String("only", "", "run only those whose package and name contain this")
	flag.Parse()
	all, err := find()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(2)
	}
	passed, failed := 0, 0
	for _, f := range all {
		if !strings.Contains(f.pkg+"."+f.name, *only) {
			continue
		}
		fmt.Printf("%s.%s\n", f.pkg, f.name)
		c := exec.Command("go", "test", "-run=^$", "-fuzz=^"+f.name+"$", "-fuzztime="+each.String(), "-fuzzminimizetime=5x", fmt.Sprintf("-parallel=%d", *parallel), f.pkg)
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if c.Run() == nil {
			passed++
		} else {
			failed++
		}
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// fuzzer is one fuzz test.
type fuzzer struct{ pkg, name string }

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
