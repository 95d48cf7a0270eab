package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// count is how many tests ended how.
type count struct{ passed, failed, skipped int }

func (c *count) add(d count) {
	c.passed += d.passed
	c.failed += d.failed
	c.skipped += d.skipped
}

// event is a line of `go test -json`.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

// tally reads `go test -json`, counts tests (not their parts), and prints a line for each
// package and all that a failed one said. A package that fails without a failed test,
// such as one that does not build, counts as one failure.
func tally(in io.Reader, out io.Writer) count {
	var sum count
	said := map[string]*strings.Builder{}
	failed := map[string]int{}
	d := bufio.NewScanner(in)
	d.Buffer(nil, 16<<20)
	for d.Scan() {
		var e event
		if json.Unmarshal(d.Bytes(), &e) != nil {
			fmt.Fprintln(out, d.Text())
			continue
		}
		switch {
		case e.Output != "":
			keep(said, e)
		case e.Test != "":
			sum.test(e, failed, said, out)
		case e.Test == "":
			sum.pkg(e, failed, said, out)
		}
	}
	return sum
}

// maxSaid bounds what is kept of one test's output.
const maxSaid = 1 << 20

func keep(said map[string]*strings.Builder, e event) {
	key := e.Package + e.ImportPath + " " + e.Test
	if said[key] == nil {
		said[key] = &strings.Builder{}
	}
	if said[key].Len() < maxSaid {
		said[key].WriteString(e.Output)
	}
}

func tell(said map[string]*strings.Builder, key string, out io.Writer) {
	if b := said[key]; b != nil {
		io.WriteString(out, b.String())
		delete(said, key)
	}
}

// test tells of one test or part of a test that ended; only whole tests count.
func (c *count) test(e event, failed map[string]int, said map[string]*strings.Builder, out io.Writer) {
	key := e.Package + " " + e.Test
	one := 1
	if strings.Contains(e.Test, "/") {
		one = 0
	}
	switch e.Action {
	case "pass":
		c.passed += one
		delete(said, key)
	case "skip":
		c.skipped += one
		tell(said, key, out)
	case "fail":
		c.failed += one
		failed[e.Package] += one
		tell(said, key, out)
	}
}

// pkg tells of a package that ended.
func (c *count) pkg(e event, failed map[string]int, said map[string]*strings.Builder, out io.Writer) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(out, "ok    %-40s %6.1f s\n", e.Package, e.Elapsed)
	case "build-fail":
		tell(said, e.ImportPath+" ", out)
	case "fail":
		if failed[e.Package] == 0 {
			c.failed++
			tell(said, e.Package+" ", out)
		}
		fmt.Fprintf(out, "FAIL  %-40s %6.1f s\n", e.Package, e.Elapsed)
	}
}
