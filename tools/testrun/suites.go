package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// suite is one part of the tests. run answers what it counted; an error is one failure.
type suite struct {
	name, what string
	needs      []string // components, by their key in components
	run        func(ctx context.Context, r *runner) (count, error)
}

// raced are the rooms with goroutines, which the race detector watches.
var raced = []string{"./gateway/admin", "./gateway/node/...", "./gateway/poweb", "./link/port/...", "./radio/...", "./board/...", "./store/...", storetrial}

// storetrial is the package that tries the store from outside.
const storetrial = "./testbench/storetrial"

// on32 are the rooms tested as 32-bit code.
var on32 = []string{"./link/wire", "./link", "./store/...", storetrial}

// interop is the package that runs Awala's own JavaScript library.
const interop = "./testbench/interop"

// real is the package that runs whole gateways as processes, in real time.
const real = "./testbench/real"

// crashfs is the package that cuts the power under ext4.
const crashfs = "./testbench/crashfs"

var suites = []suite{
	{"lint", "gofmt and vet", nil, lint},
	{"unit", "every package: unit tests, fuzz seeds, scenarios, worlds in virtual time, depcheck", nil, unit},
	{"trials", "10,000 small worlds of links and 1,000 deliveries over simulated modems, drawn by seed", nil, runTrials},
	{"race", "rooms with goroutines under the race detector", []string{"gcc"}, race},
	{"interop", "Awala's JavaScript library against real gateways", []string{"node", "modules"}, runInterop},
	{"real", "gateways as processes on simulated radios, in real time: loss, cuts, kills", nil, runReal},
	{"crash", "the store on ext4 on a disk that loses its power, and on one that is full", []string{"root", "ext4"}, runCrash},
	{"faults", "the store while its system calls fail", []string{"strace"}, faults},
	{"static", "static binaries for every kind of board", nil, static},
	{"386", "link and store as 32-bit code", []string{"386"}, on386},
	{"arm", "link and store as ARMv6 code under qemu", []string{"qemu"}, arm},
}

// runner runs suites.
type runner struct {
	out io.Writer
	ci  bool // a missing component is a failure
}

// one runs a suite once its components are there.
func (r *runner) one(ctx context.Context, s suite) (count, error) {
	for _, name := range s.needs {
		err := r.ensure(ctx, components[name])
		if err == nil {
			continue
		}
		if r.ci {
			return count{failed: 1}, fmt.Errorf("%s is missing: %w", name, err)
		}
		return count{skipped: 1}, fmt.Errorf("skipped, %s is missing: %w", name, err)
	}
	c, err := s.run(ctx, r)
	if err != nil && c.failed == 0 {
		c.failed++
	}
	return c, err
}

func lint(ctx context.Context, r *runner) (count, error) {
	files, err := output(ctx, "git", "ls-files", "*.go")
	if err != nil {
		return count{}, err
	}
	loose, err := output(ctx, "gofmt", append([]string{"-l"}, strings.Fields(files)...)...)
	if err != nil {
		return count{}, err
	}
	if loose != "" {
		return count{}, fmt.Errorf("not formatted by gofmt:\n%s", loose)
	}
	if _, err := output(ctx, "go", "vet", "./..."); err != nil {
		return count{passed: 1}, err
	}
	return count{passed: 2}, nil
}

// unit leaves out what has a suite of its own.
func unit(ctx context.Context, r *runner) (count, error) {
	all, err := output(ctx, "go", "list", "./...")
	if err != nil {
		return count{}, err
	}
	own := func(p string) bool {
		return slices.ContainsFunc([]string{interop, real, crashfs}, func(s string) bool { return strings.HasSuffix(p, s[1:]) })
	}
	return r.test(ctx, nil, nil, slices.DeleteFunc(strings.Fields(all), own))
}

func runTrials(ctx context.Context, r *runner) (count, error) {
	flags := []string{"-count=1", "-timeout=30m"}
	small, err := r.test(ctx, nil, append(flags, "-run=Trials"), []string{"./link", "-args", "-trials=10000"})
	every, also := r.test(ctx, []string{"PACKHORSE_SOAK=1"}, append(flags, "-run=EveryDelivery"), []string{"./testbench/hop"})
	small.add(every)
	return small, errors.Join(err, also)
}

func race(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, inMemory("CGO_ENABLED=1"), []string{"-race", "-short"}, raced)
}

func runInterop(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, nil, []string{"-count=1", "-timeout=15m"}, []string{interop})
}

func runReal(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, []string{"PACKHORSE_REAL=1"}, []string{"-count=1", "-timeout=15m"}, []string{real})
}

func runCrash(ctx context.Context, r *runner) (count, error) {
	flags := []string{"-count=1", "-timeout=15m"}
	if os.Geteuid() != 0 {
		flags = append(flags, "-exec=sudo -n -E")
	}
	cut, err := r.test(ctx, nil, flags, []string{crashfs})
	full, also := r.test(ctx, nil, append(flags, "-run=SmallDisk"), []string{storetrial})
	cut.add(full)
	return cut, errors.Join(err, also)
}

func faults(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, inMemory("PACKHORSE_STRACE=1"), []string{"-count=1", "-run=SystemCall"}, []string{storetrial})
}

func arm(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, inMemory("GOOS=linux", "GOARCH=arm", "GOARM=6"), []string{"-short", "-exec=" + qemu}, on32)
}

func on386(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, inMemory("GOOS=linux", "GOARCH=386"), []string{"-short"}, on32)
}

// static builds what a release would, and throws it away.
func static(ctx context.Context, r *runner) (count, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return count{}, err
	}
	defer os.RemoveAll(dir)
	out, err := output(ctx, "go", "run", "./tools/release", "test", dir)
	fmt.Fprint(r.out, out)
	return count{passed: strings.Count(out, "\n")}, err
}

// test runs go test over the packages that exist and counts.
func (r *runner) test(ctx context.Context, env, flags, pkgs []string) (count, error) {
	args := append([]string{"test", "-json"}, flags...)
	c := exec.CommandContext(ctx, "go", append(args, there(pkgs)...)...)
	c.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	c.Stderr = os.Stderr
	pipe, err := c.StdoutPipe()
	if err != nil {
		return count{}, err
	}
	if err := c.Start(); err != nil {
		return count{}, err
	}
	n := tally(pipe, r.out)
	if err := c.Wait(); err != nil {
		return n, fmt.Errorf("go test: %w", err)
	}
	return n, nil
}

// there leaves out directories that are not in the tree.
func there(pkgs []string) []string {
	var out []string
	for _, p := range pkgs {
		if !strings.HasPrefix(p, "./") {
			out = append(out, p)
			continue
		}
		if _, err := os.Stat(strings.TrimSuffix(p, "/...")); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// output runs a command; its error holds what it printed.
func output(ctx context.Context, name string, args ...string) (string, error) {
	b, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, b)
	}
	return string(b), nil
}
