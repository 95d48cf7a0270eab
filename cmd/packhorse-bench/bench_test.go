package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"packhorse/testbench/hil/report"
)

// world is where commands run: a bench file with one node that is not there.
type world struct {
	t         *testing.T
	dir, file string
	env       map[string]string
	out, err  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), env: map[string]string{}}
	w.file = filepath.Join(w.dir, "bench.toml")
	w.write(`[bench]
name = "attic"
lock_dir = "."
region = "EU868"
max_power_dbm = 10
[[node]]
name = "a"
console = { port = "/dev/no-such-console" }
`)
	return w
}

func (w *world) write(text string) {
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// want runs a command and checks its exit code and that it says something.
func (w *world) want(code int, says string, args ...string) {
	w.t.Helper()
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, getenv: func(k string) string { return w.env[k] }}
	got := a.run(w.t.Context(), args)
	w.out, w.err = out.String(), errs.String()
	if got != code || !strings.Contains(w.out+w.err, says) {
		w.t.Errorf("%v: exit %d, want %d with %q:\n%s%s", args, got, code, says, w.out, w.err)
	}
}

// schema holds the last answer against docs/schema.
func (w *world) schema(name string) {
	w.t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("../../docs/schema/" + name + ".json")
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(w.out))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil || strings.Count(w.out, "\n") != 1 {
		w.t.Errorf("%s: %v\n%s", name, err, w.out)
	}
}

func TestLockStatusUnlock(t *testing.T) {
	w := newWorld(t)
	w.want(0, "the bench attic is free", "status", "--bench", w.file)
	w.want(0, "reserved by anna@lab for antennas until", "lock", "--bench", w.file, "--owner", "anna@lab", "--purpose", "antennas", "--for", "30m")
	w.want(4, "reserved by anna@lab", "lock", "--bench", w.file, "--owner", "bert@lab")
	w.want(4, "fix: wait, or ask the owner", "unlock", "--bench", w.file, "--owner", "bert@lab")
	w.want(4, "anna@lab", "check", "--bench", w.file)
	w.env[fileVar] = w.file
	w.want(0, "anna@lab", "status", "--json")
	w.schema("bench_lock")
	w.want(0, "is free", "unlock", "--owner", "bert@lab", "--force")
	w.want(0, "not reserved", "unlock")
	w.want(0, "", "lock", "--json")
	w.schema("bench_lock")
}

func TestCheckNamesWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.want(1, "fail  a console: open its console", "check", "--bench", w.file)
	if !strings.Contains(w.out, "warn  a power: it has no switch") || !strings.Contains(w.out, "fix: look at /dev/no-such-console") {
		t.Error(w.out)
	}
	w.want(1, "", "check", "--bench", w.file, "--json")
	w.schema("bench_check")
	w.want(0, "is free", "status", "--bench", w.file)
}

func TestMistakesAreExplained(t *testing.T) {
	w := newWorld(t)
	w.want(2, "set "+fileVar, "check")
	w.want(2, "no such file", "check", "--bench", "/nonexistent.toml")
	w.want(2, "unknown flag", "run", "--nosuch")
	w.want(2, `no suite "nosuch"`, "run", "--suite", "nosuch")
	w.want(2, "--plan quick or full", "run", "--plan", "fast")
	w.want(2, "out of range", "run", "--cuts", "-1")
	w.want(2, "name files that are there", "run", "--bench", w.file, "--deploy", "/nonexistent.deb", "--out", w.dir)
	w.write("[bench]\nname = 7\n")
	w.want(2, w.file+":2", "run", "--bench", w.file, "--out", w.dir)
	if !strings.Contains(w.err, "fix: ") {
		t.Error(w.err)
	}
	w.want(2, `"exit":2`, "check", "--bench", w.file, "--json")
	w.schema("error")
}

func TestSuitesAreListed(t *testing.T) {
	w := newWorld(t)
	w.want(0, "traffic with cuts", "suites")
	w.want(0, "conformance", "suites", "--json")
	w.schema("bench_suites")
}

// TestARunWithoutRigs has nothing to do but to say so.
func TestARunWithoutRigs(t *testing.T) {
	w := newWorld(t)
	out := filepath.Join(w.dir, "out")
	w.want(0, "0 passed, 0 failed, 12 skipped", "run", "--bench", "virtual,real", "--suite", "road", "--out", out)
	if !strings.Contains(w.err, "6 cases skipped: no bench file: set "+fileVar) {
		t.Error(w.err)
	}
	w.want(0, "", "run", "real", "--suite", "road", "--out", out, "--json")
	w.schema("bench_report")
}

