package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/lock"
	"packhorse/testbench/hil/run"
	"packhorse/testbench/hil/suite"
)

// fileVar names the bench file where no --bench does.
const fileVar = "PACKHORSE_BENCH_FILE"

// Words for rigs that need no file.
const (
	simWord     = "sim"
	virtualWord = "virtual"
	realWord    = "real"
)

// wanted is what the flags of run say.
type wanted struct {
	benches []string
	suites  []string
	out     string
	binary  string
	image   string
	deploy  []string
	plan    string
	owner   string
	params  suite.Params
	length  time.Duration // for which the lock is announced
}

// places makes a place of each word or file; without any, all three kinds.
func (a *app) places(w wanted) (out []run.Place, err error) {
	if len(w.benches) == 0 {
		w.benches = []string{simWord, virtualWord, realWord}
	}
	for _, b := range w.benches {
		var p run.Place
		switch b {
		case simWord:
			p = simPlace(w)
		case virtualWord:
			p = virtualPlace(w, cmp.Or(w.image, a.getenv(imageVar)))
		case realWord:
			p, err = a.realPlace(w, a.getenv(fileVar))
		default:
			p, err = a.realPlace(w, b)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// realPlace is a bench of boards. Its file being wrong is an error; that there is none is a reason to skip.
func (a *app) realPlace(w wanted, path string) (run.Place, error) {
	p := run.Place{Kind: realWord, Params: w.params}
	if path == "" {
		p.Missing = "no bench file: set " + fileVar
		return p, nil
	}
	f, err := benchfile.Load(path)
	if err != nil {
		return p, err
	}
	if p.Deploy, err = artifacts(w.deploy); err != nil {
		return p, err
	}
	p.Name, p.Params.Region, p.Params.MaxPowerDBm = f.Bench.Name, f.Bench.Region, &f.Bench.MaxPowerDBm
	p.Lock = func() (func() error, string, error) { return take(f, w) }
	p.Open = openBoards(f)
	return p, nil
}

// take locks a bench for this run.
func take(f *benchfile.File, w wanted) (unlock func() error, note string, err error) {
	now := time.Now()
	h := lock.Holder{Owner: w.owner, Purpose: "a run of packhorse-bench", PID: os.Getpid(), Since: now, Until: now.Add(w.length)}
	l, stale, err := bookOf(f).Take(now, h)
	if err != nil {
		return nil, "", err
	}
	if stale != nil {
		note = fmt.Sprintf("the bench %s was taken over: it was %s, and that is over", f.Bench.Name, stale)
	}
	return l.Close, note, nil
}

// artifacts names files by what they are.
func artifacts(paths []string) (out []hil.Artifact, err error) {
	for _, path := range paths {
		a, err := hil.Describe(path)
		if err != nil {
			return nil, usage("name files that are there with --deploy", "%s", err)
		}
		out = append(out, a)
	}
	return out, nil
}

// findBinary is the packhorse to test: named, beside this program, in the path, or bin/packhorse as make build leaves it.
func findBinary(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	if self, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(self), "packhorse"); isFile(beside) {
			return beside, nil
		}
	}
	if built := filepath.Join("bin", "packhorse"); isFile(built) {
		return built, nil
	}
	if path, err := exec.LookPath("packhorse"); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("no packhorse to test was found: build one with make build, or name it with --binary")
}

func isFile(path string) bool {
	i, err := os.Stat(path)
	return err == nil && i.Mode().IsRegular()
}

// throwaway opens a rig in a directory of its own with a short name, because sockets lie in it, and removes it when the
// rig is closed: what is of use was collected then.
func throwaway(open func(dir string) (hil.Rig, error)) func(context.Context, string) (hil.Rig, error) {
	return func(context.Context, string) (hil.Rig, error) {
		dir, err := os.MkdirTemp("", "phb")
		if err != nil {
			return nil, err
		}
		r, err := open(dir)
		if err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
		return tidy{r, dir}, nil
	}
}

// tidy is a rig that removes its directory.
type tidy struct {
	hil.Rig
	dir string
}

func (t tidy) Close() error {
	err := t.Rig.Close()
	if also := os.RemoveAll(t.dir); err == nil {
		err = also
	}
	return err
}
