//go:build linux

package trial

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"packhorse/testbench/hil/report"
)

// TestRoad runs what a person would without a bench: the simulated rig works, the others are skipped and counted.
func TestRoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, code := bench(t, "run", "--suite", "road", "--file-bytes", "2000", "--out", dir)
	r := reports(t, dir)
	t.Logf("%s in %.1f s", r.Summary(), r.TookS)
	if code != 0 || r.Failed != 0 || r.Passed != 10 || r.Skipped != 12 || !strings.Contains(out, r.Summary()) {
		t.Errorf("exit %d, %s\n%s", code, r.Summary(), out)
	}
	for kind, why := range map[string]string{"virtual": "set PACKHORSE_IMAGE", "real": "no bench file: set PACKHORSE_BENCH_FILE"} {
		if !strings.Contains(out, "rig "+kind+" skipped: ") || !strings.Contains(out, why) {
			t.Errorf("%s: the output does not say %q\n%s", kind, why, out)
		}
	}
	for _, c := range r.Cases {
		if c.Rig == "real" && (c.Outcome != report.Skipped || c.Reason != "no bench file: set PACKHORSE_BENCH_FILE") {
			t.Errorf("%+v", c)
		}
	}
	timeline(t, r)
}

// TestCrash cuts the power of both nodes in the middle of a file, which arrives once.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, code := bench(t, "run", "--bench", "sim", "--suite", "crash/both", "--cuts", "2", "--file-bytes", "4000", "--json", "--out", dir)
	r := reports(t, dir)
	t.Logf("%s in %.1f s", r.Summary(), r.TookS)
	if code != 0 || r.Passed != 5 || r.Failed+r.Skipped != 0 {
		t.Errorf("exit %d, %s\n%s", code, r.Summary(), out)
	}
	validate(t, []byte(out)) // --json is one line
	if strings.Count(out, "\n") != 1 {
		t.Errorf("--json answered %d lines", strings.Count(out, "\n"))
	}
	for _, n := range r.Rigs[0].Nodes {
		power := 0
		for _, m := range n.Marks {
			if m.Kind == report.Power {
				power++
			}
		}
		// Switched on at the start, and after its cut.
		if power != 2 {
			t.Errorf("%s got power %d times, want twice: at the start and after its cut", n.Name, power)
		}
	}
}

// TestARigThatFails has a packhorse that does not start: that is a failure, with its reason, in all reports.
func TestARigThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho '<no> & such \"gateway\"' >&2\nexit 7\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, code := bench(t, "run", "--bench", "sim", "--suite", "road,crash", "--binary", broken, "--out", dir)
	r := reports(t, dir)
	if code != 1 || r.Failed < 1 || r.Skipped != 9 || !strings.Contains(out, "FAIL simulated bench switch on: node a") {
		t.Errorf("exit %d, %s\n%s", code, r.Summary(), out)
	}
}

// bench runs packhorse-bench, and says what it printed on stdout.
func bench(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), filepath.Join(bin, "packhorse-bench"), args...)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PACKHORSE_") {
			c.Env = append(c.Env, e)
		}
	}
	var progress bytes.Buffer
	c.Stderr = &progress
	b, err := c.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("progress:\n%s", progress.String())
		}
	})
	return string(b), c.ProcessState.ExitCode()
}

// reports reads all three, and holds them against each other.
func reports(t *testing.T, dir string) *report.Report {
	t.Helper()
	text := read(t, dir, "report.json")
	validate(t, text)
	var r report.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	var junit struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Cases []struct {
				Name string `xml:"name,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(read(t, dir, "junit.xml"), &junit); err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, s := range junit.Suites {
		cases += len(s.Cases)
	}
	if cases != len(r.Cases) || junit.Tests != cases || junit.Failures != r.Failed || junit.Skipped != r.Skipped {
		t.Errorf("junit.xml has %d cases and says %d, %d failed, %d skipped; report.json %s", cases, junit.Tests, junit.Failures, junit.Skipped, r.Summary())
	}
	page(t, dir, &r)
	return &r
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func validate(t *testing.T, text []byte) {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("../../../docs/schema/bench_report.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, text[:min(len(text), 1000)])
	}
}

// page looks through the HTML: nothing from outside, no script, and every file that it refers to is there.
func page(t *testing.T, dir string, r *report.Report) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(read(t, dir, "report.html")))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for n := range root.Descendants() {
		if n.Data == "script" || n.Data == "link" || n.Data == "img" {
			t.Errorf("the page has a %s", n.Data)
		}
		if n.Data == "td" && len(n.Attr) > 0 {
			rows++
		}
		for _, a := range n.Attr {
			if a.Key != "href" && a.Key != "src" {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(a.Val))); err != nil {
				t.Errorf("the page refers to %q: %v", a.Val, err)
			}
		}
	}
	if rows != len(r.Cases) {
		t.Errorf("the page shows %d cases of %d", rows, len(r.Cases))
	}
}

// timeline checks that both nodes had power, started and sent frames.
func timeline(t *testing.T, r *report.Report) {
	t.Helper()
	for _, n := range r.Rigs[0].Nodes {
		count := map[string]int{}
		for _, m := range n.Marks {
			count[m.Kind]++
		}
		if count[report.Power] == 0 || count[report.Boot] == 0 || count[report.Frames] < 5 || count[report.Test] != 6 || len(n.Files) < 4 {
			t.Errorf("node %s: marks %v, files %v", n.Name, count, n.Files)
		}
	}
	if len(r.Rigs[0].Nodes) != 2 {
		t.Errorf("%d nodes, want two", len(r.Rigs[0].Nodes))
	}
}
