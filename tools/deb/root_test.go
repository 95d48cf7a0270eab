package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// release is the Debian that packages are tried in.
const release = "bookworm"

// host runs a command here and answers what it printed.
func host(t *testing.T, name string, args ...string) string {
	t.Helper()
	b, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, b)
	}
	return string(b)
}

// debian unpacks a minimal Debian with systemd into a directory of the test. The first one of an architecture is made by
// debootstrap and kept in the user's cache.
func debian(t *testing.T, release, arch string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(cache, "packhorse", "debian-"+release+"-"+arch+".tar")
	if _, err := os.Stat(kept); err != nil {
		bootstrap(t, release, arch, kept)
	}
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	host(t, "tar", "-C", root, "--numeric-owner", "-xpf", kept)
	return root
}

// bootstrap makes the file kept.
func bootstrap(t *testing.T, release, arch, kept string) {
	t.Helper()
	begun := time.Now()
	root := filepath.Join(t.TempDir(), "new")
	host(t, "debootstrap", "--variant=minbase", "--include=systemd-sysv,adduser", "--arch="+arch, release, root)
	for _, rest := range []string{"var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"} {
		os.RemoveAll(filepath.Join(root, rest))
	}
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		t.Fatal(err)
	}
	host(t, "tar", "-C", root, "--numeric-owner", "-cf", kept+".new", ".")
	if err := os.Rename(kept+".new", kept); err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(root)
	t.Logf("debootstrap of %s for %s: %v", release, arch, time.Since(begun).Round(time.Second))
}

// machine is a Debian that was booted in a container: its own systemd, processes, network and users, our kernel.
type machine struct {
	t    *testing.T
	pid  int // of its init
	root string
}

// boot starts root; the test's end stops it.
func boot(t *testing.T, root string) *machine {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "systemd-nspawn", "-q", "-D", root, "--register=no", "--keep-unit", "--timezone=off", "--private-network", "--console=pipe", "--kill-signal=SIGRTMIN+4", "-b")
	var console bytes.Buffer
	c.Stdout, c.Stderr = &console, &console
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // nspawn passes the order to power off on
	c.WaitDelay = 20 * time.Second
	if err := c.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { c.Wait(); close(ended) }()
	t.Cleanup(func() {
		stop()
		<-ended
		if t.Failed() {
			t.Logf("console:\n%s", console.String())
		}
	})
	m := &machine{t: t, root: root}
	m.await("systemd to answer", func() bool {
		select {
		case <-ended:
			t.Fatalf("the container did not start:\n%s", console.String())
		default:
		}
		m.pid = child(c.Process.Pid)
		return m.pid != 0 && m.ok("systemctl list-jobs >/dev/null")
	})
	m.run("systemctl is-system-running --wait || true")
	return m
}

// child is the only child of a process; 0: there is none yet.
func child(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

// await asks again and again, for a minute at most.
func (m *machine) await(what string, done func() bool) {
	m.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(end) {
			m.t.Fatalf("waited for %s in vain", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (m *machine) command(script string) *exec.Cmd {
	return exec.Command("nsenter", "-t", strconv.Itoa(m.pid), "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "sh", "-c", script)
}

// ok tells whether a script ends well inside.
func (m *machine) ok(script string) bool { return m.command(script).Run() == nil }

// run runs a script inside and answers what it printed.
func (m *machine) run(script string) string {
	m.t.Helper()
	b, err := m.command(script).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s\n%s", script, err, b, m.journal())
	}
	return string(b)
}

func (m *machine) journal() string {
	b, _ := m.command("journalctl --no-pager -n 60 -o cat -u packhorse").CombinedOutput()
	return string(b)
}

// want runs a script inside and compares what it printed.
func (m *machine) want(want, script string) {
	m.t.Helper()
	if got := strings.TrimSpace(m.run(script)); got != want {
		m.t.Errorf("%s: got %q, want %q", script, got, want)
	}
}

// says runs a script inside, and all of the words must be in what it prints.
func (m *machine) says(script string, words ...string) {
	m.t.Helper()
	got := m.run(script)
	for _, w := range words {
		if !strings.Contains(got, w) {
			m.t.Errorf("%s: does not say %q:\n%s", script, w, got)
		}
	}
}
