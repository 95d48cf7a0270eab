package main

import (
	"bytes"
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
	asked      bool // runs only when it is named: arm tests the store as 32-bit code too
	waits      bool // more for the clock than for the processor: it runs beside the others, which give way to it
}

// raced are the rooms with goroutines, which the race detector watches.
var raced = []string{"./store", "./gateway/admin", "./gateway/node/...", "./gateway/inetnode", "./gateway/web", "./gateway/poweb", "./gateway/pohttp", "./gateway/discovery", "./gateway/cogrpc", "./link/port/...", "./radio/...", "./board/...", "./store/...", "./cmd/packhorse/internal/appliance/...", "./testbench/hil/...", storetrial}

// storetrial is the package that tries the store from outside.
const storetrial = "./testbench/storetrial"

// on32 are tested as ARMv6 code, which is 32-bit code, under qemu; storetrial, whose system calls would take minutes
// there, as 32-bit code of the processor that is there.
var on32 = []string{"./link/wire", "./link", "./store/..."}

// interop is the package that runs Awala's own JavaScript library.
const interop = "./testbench/interop"

// network is the package that gives the appliance its addresses.
const network = "./cmd/packhorse/internal/appliance/network"

// real are the packages that run whole gateways as processes, in real time.
var real = []string{"./testbench/real", "./cmd/packhorse/internal/real", "./testbench/hil/trial"}

// appliance is the package that boots the card in virtual machines.
const appliance = "./testbench/hil/appliance"

// crashfs is the package that cuts the power under ext4.
const crashfs = "./testbench/crashfs"

var suites = []suite{
	{name: "lint", what: "gofmt and vet", run: lint},
	{name: "unit", what: "every package: unit tests, fuzz seeds, scenarios, worlds in virtual time, depcheck", run: unit},
	{name: "trials", what: "10,000 small worlds of links and 1,000 deliveries over simulated modems, drawn by seed", run: runTrials},
	{name: "race", what: "rooms with goroutines under the race detector", needs: []string{"gcc"}, run: race},
	{name: "interop", what: "Awala's JavaScript library against real gateways", needs: []string{"node", "modules"}, run: runInterop, waits: true},
	{name: "real", what: "gateways as processes on simulated radios, in real time: loss, cuts, kills", run: runReal, waits: true},
	{name: "hil", what: "boxes from the appliance's card on virtual machines: a domain, parcels through power cuts, updates", needs: []string{"card", "machine"}, run: runHIL, waits: true},
	{name: "fuzz", what: "what strangers send, for 10 s each: BER, CMS, certificates, RAMF, cargo, PoWeb, CogRPC", run: runFuzz, waits: true},
	{name: "crash", what: "the store on ext4 on a disk that loses its power, and on one that is full", needs: []string{"root", "ext4"}, run: runCrash},
	{name: "netns", what: "the appliance's network against a DHCP server, in network namespaces", needs: []string{"root", "iproute"}, run: runNetns, waits: true},
	{name: "image", what: "the appliance's card, built and looked at by other programs", needs: []string{"card"}, run: runImage},
	{name: "page", what: "the page in a headless Chromium, and NetworkManager's parser on what is written for it", needs: []string{"chromium", "nmcli"}, run: runPage},
	{name: "faults", what: "the store while its system calls fail", needs: []string{"strace"}, run: faults},
	{name: "deb", what: "Debian packages, built twice and lived with in a Debian that is booted in a container", needs: []string{"root", "debian"}, run: runDeb},
	{name: "static", what: "static binaries for every kind of board, twice the same, and their bill of materials", run: static},
	{name: "386", what: "the store, tried from outside, as 32-bit code", needs: []string{"386"}, run: on386, asked: true},
	{name: "arm", what: "link and store as ARMv6 code under qemu", needs: []string{"qemu"}, run: arm},
}

// runner runs suites.
type runner struct {
	out      io.Writer
	ci       bool // a missing component is a failure
	givesWay bool // its tests run at a lower priority
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
		return slices.ContainsFunc(append([]string{interop, crashfs, appliance}, real...), func(s string) bool { return strings.HasSuffix(p, s[1:]) })
	}
	return r.test(ctx, nil, nil, longFirst(slices.DeleteFunc(strings.Fields(all), own)))
}

// long are the packages whose tests take longest.
var long = []string{"./store", storetrial, "./gateway", "./testbench/scenario", "./testbench/radios", "./testbench/world", "./testbench/law"}