// TestEveryReportNamesAMissingRig: QEMU, the image or the bench file may be what is missing; none of it is a failure, and none of
// it is silent.
func TestEveryReportNamesAMissingRig(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no QEMU, and no packhorse either
	w := newWorld(t)
	image := filepath.Join(w.dir, "card.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	noFile, noImage, noQEMU := "no bench file: set "+fileVar, "set "+imageVar, "qemu-system-aarch64 is missing: apt install qemu-system-arm"
	for name, c := range map[string]struct {
		args    []string
		skipped int // cases: six of road, and where the rig was to be opened that
		rigs    map[string]string
	}{
		"no image, no bench file": {[]string{"virtual", "real"}, 12, map[string]string{"virtual": noImage, "real": noFile}},
		"no QEMU":                 {[]string{"virtual", "--image", image}, 7, map[string]string{"virtual": noQEMU}},
		"an image that is gone":   {[]string{"virtual", "--image", image + "x"}, 6, map[string]string{"virtual": "there is no card image " + image + "x"}},
		"no packhorse":            {[]string{"sim", "real"}, 12, map[string]string{"simulated": "no packhorse to test was found", "real": noFile}},
	} {
		out := filepath.Join(w.dir, name)
		w.want(0, fmt.Sprintf("0 passed, 0 failed, %d skipped; ", c.skipped), append([]string{"run", "--suite", "road", "--out", out}, c.args...)...)
		for rig, why := range c.rigs {
			if !strings.Contains(w.out, "rig "+rig+" skipped: ") || !strings.Contains(w.out, why) {
				t.Errorf("%s: the answer does not say %q:\n%s", name, why, w.out)
			}
			namesIt(t, out, rig, why)
		}
	}
}

// namesIt reads the three reports: the rig with the reason, and every case of it skipped for that.
func namesIt(t *testing.T, dir, rig, why string) {
	t.Helper()
	var r report.Report
	var junit struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Skipped *struct {
					Message string `xml:"message,attr"`
				} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	text := map[string][]byte{}
	for _, name := range []string{"report.json", "junit.xml", "report.html"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text[name] = b
	}
	if err := errors.Join(json.Unmarshal(text["report.json"], &r), xml.Unmarshal(text["junit.xml"], &junit)); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(r.Rigs, func(x report.Rig) bool { return x.Kind == rig && strings.Contains(x.Skipped, why) }) {
		t.Errorf("report.json: rigs %+v, want %s without use: %s", r.Rigs, rig, why)
	}
	cases := 0
	for _, s := range junit.Suites {
		for _, c := range s.Cases {
			if s.Name == rig+".road" && c.Skipped != nil && strings.Contains(c.Skipped.Message, why) {
				cases++
			}
		}
	}
	if cases != 6 {
		t.Errorf("junit.xml: %d cases of road on %s are skipped for %q, want 6", cases, rig, why)
	}
	if page := html.UnescapeString(string(text["report.html"])); !strings.Contains(page, "Rig: "+rig) || !strings.Contains(page, "Not used: ") || !strings.Contains(page, why) {
		t.Errorf("report.html does not say that %s was not used: %s", rig, why)
	}
}

// TestABrokenBenchFails opens a bench whose only node is not there.
func TestABrokenBenchFails(t *testing.T) {
	w := newWorld(t)
	out := filepath.Join(w.dir, "out")
	w.want(1, "FAIL real bench open: node a: open its console", "run", "--bench", w.file, "--suite", "crash", "--out", out)
	w.want(0, "is free", "status", "--bench", w.file)
	var r struct{ Passed, Failed, Skipped int }
	b, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil || json.Unmarshal(b, &r) != nil || r.Failed != 1 || r.Skipped != 3 || r.Passed != 2 {
		t.Errorf("%v %+v", err, r)
	}
	w.want(0, "", "lock", "--bench", w.file, "--owner", "anna@lab")
	w.want(1, "FAIL real bench lock: the bench attic is reserved by anna@lab", "run", "--bench", w.file, "--suite", "crash", "--out", out, "--owner", "bert@lab")
}

func TestInterruptedIsAnExitCode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, getenv: func(string) string { return "" }}
	if got := a.run(ctx, []string{"check"}); got != exitInterrupted {
		t.Errorf("exit %d", got)
	}
}
