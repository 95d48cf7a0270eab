package storetrial

import (
	"errors"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"packhorse/store"
)

// calls are the system calls that the store may make, with the way in which each fails.
var calls = map[string][]string{
	"openat":     {"error=EIO", "error=ENOSPC", "error=EMFILE", "signal=KILL"},
	"write":      {"error=EIO", "error=ENOSPC", "signal=KILL"},
	"pwrite64":   {"error=EIO", "error=ENOSPC", "signal=KILL"},
	"fallocate":  {"error=EIO", "error=ENOSPC", "signal=KILL"},
	"ftruncate":  {"error=EIO", "error=ENOSPC", "signal=KILL"},
	"fsync":      {"error=EIO", "error=ENOSPC", "signal=KILL"},
	"fdatasync":  {"error=EIO", "error=ENOSPC", "signal=KILL"},
	"renameat":   {"error=EIO", "error=ENOSPC", "signal=KILL"},
	"unlinkat":   {"error=EIO", "signal=KILL"},
	"mkdirat":    {"error=EIO", "error=ENOSPC"},
	"pread64":    {"error=EIO"},
	"read":       {"error=EIO"},
	"getdents64": {"error=EIO"},
	"newfstatat": {"error=EIO"},
	"statfs":     {"error=EIO"},
	"close":      {"error=EIO"},
	"flock":      {"error=EIO"},
}

var onlyFault = flag.String("fault", "", "inject only this, such as fsync:error=EIO:when=3")

// TestEverySystemCallThatFailsTellsNoLie runs a child under strace and fails the Nth of each system call, once, or
// from there on until the child has ended, or kills the child there. It numbers the calls of each thread by
// itself, so a fault may strike twice.
func TestEverySystemCallThatFailsTellsNoLie(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is missing: apt install strace")
	}
	faults := faultsOf(t, soak)
	if *onlyFault != "" {
		faults = []string{*onlyFault}
	}
	struck := 0
	for _, fault := range faults {
		if oneFault(t, fault) {
			struck++
		}
	}
	t.Logf("%d of %d faults struck", struck, len(faults))
	if struck < len(faults)/2 {
		t.Errorf("got %d of %d faults struck", struck, len(faults))
	}
}

// faultsOf counts the calls of an undisturbed child; in a short run it samples them.
func faultsOf(t *testing.T, all bool) (faults []string) {
	log, _ := trace(t, t.TempDir(), "")
	most := map[string]int{}
	count := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^(\d+) +(\w+)\(`).FindAllStringSubmatch(log, -1) {
		count[m[1]+m[2]]++
		most[m[2]] = max(most[m[2]], count[m[1]+m[2]])
	}
	d := newDraw(1, 9)
	for _, call := range slices.Sorted(maps.Keys(calls)) {
		for i, way := range calls[call] {
			for n := 1; n <= most[call]; n++ {
				for _, plus := range []string{"", "+"} {
					always := call == "fdatasync" && way == "error=EIO" && plus == ""
					if way == "signal=KILL" && plus != "" || !all && !always && d.IntN(most[call]*len(calls[call])) > i%2 {
						continue
					}
					faults = append(faults, say("%s:%s:when=%d%s", call, way, n, plus))
				}
			}
		}
	}
	return faults
}

// oneFault tells whether the fault struck.
func oneFault(t *testing.T, fault string) bool {
	dir := place(t)
	defer os.RemoveAll(dir)
	log, said := trace(t, dir, fault)
	w := newWitness(1)
	done := w.hear(t, fault, said)
	if !done && !strings.Contains(fault, "KILL") {
		t.Errorf("%s: the child ended early:\n%s", fault, tailOf(said))
	}
	s, err := store.Open(dir, childOptions)
	if err != nil {
		t.Errorf("%s: the next Open: %v", fault, err)
		return true
	}
	defer s.Close()
	damaged := s.Stats().Damaged
	if strings.HasPrefix(fault, "pread64") && strings.HasSuffix(fault, "+") {
		damaged = 0 // what cannot be read is held to be damaged
	}
	if wrong := w.judge(s); len(wrong) > 0 || damaged > 0 {
		t.Errorf("%s: the next process finds %v, %+v", fault, wrong, s.Stats())
	}
	return strings.Contains(log, "(INJECTED)") || strings.Contains(log, "killed by")
}

// hear draws again what the child wrote and takes its word for what became of it.
func (w *witness) hear(t *testing.T, fault, said string) (done bool) {
	for line := range strings.Lines(said) {
		switch {
		case strings.HasPrefix(line, "done"):
			w.told(w.batch(), nil)
		case strings.HasPrefix(line, "failed"):
			w.told(w.batch(), errors.New(line))
		case strings.HasPrefix(line, "lie"):
			t.Errorf("%s: the child reads a %s", fault, line)
		case strings.HasPrefix(line, "end"), strings.HasPrefix(line, "no store"):
			return true
		}
	}
	w.told(w.batch(), errors.New("killed"))
	return false
}

// trace runs a child to its end.
func trace(t *testing.T, dir, fault string) (log, said string) {
	t.Helper()
	files := t.TempDir()
	out, err := os.Create(filepath.Join(files, "report"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	args := []string{"-f", "-qq", "-o", filepath.Join(files, "log"), "-e", "trace=" + strings.Join(slices.Collect(maps.Keys(calls)), ",?")}
	if fault != "" {
		args = append(args, "-e", "inject="+fault)
	}
	c := exec.Command("strace", append(args, os.Args[0])...)
	c.Env = append(os.Environ(), childDir+"="+dir, "GOMAXPROCS=1")
	if len(fault)%2 == 0 {
		c.Env = append(c.Env, childCloses+"=1")
	}
	c.ExtraFiles = []*os.File{out}
	c.Dir = files
	stderr, err := c.CombinedOutput()
	said, log = text(t, out.Name()), text(t, filepath.Join(files, "log"))
	if err != nil && !strings.Contains(fault, "KILL") {
		t.Errorf("%s: the child: %v\n%s", fault, err, tailOf(string(stderr)))
	}
	return log, said
}

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func tailOf(s string) string { return s[max(0, len(s)-1500):] }