// longFirst has go test begin with the longest, so that none of them is left alone at the end.
func longFirst(pkgs []string) []string {
	place := func(p string) int {
		i := slices.IndexFunc(long, func(l string) bool { return p == "packhorse"+l[1:] })
		if i < 0 {
			return len(long)
		}
		return i
	}
	slices.SortStableFunc(pkgs, func(a, b string) int { return place(a) - place(b) })
	return pkgs
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
	return r.test(ctx, nil, []string{"-count=1", "-timeout=15m", "-parallel=8"}, []string{interop})
}

// paged are the packages that need a browser or NetworkManager.
var paged = []string{"./gateway/web", "./cmd/packhorse/internal/hotspot"}

func runPage(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, []string{"PACKHORSE_PAGE=1"}, []string{"-count=1", "-timeout=5m", "-run=InABrowser|NetworkManager"}, paged)
}

func runReal(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, []string{"PACKHORSE_REAL=1"}, []string{"-count=1", "-timeout=15m"}, real)
}

func runHIL(ctx context.Context, r *runner) (count, error) {
	dir, err := r.buildImage(ctx)
	if err != nil {
		return count{}, err
	}
	n, err := r.test(ctx, []string{"PACKHORSE_HIL=1", imageVar + "=" + dir}, []string{"-count=1", "-timeout=15m"}, []string{appliance})
	real, also := r.runBoards(ctx)
	n.add(real)
	return n, errors.Join(err, also)
}

// fuzzed read what comes from sockets and sticks before anybody is authenticated.
var fuzzed = []string{"./gateway/cms/ber.FuzzAgainstDER", "./gateway/cms.FuzzParseSignedData", "./gateway/pki.FuzzParse", "./gateway/ramf.FuzzParse",
	"./gateway/cargo.FuzzParse", "./gateway/poweb.FuzzFrames", "./gateway/cogrpc.FuzzMessage"}

// runFuzz takes what processor time nobody else wants: two at a time, at a lower priority than all others.
func runFuzz(ctx context.Context, r *runner) (count, error) {
	line := append([]string{"go", "run", "./tools/fuzz", "-time=10s", "-parallel=1", "-lanes=2"}, fuzzed...)
	if has("nice")() {
		line = append([]string{"nice", "-n", "15"}, line...)
	}
	b, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
	r.out.Write(b)
	return count{passed: bytes.Count(b, []byte("ok    ./")), failed: bytes.Count(b, []byte("FAIL  ./"))}, err
}

func runCrash(ctx context.Context, r *runner) (count, error) {
	flags := []string{"-count=1", "-timeout=15m"}
	if os.Geteuid() != 0 {
		flags = append(flags, "-exec=sudo -n -E")
	}
	env := []string{"PACKHORSE_MOUNT=1"}
	cut, err := r.test(ctx, env, flags, []string{crashfs})
	full, also := r.test(ctx, env, append(flags, "-run=SmallDisk"), []string{storetrial})
	cut.add(full)
	return cut, errors.Join(err, also)
}

func runNetns(ctx context.Context, r *runner) (count, error) {
	flags := []string{"-count=1", "-timeout=5m", "-run=InNamespace"}
	if os.Geteuid() != 0 {
		flags = append(flags, "-exec=sudo -n -E")
	}
	return r.test(ctx, []string{"PACKHORSE_NETNS=1"}, flags, []string{network})
}

func faults(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, inMemory("PACKHORSE_STRACE=1"), []string{"-count=1", "-run=SystemCall"}, []string{storetrial})
}

func arm(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, inMemory("GOOS=linux", "GOARCH=arm", "GOARM=6"), []string{"-short", "-exec=" + qemu}, on32)
}

func on386(ctx context.Context, r *runner) (count, error) {
	return r.test(ctx, inMemory("GOOS=linux", "GOARCH=386"), []string{"-short"}, []string{storetrial})
}

// static builds what a release would, twice, and throws it away.
func static(ctx context.Context, r *runner) (count, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return count{}, err
	}
	defer os.RemoveAll(dir)
	out, err := output(ctx, "go", "run", "./tools/release", "-version=test", "-out="+dir, "-again")
	fmt.Fprint(r.out, out)
	return count{passed: strings.Count(out, "\n")}, err
}

// test runs go test over the packages that exist and counts. What is for the test binaries follows them, after -args.
func (r *runner) test(ctx context.Context, env, flags, pkgs []string) (count, error) {
	return r.testIn(ctx, ".", env, flags, there(pkgs))
}

// testIn is test in a directory, for modules of their own.
func (r *runner) testIn(ctx context.Context, dir string, env, flags, pkgs []string) (count, error) {
	args := append([]string{"test", "-json"}, flags...)
	line := append([]string{"go"}, append(args, pkgs...)...)
	if r.givesWay && has("nice")() {
		line = append([]string{"nice", "-n", "10"}, line...)
	}
	c := exec.CommandContext(ctx, line[0], line[1:]...)
	c.Dir = dir
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
