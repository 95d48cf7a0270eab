package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

func TestTallyCountsTestsAndShowsOnlyFailures(t *testing.T) {
	in := `{"Action":"output","Package":"p","Test":"TestA","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA/part"}
{"Action":"output","Package":"p","Test":"TestB/good","Output":"quiet too\n"}
{"Action":"pass","Package":"p","Test":"TestB/good"}
{"Action":"output","Package":"p","Test":"TestB/bad","Output":"the part that broke\n"}
{"Action":"fail","Package":"p","Test":"TestB/bad"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"got 1, want 2\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"no rig\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p","Elapsed":1.5}
{"Action":"pass","Package":"q","Elapsed":0.1}
{"ImportPath":"r","Action":"build-output","Output":"r.go:1: syntax error\n"}
{"ImportPath":"r","Action":"build-fail"}
{"Action":"fail","Package":"r","Elapsed":0}
not json
`
	var out bytes.Buffer
	if got, want := tally(strings.NewReader(in), &out), (count{passed: 1, failed: 2, skipped: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, w := range []string{"got 1, want 2", "the part that broke", "no rig", "FAIL  p", "ok    q", "syntax error", "not json"} {
		if !strings.Contains(out.String(), w) {
			t.Errorf("%q is missing in\n%s", w, out.String())
		}
	}
	if strings.Contains(out.String(), "quiet") {
		t.Error("a passed test's output is shown")
	}
}

func TestAMissingComponentFailsInCIAndSkipsElsewhere(t *testing.T) {
	components["absent"] = component{func() bool { return false }, func(context.Context, *runner) error { return errors.New("none to be had") }, "nothing"}
	defer delete(components, "absent")
	s := suite{name: "x", needs: []string{"absent"}, run: func(context.Context, *runner) (count, error) {
		t.Error("the suite ran without its component")
		return count{}, nil
	}}
	var out bytes.Buffer
	for _, ci := range []bool{true, false} {
		r := runner{out: &out, ci: ci}
		failed := r.all(context.Background(), []suite{s})
		want := "0 passed, 0 failed, 1 skipped\n"
		if ci {
			want = "0 passed, 1 failed, 0 skipped\n"
		}
		if failed != ci || !strings.HasSuffix(out.String(), want) || !strings.Contains(out.String(), "none to be had") {
			t.Errorf("ci %v: got failed %v and\n%s", ci, failed, out.String())
		}
	}
}

func TestASuiteThatCannotRunIsAFailure(t *testing.T) {
	var out bytes.Buffer
	r := runner{out: &out}
	s := suite{name: "x", run: func(context.Context, *runner) (count, error) { return count{passed: 3}, errors.New("broke") }}
	if !r.all(context.Background(), []suite{s}) || !strings.HasSuffix(out.String(), "3 passed, 1 failed, 0 skipped\n") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestEveryNeedIsAComponent(t *testing.T) {
	for _, s := range suites {
		for _, n := range s.needs {
			if components[n].install == nil {
				t.Errorf("suite %s needs %q, which nobody installs", s.name, n)
			}
		}
	}
}

// Each of the two ends only after the other began.
func TestSuitesThatWaitRunBesideTheOthers(t *testing.T) {
	a, b := make(chan bool), make(chan bool)
	meet := func(mine, other chan bool) func(context.Context, *runner) (count, error) {
		return func(context.Context, *runner) (count, error) {
			close(mine)
			<-other
			return count{passed: 1}, nil
		}
	}
	var out bytes.Buffer
	r := runner{out: &out}
	if r.all(t.Context(), []suite{{name: "busy", run: meet(a, b)}, {name: "idle", run: meet(b, a), waits: true}}) {
		t.Errorf("got a failure in\n%s", out.String())
	}
	if got := out.String(); strings.Index(got, "\nbusy ") > strings.Index(got, "\nidle ") || !strings.HasSuffix(got, "2 passed, 0 failed, 0 skipped\n") {
		t.Errorf("got\n%s\nwant a row of each in their order", got)
	}
}

func TestTagsAreAddedOnce(t *testing.T) {
	for given, want := range map[string]string{"": "-tags=grpcnotrace", "-mod=mod": "-mod=mod -tags=grpcnotrace", "-tags=grpcnotrace": "-tags=grpcnotrace"} {
		if got := withTags(given); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}

func TestSomeSuitesWantToBeNamed(t *testing.T) {
	if len(pick("")) >= len(suites) || len(pick("")) == 0 {
		t.Errorf("all of %d suites run unasked: %d", len(suites), len(pick("")))
	}
	for _, s := range pick("") {
		if s.asked {
			t.Errorf("%s was not named", s.name)
		}
	}
	if got := pick("386,lint"); len(got) != 2 || got[0].name != "386" {
		t.Errorf("got %v", got)
	}
}

// TestRealBoardsAreNamedAndNotSilent: no bench is not counted here, but said with its cases; one that is there counts.
func TestRealBoardsAreNamedAndNotSilent(t *testing.T) {
	for answer, want := range map[string]struct {
		count
		says string
	}{
		`{"schema":"packhorse.bench_report/1","passed":0,"failed":0,"skipped":16,"rigs":[{"kind":"real","name":"","skipped":"no bench file: set X"}]}`: {count{}, "16 cases not tried, and not in the sum below: no bench file: set X"},
		`{"schema":"packhorse.bench_report/1","passed":9,"failed":2,"skipped":3,"rigs":[{"kind":"real","name":"attic"}]}`:                              {count{passed: 9, failed: 2}, "9 passed, 2 failed, 3 skipped"},
		`{"error":{"code":"usage"}}`: {count{}, ""},
		``:                           {count{}, ""},
		`{"schema":"packhorse.bench_report/1","rigs":[]}`: {count{}, ""},
	} {
		n, line, err := boards([]byte(answer))
		if n != want.count || (err != nil) != (want.says == "") || !strings.Contains(line, want.says) {
			t.Errorf("%s: got %+v, %q, %v", answer, n, line, err)
		}
	}
}
